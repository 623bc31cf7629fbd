"""The seam to several processes: parts as they come, whole and once; deaths, ends and what became of each account."""

from __future__ import annotations

import pickle
from collections import Counter
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING

import anyio
import pytest

from s3audit_async.errors import CredentialsError, InterruptedRunError, RunError, UsageError
from s3audit_async.fleet.access import Access
from s3audit_async.fleet.crews import crew_of
from s3audit_async.fleet.dask import DaskCrew
from s3audit_async.fleet.executing import JOBS_AHEAD, Dispatcher
from s3audit_async.fleet.processes import ProcessCrew
from s3audit_async.fleet.units import Account, AccountRecord, Status, Unit
from s3audit_async.fleet.work import LARGEST_BATCH, ROWS_IN_CHUNK, Job, jobs_for, jobs_for_names, run_job
from s3audit_async.model import Kind
from s3audit_async.options import Options, Share
from s3audit_async.stats import RunStats
from tests.crews import PlayedCrew, diligent, job_of, played_rows

if TYPE_CHECKING:
    from concurrent.futures import Future

    from s3audit_async.fleet.executing import Crew


class Read:
    """What a reader got from a dispatcher: rows, records in between, and the error at the end."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.records: list[AccountRecord] = []
        self.error: Exception | None = None
        self.stats = RunStats()

    @property
    def rows(self) -> list[str]:
        return [event for event in self.events if not event.startswith("=")]

    def conclude(self, record: AccountRecord) -> None:
        self.records.append(record)
        self.events.append(f"= {record.label} {record.status} {record.rows}")

    def dispatcher(self, crew: Crew, jobs: list[Job] | tuple[Job, ...]) -> Dispatcher:
        return Dispatcher(
            crew,
            jobs,
            played_rows,
            self.stats,
            concluded=self.conclude,
            arrived=lambda part: self.stats.merge(part.figures),
        )

    async def all_of(self, dispatcher: Dispatcher) -> None:
        async with dispatcher as rows:
            try:
                async for row in rows:
                    self.events.append(row.bucket)
            except RunError as error:
                self.error = error


def read(crew: Crew, *jobs: Job) -> Read:
    """Read all there is."""
    found = Read()
    anyio.run(lambda: found.all_of(found.dispatcher(crew, jobs)))
    return found


def test_rows_come_with_each_part_and_an_account_is_concluded_after_its_last_row() -> None:
    crew = diligent()
    found = read(crew, job_of("111"), job_of("222", "333"))

    assert found.events == [
        *["111-0", "111-1", "111-2", "= 111 complete 3"],
        *["222-0", "222-1", "222-2", "333-0", "333-1", "333-2", "= 222 complete 3", "= 333 complete 3"],
    ]
    assert found.error is None
    assert (found.stats.buckets, found.stats.rows) == (9, 9)
    assert crew.dismissed == 1


def test_what_jobs_have_counted_comes_to_one_sum() -> None:
    found = Read()
    dispatcher = found.dispatcher(diligent(), [job_of("111"), job_of("222")])
    anyio.run(lambda: found.all_of(dispatcher))

    assert (dispatcher.distinct_keys, dispatcher.bytes_received) == (4, 200)


def test_no_more_jobs_are_out_than_there_are_places() -> None:
    """However many there are, and however fast they are done: what waits for the reader is bounded, too."""
    crew = PlayedCrew(2)
    jobs = [job_of(str(number)) for number in range(20)]

    async def main() -> None:
        found = Read()
        async with found.dispatcher(crew, jobs) as rows:
            assert len(crew.open) == 2 * JOBS_AHEAD
            while len(crew.handed_out) < 20:
                for future in list(crew.open):
                    crew.do(future)
                for _ in range(3):
                    await anext(rows)

    anyio.run(main)
    assert crew.most_open == 2 * JOBS_AHEAD


def test_an_account_in_several_shares_is_concluded_when_the_last_is_in() -> None:
    """With the rows of all of them."""
    shares = [Unit(Account("111"), Share((region,))) for region in ("eu", "us", "ap")]
    found = read(diligent(), *jobs_for(shares, Options(), workers=2))

    assert found.events[-1] == "= 111 complete 9"
    assert len(found.records) == 1


@pytest.mark.parametrize(
    ("accounts", "status"),
    [(("broken-1", "broken-1"), Status.INCOMPLETE), (("denied-1", "denied-1"), Status.NOT_ENTERED)],
)
def test_an_account_of_which_a_share_is_lacking_is_not_complete(accounts: tuple[str, ...], status: Status) -> None:
    units = [Unit(Account(account), Share((f"r{number}",))) for number, account in enumerate(accounts)]
    found = read(diligent(), *jobs_for(units, Options(), workers=2), job_of("111"))

    assert {record.label: record.status for record in found.records} == {accounts[0]: status, "111": Status.COMPLETE}


def test_a_stopped_run_gives_the_parts_that_are_ready_and_no_others() -> None:
    """What has not begun is cancelled, what is under way is given up: a part comes as a whole or not at all."""
    crew = PlayedCrew(2)

    async def main() -> list[str]:
        rows_read = []
        found = Read()
        async with found.dispatcher(crew, [job_of(str(number)) for number in range(9)]) as rows:
            first, second, third, fourth = list(crew.open)
            second.set_running_or_notify_cancel()
            crew.do(first)
            rows_read.append((await anext(rows)).bucket)
            crew.do(third)
            rows.stop()
            assert fourth.cancelled()
            rows_read += [(await anext(rows)).bucket for _ in range(5)]
            with pytest.raises(InterruptedRunError):
                await anext(rows)
        return rows_read

    assert anyio.run(main) == ["0-0", "0-1", "0-2", "2-0", "2-1", "2-2"]
    assert crew.dismissed == 1


def test_a_run_that_is_stopped_while_it_waits_ends_at_once() -> None:
    crew = PlayedCrew(2)

    async def main() -> None:
        found = Read()
        async with found.dispatcher(crew, [job_of("1")]) as rows:
            next(iter(crew.open)).set_running_or_notify_cancel()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self_stop, rows)
                with pytest.raises(InterruptedRunError):
                    await anext(rows)

    async def self_stop(rows: Dispatcher) -> None:
        rows.stop()

    anyio.run(main)


def test_leaving_early_dismisses_the_workers() -> None:
    crew = PlayedCrew(2)

    async def main() -> None:
        async with Read().dispatcher(crew, [job_of("1")]) as rows:
            with anyio.move_on_after(0):
                await anext(rows)

    anyio.run(main)
    assert (crew.dismissed, len(crew.open)) == (1, 0)


class Mortal(PlayedCrew):
    """A crew that dies of some jobs, so many times, and does all others: those beside a death die with it."""

    def __init__(self, deaths: dict[str, int]) -> None:
        super().__init__(2)
        self.to_come = Counter(deaths)
        self.alone: list[str] = []

    def submit(self, job: Job, rows_of: object) -> Future[object]:
        future = super().submit(job, played_rows)
        if len(self.open) == 2 * JOBS_AHEAD or len(self.handed_out) >= 6:
            self.work()
        return future

    def work(self) -> None:
        for job in list(self.open.values()):
            if self.to_come[job.label]:
                self.to_come[job.label] -= 1
                if len(self.open) == 1:
                    self.alone.append(job.label)
                self.break_down()
                return
        for future in list(self.open):
            self.do(future)


def test_a_job_whose_worker_dies_is_done_anew() -> None:
    """So are those beside it; nothing comes twice."""
    found = read(Mortal({"3": 1}), *[job_of(str(number)) for number in range(8)])

    assert sorted(found.rows) == sorted(f"{job}-{number}" for job in range(8) for number in range(3))
    assert (found.error, len(found.records)) == (None, 8)


def test_a_job_that_kills_whoever_does_it_takes_no_other_with_it() -> None:
    """In the end it is alone with its worker, and then given up; the error says whose rows are missing."""
    crew = Mortal({"3": 99})
    found = read(crew, *[job_of(str(number)) for number in range(8)])

    assert sorted(found.rows) == sorted(f"{job}-{number}" for job in range(8) if job != 3 for number in range(3))
    assert str(found.error) == "rows are missing: the workers were lost that audited 3"
    lost = [record for record in found.records if record.status is not Status.COMPLETE]
    assert [(record.label, record.status, record.code) for record in lost] == [("3", "incomplete", "WorkerLost")]
    assert crew.alone[-1] == "3"


def test_workers_that_are_gone_before_they_get_a_job_are_replaced() -> None:
    class Late(PlayedCrew):
        refusals = 2

        def submit(self, job: Job, rows_of: object) -> Future[object]:
            if self.refusals:
                self.refusals -= 1
                raise self.deaths[0]
            future = super().submit(job, played_rows)
            self.do(future)
            return future

    crew = Late()
    assert len(read(crew, job_of("1"), job_of("2")).rows) == 6
    assert crew.dismissed == 3


def test_what_holds_for_all_accounts_ends_the_run_after_the_rows_until_then() -> None:
    """Credentials that have expired: the part's rows are good, those of other parts too; nothing is begun any more."""
    crew = diligent()
    found = read(crew, job_of("revoked-1"), job_of("2"), *[job_of(str(number)) for number in range(3, 20)])

    assert found.rows[:2] == ["revoked-1-0", "2-0"]
    assert isinstance(found.error, CredentialsError)
    assert (str(found.error), found.error.hint) == ("the credentials have expired", "sign in again")
    assert len(crew.handed_out) <= 2 * JOBS_AHEAD


def test_a_worker_of_another_version_ends_the_run() -> None:
    found = read(diligent(), Job(units=(Unit(Account("1")),), options=Options(), version="0.0.1"))

    assert "0.0.1 sent it a job" in str(found.error)


def test_a_defect_comes_out_as_it_is() -> None:
    crew = PlayedCrew(does=lambda crew, future, _: future.set_exception(ZeroDivisionError("by zero")))
    with pytest.raises(ZeroDivisionError):
        read(crew, job_of("1"))


def test_jobs_that_somebody_else_cancels_end_the_run_and_no_worker_is_blamed() -> None:
    """Dask's client does so when its scheduler is gone: all jobs are lost then, and others would be, too."""

    class Cluster(PlayedCrew):
        attempts = 1
        deaths = (BrokenExecutor,)

        def submit(self, job: Job, rows_of: object) -> Future[object]:
            future = super().submit(job, played_rows)
            if len(self.handed_out) == 2 * JOBS_AHEAD:
                self.do(next(iter(self.open)))
                for lost in self.open:
                    lost.cancel()
            return future

    crew = Cluster(2)
    found = read(crew, *[job_of(str(number)) for number in range(9)])
    assert found.events == ["0-0", "0-1", "0-2", "= 0 complete 3"]
    assert str(found.error) == "the workers' jobs were cancelled, and not by this run"
    assert len(crew.handed_out) <= 2 * JOBS_AHEAD + 1


def test_accounts_that_refuse_end_the_run_only_if_all_do() -> None:
    """Alone in a job, a denied account looks like wrong credentials; others show that it is not."""
    some = read(diligent(), job_of("denied-1"), job_of("2"))
    assert (some.error, len(some.rows)) == (None, 3)
    assert [record.status for record in some.records] == [Status.NOT_ENTERED, Status.COMPLETE]

    every = read(diligent(), job_of("denied-1"), job_of("denied-2", "denied-3"))
    assert str(every.error) == "none of 3 accounts could be entered; denied-1: AccessDenied: no"
    assert len(every.records) == 3


def test_two_profiles_that_lead_into_one_account_give_its_rows_once() -> None:
    """Though different workers have entered it, which know nothing of each other."""
    jobs = [Job(units=(Unit(Account(None, name, profile=name)),), options=Options()) for name in ("one", "two")]
    found = read(diligent(), *jobs)

    assert found.rows == ["444455556666-0", "444455556666-1", "444455556666-2"]
    assert [(record.status, record.code) for record in found.records] == [("complete", ""), ("skipped", "SameAccount")]
    assert found.records[1].message == "two leads into account 444455556666, as one does"


def test_two_profiles_that_lead_into_one_account_in_one_job_give_its_rows_once() -> None:
    """The worker knows of both, and has skipped the second before it is done with the first."""
    units = tuple(Unit(Account(None, name, profile=name)) for name in ("one", "two"))
    found = read(diligent(), Job(units=units, options=Options()))

    assert found.rows == ["444455556666-0", "444455556666-1", "444455556666-2"]
    told = [(record.account.profile, record.status, record.rows, record.message) for record in found.records]
    assert told == [("two", "skipped", 0, "told"), ("one", "complete", 3, "")]


def test_a_dispatcher_is_for_one_run() -> None:
    async def main() -> None:
        dispatcher = Read().dispatcher(diligent(), [])
        async with dispatcher as rows:
            assert [row async for row in rows] == []
            with pytest.raises(RuntimeError):
                await dispatcher.__aenter__()

    anyio.run(main)


def test_an_account_in_several_jobs_has_to_have_them_for_itself() -> None:
    with pytest.raises(ValueError, match="for itself"):
        Read().dispatcher(diligent(), [job_of("1", "2"), job_of("2")])


@pytest.mark.parametrize(
    ("accounts", "workers", "sizes"), [(1000, 2, [25] * 40), (25, 2, [4] * 6 + [1]), (3, 8, [1] * 3)]
)
def test_accounts_go_together_but_so_that_there_is_enough_to_do(accounts: int, workers: int, sizes: list[int]) -> None:
    units = [Unit(Account(str(number))) for number in range(accounts)]
    jobs = jobs_for(units, Options(max_concurrency=64), workers=workers)

    assert [len(job.units) for job in jobs] == sizes
    assert [unit for job in jobs for unit in job.units] == units
    assert {job.options.max_concurrency for job in jobs} == {64 // workers}


def test_a_worker_has_one_call_in_flight_at_least() -> None:
    assert jobs_for([Unit(Account("1"))], Options(max_concurrency=2), workers=8)[0].options.max_concurrency == 1


def test_a_job_knows_what_is_done_of_its_own_accounts_and_names_only() -> None:
    """All else is not sent."""
    done = {"1": {"a", "m", "z"}, "2": {"b"}, None: {"c"}}
    units = [Unit(Account("1"), Share(("eu",), "a", "m")), Unit(Account("2")), Unit(Account("3"))]
    jobs = jobs_for(units, Options(skip={"never"}), workers=2, done=done)

    assert [dict(job.done) for job in jobs] == [{"1": {"m"}}, {"2": {"b"}}, {}]
    assert {job.options.skip for job in jobs} == {frozenset()}


def test_a_job_of_profiles_knows_what_is_done_of_all_accounts() -> None:
    """Whose they are is known once a worker has entered them: without, the rows would come a second time."""
    done: dict[str | None, set[str]] = {"1": {"a"}, "2": {"b"}}
    units = [Unit(Account(None, name, profile=name)) for name in ("one", "two")]
    jobs = jobs_for(units, Options(), workers=1, done=done)

    assert [dict(job.done) for job in jobs] == [done] * len(jobs)


def test_other_kinds_of_buckets_are_nobodys_share() -> None:
    """One job more has them, of each account that is shared."""
    kinds = frozenset({Kind.GENERAL, Kind.TABLE})
    shares = [Unit(Account("1"), Share(("eu",))), Unit(Account("1"), Share(("us",)))]
    jobs = jobs_for([*shares, Unit(Account("2"))], Options(kinds=kinds), workers=2)

    assert [(job.units[0].share, set(job.options.kinds)) for job in jobs] == [
        (Share(("eu",)), {Kind.GENERAL}),
        (Share(("us",)), {Kind.GENERAL}),
        (Share(()), set(kinds)),
        (None, set(kinds)),
    ]


def test_named_buckets_are_shared_as_they_are() -> None:
    chunks = (("bucket-a", "bucket-b"), ("bucket-c",))
    jobs = jobs_for_names(
        Unit(Account("1")), chunks, Options(buckets=("bucket-d",)), workers=2, done={"1": {"bucket-c"}}
    )

    assert [job.options.buckets for job in jobs] == list(chunks)
    assert {frozenset(job.done["1"]) for job in jobs} == {frozenset({"bucket-c"})}


def test_rows_travel_in_chunks() -> None:
    """Of which one is unpacked at a time."""
    accounts = [str(number) for number in range(ROWS_IN_CHUNK)]
    part = run_job(job_of(*accounts), played_rows)

    assert [len(chunk) for chunk in part.unpacked()] == [ROWS_IN_CHUNK] * 3
    assert len(pickle.dumps(part)) < 200_000


def test_a_job_tells_no_secrets() -> None:
    """Who enters an account finds credentials where it is; the external id is not shown either."""
    access = Access(role_name="audit", external_id="our-secret-handshake")
    job = jobs_for([Unit(Account("1"))], Options(), workers=2, access=access, done={"1": {"somebodys-bucket"}})[0]

    assert "handshake" not in f"{job!r} {job.label} {job.access!r}"
    assert "somebodys" not in repr(job)
    assert pickle.loads(pickle.dumps(job)) == job
    assert job_of("1", "2", "3", "4").label == "1, 2, 3 and 1 more"
    assert LARGEST_BATCH <= 25


def test_one_process_needs_no_crew_and_two_ways_are_one_too_many() -> None:
    assert crew_of() is None
    assert isinstance(crew_of(processes=2), ProcessCrew)
    assert isinstance(crew_of(dask="tcp://127.0.0.1:8786"), DaskCrew)
    with pytest.raises(UsageError, match="exclude each other"):
        crew_of(processes=2, dask="tcp://127.0.0.1:8786")
    with pytest.raises(UsageError, match="0 processes"):
        crew_of(processes=0)


def test_a_crew_that_can_be_asked_hands_in_what_it_has_when_a_run_is_stopped() -> None:
    """Jobs that have not begun are none of it."""

    class Answering(PlayedCrew):
        def recall(self) -> bool:
            return True

    crew = Answering(2)

    async def main() -> list[str]:
        async with Read().dispatcher(crew, [job_of(str(number)) for number in range(9)]) as rows:
            first, second, third, fourth = list(crew.open)
            first.set_running_or_notify_cancel()
            third.set_running_or_notify_cancel()
            rows.stop()
            assert second.cancelled()
            assert fourth.cancelled()
            crew.do(third)
            crew.do(first)
            found = [(await anext(rows)).bucket for _ in range(6)]
            with pytest.raises(InterruptedRunError):
                await anext(rows)
        return found

    assert anyio.run(main) == ["2-0", "2-1", "2-2", "0-0", "0-1", "0-2"]
    assert len(crew.handed_out) == 4
