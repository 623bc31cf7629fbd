"""Listing, lanes and endings: what comes first, what waits for whom, and how a run is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from s3audit_async.engine.lanes import INBOX, WAITING, WORKERS_PER_SLOT
from s3audit_async.engine.stream import READY_ROWS
from s3audit_async.errors import CredentialsError, InterruptedRunError, ListingError, TransportCode
from s3audit_async.limiter import START
from s3audit_async.model import Bucket, BucketPage, Operation
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from tests import virtual_time
from tests.fakes import HOME, FakeGateway, audited, error, names, several, stream

if TYPE_CHECKING:
    from s3audit_async.model import Row

ENCRYPTION = Operation.GET_BUCKET_ENCRYPTION
LISTING = Operation.LIST_BUCKETS
LOCATION = Operation.GET_BUCKET_LOCATION
HEAD = Operation.HEAD_BUCKET


def test_the_first_row_is_out_before_the_listing_has_ended() -> None:
    """The second page is not answered until the first row has been read."""
    first_row = anyio.Event()

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is LISTING and target != "first":
            await first_row.wait()

    async def main() -> int:
        count = 0
        async with stream(FakeGateway(several(20), fault=fault), Options(page_size=10, timeout=3600)) as rows:
            async for _ in rows:
                count += 1
                first_row.set()
        return count

    assert virtual_time.run(main) == 20


def test_a_slow_region_does_not_hold_up_another() -> None:
    """A region whose answers take 1,000 times as long leaves the others their time."""
    buckets = [*several(500, "sa-east-1", "slow"), *several(500, "us-west-2", "fast")]
    gateway = FakeGateway(buckets, latency=lambda _op, region: 20.0 if region == "sa-east-1" else 0.02)
    ended: dict[str, float] = {}

    async def main() -> None:
        async with stream(gateway, Options(max_concurrency=20)) as rows:
            async for row in rows:
                ended[row.bucket[:4]] = anyio.current_time()

    virtual_time.run(main)

    # On its own, at half the slots, the fast region takes 500 / 10 x 0.02 = 1 s.
    assert ended["fast"] < 3
    assert ended["slow"] > 400


def test_with_fewer_slots_than_regions_all_have_their_turn() -> None:
    """Two slots, two regions that take 500 times as long: the third one is not left to the end."""
    buckets = [Bucket(f"b-{number:04d}", f"eu-west-{number % 3}") for number in range(300)]
    gateway = FakeGateway(buckets, latency=lambda _op, region: 0.02 if region == "eu-west-2" else 10.0)
    firsts: dict[str | None, float] = {}

    async def main() -> None:
        async with stream(gateway, Options(max_concurrency=2, identify=False)) as rows:
            async for row in rows:
                firsts.setdefault(row.region, anyio.current_time())

    virtual_time.run(main)
    assert firsts["eu-west-2"] <= 41


def test_a_region_that_answers_nothing_gets_no_more_than_its_start() -> None:
    """Timeouts are no reason to ask for more at once."""

    async def fault(operation: Operation, _target: str, _region: str, _nth: int) -> None:
        if operation is ENCRYPTION:
            await anyio.sleep_forever()

    gateway = FakeGateway(several(200), fault=fault)
    options = Options(max_concurrency=64, max_attempts=2, timeout=5, identify=False)
    rows = virtual_time.run(lambda: audited(gateway, options))
    assert {row.mode for row in rows} <= {"ReadTimeout", "EndpointUnreachable"}
    assert gateway.peak <= START + 1  # the listing was answered, once


def test_a_bucket_that_two_pages_name_has_one_row() -> None:
    """A listing may shift under way; tokens that go round in a circle end it."""

    class Overlapping(FakeGateway):
        async def list_buckets(
            self, *, page_size: int, token: str | None, prefix: str | None, region: str | None = None
        ) -> BucketPage:
            pages = {None: ("abc", "1"), "1": ("cde", "2"), "2": ("ee", "1" if self.cuts else None)}
            listed, following = pages[token]
            return BucketPage(tuple(Bucket(f"bucket-{letter}", HOME) for letter in listed), following)

    rows = virtual_time.run(lambda: audited(Overlapping(), Options(page_size=3)))
    assert names(rows) == [f"bucket-{letter}" for letter in "abcde"]
    with pytest.raises(ListingError, match="same continuation token"):
        virtual_time.run(lambda: audited(Overlapping(cuts=True), Options(page_size=3)))


def test_the_whole_limit_is_used() -> None:
    """Four regions, one second a call, 64 at once: within a tenth of what the limit allows."""
    buckets = [Bucket(f"b-{number:05d}", f"eu-west-{number % 4}") for number in range(6400)]
    gateway = FakeGateway(buckets, latency=lambda _op, _region: 1.0)

    async def main() -> float:
        async with stream(gateway, Options(max_concurrency=64, page_size=6400, identify=False)) as rows:
            async for _ in rows:
                pass
        return anyio.current_time()

    assert virtual_time.run(main) <= 6400 / 64 * 1.1
    assert gateway.peak == 64


def test_a_region_that_hangs_holds_up_nobody() -> None:
    """Rows of the other regions are out long before the first timeout of the one that hangs."""

    async def fault(operation: Operation, _target: str, region: str, _nth: int) -> None:
        if operation is ENCRYPTION and region == "sa-east-1":
            await anyio.sleep_forever()

    buckets = [*several(300, "sa-east-1", "dead"), *several(300, "us-west-2", "good")]
    last_good = 0.0

    async def main() -> int:
        nonlocal last_good
        count = 0
        options = Options(max_concurrency=32, max_attempts=1, timeout=30)
        async with stream(FakeGateway(buckets, fault=fault), options) as rows:
            async for row in rows:
                count += 1
                if row.bucket.startswith("good"):
                    last_good = anyio.current_time()
        return count

    assert virtual_time.run(main) == 600
    assert last_good < 5


def test_a_region_that_is_found_out_late_gets_its_slots_at_once() -> None:
    """A newcomer is served before a lane that has many calls out gets more."""
    buckets = [*several(2000, "us-west-2", "first"), Bucket("late", "eu-west-1")]
    gateway = FakeGateway(buckets, latency=lambda _op, _region: 1.0)
    order: list[str] = []

    async def main() -> None:
        async with stream(gateway, Options(max_concurrency=64, page_size=2000)) as rows:
            async for row in rows:
                order.append(row.bucket)  # noqa: PERF401 - as they come

    virtual_time.run(main)

    # Two pages were listed one second apart; within two more rounds the newcomer is through.
    assert order.index("late") < 64 * 4


def test_what_waits_is_bounded() -> None:
    """While no call is answered, the listing stops at a full inbox."""

    async def fault(operation: Operation, _target: str, _region: str, _nth: int) -> None:
        if operation is ENCRYPTION:
            await anyio.sleep_forever()

    gateway = FakeGateway(several(5 * INBOX), fault=fault)
    options = Options(max_concurrency=8, page_size=1000, timeout=3600)

    async def main() -> None:
        async with stream(gateway, options):
            await anyio.sleep(600)

    virtual_time.run(main)

    pages = gateway.calls[LISTING]
    assert pages * 1000 <= INBOX + 8 * WORKERS_PER_SLOT + 1000
    assert gateway.peak <= 8


def test_no_more_buckets_wait_than_there_is_room_for_in_all_lanes_together() -> None:
    """However many regions there are, the listing waits for the audit then; and every bucket has its row."""
    regions = [f"xx-region-{number}" for number in range(1, 9)]
    buckets = [Bucket(f"bucket-{number:06d}", regions[number % 8]) for number in range(WAITING + 12_000)]
    most = routed = audited_ = 0

    class Counting(Observer):
        def routed(self, region: str) -> None:
            nonlocal routed
            routed += 1

        def audited(self, row: Row, lane: str) -> None:
            nonlocal audited_, most
            most = max(most, routed - audited_)
            audited_ += 1

    rows = virtual_time.run(lambda: audited(FakeGateway(buckets), Options(max_concurrency=8), Counting()))

    assert len(rows) == len(buckets)
    assert WAITING <= most <= WAITING + 8 * 8 * WORKERS_PER_SLOT + 1


def test_a_reader_who_does_not_read_holds_the_run_up() -> None:
    """No more buckets are asked about than there is room for rows."""
    gateway = FakeGateway(several(8_000))

    async def main() -> None:
        async with stream(gateway, Options(max_concurrency=8)):
            await anyio.sleep(3600)

    virtual_time.run(main)

    assert gateway.calls[ENCRYPTION] <= READY_ROWS + 8 * WORKERS_PER_SLOT


@pytest.mark.parametrize(
    ("seconds", "sizes"),
    [(2.0, [1000, 1000, 2000, 4000, 4000, 4000]), (0.01, [1000] * 14)],
    ids=["slower than the audit", "faster"],
)
def test_a_listing_that_is_waited_for_tells_more_at_once(seconds: float, sizes: list[int]) -> None:
    """Pages grow while they find nobody busy, and only then; nothing is listed twice."""

    def latency(operation: Operation, _region: str) -> float:
        return seconds if operation is LISTING else 0.05

    asked: list[int] = []

    class Listed(FakeGateway):
        async def list_buckets(
            self, *, page_size: int, token: str | None, prefix: str | None, region: str | None = None
        ) -> BucketPage:
            asked.append(page_size)
            return await super().list_buckets(page_size=page_size, token=token, prefix=prefix)

    gateway = Listed(several(14_000), latency=latency)

    rows = virtual_time.run(lambda: audited(gateway, Options(max_concurrency=64, identify=False)))

    assert len(rows) == 14_000
    assert asked == sizes


@pytest.mark.parametrize("code", ["InvalidArgument", TransportCode.READ_TIMEOUT])
def test_a_store_that_cannot_tell_so_much_at_once_is_asked_for_less_again(code: str) -> None:
    """A larger page is an attempt; what worked before still does, and nothing larger is tried any more."""
    asked: list[int] = []

    class Modest(FakeGateway):
        async def list_buckets(
            self, *, page_size: int, token: str | None, prefix: str | None, region: str | None = None
        ) -> BucketPage:
            asked.append(page_size)
            if page_size > 1000:
                raise error(LISTING, "*", code)
            return await super().list_buckets(page_size=page_size, token=token, prefix=prefix)

    gateway = Modest(several(5_000), latency=lambda operation, _region: 2.0 if operation is LISTING else 0.01)

    rows = virtual_time.run(lambda: audited(gateway, Options(identify=False)))

    assert len(rows) == 5_000
    assert asked == [1000, 1000, 2000, 1000, 1000, 1000]


def test_pages_do_not_grow_while_buckets_wait_for_a_slot() -> None:
    """Workers take them out of the inboxes long before they can ask: with many regions, all of a page at once."""
    regions = [f"xx-region-{number}" for number in range(1, 17)]
    buckets = [Bucket(f"bucket-{number:05d}", regions[number % 16]) for number in range(9_000)]
    gateway = FakeGateway(buckets, latency=lambda operation, _region: 0.2 if operation is LISTING else 0.1)

    virtual_time.run(lambda: audited(gateway, Options(max_concurrency=64, identify=False)))

    assert gateway.calls[LISTING] == 9


@pytest.mark.parametrize("count", [0, 9, 10, 11, 20, 35])
def test_a_listing_that_is_cut_without_a_token_loses_nothing(count: int) -> None:
    """A full page without a token is checked once against a listing without paging."""
    gateway = FakeGateway(several(count), cuts=True)

    rows = virtual_time.run(lambda: audited(gateway, Options(page_size=10)))

    assert names(rows) == names(gateway.buckets)
    assert gateway.calls[LISTING] == (2 if count >= 10 else 1)


def test_a_refusal_of_the_check_is_taken_for_the_end() -> None:
    """Over a quota of 10,000 the listing without paging is refused; what was listed is audited."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is LISTING and target == "unpaged":
            raise error(operation, target, "InvalidRequest", status=400)

    rows = virtual_time.run(lambda: audited(FakeGateway(several(10), fault=fault), Options(page_size=10)))

    assert len(rows) == 10


def test_a_listing_that_breaks_off_still_gives_the_rows_of_what_was_listed() -> None:
    """The error comes after the last row."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is LISTING and target == "10":
            raise error(operation, target, "InternalError", status=500)

    seen = []

    async def main() -> None:
        async with stream(FakeGateway(several(30), fault=fault), Options(page_size=10, max_attempts=2)) as rows:
            async for row in rows:
                seen.append(row.bucket)  # noqa: PERF401 - the iteration raises

    with pytest.raises(ListingError, match="InternalError"):
        virtual_time.run(main)
    assert len(seen) == 10


def test_a_token_that_comes_back_ends_the_listing() -> None:
    """A server that sends the same token for ever is not followed for ever."""
    gateway = FakeGateway(several(30))

    class Stuck(FakeGateway):
        async def list_buckets(
            self, *, page_size: int, token: str | None, prefix: str | None, region: str | None = None
        ) -> BucketPage:
            page = await gateway.list_buckets(page_size=page_size, token=None, prefix=prefix)
            return BucketPage(page.buckets, "the same")

    with pytest.raises(ListingError, match="same continuation token"):
        virtual_time.run(lambda: audited(Stuck(), Options(page_size=10)))


@pytest.mark.parametrize(
    ("code", "raised", "said"),
    [
        ("AccessDenied", ListingError, "may not list"),
        ("EndpointUnreachable", ListingError, "no connection"),
        ("ExpiredToken", CredentialsError, "expired"),
        ("InvalidAccessKeyId", CredentialsError, "does not accept"),
        ("RequestTimeTooSkewed", CredentialsError, "clock"),
        ("TLSError", ListingError, "trusted"),
        ("MethodNotAllowed", ListingError, "cannot be listed"),
    ],
)
def test_a_listing_that_cannot_begin_says_why_and_what_to_do(
    code: str, raised: type[ListingError | CredentialsError], said: str
) -> None:
    """One error, with a hint, within few attempts."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is LISTING:
            raise error(operation, target, code)

    gateway = FakeGateway(several(3), fault=fault)
    with pytest.raises(raised, match=said) as caught:
        virtual_time.run(lambda: audited(gateway))
    assert caught.value.hint
    assert gateway.calls[LISTING] <= 2


def test_buckets_the_listing_does_not_locate_are_located() -> None:
    """GetBucketLocation, or where that is denied HeadBucket, or else the home region."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        denied = {LOCATION: {"by-head", "nowhere"}, HEAD: {"nowhere"}}
        if target in denied.get(operation, ()):
            raise error(operation, target, "AccessDenied", status=403)

    buckets = [Bucket(name) for name in ("by-location", "by-head", "nowhere")]
    gateway = FakeGateway(buckets, locations={"by-location": "eu-west-1", "by-head": "mars-north-1"}, fault=fault)

    rows = virtual_time.run(lambda: audited(gateway))

    assert {row.bucket: row.region for row in rows} == {
        "by-location": "eu-west-1",
        "by-head": "mars-north-1",
        "nowhere": None,
    }
    asked = {target: region for operation, target, region in gateway.asked_in if operation is ENCRYPTION}
    assert asked == {"by-location": "eu-west-1", "by-head": "mars-north-1", "nowhere": HOME}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("PermanentRedirect", 301),
        ("AuthorizationHeaderMalformed", 400),
        ("IllegalLocationConstraintException", 400),
        ("TemporaryRedirect", 307),
        ("HTTP301", 301),
    ],
)
@pytest.mark.parametrize("told", ["eu-west-1", None])
def test_a_bucket_in_another_region_is_moved_there_once(code: str, status: int, told: str | None) -> None:
    """The region comes from the error, or from GetBucketLocation where the error does not say."""

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is ENCRYPTION and region == HOME:
            raise error(operation, target, code, status=status, bucket_region=told)

    gateway = FakeGateway(several(1), locations={"bucket-00000": "eu-west-1"}, fault=fault)

    (row,) = virtual_time.run(lambda: audited(gateway))

    assert (row.mode, row.region) == ("AES256", "eu-west-1")
    assert gateway.calls[ENCRYPTION] == 2
    assert gateway.calls[LOCATION] == (0 if told else 1)


def test_a_bucket_that_every_region_sends_away_is_not_chased() -> None:
    """Moved once; the second redirect is the answer."""

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if operation is ENCRYPTION:
            elsewhere = "eu-west-1" if region == HOME else HOME
            raise error(operation, target, "PermanentRedirect", status=301, bucket_region=elsewhere)

    gateway = FakeGateway(several(1), fault=fault)

    (row,) = virtual_time.run(lambda: audited(gateway))

    assert (row.mode, row.key_type) == ("PermanentRedirect", "Unknown")
    assert gateway.calls[ENCRYPTION] == 2


def test_buckets_are_chosen_by_name_prefix_and_region() -> None:
    """What was not chosen is neither asked about nor reported; what cannot be located is."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if target == "lost" and operation in {LOCATION, HEAD}:
            raise error(operation, target, "AccessDenied", status=403)

    buckets = [Bucket("a-us", HOME), Bucket("a-eu", "eu-west-1"), Bucket("b-eu", "eu-west-1"), Bucket("lost")]

    def chosen(**choice: object) -> list[str]:
        gateway = FakeGateway(buckets, fault=fault)
        rows = virtual_time.run(lambda: audited(gateway, Options(**choice)))  # type: ignore[arg-type]
        return names(rows)

    assert chosen(prefix="a-") == ["a-eu", "a-us"]
    assert chosen(include_regions=frozenset({"eu-west-1"})) == ["a-eu", "b-eu", "lost"]
    assert chosen(exclude_regions=frozenset({"eu-west-1"})) == ["a-us", "lost"]
    assert chosen(buckets=("b-eu", "xyz", "b-eu")) == ["b-eu", "xyz"]
    assert chosen(skip={"a-us", "lost"}) == ["a-eu", "b-eu"]


@pytest.mark.parametrize("hanging", [LISTING, ENCRYPTION])
def test_leaving_the_block_ends_listing_and_workers(hanging: Operation) -> None:
    """Whatever is under way is cancelled; no task is left, the gateway is closed."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is hanging and target not in {"first", "bucket-00000"}:
            await anyio.sleep_forever()

    gateway = FakeGateway(several(50), fault=fault)

    async def main() -> None:
        async with stream(gateway, Options(page_size=10, timeout=3600)) as rows:
            async for _ in rows:
                break

    virtual_time.run(main)
    assert gateway.closed
    assert gateway.in_flight == 0


def test_leaving_the_block_frees_workers_that_wait_for_the_reader() -> None:
    """A worker whose row nobody will read any more goes home."""
    gateway = FakeGateway(several(READY_ROWS + 500))

    async def main() -> None:
        async with stream(gateway, Options(max_concurrency=8)):
            await anyio.sleep(3600)

    virtual_time.run(main)
    assert gateway.closed


def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    """No exception group around what the reader raised."""

    async def main() -> None:
        async with stream(FakeGateway(several(50))) as rows:
            async for _ in rows:
                raise LookupError("the reader's own")

    with pytest.raises(LookupError, match="the reader's own"):
        virtual_time.run(main)


def test_a_cancelled_reader_is_cancelled_in_time() -> None:
    """A cancellation from outside goes through, and cleans up."""

    async def fault(operation: Operation, _target: str, _region: str, _nth: int) -> None:
        if operation is ENCRYPTION:
            await anyio.sleep_forever()

    gateway = FakeGateway(several(50), fault=fault)

    async def main() -> bool:
        with anyio.move_on_after(5) as scope:
            async with stream(gateway, Options(timeout=3600)) as rows:
                async for _ in rows:
                    pass
        return scope.cancelled_caught

    assert virtual_time.run(main)
    assert gateway.closed


def test_a_run_that_is_stopped_delivers_what_is_ready() -> None:
    """stop() ends the calls; every row that was audited comes, then InterruptedRunError."""
    gateway = FakeGateway(several(400))
    seen = []

    async def main() -> None:
        async with stream(gateway, Options(max_concurrency=4)) as rows:
            async for row in rows:
                seen.append(row.bucket)
                if len(seen) == 10:
                    await anyio.sleep(0.1)
                    rows.stop()

    with pytest.raises(InterruptedRunError):
        virtual_time.run(main)
    assert len(seen) == len(set(seen))
    assert 10 < len(seen) < 400
    # Every answer that came was delivered; only what was in flight then is not.
    assert gateway.calls[ENCRYPTION] - len(seen) <= 4


def test_a_stream_is_for_one_run() -> None:
    """Entering it twice is a mistake, said so."""

    async def main() -> None:
        rows = stream(FakeGateway(several(1)))
        async with rows:
            pass
        async with rows:
            pass

    with pytest.raises(RuntimeError, match="one run"):
        virtual_time.run(main)


def test_rows_of_a_run_that_was_not_entered_are_refused() -> None:
    """Instead of waiting for ever: nobody has begun to make them."""

    async def ask_too_early() -> None:
        rows = stream(FakeGateway(several(1)))
        with pytest.raises(RuntimeError, match="has to be entered first"):
            await anext(rows)
        async with rows:
            assert (await anext(rows)).bucket == "bucket-00000"

    virtual_time.run(ask_too_early)
