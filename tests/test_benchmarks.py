"""The benchmarks' contenders and how their reports are checked. No test here looks at a time."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.contenders.checking import WrongReportError, check_organization, check_report
from benchmarks.contenders.course import CONTENDERS as ALL
from benchmarks.contenders.course import Contender, ContenderError, Course, Measure, environment, run_course, warm_up
from benchmarks.contenders.figures import FIGURES, RATIOS, from_json, results, to_json
from benchmarks.contenders.rows import HEADER
from benchmarks.questions.rate_limit import outcome
from benchmarks.stub import StubAccount, synthetic, synthetic_organization
from benchmarks.suite.peak import spent_by

if TYPE_CHECKING:
    from pathlib import Path

TINY = Course(buckets=24, original_buckets=4, keys=3, regions=2, latency_ms=1.0)
LIAR = """
from benchmarks.contenders.assignment import perform
from benchmarks.contenders.rows import Row, write

perform(lambda assignment: write(assignment.output, [Row("synthetic-0000000", "AES256", "N/A", "Maybe")]))
"""


def quiet(_: str) -> None:
    """What a course tells is nothing to a test."""


def report(path: Path, account: StubAccount) -> list[list[str]]:
    """Write the right report, for a test to spoil."""
    rows = [list(HEADER), *([bucket.name, *account.expected(bucket.name)] for bucket in account.index)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return rows


def test_a_wrong_row_ends_a_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says who was wrong, about which bucket."""
    (tmp_path / "liar.py").write_text(LIAR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ContenderError, match="liar: the row of synthetic-0000000 is"):
        run_course(TINY, [Contender("liar", "liar")], told=quiet)


def test_a_contender_that_dies_ends_a_course() -> None:
    """It shows what the contender said; a warm-up does so, too."""
    with pytest.raises(ContenderError, match=r"absent ended with status 1:\n.*No module named"):
        warm_up([Contender("absent", "benchmarks.contenders.absent")])


def test_the_right_report_passes_in_any_order(tmp_path: Path) -> None:
    """Concurrent contenders write rows as they come."""
    account = synthetic(30, 5, 3)
    path = tmp_path / "report.csv"
    header, *lines = report(path, account)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *reversed(lines)])
    check_report(path, account)


@pytest.mark.parametrize("column", [1, 2, 3])
def test_a_wrong_cell_is_found(column: int, tmp_path: Path) -> None:
    """Whichever it is, and the bucket is named."""
    account = synthetic(30, 5, 3)
    path = tmp_path / "report.csv"
    lines = report(path, account)
    lines[17][column] += "x"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    with pytest.raises(WrongReportError, match=lines[17][0]):
        check_report(path, account)


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (slice(0, 30), "1 buckets have no row, synthetic-0000029 first"),
        (slice(1, 31), "the header is"),
        (slice(0), "header"),
    ],
)
def test_a_row_that_is_missing_is_found(keep: slice, said: str, tmp_path: Path) -> None:
    """Be it a bucket's or the header."""
    account = synthetic(30, 5, 3)
    path = tmp_path / "report.csv"
    lines = report(path, account)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines[keep])
    with pytest.raises(WrongReportError, match=said):
        check_report(path, account)


def test_a_row_that_is_torn_is_found(tmp_path: Path) -> None:
    """By its line: what is not CSV is a wrong report as any other."""
    account = synthetic(30, 5, 3)
    path = tmp_path / "report.csv"
    report(path, account)
    with path.open("a") as file:
        file.write('"synth')
    with pytest.raises(WrongReportError, match="line 33 is no CSV"):
        check_report(path, account)


def test_a_row_that_is_one_too_many_is_found(tmp_path: Path) -> None:
    """The second row of a bucket, as well as one of a bucket that nobody asked about."""
    account = synthetic(30, 5, 3)
    path = tmp_path / "report.csv"
    lines = report(path, account)
    with pytest.raises(WrongReportError, match="one too many"):
        check_report(path, account, 29)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*lines, lines[3]])
    with pytest.raises(WrongReportError, match="one too many"):
        check_report(path, account)


def test_a_report_of_an_organization_is_held_against_those_accounts_that_can_be_entered(tmp_path: Path) -> None:
    """In any order; a row of one that is denied is wrong, as is one that is missing."""
    organization = synthetic_organization(4, 10, 2, denied=1)
    path = tmp_path / "report.csv"
    lines = [
        [bucket.name, *member.account.expected(bucket.name)]
        for member in organization.members
        for bucket in member.account.index
    ]

    def written(rows: list[list[str]]) -> Path:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
        return path

    check_organization(written(lines[29::-1]), organization)
    with pytest.raises(WrongReportError, match="of no account that can be entered"):
        check_organization(written(lines[:31]), organization)
    with pytest.raises(WrongReportError, match=rf"1 buckets have no row, {lines[29][0]} first"):
        check_organization(written(lines[:29]), organization)
    with pytest.raises(WrongReportError, match="one too many"):
        check_organization(written([*lines[:30], lines[12]]), organization)


def test_a_ratio_is_taken_within_its_round() -> None:
    """A round in which the machine was twice as slow for both leaves the ratio as it is."""

    def measure(seconds: float) -> Measure:
        return Measure(10, seconds, seconds, seconds, {"ListBuckets": 1}, 1, 1, 0.0)

    measured = {name: [measure(1.0), measure(2.0), measure(4.0)] for name in ("original", "threads", "aiobotocore")}
    measured["s3audit"] = [measure(0.5), measure(1.0), measure(2.0)]
    found = results(Course(buckets=10), ALL, measured)["s3audit"]
    for other, names in RATIOS.items():
        for name in names:
            ratio = found.ratios[other][name]
            assert (ratio.least, ratio.median, ratio.most) == (0.5, 0.5, 0.5)
    assert set(found.figures) == set(FIGURES)
    assert found.ideal_wall_ms_per_bucket == 20.0 / 64


def test_measures_survive_the_results_file() -> None:
    """What comes out of the findings is what went in."""
    measured = {"s3audit": [Measure(10, 1.0, 2.0, 3.0, {"ListBuckets": 1}, 1, 1, 0.0, throttled=2)]}
    assert from_json(to_json(measured)) == measured


def test_the_share_of_the_rate_counts_the_burst_once() -> None:
    """150 buckets, 100 a second for 1.4 s and 10 at once: all that was allowed."""
    course = Course(buckets=150, regions=1, s3_rate=100.0, burst=10.0)
    calls = {"ListBuckets": 4, "GetBucketEncryption": 196, "DescribeKey": 20}
    found = outcome(course, Measure(150, 2.0, 1.0, 1.0, calls, 1, 1, 0.0, throttled=50, asking_seconds=1.4))
    assert found.rate_used == pytest.approx(1.0)
    assert found.thrown_away == pytest.approx(0.25)


def test_the_peak_of_a_command_is_its_own() -> None:
    """However large the process has been that asks for it; its exit code and what it said come along."""
    large = b"x" * 300_000_000
    spent = spent_by(
        [sys.executable, "-c", "import sys; print('out'); sys.exit('bad')"], environment=environment(), patience=60.0
    )
    assert len(large) > spent.peak_rss_bytes > 1_000_000
    assert (spent.code, spent.said) == (1, "bad\n")


def test_a_command_that_takes_too_long_is_killed() -> None:
    """And says so by its exit code."""
    spent = spent_by([sys.executable, "-c", "import time; time.sleep(600)"], environment=environment(), patience=0.2)
    assert spent.code == -9
