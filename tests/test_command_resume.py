"""Interruption and disk, through the real command: what is kept, and what `--resume` makes of it."""

from __future__ import annotations

import json
import shlex
import signal
import stat
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import ACCOUNT_ID, Behaviour, ErrorAnswer, StubAccount, StubAws, StubBucket, first, synthetic
from tests.command import COMMAND, environment, s3audit, start
from tests.reports import HEADER, expected, rows_of
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENCRYPTION = "GetBucketEncryption"
IDENTITY = "GetCallerIdentity"
NEVER = 3600.0


def lines_in(report: Path) -> int:
    return report.read_bytes().count(b"\r\n") if report.exists() else 0


def room_for(blocks: int | str) -> str:
    """What a shell does to bound its files, to so many blocks of 512 bytes (or 1,024, as the shell likes).

    Without writing modules' bytecode: Python 3.11 leaves what fits of it, and stumbles over that later.
    """
    return f"export PYTHONDONTWRITEBYTECODE=1; ulimit -f {blocks}"


def wait_for_lines(report: Path, count: int) -> None:
    wait_until(lambda: lines_in(report) >= count, what=f"{count} lines in {report.name}")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def asked_again(stub: StubAws, buckets: dict[str, tuple[str, str, str]]) -> list[str]:
    """Those of these buckets that were asked about since the last reset."""
    return [name for name in buckets if stub.asked(ENCRYPTION, name)]


@contextmanager
def running(*arguments: str | Path, after: str = ":") -> Iterator[subprocess.Popen[str]]:
    """A run that is ended with the block, if it has not ended by itself."""
    process = start("run", *arguments, after=after)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def interrupted(stub: StubAws, report: Path, *arguments: str, known: bool = True) -> Path:
    """The partial file of a run that was stopped half-way: one bucket never answers. Its account is `known`."""
    before, stub.behaviour.latency = stub.behaviour.latency, hanging
    partial, state = report.with_name(report.name + ".partial"), report.with_name(report.name + ".resume")
    with running("--endpoint-url", stub.url, "-o", report, "--timeout", "3600", *arguments) as process:
        wait_for_lines(partial, 2)
        if known:
            wait_until(lambda: bool(json.loads(state.read_text())["account"]), what="the account in the run state")
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    stub.behaviour.latency = before
    stub.reset_stats()
    return partial


def hanging(request: object) -> float:
    return NEVER if getattr(request, "target", "") in {"b-hangs", "b-hangs-eu"} else 0.0


def mixed_account(account_id: str = ACCOUNT_ID) -> StubAccount:
    """Two prefixes, two regions, and a bucket in each that an interrupted run waits for."""
    names = {"a-1": "us-east-1", "b-1": "us-east-1", "b-2": "eu-west-1", "b-3": "eu-west-1"}
    names |= {"b-hangs": "us-east-1", "b-hangs-eu": "eu-west-1"}
    return StubAccount(account_id, [StubBucket(name, region) for name, region in names.items()])


# What ends a run.


def test_a_run_that_is_killed_again_and_again_asks_for_no_row_twice(tmp_path: Path) -> None:
    """kill -9, three times: whole rows stay, a torn one is dropped, nobody who has a row is asked again."""
    account = synthetic(buckets=500, keys=5, regions=3)
    report, partial, state = tmp_path / "r.csv", tmp_path / "r.csv.partial", tmp_path / "r.csv.resume"
    kept: dict[str, tuple[str, str, str]] = {}
    with StubAws(account, Behaviour(latency=0.03)) as stub:
        for place in (("-o", report), ("--resume", partial), ("--resume", report)):
            with running("--endpoint-url", stub.url, *place, "--max-concurrency", "3") as process:
                wait_for_lines(partial, len(kept) + 60)
                process.kill()
                process.wait(60)
            assert asked_again(stub, kept) == []
            stub.reset_stats()
            now = rows_of(partial)
            assert kept.items() <= now.items() <= expected(account).items()
            kept = now
            assert json.loads(state.read_text())["account"] == account.id
            partial.write_bytes(partial.read_bytes() + b'synthetic-0000499,"torn\r\n')
        stub.behaviour.latency = 0.0
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", partial)
        assert asked_again(stub, kept) == []
        assert stub.stats.calls[ENCRYPTION] == 500 - len(kept)
    assert done.returncode == 0, done.stderr
    assert "a torn last line dropped" in done.stderr
    assert "Buckets     500" in done.stderr
    assert rows_of(report) == expected(account)
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_a_terminal_that_goes_away_ends_a_run_unless_that_is_ignored(tmp_path: Path) -> None:
    """SIGHUP is as SIGTERM; under nohup it is nothing."""
    account = synthetic(buckets=300, keys=3, regions=2)
    with StubAws(account, Behaviour(latency=0.03)) as stub:
        for after, code, name in ((":", 130, "ended.csv"), ("trap '' HUP", 0, "nohup.csv")):
            stub.reset_stats()
            with running(
                "--endpoint-url", stub.url, "-o", tmp_path / name, "--max-concurrency", "4", after=after
            ) as run:
                wait_until(lambda: stub.stats.calls[ENCRYPTION] > 20, what="some buckets audited")
                run.send_signal(signal.SIGHUP)
                _, said = run.communicate(timeout=60)
            assert run.returncode == code, said
    assert 10 < len(rows_of(tmp_path / "ended.csv.partial")) < 300
    assert rows_of(tmp_path / "nohup.csv") == expected(account)


def test_a_second_ctrl_c_does_not_wait_for_a_reader(tmp_path: Path) -> None:
    """The first one waits for the rows that are ready to be written, which a pipe that nobody reads keeps it from."""
    account = synthetic(buckets=3000, keys=1, regions=1)
    with (
        StubAws(
            account, Behaviour(latency=lambda request: NEVER if request.target.endswith("-0000000") else 0.0)
        ) as stub,
        running("--endpoint-url", stub.url, "-o", "-", "--timeout", "3600") as process,
    ):
        wait_until(lambda: stub.stats.calls[ENCRYPTION] > 1500, what="more rows than a pipe holds")
        process.send_signal(signal.SIGINT)
        wait_until(lambda: stub.stats.in_flight == 0, what="the call that hangs given up")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_a_second_ctrl_c_leaves_whole_rows(tmp_path: Path) -> None:
    """What was in the file stays; `--resume` completes it."""
    account = synthetic(buckets=200, keys=2, regions=2)
    partial = tmp_path / "r.csv.partial"
    with StubAws(account, Behaviour(latency=0.03)) as stub:
        with running("--endpoint-url", stub.url, "-o", tmp_path / "r.csv", "--max-concurrency", "3") as process:
            wait_for_lines(partial, 20)
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        kept = rows_of(partial)
        assert process.returncode == 130, said
        assert f"{len(kept)} buckets are audited and kept" in said
        stub.reset_stats()
        assert s3audit("run", "--endpoint-url", stub.url, "--resume", partial).returncode == 0
        assert asked_again(stub, kept) == []
    assert rows_of(tmp_path / "r.csv") == expected(account)


def test_ctrl_c_until_it_has_ended_hides_nothing_of_what_is_left(tmp_path: Path) -> None:
    """Whenever they come: what is kept is said, and the exit code is that of an interrupted run."""
    partial = tmp_path / "r.csv.partial"
    with (
        StubAws(synthetic(buckets=200, keys=2, regions=2), Behaviour(latency=0.03)) as stub,
        running("--endpoint-url", stub.url, "-o", tmp_path / "r.csv", "--max-concurrency", "3") as process,
    ):
        wait_for_lines(partial, 20)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.005)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert f"{len(rows_of(partial))} buckets are audited and kept" in said
    assert "Exception" not in said


# Where there is no room.


def test_a_full_disk_keeps_the_rows_that_fitted_and_says_how_many(tmp_path: Path) -> None:
    """Exit 4 in the middle of a run; whole lines only, the number is exact, and `--resume` needs no row again."""
    account = synthetic(buckets=900, keys=5, regions=3, kms_share=0.9)
    partial = tmp_path / "r.csv.partial"
    with StubAws(account, Behaviour(latency=0.002)) as stub:
        with running("--endpoint-url", stub.url, "-o", tmp_path / "r.csv", after=room_for(20)) as process:
            _, said = process.communicate(timeout=60)
        kept = rows_of(partial)
        assert process.returncode == 4, said
        assert f"cannot write {partial}: the file is too large (make room, then go on with --resume)" in said
        assert f"{len(kept)} buckets are audited and kept in {partial}." in said
        assert 50 < len(kept) < 900
        assert partial.read_bytes().endswith(b"\r\n")
        stub.reset_stats()
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", partial)
        assert asked_again(stub, kept) == []
    assert done.returncode == 0, done.stderr
    assert f"Going on with {len(kept)} rows that are there." in done.stderr
    assert rows_of(tmp_path / "r.csv") == expected(account)


def test_a_disk_without_room_for_a_single_row_leaves_nothing(tmp_path: Path) -> None:
    """No run state for a report that there is not."""
    with StubAws(synthetic(buckets=30, keys=1, regions=1)) as stub:
        process = start("run", "--endpoint-url", stub.url, "-o", tmp_path / "r.csv", after=room_for(0))
        _, said = process.communicate(timeout=60)
        assert stub.stats.total == 0
    assert (process.returncode, said.count("\n")) == (4, 1), said
    assert list(tmp_path.iterdir()) == []


def test_standard_output_without_room_ends_the_run(tmp_path: Path) -> None:
    """In a file that the shell opened, whole lines only, and the number is exact."""
    account = synthetic(buckets=900, keys=5, regions=3, kms_share=0.9)
    redirected = tmp_path / "r.csv"
    with StubAws(account) as stub:
        command = [*COMMAND, "run", "--endpoint-url", stub.url, "-o", "-"]
        for target, limit in (redirected, 20), ("/dev/full", "unlimited"):
            done = subprocess.run(
                ["/bin/sh", "-c", f'{room_for(limit)}; exec "$@" > {shlex.quote(str(target))}', "sh", *command],
                check=False,
                capture_output=True,
                env=environment(),
                text=True,
            )
            assert done.returncode == 4, done.stderr
            if target == redirected:
                assert "cannot write standard output: the file is too large" in done.stderr
                assert f"{len(rows_of(redirected))} buckets are audited and written to standard output." in done.stderr
            else:
                assert done.stderr.startswith("s3audit: cannot write standard output: the disk is full")
                assert done.stderr.count("\n") == 1
    assert redirected.read_bytes().endswith(b"\r\n")
    assert rows_of(redirected).items() <= expected(account).items()


# One report, one run, one owner.


def test_a_report_that_a_run_is_writing_is_refused_to_others(tmp_path: Path) -> None:
    """By -o and by --resume, with nothing asked and nothing changed."""
    report, partial = tmp_path / "r.csv", tmp_path / "r.csv.partial"
    with (
        StubAws(mixed_account(), Behaviour(latency=hanging)) as stub,
        running("--endpoint-url", stub.url, "-o", report, "--timeout", "3600") as process,
    ):
        wait_for_lines(partial, 5)
        wait_until(lambda: stub.stats.in_flight == 2, what="nothing but the buckets that hang")
        before, calls = partial.read_bytes(), stub.stats.total
        for place in ("-o", report), ("--resume", partial), ("--resume", report):
            refused = s3audit("run", "--endpoint-url", stub.url, *place)
            assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
            assert "another run is writing" in refused.stderr
        assert (partial.read_bytes(), stub.stats.total) == (before, calls)
        process.terminate()
        assert process.wait(60) == 130
    assert len(rows_of(partial)) == 4


def test_whatever_the_umask_nobody_else_may_read(tmp_path: Path) -> None:
    """The partial file and the run state while it runs, the report after."""
    report, partial, state = tmp_path / "r.csv", tmp_path / "r.csv.partial", tmp_path / "r.csv.resume"
    behaviour = Behaviour(latency=hanging)
    with (
        StubAws(mixed_account(), behaviour) as stub,
        running("--endpoint-url", stub.url, "-o", report, "--timeout", "3600", after="umask 0") as process,
    ):
        wait_for_lines(partial, 5)
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (partial, state)]
        process.terminate()
        process.wait(60)
        behaviour.latency = 0.0
        with running("--endpoint-url", stub.url, "--resume", partial, after="umask 0") as resumed:
            assert resumed.wait(60) == 0
    assert [*modes, stat.S_IMODE(report.stat().st_mode)] == [0o600] * 3


def test_whoever_reads_the_report_meets_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    """Never half of one."""
    account = synthetic(buckets=600, keys=3, regions=2)
    report = tmp_path / "r.csv"
    yesterday = f"{HEADER}\r\nyesterday,AES256,N/A,False\r\n".encode()
    report.write_bytes(yesterday)
    met = set()
    with (
        StubAws(account, Behaviour(latency=0.005)) as stub,
        running("--endpoint-url", stub.url, "-q", "-o", report) as process,
    ):
        while process.returncode is None:
            met.add(report.read_bytes())
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.002)
    complete = report.read_bytes()
    assert process.returncode == 0
    assert yesterday in met
    assert met <= {yesterday, complete}
    assert rows_of(report) == expected(account)


# What has to be the same.


def test_the_options_that_chose_the_buckets_are_restored(tmp_path: Path) -> None:
    """And need not be given again; given again, they are taken."""
    for again in (), ("--prefix", "b-"), ("--prefix", "b-", "--include-region", "eu-west-1"):
        with StubAws(mixed_account()) as stub:
            partial = interrupted(stub, tmp_path / "r.csv", "--prefix", "b-", "--include-region", "eu-west-1")
            done = s3audit("run", "--endpoint-url", stub.url, "--resume", partial, *again)
            assert done.returncode == 0, done.stderr
            assert "could not be checked" not in done.stderr
            assert rows_of(tmp_path / "r.csv").keys() == {"b-2", "b-3", "b-hangs-eu"}
            assert stub.stats.calls == {"ListBuckets": 1, ENCRYPTION: 1, IDENTITY: 1}
        assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_named_buckets_are_restored(tmp_path: Path) -> None:
    """Without a listing."""
    with StubAws(mixed_account()) as stub:
        partial = interrupted(stub, tmp_path / "r.csv", "--bucket", "b-1", "--bucket", "b-hangs")
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", partial)
        assert stub.stats.calls["ListBuckets"] == 0
    assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "r.csv").keys() == {"b-1", "b-hangs"}


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--prefix", "a-", "--prefix is a- now, but was b- when the report was begun"),
        ("--include-region", "us-east-1", "--include-region is us-east-1 now, but was eu-west-1 when"),
        ("--exclude-region", "us-east-1", "--exclude-region is us-east-1 now, but was not given when"),
        ("--bucket", "b-2", "--bucket is b-2 now, but was not given when"),
    ],
)
def test_another_choice_of_buckets_is_refused_and_nothing_touched(
    tmp_path: Path, option: str, value: str, said: str
) -> None:
    """Exit 2, both values in one line, nothing asked."""
    with StubAws(mixed_account()) as stub:
        partial = interrupted(stub, tmp_path / "r.csv", "--prefix", "b-", "--include-region", "eu-west-1")
        before = contents(tmp_path)
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", partial, option, value)
        assert stub.stats.total == 0
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"s3audit: {said}")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("wide", [(), ("--wide",)])
def test_another_account_is_refused_and_nothing_touched(tmp_path: Path, wide: tuple[str, ...]) -> None:
    """Exit 2, and no bucket asked about; for a wide report also if nothing stands beside it."""
    with StubAws(mixed_account()) as stub:
        partial = interrupted(stub, tmp_path / "r.csv", *wide)
        partial.write_bytes(partial.read_bytes() + b'b-hangs,"torn')
        stub.account = mixed_account("999999999999")
        for beside in (True, False) if wide else (True,):
            if not beside:
                (tmp_path / "r.csv.resume").unlink()
            stub.reset_stats()
            before = contents(tmp_path)
            done = s3audit("run", "--endpoint-url", stub.url, "-q", "--resume", partial)
            assert done.returncode == 2, done.stderr
            assert f"report is of account {ACCOUNT_ID}, the credentials belong to 999999999999" in done.stderr
            assert done.stderr.count("\n") == 1
            assert stub.stats.calls == {IDENTITY: 1}
            assert contents(tmp_path) == before


def test_an_account_that_is_not_told_is_gone_on_with_and_said_so(tmp_path: Path) -> None:
    """STS may be out of reach; the rows are worth more."""
    with StubAws(mixed_account()) as stub:
        partial = interrupted(stub, tmp_path / "r.csv")
        stub.behaviour.denied = {IDENTITY}
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", partial)
    assert done.returncode == 0, done.stderr
    assert (
        f"Whether the credentials belong to account {ACCOUNT_ID} could not be checked: it is not told." in done.stderr
    )
    assert len(rows_of(tmp_path / "r.csv")) == 6


def test_an_account_that_was_not_told_then_is_not_checked_now(tmp_path: Path) -> None:
    """But the options are."""
    with StubAws(mixed_account(), Behaviour(denied={IDENTITY})) as stub:
        partial = interrupted(stub, tmp_path / "r.csv", "--prefix", "b-", known=False)
        stub.behaviour.denied = ()
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", partial)
    assert done.returncode == 0, done.stderr
    assert "Whether the account is the same could not be checked: it was not told then." in done.stderr
    assert len(rows_of(tmp_path / "r.csv")) == 5


def test_a_report_by_itself_is_gone_on_with_and_what_could_not_be_checked_is_said(tmp_path: Path) -> None:
    """As after a move: one line."""
    (tmp_path / "r.csv.partial").write_bytes(f"{HEADER}\r\na-1,AES256,N/A,False\r\n".encode())
    with StubAws(mixed_account()) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", tmp_path / "r.csv.partial")
    assert done.returncode == 0, done.stderr
    said = f"Whether account and options are the same could not be checked: there is no {tmp_path / 'r.csv.resume'}"
    assert said in done.stderr
    assert len(rows_of(tmp_path / "r.csv")) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_a_run_state_of_something_else_is_refused(tmp_path: Path) -> None:
    """Exit 2, one line with what to do, nothing asked or touched."""
    with StubAws(mixed_account()) as stub:
        partial = interrupted(stub, tmp_path / "r.csv")
        (tmp_path / "r.csv.resume").write_text("{}")
        before = contents(tmp_path)
        done = s3audit("run", "--endpoint-url", stub.url, "--resume", partial)
        assert stub.stats.total == 0
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "is not the state of a run that this s3audit can read (remove it" in done.stderr
    assert contents(tmp_path) == before


def test_the_run_state_is_there_as_long_as_a_row_holds_an_error(tmp_path: Path) -> None:
    """With the account, so that the mending run can be sure; and gone once there is nothing left to mend."""
    account = StubAccount(buckets=[StubBucket("fails"), StubBucket("good")])
    faults = first(99, ErrorAnswer(500, "InternalError"), operation=ENCRYPTION, target="fails")
    report, state = tmp_path / "r.csv", tmp_path / "r.csv.resume"
    with StubAws(account, Behaviour(faults=faults)) as stub:
        failed = s3audit("run", "--endpoint-url", stub.url, "-o", report, "--max-attempts", "1")
        assert failed.returncode == 3, failed.stderr
        assert json.loads(state.read_text())["account"] == account.id
        stub.behaviour.faults = None
        stub.account = StubAccount("999999999999", account.buckets)
        before = contents(tmp_path)
        assert s3audit("run", "--endpoint-url", stub.url, "--resume", report).returncode == 2
        assert contents(tmp_path) == before
        stub.account = account
        assert s3audit("run", "--endpoint-url", stub.url, "--resume", report).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_a_run_that_cannot_begin_leaves_an_older_reports_state(tmp_path: Path) -> None:
    """The older report can still be mended."""
    with StubAws(mixed_account()) as stub:
        partial = interrupted(stub, tmp_path / "r.csv")
        partial.replace(tmp_path / "r.csv")
        before = contents(tmp_path)
        stub.behaviour.denied = {"ListBuckets"}
        failed = s3audit("run", "--endpoint-url", stub.url, "-o", tmp_path / "r.csv", "--prefix", "zzz")
    assert failed.returncode == 4, failed.stderr
    assert contents(tmp_path) == before


def test_the_command_that_is_printed_works_as_it_is(tmp_path: Path, isolated: Path) -> None:
    """With profile, region and endpoint, whatever characters they have."""
    (isolated / ".aws").mkdir()
    (isolated / ".aws" / "config").write_text(
        '[profile "my audit"]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n'
    )
    folder = tmp_path / "it's here"
    folder.mkdir()
    partial = folder / "r.csv.partial"
    account = mixed_account()
    with StubAws(account, Behaviour(latency=hanging)) as stub:
        access = ("--profile", "my audit", "--region", "eu-west-1", "--endpoint-url", stub.url)
        with running(*access, "-o", folder / "r.csv", "--timeout", "3600") as process:
            wait_for_lines(partial, 5)
            process.terminate()
            _, said = process.communicate(timeout=60)
        stub.behaviour.latency = 0.0
        name, *arguments = shlex.split(said.rpartition("Go on with: ")[2])
        assert (name, arguments) == ("s3audit", ["run", "--resume", str(partial), *access])
        done = s3audit(*arguments)
    assert done.returncode == 0, done.stderr
    assert rows_of(folder / "r.csv") == expected(account)
