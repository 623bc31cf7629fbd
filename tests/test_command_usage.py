"""Bad input: one clear line, exit 2, nothing asked of AWS, nothing half-written. And the other commands."""

from __future__ import annotations

import json
import os
import platform
import pty
import select
import subprocess
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import s3audit_async
from benchmarks.stub import Behaviour, StubAccount, StubAws, StubBucket, synthetic
from s3audit_async.cli import main
from tests.command import COMMAND, environment, s3audit, start

IMPORTED = "import sys; from s3audit_async.cli import main; main({}); print(sorted(sys.modules), file=sys.stderr)"


def usage_cases(folder: Path) -> list[tuple[list[str], str]]:
    """Arguments that cannot work, and what the one line must say."""
    return [
        (["run", "--no-such-option"], "No such option"),
        (["run", "surplus"], "unexpected extra argument"),
        (["rum"], "No such command 'rum': did you mean 'run'?"),
        (["frobnicate"], "No such command"),
        (["run", "--format", "xls"], "'xls' is not one of"),
        (["run", "--max-concurrency", "0"], "--max-concurrency"),
        (["run", "--max-concurrency", "99999999"], "'--max-concurrency': 99999999 is not in the range 1<=x<=10000"),
        (["run", "--max-attempts", "many"], "not a valid integer"),
        (["run", "--timeout", "0"], "'--timeout'"),
        (["run", "--timeout", "nan"], "'--timeout'"),
        (["run", "--retry-max-time", "-1"], "'--retry-max-time'"),
        (["run", "--log-format", "xml"], "'xml' is not one of"),
        (["run", "--region", "Frankfurt"], "not a region name"),
        (["run", "--include-region", "eu west"], "not a region name"),
        (["run", "--include-region", "eu-west-1", "--exclude-region", "eu-west-1"], "both included and excluded"),
        (["run", "--endpoint-url", "localhost:5000"], "not an endpoint URL"),
        (["run", "--endpoint-url", "http://host:port"], "not an endpoint URL"),
        (["run", "--bucket", "no/slashes"], "not a bucket name"),
        (["run", "--bucket", "abc", "--prefix", "a"], "exclude each other"),
        (["run", "--buckets-from", str(folder / "nothing.txt")], "cannot read"),
        (["run", "--buckets-from", str(folder / "empty.txt")], "names no bucket"),
        (["run", "--buckets-from", str(folder / "binary")], "not UTF-8"),
        (["run", "--buckets-from", str(folder / "words.txt")], "not a bucket name"),
        (["run", "--profile", "nobody"], "nobody"),
        (["run", "-o", str(folder / "nowhere" / "r.csv")], "no directory"),
        (["run", "-o", f"{folder}/nowhere/"], "no directory"),
        (["run", "-o", "/sys/r.csv"], "cannot write"),
        (["run", "-o", str(folder / "r.csv.partial")], "unfinished report"),
        (["run", "-o", str(folder / "busy.csv")], "is an unfinished report"),
        (["run", "--stats", str(folder / "nowhere" / "s.json")], "no directory"),
        (["run", "--stats", str(folder)], "is a directory"),
        (["run", "--stats", "same.csv", "-o", "same.csv"], "where the report goes"),
        (["run", "--stats", "-"], "name a file"),
        (["run", "-o", "/dev/null"], "no ordinary file"),
        (["run", "--resume", str(folder / "nothing.csv")], "cannot read"),
        (["run", "--resume", str(folder / "words.txt")], "not a report of s3audit"),
        (["run", "--resume", str(folder)], "no ordinary file"),
        (["run", "--resume", str(folder / "foreign.csv")], "line 2"),
        (["run", "--resume", str(folder / "busy.csv"), "-o", "x.csv"], "leave -o out"),
        (["run", "--resume", str(folder / "busy.csv"), "--wide"], "--wide"),
        (["run", "--resume", str(folder / "busy.csv"), "--format", "jsonl"], "--format"),
        (["demo", "--buckets", "0"], "--buckets"),
        (["demo", "--latency-ms", "-1"], "--latency-ms"),
        (["iam-policy", "--partition", "mars"], "not a partition"),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that cannot be used."""
    folder = tmp_path_factory.mktemp("files")
    header = "Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\n"
    (folder / "empty.txt").write_text("\n# nothing\n")
    (folder / "words.txt").write_text("what is this?\n")
    (folder / "binary").write_bytes(b"\xff\xfe\x00abc")
    (folder / "busy.csv.partial").write_text(header + "some-bucket,InternalError,Unknown,\r\n")
    (folder / "foreign.csv").write_text(header + "one,cell,too,many,here\r\n")
    return folder


_IN_A_PROCESS = 4
"""How many kinds of bad input meet the real command; the others meet the same `main` in this process."""


def test_unusable_input_is_one_line_and_exit_2(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """For each kind of bad input: what is wrong and what to do, on one line, before any call."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.chdir(tmp_path)
    with StubAws(synthetic(buckets=3, keys=1, regions=1)) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        for number, (arguments, said) in enumerate(usage_cases(folder)):
            if number % (len(usage_cases(folder)) // _IN_A_PROCESS) == 0:
                done = s3audit(*arguments, cwd=tmp_path)
                code, out, err = done.returncode, done.stdout, done.stderr
            else:
                code = main(arguments)
                out, err = capfd.readouterr()
            context = f"{arguments}: {err}"
            assert code == 2, context
            assert said in err, context
            assert out == "", context
            assert err.count("\n") == 1, context
            assert err.startswith("s3audit: "), context
            assert err.endswith(")\n"), context
        assert stub.stats.total == 0
    assert list(tmp_path.iterdir()) == []
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_help_imports_nothing_heavy() -> None:
    """Neither SDK, nor rich, nor moto, nor the engine."""
    for arguments in ("--help",), ("run", "--help"), ("demo", "--help"):
        code = IMPORTED.format(list(arguments))
        done = subprocess.run(
            [*COMMAND[:-2], "-c", code], check=True, capture_output=True, text=True, env=environment()
        )
        imported = set(eval(done.stderr))
        heavy = {"boto3", "botocore", "aiobotocore", "aioboto3", "aiohttp", "rich", "moto", "anyio", "tenacity"}
        assert not imported & heavy
        assert "Usage: s3audit" in done.stdout


def test_without_a_command_it_shows_the_help_page() -> None:
    """As `--help` does."""
    assert s3audit().stdout == s3audit("--help").stdout
    assert s3audit().returncode == 0


def test_output_that_cannot_be_written_is_no_traceback() -> None:
    """One line, exit 4."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "iam-policy"], check=False, stdout=full, stderr=subprocess.PIPE, text=True, env=environment()
        )
    assert (done.returncode, done.stderr) == (4, "s3audit: cannot go on: No space left on device\n")


def test_version() -> None:
    """The package's own, with what it runs on, in one line."""
    shown = s3audit("--version").stdout
    versions = (
        f"Python {platform.python_version()}, aiobotocore {version('aiobotocore')}, botocore {version('botocore')}"
    )
    assert shown == f"s3audit, version {s3audit_async.__version__} ({versions})\n"


def test_iam_policy_is_json_on_stdout() -> None:
    """For the options chosen, ready for `aws iam create-policy`."""
    done = s3audit("iam-policy", "--prefix", "prod-", "--partition", "aws-cn")
    policy = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert [statement["Action"] for statement in policy["Statement"]] == [
        ["s3:ListAllMyBuckets"],
        ["s3:GetEncryptionConfiguration"],
        ["kms:DescribeKey"],
    ]
    assert policy["Statement"][1]["Resource"] == "arn:aws-cn:s3:::prod-*"


def on_a_terminal(*arguments: str, typed: str, cwd: Path) -> tuple[int, str]:
    """Run the command on a terminal of its own; give its exit code and all that stood on the screen."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        env={**environment(), "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    os.write(controller, typed.encode())
    screen = b""
    while True:
        ready, _, _ = select.select([controller], [], [], 60)
        assert ready, screen
        try:
            piece = os.read(controller, 65536)
        except OSError:  # Linux says EIO when the last writer has closed
            break
        if not piece:
            break
        screen += piece
    os.close(controller)
    return process.wait(60), screen.decode()


def test_on_a_terminal_it_asks_where_the_report_goes_and_shows_progress(tmp_path: Path) -> None:
    """As the original did; progress is there while it runs, the summary after."""
    with StubAws(synthetic(buckets=200, keys=3, regions=3)) as stub:
        stub.behaviour.latency = 0.02
        code, screen = on_a_terminal("run", "--endpoint-url", stub.url, typed="mine.csv\n", cwd=tmp_path)
    assert code == 0, screen
    assert "Directory or file for the report [.]:" in screen
    assert "of 200" in screen
    assert "buckets," in screen
    assert "eu-west-1" in screen
    assert "Report: mine.csv" in screen
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_ctrl_c_at_the_question_is_130(tmp_path: Path) -> None:
    """Nothing is written."""
    code, screen = on_a_terminal("run", typed="\x04", cwd=tmp_path)
    assert code == 130
    assert "interrupted" in screen
    assert list(tmp_path.iterdir()) == []


def test_it_runs_as_a_module_and_as_a_command(tmp_path: Path) -> None:
    """`python -m s3audit_async` and the entry point are the same function."""
    with StubAws(StubAccount(buckets=[StubBucket("one")])) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "-q", "-o", "-", cwd=tmp_path)
    assert done.stdout.splitlines()[1] == "one,AES256,N/A,False"
    (entry,) = entry_points(group="console_scripts", name="s3audit")
    assert entry.value == "s3audit_async.cli:main"


def test_more_connections_than_open_files_are_allowed_is_said_at_once(tmp_path: Path) -> None:
    """Instead of rows that say that nobody could be reached."""
    process = start(
        "run", "-o", tmp_path / "r.csv", "--max-concurrency", "1000", after="ulimit -S -n 200; ulimit -H -n 300"
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count("\n")) == (2, "", 1)
    assert "--max-concurrency 1000 needs 4128 open files, and 300 are allowed here" in err
    assert "use --max-concurrency 43 at most" in err
    assert list(tmp_path.iterdir()) == []


def test_the_limit_of_open_files_is_raised_as_far_as_it_may_be(tmp_path: Path) -> None:
    """What the shell sets is low on many a machine, and may be raised without asking anybody."""
    with StubAws(synthetic(buckets=400, keys=0, regions=1), Behaviour(latency=0.2)) as stub:
        process = start(
            *("run", "--endpoint-url", stub.url, "-q", "-o", tmp_path / "r.csv", "--max-concurrency", "150"),
            after="ulimit -S -n 100; ulimit -H -n 1000",
        )
        out, err = process.communicate(timeout=60)
        peak = stub.stats.peak_in_flight
    assert (process.returncode, out, err) == (0, "", "")
    assert peak > 100


def test_figures_and_reports_are_not_written_over_each_other_or_the_list_of_buckets(tmp_path: Path) -> None:
    """However the place is spelled; nothing is asked and nothing changed."""
    names = tmp_path / "names.txt"
    names.write_text("some-bucket\n")
    report = tmp_path / "r.csv"
    report.write_text("yesterday")
    (tmp_path / "link").symlink_to(report)
    (tmp_path / "d").mkdir()
    for arguments, said in (
        (("-o", report, "--stats", tmp_path / "d" / ".." / "r.csv"), "where the report goes"),
        (("-o", report, "--stats", tmp_path / "link"), "where the report goes"),
        (("-o", report, "--stats", tmp_path / "r.csv.partial"), "where the report goes"),
        (("-o", report, "--stats", tmp_path / "r.csv.resume"), "where the report goes"),
        (("-o", names, "--buckets-from", names), "is the list of buckets"),
        (("-o", report, "--stats", names, "--buckets-from", names), "is the list of buckets"),
    ):
        done = s3audit("run", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert said in done.stderr
    assert (names.read_text(), report.read_text()) == ("some-bucket\n", "yesterday")


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that nobody writes to."""
    os.mkfifo(tmp_path / "pipe")
    done = s3audit("run", "--resume", tmp_path / "pipe")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no ordinary file" in done.stderr


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("AWS_REGION=bad region", 2, "not a region name"),
        ("AWS_CA_BUNDLE=junk.pem", 4, "TLSError"),
        ("AWS_SESSION_TOKEN=token-with-a-line-break\n", 2, "for line breaks"),
    ],
)
def test_an_environment_that_cannot_work_is_not_tried_again_and_again(
    setting: str, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, nothing that reaches AWS, and no report left."""
    (tmp_path / "junk.pem").write_text("no certificate")
    monkeypatch.setenv(*setting.split("=", 1))
    with StubAws() as stub:
        url = stub.url.replace("http:", "https:") if "CA_BUNDLE" in setting else stub.url
        done = s3audit("run", "--endpoint-url", url, "-o", "r.csv", cwd=tmp_path)
        assert not stub.stats.total
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["junk.pem"]


def test_a_region_that_holds_no_bucket_is_named(tmp_path: Path) -> None:
    """A mistyped region is not taken for an account without buckets."""
    with StubAws(synthetic(buckets=10, keys=0, regions=2)) as stub:
        done = s3audit(
            *("run", "--endpoint-url", stub.url, "-o", tmp_path / "r.csv"),
            *("--include-region", "eu-west-1", "--include-region", "eu-wset-1"),
        )
    assert done.returncode == 0
    assert "note: no bucket was listed in eu-wset-1" in done.stderr
    assert "listed in eu-west-1" not in done.stderr


def test_a_standard_output_that_is_closed_is_said_at_once() -> None:
    """Before anything is asked."""
    process = start("run", "-o", "-", after="exec 1>&-")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("\n")) == (2, 1)
    assert "standard output is closed" in err


def test_ctrl_c_finds_the_command_ready() -> None:
    """Hardly anything is imported before there is somebody to catch it, which takes the longest part of a start."""
    code = "import sys, s3audit_async.cli; print(*sorted({'typing', 'enum'} & {*sys.modules} | ours(sys.modules)))"
    code = "ours = lambda names: {name for name in names if name.startswith('s3audit_')}; " + code
    done = subprocess.run([*COMMAND[:-2], "-c", code], check=True, capture_output=True, text=True, env=environment())
    assert done.stdout.split() == ["s3audit_async", "s3audit_async.cli"]


def test_the_package_has_the_names_it_lists() -> None:
    """Each imported when it is used, and no other."""
    assert dir(s3audit_async) == sorted(s3audit_async.__all__)
    for name in s3audit_async.__all__:
        assert getattr(s3audit_async, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        s3audit_async.nothing  # noqa: B018
