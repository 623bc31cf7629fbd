"""A run by a crew, against the stub: which jobs it hands out, what it leaves out, and how it ends."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import anyio
import pytest

from benchmarks.stub import Behaviour, ErrorAnswer, Fault, Request, StubAws, synthetic
from s3audit_async.errors import CredentialsError, ListingError, WrongAccountError
from s3audit_async.fleet.crew_run import CrewRun
from s3audit_async.fleet.job_rows import fleet_rows
from s3audit_async.model import Kind
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from s3audit_async.stats import RunStats
from tests.crews import PlayedCrew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from s3audit_async.fleet.work import Job, JobRows

BUCKETS = 2_001


class Working(PlayedCrew):
    """A crew that does real jobs at once, in this process."""

    def submit(self, job: Job, rows_of: JobRows) -> Future[object]:
        future = super().submit(job, rows_of)
        self.do(future, rows_of)
        return future


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubAws]:
    """An account that is worth a split, in two regions, of which nearly all is done already."""
    with StubAws(synthetic(BUCKETS, keys=0, regions=2), Behaviour()) as serving:
        monkeypatch.setenv("AWS_ENDPOINT_URL", serving.url)
        yield serving


def run(crew: PlayedCrew, options: Options, stats: RunStats | None = None) -> list[str]:
    stats = stats or RunStats()

    async def main() -> None:
        arrived = lambda part: stats.merge(part.figures)  # noqa: E731 - a name for a line that is too long
        async with CrewRun(crew, None, options, stats, rows_of=fleet_rows, arrived=arrived) as rows:
            assert await rows.account() == "123456789012"
            found.extend([row.bucket async for row in rows])

    found: list[str] = []
    anyio.run(main)
    return found


def all_but(stub: StubAws, left: int) -> frozenset[str]:
    return frozenset(bucket.name for bucket in stub.account.index[left:])


def test_what_is_there_already_is_not_audited_again(stub: StubAws) -> None:
    """In none of the shares; each is told of its own names only."""
    crew = Working(2)
    done = all_but(stub, 7)

    assert sorted(run(crew, Options(skip=done))) == [bucket.name for bucket in stub.account.index[:7]]
    assert stub.stats.calls["GetBucketEncryption"] == 7
    assert (len(crew.handed_out), crew.prepared) == (2, 1)


class OnlyContains:
    def __contains__(self, name: object) -> bool:
        return True


def test_what_is_to_be_skipped_has_to_be_told(stub: StubAws) -> None:
    with pytest.raises(TypeError, match="a collection"):
        run(Working(2), Options(skip=OnlyContains()))


def test_the_account_is_held_against_the_one_that_is_expected(stub: StubAws) -> None:
    """Before anything is listed."""
    with pytest.raises(WrongAccountError):
        run(Working(2), Options(account="111122223333"))
    assert stub.stats.calls == Counter({"GetCallerIdentity": 1})


def test_credentials_that_are_refused_end_the_run_before_any_job(
    monkeypatch: pytest.MonkeyPatch, stub: StubAws
) -> None:
    crew = Working(2)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsError):
        run(crew, Options())
    assert crew.handed_out == []


def test_a_listing_that_is_denied_ends_the_run(stub: StubAws) -> None:
    stub.behaviour.denied = {"ListBuckets"}
    with pytest.raises(ListingError, match="may not list"):
        run(Working(2), Options())


def test_a_listing_that_breaks_off_at_a_worker_ends_the_run_after_all_rows(stub: StubAws) -> None:
    """Not even at home is the region's listing to be had then."""

    class Forgetful(Working):
        def submit(self, job: Job, rows_of: JobRows) -> Future[object]:
            if len(self.handed_out) == 1:
                stub.behaviour.denied = {"ListBuckets"}
            return super().submit(job, rows_of)

    crew = Forgetful(2)
    with pytest.raises(ListingError, match="not all of the account's buckets could be listed"):
        run(crew, Options(max_attempts=1, skip=all_but(stub, 20)))
    assert len(crew.handed_out) == 2


def test_other_kinds_alone_are_nobodys_share(stub: StubAws) -> None:
    """There is one job, and no census of buckets that are not asked for."""
    crew = PlayedCrew(2)

    async def main() -> None:
        options = Options(kinds=frozenset({Kind.TABLE}))
        async with CrewRun(crew, None, options, Observer(), rows_of=fleet_rows):
            pass

    anyio.run(main)
    assert [job.units[0].share for job in crew.handed_out] == [None]
    assert stub.stats.calls["ListBuckets"] == 0


GENERAL_AND_TABLES = frozenset({Kind.GENERAL, Kind.TABLE})


def test_buckets_of_a_kind_that_may_not_be_listed_are_told_and_do_not_end_the_run(stub: StubAws) -> None:
    """As where one process does it all: everything else is complete."""
    stub.behaviour.denied = {("ListTableBuckets", "eu-west-1")}
    crew, stats = Working(2), RunStats()
    rows = run(crew, Options(kinds=GENERAL_AND_TABLES, skip=all_but(stub, 7)), stats)

    assert len(rows) == 7
    assert [(each.kind, each.region) for each in stats.not_listed] == [(Kind.TABLE, "eu-west-1")]
    assert len(crew.handed_out) == 3


def test_a_kind_that_is_offered_nowhere_is_nothing_that_is_missing(stub: StubAws) -> None:
    """The account's general purpose buckets show that there is nothing wrong, though others list them."""

    def refuse(request: Request) -> Fault | None:
        return ErrorAnswer(501, "NotImplemented") if request.operation == "ListTableBuckets" else None

    stub.behaviour.faults = refuse
    stats = RunStats()
    assert len(run(Working(2), Options(kinds=GENERAL_AND_TABLES, skip=all_but(stub, 7)), stats)) == 7
    assert stats.not_listed == []
