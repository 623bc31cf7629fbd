"""Worker processes of this machine: right together, bounded together, and gone when nobody needs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from benchmarks.stub import Behaviour, Request, StubAccount, StubAws, synthetic
from s3audit_async.errors import OutputError, RunError, UsageError
from s3audit_async.fleet.access import MOST_PROCESSES
from s3audit_async.fleet.crew_run import CrewRun
from s3audit_async.fleet.executing import Dispatcher
from s3audit_async.fleet.job_rows import fleet_rows
from s3audit_async.fleet.processes import ProcessCrew
from s3audit_async.fleet.units import AccountRecord, Status
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from s3audit_async.stats import RunStats
from tests import crews
from tests.command import environment
from tests.waiting import wait_until

if TYPE_CHECKING:
    from s3audit_async.fleet.work import JobRows
    from s3audit_async.model import Row

BUCKETS = 2_000
HANGING = 3600.0


class Audited:
    """An account's rows by way of a crew, and all that was told beside."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.records: list[AccountRecord] = []
        self.stats = RunStats()

    async def by(self, crew: ProcessCrew, options: Options, rows_of: JobRows) -> None:
        run = CrewRun(
            crew,
            None,
            options,
            self.stats,
            concluded=self.records.append,
            arrived=lambda part: self.stats.merge(part.figures),
            rows_of=rows_of,
        )
        async with run as rows:
            self.rows = [row async for row in rows]
        self.stats.distinct_keys = run.distinct_keys

    def assert_right(self, account: StubAccount) -> None:
        """Every row is as the account says, and none is there twice."""
        assert Counter(row.bucket for row in self.rows) == Counter(bucket.name for bucket in account.index)
        for row in self.rows:
            told = (row.mode, row.key_type, "" if row.bucket_key is None else str(row.bucket_key))
            assert told == account.expected(row.bucket)
        assert [(record.status, record.rows) for record in self.records] == [(Status.COMPLETE, len(self.rows))]


def test_an_account_is_audited_by_two_processes_of_which_one_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is complete and has nothing twice; together they keep to the bound; what they called is counted."""
    flag = tmp_path / "killed"
    monkeypatch.setenv(crews.KILLED_FLAG, str(flag))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    account = synthetic(BUCKETS, keys=6, regions=3)
    found = Audited()
    with StubAws(account, Behaviour(latency=0.002)) as stub, ProcessCrew(2) as crew:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        anyio.run(found.by, crew, Options(max_concurrency=16), crews.rows_of_one_killed)
        peak = stub.stats.peak_in_flight
        asked_of = {region for operation, region in stub.stats.calls_by_region if operation == "ListBuckets"}

    assert flag.exists()
    found.assert_right(account)
    assert peak <= 16
    assert asked_of == {bucket.region for bucket in account.index}
    assert found.stats.rows == found.stats.buckets == BUCKETS
    assert found.stats.calls["GetBucketEncryption"] == BUCKETS  # what the killed one called, nobody knows
    assert [path.name for path in tmp_path.iterdir()] == ["killed"]


def test_a_small_account_is_one_job_and_names_are_audited_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process does it, after one listing more; buckets that were named are not listed at all."""
    account = synthetic(30, keys=2, regions=2)
    found, named = Audited(), Audited()
    with StubAws(account, Behaviour()) as stub, ProcessCrew(2) as crew:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        anyio.run(found.by, crew, Options(), fleet_rows)
        listings = stub.stats.calls["ListBuckets"]
        one = account.index[3].name
        anyio.run(named.by, crew, Options(buckets=(one,)), fleet_rows)
        assert stub.stats.calls["ListBuckets"] == listings == 2

    found.assert_right(account)
    assert [row.bucket for row in named.rows] == [one]


def test_what_was_done_before_a_worker_died_can_still_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader may be slow to fetch a part, and hear of the death first; others do what is left."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with ProcessCrew(1) as crew:
        done = crew.submit(crews.job_of("111"), crews.played_rows).result(30)
        assert isinstance(crew.submit(crews.job_of("222"), crews.rows_that_kill).exception(30), crew.deaths)
        crew.mourn()
        after = crew.submit(crews.job_of("333"), crews.played_rows).result(30)
        parts = [crew.receive(done), crew.receive(after)]

    assert [[row.bucket for row in chunk] for part in parts for chunk in part.unpacked()] == [
        [f"{account}-{number}" for number in range(3)] for account in ("111", "333")
    ]
    assert list(tmp_path.iterdir()) == []


def test_workers_that_cannot_be_told_to_hand_in_what_they_have_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where there is no room: what ends the run is then told as it is, and no error of telling them."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with ProcessCrew(1) as crew:
        assert crew.recall()
        crew.prepare()
        (folder,) = tmp_path.iterdir()
        folder.rmdir()
        assert not crew.recall()


def test_workers_that_cannot_be_started_end_the_run_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with ProcessCrew(1) as crew, pytest.raises(RunError, match="no worker process can be started: No such file"):
        crew.prepare()


@pytest.mark.parametrize("size", [0, MOST_PROCESSES + 1])
def test_a_number_of_processes_that_cannot_work_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match="processes"):
        ProcessCrew(size)


def test_a_worker_that_has_no_room_for_what_it_has_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is gone here; a full disk is the same to it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)

    async def main() -> None:
        jobs = [crews.job_of("1")]
        async with Dispatcher(crew, jobs, crews.rows_without_a_folder, Observer()) as rows:
            await anext(rows)

    with ProcessCrew(1) as crew, pytest.raises(OutputError, match="cannot hand in what it has") as raised:
        anyio.run(main)
    assert raised.value.hint


def test_no_process_is_started_before_there_is_a_job() -> None:
    """Nor is there a folder."""

    async def main() -> None:
        async with Dispatcher(crew, [], crews.played_rows, Observer()) as rows:
            assert [row async for row in rows] == []

    with ProcessCrew(2) as crew:
        anyio.run(main)
        assert children_of(os.getpid()) == set()


def children_of(pid: int) -> set[int]:
    """Processes that a process has started, but for those that ended and those that keep account of its semaphores."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(after_name[1]) == pid and after_name[0] != "Z" and "resource_tracker" not in command:
            found.add(int(status.parent.name))
    return found


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_whoever_started_them(ending: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C goes to all of a terminal's processes, and only the first one minds it; kill -9 leaves no orphans.

    The workers are in the middle of their shares, of which all but a few buckets hang. What they have is handed in.
    """

    def latency(request: Request) -> float:
        if request.operation != "GetBucketEncryption" or request.target.endswith("00"):
            return 0.0
        return HANGING

    with StubAws(synthetic(BUCKETS, keys=0, regions=2), Behaviour(latency=latency)) as stub:
        variables = {**environment(), "AWS_ENDPOINT_URL": stub.url, "TMPDIR": str(tmp_path)}
        with subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.crew_program"],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        ) as program:
            wait_until(lambda: stub.stats.in_flight == 8, what="both workers at work")
            workers = children_of(program.pid)
            answered = stub.stats.calls["GetBucketEncryption"] - 8
            if ending is signal.SIGINT:
                os.killpg(program.pid, ending)
            else:
                program.kill()
            said, complained = program.communicate(timeout=30)
            wait_until(lambda: not any(map(is_there, workers)), what="no worker is left")

    assert len(workers) == 2
    if ending is signal.SIGINT:
        assert (said, complained) == (f"begun\ninterrupted: {answered}\n", "")
        assert answered > 0
        assert program.returncode == 0
    wait_until(lambda: list(tmp_path.iterdir()) == [], what="nothing is left in the folder of temporary files")
