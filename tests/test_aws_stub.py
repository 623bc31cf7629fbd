"""The AWS gateway against the loopback stub: what moto cannot express, and what happens on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aioboto3
import pytest

import s3audit_async
from benchmarks.stub import (
    Behaviour,
    ErrorAnswer,
    Fault,
    Garbage,
    Hang,
    Paging,
    Request,
    Reset,
    StubAccount,
    StubAws,
    StubBucket,
    StubKey,
    StubRule,
    Truncated,
    WrongRegion,
    first,
    synthetic,
)
from s3audit_async.options import Options
from s3audit_async.stats import RunStats
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3audit_async.model import Row
    from s3audit_async.ports import Observer

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
ENCRYPTION = "GetBucketEncryption"


async def audit(stub: StubAws, observer: Observer | None = None, **options: object) -> dict[str, Row]:
    """Audit a stub account; its rows by bucket, after checking that nothing but reads was asked."""
    rows: dict[str, Row] = {}
    chosen = Options(endpoint_url=stub.url, **options)  # type: ignore[arg-type]
    async with s3audit_async.audit(aioboto3.Session(), chosen, observer=observer) as stream:
        async for row in stream:
            assert row.bucket not in rows
            rows[row.bucket] = row
    assert (stub.stats.writes, stub.stats.unknown, stub.stats.predefined_aliases) == (0, 0, ())
    wait_until(lambda: not stub.stats.open_connections, what="all connections closed")
    return rows


def cells(rows: Mapping[str, Row]) -> dict[str, tuple[str, str, str]]:
    """Columns B, C and D of each row, as text."""
    return {
        name: (row.mode, row.key_type, "" if row.bucket_key is None else str(row.bucket_key))
        for name, row in rows.items()
    }


def one(rules: tuple[StubRule, ...] | None, keys: tuple[StubKey, ...] = (), region: str = "eu-west-1") -> StubAccount:
    """An account of one bucket."""
    return StubAccount(buckets=[StubBucket("only", region, rules=rules)], keys=keys)


async def test_three_thousand_buckets_take_no_more_than_buckets_plus_keys_plus_pages() -> None:
    """3,000 buckets, 50 keys, 3 pages: 3,053 calls to S3 and KMS, every row right, one connection a slot at most."""
    account = synthetic(buckets=3000, keys=50, regions=8)
    stats = RunStats()
    with StubAws(account) as stub:
        rows = await audit(stub, stats, identify=False, max_concurrency=32)
        seen = stub.stats

    assert cells(rows) == {bucket.name: tuple(account.expected(bucket.name)) for bucket in account.buckets}
    assert dict(seen.calls) == {"ListBuckets": 3, ENCRYPTION: 3000, "DescribeKey": 50}
    assert seen.peak_in_flight <= 32
    assert stats.calls == seen.calls


async def test_buckets_without_a_listed_region_are_located_once_each() -> None:
    """Only they cost a GetBucketLocation."""
    account = synthetic(buckets=200, keys=5, regions=4, unlisted_share=0.3)
    unlisted = sum(not bucket.listed_region for bucket in account.buckets)
    with StubAws(account) as stub:
        rows = await audit(stub)
        calls = stub.stats.calls

    assert cells(rows) == {bucket.name: tuple(account.expected(bucket.name)) for bucket in account.buckets}
    assert calls["GetBucketLocation"] == unlisted > 0
    assert (calls[ENCRYPTION], calls["HeadBucket"]) == (200, 0)


@pytest.mark.parametrize("count", [49, 50, 51, 130])
async def test_a_listing_cut_as_moto_cuts_it_loses_nothing(count: int) -> None:
    """A full page and no token: the rest is found by a listing without paging."""
    with StubAws(synthetic(buckets=count, keys=2, regions=2), Behaviour(paging=Paging.CUT)) as stub:
        rows = await audit(stub, page_size=50)
        assert len(rows) == count
        assert stub.stats.calls["ListBuckets"] == (2 if count >= 50 else 1)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (None, ("SSEConfigNotFound", "N/A", "")),
        ((), ("SSEConfigNotFound", "N/A", "")),
        ((StubRule(None, bucket_key=True),), ("SSEConfigNotFound", "N/A", "")),
        ((StubRule("AES256", bucket_key=False),), ("AES256", "N/A", "False")),
        ((StubRule("AES256", bucket_key=True),), ("AES256", "N/A", "True")),
        ((StubRule("AES256"),), ("AES256", "N/A", "")),
        ((StubRule("aws:kms", KEY, bucket_key=True),), (KEY, "CUSTOMER", "True")),
        ((StubRule("aws:kms:dsse", KEY),), (KEY, "CUSTOMER", "")),
        ((StubRule("aws:kms", bucket_key=True),), ("alias/aws/s3", "AWS", "True")),
        ((StubRule("aws:backup", bucket_key=False),), ("aws:backup", "N/A", "False")),
        ((StubRule(None, blocked=("SSE-C",)), StubRule("AES256", bucket_key=True)), ("AES256", "N/A", "True")),
        ((StubRule("AES256", bucket_key=False), StubRule("aws:kms", KEY)), ("AES256", "N/A", "False")),
    ],
)
async def test_each_configuration_gives_the_row_of_the_table(
    rules: tuple[StubRule, ...] | None, expected: tuple[str, str, str]
) -> None:
    """From the XML on the wire to the cells."""
    with StubAws(one(rules, (StubKey(KEY),))) as stub:
        assert cells(await audit(stub)) == {"only": expected}


@pytest.mark.parametrize(
    ("blocked", "expected"),
    [(None, None), ((), None), (("NONE",), "allowed"), (("SSE-C",), "blocked"), (("SSE-C", "NONE"), "blocked")],
)
async def test_blocked_encryption_types_are_read(blocked: tuple[str, ...] | None, expected: str | None) -> None:
    """Three states, also with a botocore that knows nothing of the element."""
    with StubAws(one((StubRule("AES256", blocked=blocked),))) as stub:
        rows = await audit(stub)
    assert rows["only"].sse_c == expected


async def test_a_session_that_has_used_s3_before_reads_blocked_encryption_types_too() -> None:
    """The model that the session has in its cache does not matter."""
    session = aioboto3.Session()
    with StubAws(one((StubRule("AES256", blocked=("SSE-C",)),))) as stub:
        async with session.client("s3", endpoint_url=stub.url) as client:
            await client.list_buckets()
        async with s3audit_async.audit(session, Options(endpoint_url=stub.url)) as rows:
            assert [row.sse_c async for row in rows] == ["blocked"]


async def test_all_of_a_key_is_in_the_row() -> None:
    """The wide columns are KMS's own words."""
    key = StubKey(KEY, state="PendingDeletion", origin="EXTERNAL", multi_region=True)
    with StubAws(one((StubRule("aws:kms", KEY, bucket_key=False),), (key,), region="eu-central-1")) as stub:
        row = (await audit(stub))["only"]
    assert (row.account, row.region, row.algorithm) == ("123456789012", "eu-central-1", "aws:kms")
    assert (row.key_arn, row.key_account, row.key_region) == (KEY, "123456789012", "eu-west-1")
    assert (row.key_state, row.key_origin, row.multi_region) == ("PendingDeletion", "EXTERNAL", True)
    assert row.findings == ("bucket-key-off", "key-pending-deletion", "key-in-other-region", "sse-c-not-blocked")
    assert row.created is not None
    assert row.audited_at is not None


@pytest.mark.parametrize("how", [kind for kind in WrongRegion if kind is not WrongRegion.ANSWER])
async def test_a_bucket_whose_region_was_told_wrongly_is_asked_in_the_right_one(how: WrongRegion) -> None:
    """However S3 says so, the bucket is asked twice in all, and the SDK follows nothing by itself."""
    account = StubAccount(buckets=[StubBucket("moved", "ap-south-1", listed_region=False)])
    behaviour = Behaviour(wrong_region=how, denied={"GetBucketLocation"})

    def no_header(request: Request) -> Fault | None:
        # HeadBucket says nothing the first time, so that the bucket is looked for at home.
        if request.operation == "HeadBucket" and request.nth == 1:
            return ErrorAnswer(403, "AccessDenied")
        return None

    behaviour.faults = no_header
    with StubAws(account, behaviour) as stub:
        rows = await audit(stub)
        calls = stub.stats.calls_by_region
    assert (rows["moved"].mode, rows["moved"].region) == ("AES256", "ap-south-1")
    assert (calls[ENCRYPTION, "us-east-1"], calls[ENCRYPTION, "ap-south-1"]) == (1, 1)


@pytest.mark.parametrize(("old", "region"), [(True, "eu-west-1"), (False, "eu-west-1"), (False, "us-east-1")])
async def test_historic_locations_are_regions(old: bool, region: str) -> None:
    """Null is us-east-1, `EU` is eu-west-1."""
    account = StubAccount(buckets=[StubBucket("only", region, listed_region=False)])
    with StubAws(account, Behaviour(old_ireland=old)) as stub:
        rows = await audit(stub)
        assert stub.stats.calls_by_region[ENCRYPTION, region] == 1
    assert rows["only"].region == region


async def test_head_buckets_header_is_taken_off_a_refusal() -> None:
    """403 says no, and where the bucket is."""
    account = StubAccount(buckets=[StubBucket("only", "sa-east-1", listed_region=False)])
    with StubAws(account, Behaviour(denied={"GetBucketLocation", "HeadBucket"})) as stub:
        rows = await audit(stub)
        assert stub.stats.calls_by_region[ENCRYPTION, "sa-east-1"] == 1
    assert rows["only"].region == "sa-east-1"


TRANSIENT = [
    pytest.param(ErrorAnswer(503, "SlowDown"), "SlowDown", id="slow-down"),
    pytest.param(ErrorAnswer(500, "InternalError"), "InternalError", id="internal"),
    pytest.param(ErrorAnswer(200, "InternalError"), "InternalError", id="error-dressed-as-200"),
    pytest.param(ErrorAnswer(429, "Whatever"), "Whatever", id="429"),
    pytest.param(ErrorAnswer(400, "RequestTimeout"), "RequestTimeout", id="request-timeout"),
    pytest.param(Reset(), "ConnectionClosed", id="reset"),
    pytest.param(Reset(clean=True), "ConnectionClosed", id="closed"),
    pytest.param(Truncated(), "ConnectionClosed", id="truncated"),
    pytest.param(Garbage(), "InvalidResponse", id="garbage"),
    pytest.param(Garbage(b""), "InvalidResponse", id="empty"),
    pytest.param(Hang(), "ReadTimeout", id="hang"),
]


@pytest.mark.parametrize(("fault", "code"), TRANSIENT)
async def test_what_passes_is_asked_again(fault: Fault, code: str) -> None:
    """Two faults on each call, then the answer: every row right."""
    account = synthetic(buckets=6, keys=2, regions=2)
    stats = RunStats()
    # Listing and identity are spoiled too.
    with StubAws(account, Behaviour(faults=first(1, fault))) as stub:
        rows = await audit(stub, stats, timeout=1.0 if isinstance(fault, Hang) else 30)

    assert cells(rows) == {bucket.name: tuple(account.expected(bucket.name)) for bucket in account.buckets}
    assert stats.errors[code] >= 7


@pytest.mark.parametrize(("fault", "code"), TRANSIENT)
async def test_what_does_not_pass_is_the_row(fault: Fault, code: str) -> None:
    """Retries spent: the code in column B, Unknown in column C."""
    timeout = 0.2 if isinstance(fault, Hang) else 30
    with StubAws(one(()), Behaviour(faults=first(99, fault, operation=ENCRYPTION))) as stub:
        rows = await audit(stub, max_attempts=2, timeout=timeout)
        assert stub.stats.calls[ENCRYPTION] == 2
    assert cells(rows) == {"only": (code, "Unknown", "")}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ErrorAnswer(400, "AccessDeniedException"), "AccessDenied"),
        (ErrorAnswer(400, "NotFoundException"), "KeyNotFound"),
        (ErrorAnswer(400, "InvalidArnException"), "InvalidArnException"),
        (ErrorAnswer(500, "KMSInternalException"), "KMSInternalException"),
        (ErrorAnswer(400, "ThrottlingException"), "ThrottlingException"),
        (ErrorAnswer(400, "SomethingNobodyForesaw"), "SomethingNobodyForesaw"),
    ],
)
async def test_a_key_that_kms_does_not_describe_is_named_by_why(answer: ErrorAnswer, expected: str) -> None:
    """Column C says what happened; the key as configured stays in column B."""
    behaviour = Behaviour(faults=first(99, answer, operation="DescribeKey"))
    with StubAws(one((StubRule("aws:kms", KEY, bucket_key=True),)), behaviour) as stub:
        rows = await audit(stub, max_attempts=2)
    assert cells(rows) == {"only": (KEY, expected, "True")}


async def test_retry_after_is_honoured() -> None:
    """The wait is at least what the server asked for."""
    waits = []

    class Waits(s3audit_async.Observer):
        def retrying(self, retry: s3audit_async.model.Retry) -> None:
            waits.append(retry.wait)

    slow = ErrorAnswer(503, "SlowDown", headers=(("Retry-After", "1"),))
    with StubAws(one(()), Behaviour(faults=first(1, slow, operation=ENCRYPTION))) as stub:
        await audit(stub, Waits())
    assert len(waits) == 1
    assert waits[0] >= 1


async def test_a_listing_page_that_is_no_listing_is_not_an_empty_account() -> None:
    """A 200 without buckets in it is asked again, and in the end is an error, not zero rows."""
    with StubAws(one(()), Behaviour(faults=first(99, Garbage(b"<html/>"), operation="ListBuckets"))) as stub:
        with pytest.raises(s3audit_async.ListingError, match="InvalidResponse"):
            await audit(stub, max_attempts=2)
        assert stub.stats.calls["ListBuckets"] == 2


@pytest.mark.parametrize("page", [b"<html><body>sign in</body></html>", b"<a/>"])
async def test_somebody_elses_page_is_not_an_empty_configuration(page: bytes) -> None:
    """A 200 that names no configuration says nothing of the bucket."""
    with StubAws(one(()), Behaviour(faults=first(99, Garbage(page), operation=ENCRYPTION))) as stub:
        assert cells(await audit(stub, max_attempts=2)) == {"only": ("InvalidResponse", "Unknown", "")}


async def test_a_location_header_leads_nobody_elsewhere() -> None:
    """Neither the request nor the session token in it goes to another host."""
    with StubAws(StubAccount(buckets=[StubBucket("only", "eu-west-1")])) as elsewhere:
        headers = (("Location", f"{elsewhere.url}/only?encryption"), ("x-amz-bucket-region", "eu-west-1"))
        fault = first(99, ErrorAnswer(307, "TemporaryRedirect", headers=headers), operation=ENCRYPTION)
        with StubAws(one((), region="eu-west-1"), Behaviour(faults=fault)) as stub:
            rows = await audit(stub)
        assert elsewhere.stats.connections == 0
    assert rows["only"].mode == "TemporaryRedirect"


async def test_an_empty_account_is_no_error() -> None:
    """No buckets, no rows."""
    with StubAws(StubAccount()) as stub:
        assert await audit(stub) == {}


async def test_leaving_early_closes_all_connections() -> None:
    """After `break` nothing is open, in whatever state the calls were."""
    with StubAws(synthetic(buckets=500, keys=5, regions=4), Behaviour(latency=0.05)) as stub:
        async with s3audit_async.audit(aioboto3.Session(), Options(endpoint_url=stub.url)) as rows:
            async for _ in rows:
                break
        assert stub.stats.calls[ENCRYPTION] < 500
        wait_until(lambda: not stub.stats.open_connections, what="all connections closed")
