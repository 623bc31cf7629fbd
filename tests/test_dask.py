"""A Dask cluster of real processes: the same report, also when a worker is lost; nothing secret goes there."""

from __future__ import annotations

import gc
import io
import logging
import pickle
import socket
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import distributed
import pytest
from anyio import to_thread

import s3audit_async
from benchmarks.stub import Behaviour, Request, StubAws, synthetic
from s3audit_async.errors import InterruptedRunError, UsageError
from s3audit_async.fleet.access import Access
from s3audit_async.fleet.crew_run import CrewRun
from s3audit_async.fleet.dask import DaskCrew
from s3audit_async.fleet.executing import Dispatcher
from s3audit_async.fleet.job_rows import fleet_rows
from s3audit_async.fleet.units import Account, AccountRecord, Status, Unit
from s3audit_async.fleet.work import jobs_for
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from s3audit_async.stats import RunStats
from tests import crews
from tests.command import environment
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3audit_async.model import Row

BUCKETS = 2_000
SECRET = "test-secret-that-must-not-show"
WORKERS_SECRET = "workers-secret-that-must-not-show"
TOKEN = "test-token-that-must-not-show"
HANDSHAKE = "external-id-that-is-nobodys-business"


@pytest.fixture(scope="module")
def flag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the worker leaves that is to be killed."""
    return tmp_path_factory.mktemp("dask") / "killed"


@pytest.fixture(scope="module")
def cluster(flag: Path) -> Iterator[tuple[distributed.LocalCluster, io.StringIO]]:
    """Two workers and a scheduler on the loopback interface, and what they log. Their credentials are their own."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("distributed").addHandler(handler)
    variables = {
        crews.KILLED_FLAG: str(flag),
        "AWS_ACCESS_KEY_ID": "AKIAOFTHEWORKER12345",
        "AWS_SECRET_ACCESS_KEY": WORKERS_SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-east-1",
    }
    with distributed.LocalCluster(  # type: ignore[no-untyped-call]
        processes=True,
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
        env=variables,
    ) as started:
        yield started, log
    logging.getLogger("distributed").removeHandler(handler)


@contextmanager
def served(account: object, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubAws]:
    """A stub, at which the parent's environment points; workers are told by the options."""
    with StubAws(account, behaviour) as stub:  # type: ignore[arg-type]
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        yield stub


def test_an_account_is_audited_by_a_cluster_of_which_one_worker_is_killed(
    cluster: tuple[distributed.LocalCluster, io.StringIO], flag: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is complete and has nothing twice: Dask does the lost job again."""
    account = synthetic(BUCKETS, keys=6, regions=3)
    rows: list[Row] = []
    records: list[AccountRecord] = []
    stats = RunStats()

    async def main(url: str) -> None:
        with DaskCrew(cluster[0].scheduler_address) as crew:
            assert crew.size == 2
            run = CrewRun(
                crew,
                None,
                Options(max_concurrency=16, endpoint_url=url),
                stats,
                concluded=records.append,
                arrived=lambda part: stats.merge(part.figures),
                rows_of=crews.rows_of_one_killed,
            )
            async with run:
                rows.extend([row async for row in run])

    with served(account, Behaviour(latency=0.002), monkeypatch) as stub:
        anyio.run(main, stub.url)
        peak = stub.stats.peak_in_flight

    assert flag.exists()
    assert Counter(row.bucket for row in rows) == Counter(bucket.name for bucket in account.index)
    for row in rows:
        told = (row.mode, row.key_type, "" if row.bucket_key is None else str(row.bucket_key))
        assert told == account.expected(row.bucket)
    assert [(record.status, record.rows) for record in records] == [(Status.COMPLETE, BUCKETS)]
    assert stats.calls["GetBucketEncryption"] == BUCKETS
    assert peak <= 16


def test_nothing_secret_goes_to_the_cluster(
    cluster: tuple[distributed.LocalCluster, io.StringIO], flag: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in what is pickled, not in what scheduler and workers log of jobs that fail; workers sign as themselves."""
    flag.touch()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    sent: list[bytes] = []
    logged: list[str] = []

    class Watched(DaskCrew):
        def submit(self, job: object, rows_of: object):  # type: ignore[no-untyped-def] # noqa: ANN202
            sent.append(pickle.dumps((job, rows_of)))
            logged.append(repr(job))
            return super().submit(job, rows_of)  # type: ignore[arg-type]

    async def main(url: str) -> None:
        with Watched(cluster[0].scheduler_address) as crew:
            access = Access(external_id=HANDSHAKE)
            run = CrewRun(crew, None, Options(endpoint_url=url), Observer(), access=access, rows_of=fleet_rows)
            async with run:
                assert len([row async for row in run]) == 20
            failing = jobs_for([Unit(Account("1"))], Options(), workers=1, access=access)
            async with Dispatcher(crew, failing, crews.rows_that_fail, Observer()) as broken:
                with pytest.raises(ZeroDivisionError):
                    await anext(broken)

    with served(synthetic(20), Behaviour(), monkeypatch) as stub:
        anyio.run(main, stub.url)

    with distributed.Client(cluster[0].scheduler_address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        for lines in client.get_worker_logs().values():
            logged += [line for _, line in lines]
        logged += [line for _, line in client.get_scheduler_logs()]
    logged.append(cluster[1].getvalue())
    assert sent
    assert any("ZeroDivisionError" in line for line in logged)
    for secret in (SECRET, TOKEN, WORKERS_SECRET):
        assert not any(secret.encode() in content for content in sent)
        assert not any(secret in line for line in logged)
    assert not any(HANDSHAKE in line for line in logged)


def test_a_run_that_is_stopped_leaves_the_cluster_free(
    cluster: tuple[distributed.LocalCluster, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the workers were doing ends, though Dask cannot end it; the workers stay."""

    async def main(stub: StubAws) -> None:
        with DaskCrew(cluster[0].scheduler_address) as crew:
            run = CrewRun(crew, None, Options(endpoint_url=stub.url, max_concurrency=8), Observer())
            async with run:
                await to_thread.run_sync(wait_until, lambda: stub.stats.in_flight == 8)
                run.stop()
                with pytest.raises(InterruptedRunError):
                    await anext(run)
            await to_thread.run_sync(wait_until, lambda: stub.stats.open_connections == 0)

    def latency(request: Request) -> float:
        return 3600.0 if request.operation == "GetBucketEncryption" else 0.0

    with served(synthetic(BUCKETS, keys=0, regions=2), Behaviour(latency=latency), monkeypatch) as stub:
        anyio.run(main, stub)
    with distributed.Client(cluster[0].scheduler_address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        assert len(client.nthreads()) == 2


def test_a_scheduler_that_is_not_there_is_said_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
    with (
        pytest.raises(UsageError, match="no Dask scheduler answers at") as raised,
        DaskCrew(address, connect_seconds=0.5),
    ):
        pass

    assert "\n" not in str(raised.value)
    assert raised.value.hint
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("address", ["nonsense", "nonsense://host:1", "tls://127.0.0.1:9", "127.0.0.1:port"])
def test_an_address_that_cannot_be_is_said_in_one_line(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    """TLS without certificates, too: those are Dask's to configure. No client is left that says more at its end."""
    with (
        pytest.raises(UsageError, match="no Dask scheduler answers at") as raised,
        DaskCrew(address, connect_seconds=0.5),
    ):
        pass

    gc.collect()
    assert "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""


def test_a_cluster_of_another_version_is_refused(
    cluster: tuple[distributed.LocalCluster, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3audit_async, "__version__", "99.0")
    with (
        pytest.raises(UsageError, match=r"has s3audit 0\.\d+\.\d+, this is 99\.0$"),
        DaskCrew(cluster[0].scheduler_address),
    ):
        pass


def test_without_the_extra_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['distributed'] = None\n"
        "from s3audit_async.fleet.dask import DaskCrew\n"
        "try: DaskCrew('tcp://127.0.0.1:1').__enter__()\n"
        "except Exception as error: print(type(error).__name__, error, error.hint)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.stdout == "UsageError --dask needs Dask's distributed pip install 's3audit-async[dask]'\n"
    assert done.stderr == ""
