"""`s3audit run` with a policy and a page: exit codes, and what a resumed run makes of them."""

from __future__ import annotations

import json
import shlex
import tomllib
from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import Behaviour, ErrorAnswer, StubAccount, StubAws, StubBucket, first
from s3audit_async.cli.outcome import ExitCode
from tests.command import s3audit
from tests.reports import HEADER

if TYPE_CHECKING:
    from pathlib import Path

ENCRYPTION = "GetBucketEncryption"
POLICY = 'fail = ["no-default-encryption"]\n'


def test_a_violated_policy_makes_1_and_the_report_and_the_page_are_there(tmp_path: Path) -> None:
    """The report has its four columns, as ever; the page knows more."""
    with StubAws(StubAccount(buckets=[StubBucket("one"), StubBucket("other")])) as stub:
        decision = ("--policy", "aws-fsbp", "--html", "page.html")
        done = s3audit("run", "--endpoint-url", stub.url, *decision, "-o", "r.csv", cwd=tmp_path)

    assert done.returncode == ExitCode.POLICY_VIOLATED, done.stderr
    assert "Policy aws-fsbp: violated  (2 buckets: 2 in violation)" in done.stderr
    assert "sse-s3-only" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "r.csv"]
    assert (tmp_path / "r.csv").read_text().splitlines()[0] == HEADER
    assert "Policy aws-fsbp" in (tmp_path / "page.html").read_text()


def test_what_cannot_be_read_is_incomplete_till_a_resumed_run_has_read_it(tmp_path: Path) -> None:
    """3, then 0: the rows of the first run count in the second, with all that they told, and the page is made anew.

    It is the command that the first one prints, which brings the policy with it.
    """
    (tmp_path / "p.toml").write_text(POLICY)
    account = StubAccount(buckets=[StubBucket("fails"), StubBucket("good")])
    faults = first(99, ErrorAnswer(500, "InternalError"), operation=ENCRYPTION, target="fails")
    with StubAws(account, Behaviour(faults=faults)) as stub:
        arguments = ("run", "--endpoint-url", stub.url, "--max-attempts", "1", "--policy", "p.toml")
        failed = s3audit(*arguments, "--html", "page.html", "--stats", "figures", "-o", "r.csv", cwd=tmp_path)
        assert failed.returncode == ExitCode.INCOMPLETE, failed.stderr
        assert "Policy p.toml: incomplete  (2 buckets: 1 not known, 1 comply)" in failed.stderr
        assert "InternalError" in (tmp_path / "page.html").read_text()
        stub.behaviour.faults = None
        printed = failed.stderr.split("Ask those buckets again with: s3audit ", 1)[1].splitlines()[0]
        done = s3audit(*shlex.split(printed), cwd=tmp_path)

    assert done.returncode == ExitCode.COMPLETE, done.stderr
    assert f" --policy {tmp_path / 'p.toml'} --stats figures" in printed
    assert "p.toml: passed (2 buckets: 2 comply)" in " ".join(done.stderr.split())  # folded, where the path is long
    assert json.loads((tmp_path / "figures").read_text())["buckets"] == 1
    assert "InternalError" not in (tmp_path / "page.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "p.toml", "page.html", "r.csv"]


def test_a_denied_bucket_is_not_green(tmp_path: Path) -> None:
    """AccessDenied is an answer, but not one that a policy can be held against."""
    account = StubAccount(buckets=[StubBucket("closed")])
    with StubAws(account, Behaviour(denied={ENCRYPTION})) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "--policy", "aws-fsbp", "-o", "-", cwd=tmp_path)

    assert done.returncode == ExitCode.INCOMPLETE
    assert "closed,AccessDenied,Unknown," in done.stdout
    assert "Policy aws-fsbp: incomplete" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--policy", "nothing.toml"), "there is no policy nothing.toml"),
        (("--policy", "bad.toml"), "bad.toml, line 2: "),
        (("--html", "missing/page.html"), "there is no directory missing"),
        (("--html", "page.html", "-o", "-"), "a page is made of a report in a file"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """Nobody listens where requests would go."""
    (tmp_path / "bad.toml").write_text('title = "x"\nfail = ["no-such-finding"]\n')
    done = s3audit("run", *arguments, cwd=tmp_path)

    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (ExitCode.USAGE, 1, "")
    assert said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]


def test_the_policy_to_begin_with_is_one(tmp_path: Path) -> None:
    """It is printed, and can be used as it is."""
    done = s3audit("run", "--init-policy", cwd=tmp_path)

    assert done.returncode == 0
    assert tomllib.loads(done.stdout)["fail"]
    assert list(tmp_path.iterdir()) == []
