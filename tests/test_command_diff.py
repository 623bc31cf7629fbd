"""`s3audit diff`: what it takes and refuses, its exit codes, its colours."""

from __future__ import annotations

import itertools
import json
import os
import pty
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from s3audit_async.cli.diff import perform
from s3audit_async.errors import UsageError
from s3audit_async.sinks import make_sink
from tests.command import COMMAND, environment, s3audit
from tests.drifting import DENIED, DISABLED, NO_BUCKET_KEY, OTHER_KEY, SOUND, SSE_S3, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s3audit_async.model import Row

NOT_THERE = Path("not-there.csv")


def report(path: Path, rows: Sequence[Row], *, form: str = "csv", wide: bool = True) -> Path:
    """A report in a file."""
    with path.open("wb") as file:
        sink = make_sink(form, file, wide=wide)
        sink.begin()
        for row in rows:
            sink.write(row)
        sink.end()
    return path


def test_reports_of_different_formats_are_compared_and_one_may_be_standard_input(tmp_path: Path) -> None:
    rows = named([SOUND, SSE_S3, DENIED])
    old = report(tmp_path / "old.csv", rows, wide=False)
    new = report(tmp_path / "new.jsonl", [replace(NO_BUCKET_KEY, bucket="bucket-0"), *rows[:0:-1]], form="jsonl")

    done = s3audit("diff", old, "-", "--format", "json", "--fail-on", "worse", stdin=new.read_text())

    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert document["new"] == {"report": "standard input", "buckets": 3}
    assert document["four_columns"] is True
    assert [(each["bucket_name"], each["direction"]) for each in document["changed"]] == [("bucket-0", "worse")]


def test_a_report_that_cannot_be_used_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = s3audit("diff", NOT_THERE, NOT_THERE, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "s3audit: cannot read not-there.csv: No such file or directory (name a report of s3audit)\n"


def test_nothing_on_standard_input_is_no_empty_report(tmp_path: Path) -> None:
    """Everything would seem removed, because the command before it has failed."""
    done = s3audit("diff", report(tmp_path / "old.csv", [SOUND]), "-", stdin="")

    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing came on standard input" in done.stderr


def test_a_pipe_is_read_as_a_whole(tmp_path: Path) -> None:
    """As `s3audit diff <(zcat old.csv.gz) new.csv` has it."""
    rows = named([SOUND] * 2000)
    report(tmp_path / "old.csv", rows)
    report(tmp_path / "new.jsonl", rows, form="jsonl")

    done = subprocess.run(
        ["/bin/bash", "-c", '"$@" diff <(cat old.csv) <(cat new.jsonl)', "bash", *COMMAND],
        check=False,
        capture_output=True,
        cwd=tmp_path,
        env=environment(),
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "0 added, 0 removed, 0 changed" in done.stdout
    assert "2000 unchanged" in done.stdout


HAPPENED: dict[str, tuple[list[Row], list[Row], set[str]]] = {
    "nothing": ([SOUND], [SOUND], set()),
    "worse": ([SOUND], [DISABLED], {"worse", "changed"}),
    "better": ([SSE_S3], [SOUND], {"changed"}),
    "neutral": ([SOUND], [OTHER_KEY], {"changed"}),
    "unknown": ([SOUND], [DENIED], {"unknown", "changed"}),
    "added": ([], [SOUND], {"added"}),
    "removed": ([SOUND], [], {"removed"}),
}


@pytest.mark.parametrize(("old", "new", "failing"), HAPPENED.values(), ids=HAPPENED)
@pytest.mark.usefixtures("capsys")
def test_what_happened_decides_the_exit_code_if_it_is_to(
    tmp_path: Path, old: list[Row], new: list[Row], failing: set[str]
) -> None:
    places = str(report(tmp_path / "old.csv", old)), str(report(tmp_path / "new.csv", new))
    kinds = ["worse", "unknown", "changed", "added", "added-with-findings", "removed"]

    codes = {kind: perform(*places, form="json", fail_on=[kind]) for kind in kinds}
    assert codes == {kind: int(kind in failing) for kind in kinds}
    for pair in itertools.combinations(kinds, 2):
        assert perform(*places, form="json", fail_on=pair) == int(not failing.isdisjoint(pair))
    assert perform(*places, form="json", fail_on=[]) == 0


def refused(old: Path | str, new: Path | str, capfdbinary: pytest.CaptureFixture[bytes]) -> str:
    """What is said of a pair of reports that is refused, before anything is printed."""
    with pytest.raises(UsageError) as caught:
        perform(str(old), str(new), form="text", fail_on=[])
    assert caught.value.hint
    assert capfdbinary.readouterr() == (b"", b"")
    return str(caught.value)


@pytest.mark.parametrize("turned", [False, True])
def test_what_may_lack_buckets_is_refused(
    tmp_path: Path, turned: bool, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """They would seem removed, or added."""
    good = report(tmp_path / "good.csv", [SOUND])
    partial = report(tmp_path / "r.csv.partial", [SOUND])
    torn = tmp_path / "torn.csv"
    torn.write_bytes(good.read_bytes()[:-9])
    empty = tmp_path / "empty.csv"
    empty.touch()
    twice = report(tmp_path / "twice.csv", [SOUND, NO_BUCKET_KEY])
    expected = {
        partial: f"{partial} is not finished",
        torn: f"{torn} ends within a row",
        empty: f"{empty} is empty",
        twice: f"{twice} has the bucket b twice",
    }

    said = {bad: refused(*((bad, good) if turned else (good, bad)), capfdbinary) for bad in expected}

    assert said == expected


def test_both_reports_cannot_be_standard_input(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert refused("-", "-", capfdbinary) == "OLD and NEW cannot both be standard input"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_account_without_buckets_has_a_report(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    old = report(tmp_path / f"old.{form}", [], form=form)
    new = report(tmp_path / "new.csv", [SOUND])

    assert perform(str(old), str(new), form="text", fail_on=[]) == 0
    assert "1 added, 0 removed" in capsys.readouterr().out


def on_a_terminal(*arguments: str, **variables: str) -> str:
    """What the command prints on a terminal of its own."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env={**environment(), "TERM": "xterm", "COLUMNS": "60", **variables},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    screen = b""
    try:
        while piece := os.read(controller, 65536):
            screen += piece
    except OSError:  # Linux says EIO when the last writer has closed
        pass
    os.close(controller)
    assert process.wait(60) == 0
    return screen.decode()


def test_there_is_colour_on_a_terminal_only_and_none_if_none_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    places = str(report(tmp_path / "old.csv", [SOUND])), str(report(tmp_path / "new.csv", [DISABLED]))

    assert "\x1b[1;31mWorse (1)" in on_a_terminal("diff", *places)
    plain = on_a_terminal("diff", *places, NO_COLOR="1")
    assert not re.search(r"\x1b\[[\d;]*3\dm", plain)
    assert max(map(len, re.sub(r"\x1b\[[\d;]*m", "", plain).splitlines())) <= 60
    assert "\x1b" not in s3audit("diff", *places).stdout
