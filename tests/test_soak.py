"""The soak, with numbers so small that it proves nothing but that it works. No test here looks at a time."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contenders.checking import WrongReportError
from benchmarks.contenders.rows import HEADER
from benchmarks.soak.__main__ import main
from benchmarks.soak.command import SoakError
from benchmarks.soak.course import Report
from benchmarks.soak.rows import RowCounter, missing, read_rows
from benchmarks.stub import REGIONS, StubAccount, StubProcess, synthetic

ROOT = Path(__file__).parents[1]
ACCOUNT = synthetic(60, 6, 3)
DEAD = REGIONS[2]


def write(path: Path, lines: list[list[str]], torn: str = "") -> Path:
    """A report of these rows, and the beginning of another."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([list(HEADER), *lines])
        file.write(torn)
    return path


def right(account: StubAccount = ACCOUNT) -> list[list[str]]:
    """The rows of a run that could not reach one region."""
    return [
        [bucket.name, "EndpointUnreachable", "Unknown", ""]
        if bucket.region == DEAD
        else [bucket.name, *account.expected(bucket.name)]
        for bucket in account.index
    ]


def place(*, dead: bool) -> int:
    """Where in the report a bucket stands, of the dead region or of another."""
    return next(n for n, bucket in enumerate(ACCOUNT.index) if (bucket.region == DEAD) is dead)


def test_a_soak_loses_no_row_and_has_its_figures(tmp_path: Path) -> None:
    """Killed twice, it ends with 0, which it does only if every row is right, and none was asked for in vain."""
    figures = tmp_path / "figures.json"
    tiny = ["--buckets=900", "--keys=24", "--timeout=2", "--fault-share=0.05", "--baseline-buckets=50"]
    tiny.append("--latency-ms=150")  # so that the report grows slowly enough to be killed on its way, twice
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *tiny, "--json", str(figures)],
        check=False,
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    content = json.loads(figures.read_text())
    assert content["course"]["dead_region"] == REGIONS[7]
    parts = content["parts"]
    assert [part["ended"] for part in parts] == [0, -9, -9, 3]
    assert all(part["name"] in ended.stdout for part in parts)
    baseline, *soaked = parts
    assert (baseline["name"], baseline["peak_rss_ratio"]) == (content["baseline"], 1.0)
    assert not any(baseline["faults"].values())
    dead = sum(bucket.region == REGIONS[7] for bucket in synthetic(900, 24, 8).index)
    assert soaked[-1]["failed"] == dead
    assert sum(part["answered"] for part in soaked) == 900 - dead
    assert 0 < soaked[1]["kept"] < soaked[2]["kept"] < 900
    assert all(part["faults"]["hang"] for part in soaked)
    assert all(part["peak_rss_bytes"] > 0 for part in parts)


def test_what_is_not_as_it_has_to_be_fails_the_soak(capsys: pytest.CaptureFixture[str]) -> None:
    """With 1, and with the part, its exit code and what it said: here, that a timeout of nothing cannot be."""
    assert main(["--buckets=20", "--baseline-buckets=5", "--regions=2", "--timeout=0"]) == 1
    said = capsys.readouterr().err
    assert "The soak failed. baseline: it ended with 2, expected 0:\n" in said
    assert "timeout" in said


def test_a_wrong_row_fails_the_soak(tmp_path: Path) -> None:
    """By the bucket's name: another account was audited than the one that the rows are held against."""
    with (
        StubProcess(buckets=60, keys=6, regions=3, seed=1) as stub,
        pytest.raises(SoakError, match=r"first: the row of synthetic-00000\d\d is"),
    ):
        Report(tmp_path / "soak", ACCOUNT).go_on(stub, "first", 5.0, None)


def test_a_bucket_that_is_asked_again_fails_the_soak(tmp_path: Path) -> None:
    """Its row was there when the run before had ended."""
    report = Report(tmp_path / "soak", ACCOUNT)
    with StubProcess(buckets=60, keys=6, regions=3, track_targets=True) as stub:
        part = report.go_on(stub, "first", 5.0, None)
        assert (part.answered, part.failed, part.retries) == (60, 0, 0)
        path = tmp_path / "soak" / "report.csv"
        rows = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(rows[:-1]))
        name = rows[-1].decode().partition(",")[0]
        said = f"second: 1 buckets that had a row were asked about again, {name} first"
        with pytest.raises(SoakError, match=said):
            report.go_on(stub, "second", 5.0, None)


def test_a_report_that_is_not_finished_may_lack_rows_and_have_a_torn_one(tmp_path: Path) -> None:
    """Which does not count; each other is with an answer or with an error."""
    lines = right()
    found = read_rows(write(tmp_path / "r.csv", lines[:40], torn=lines[40][0]), ACCOUNT, {DEAD})
    dead = {bucket.name for bucket in ACCOUNT.index[:40] if bucket.region == DEAD}
    assert found.failed == dead
    assert found.answered == {line[0] for line in lines[:40]} - dead
    assert list(missing(ACCOUNT, found)) == [line[0] for line in lines[40:]]


@pytest.mark.parametrize("column", [1, 2, 3])
@pytest.mark.parametrize("dead", [False, True])
def test_a_wrong_cell_is_found(tmp_path: Path, column: int, dead: bool) -> None:
    """Whichever it is, in a dead region as well."""
    lines = right()
    line = lines[place(dead=dead)]
    line[column] += "x"
    with pytest.raises(WrongReportError, match=f"the row of {line[0]}"):
        read_rows(write(tmp_path / "r.csv", lines), ACCOUNT, {DEAD})


def test_an_answer_from_a_dead_region_is_wrong_and_an_error_from_another(tmp_path: Path) -> None:
    """Nobody can have given the one, nobody may give the other."""
    path = write(tmp_path / "r.csv", right())
    for dead in (set[str](), {*REGIONS[:3]}):
        with pytest.raises(WrongReportError, match="the row of"):
            read_rows(path, ACCOUNT, dead)


def test_a_row_that_is_one_too_many_is_found(tmp_path: Path) -> None:
    """The second one of a bucket, be it an error's, and that of a bucket that there is not."""
    lines = right()
    for more in (lines[place(dead=False)], lines[place(dead=True)], ["synthetic-9", "AES256", "N/A", ""]):
        with pytest.raises(WrongReportError, match=f"{more[0]}.* is one too many"):
            read_rows(write(tmp_path / "r.csv", [*lines, more]), ACCOUNT, {DEAD})


def test_rows_are_counted_as_they_come_and_anew_in_another_file(tmp_path: Path) -> None:
    """Whole ones, without the header; as `--resume` replaces the report by one with fewer."""
    path, lines = tmp_path / "r.csv", right()
    counter = RowCounter(path)
    assert counter.rows() == 0
    write(path, lines[:3], torn=lines[3][0])
    assert counter.rows() == 3
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(",AES256,N/A,\r\n")
    assert counter.rows() == 4
    write(tmp_path / "other.csv", lines[:2]).replace(path)
    assert counter.rows() == 2
