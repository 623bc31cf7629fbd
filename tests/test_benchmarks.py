"""The benchmark, with numbers so small that it proves nothing but that it works. No test here looks at a time."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.__main__ import main
from benchmarks.contenders.checking import WrongReportError, check_report
from benchmarks.contenders.course import CONTENDERS as ALL
from benchmarks.contenders.course import Contender, Course, Measure
from benchmarks.contenders.figures import FIGURES, RATIOS, results
from benchmarks.contenders.rows import HEADER
from benchmarks.stub import StubAccount, synthetic
from benchmarks.throttling import main as throttling
from benchmarks.throttling import outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
TINY = ["--buckets=24", "--original-buckets=4", "--rounds=1", "--keys=3", "--regions=2", "--latency-ms=1"]
LIAR = """
from benchmarks.contenders.assignment import perform
from benchmarks.contenders.rows import Row, write

perform(lambda assignment: write(assignment.output, [Row("synthetic-0000000", "AES256", "N/A", "Maybe")]))
"""


def numbers(content: object) -> Iterator[float]:
    """Every number in JSON, however deep."""
    if isinstance(content, dict):
        for value in content.values():
            yield from numbers(value)
    elif isinstance(content, int | float):
        yield content


def report(path: Path, account: StubAccount) -> list[list[str]]:
    """Write the right report, for a test to spoil."""
    rows = [list(HEADER), *([bucket.name, *account.expected(bucket.name)] for bucket in account.index)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return rows


def test_the_benchmark_compares_every_contender_with_the_baseline(tmp_path: Path) -> None:
    """It ends with 0, which it does only if all reports are right, and leaves figures and ratios of everybody."""
    figures = tmp_path / "figures.json"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", *TINY, "--json", str(figures)],
        check=False,
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    content = json.loads(figures.read_text())
    assert content["baseline"] == "aiobotocore"
    contenders = content["contenders"]
    assert list(contenders) == ["original", "threads", "aiobotocore", "s3audit"]
    for name, result in contenders.items():
        assert name in ended.stdout
        assert set(result["ratios"]) == {"aiobotocore", "original"}
        assert all(math.isfinite(number) and number > 0 for number in numbers(result["ratios"]))
        assert len(result["rounds"]) == 1
        assert result["rounds"][0]["connections"] > 0
        assert result["rounds"][0]["peak_in_flight"] <= result["in_flight"]
    assert contenders["original"]["buckets"] == 4
    asked_for_keys = len(synthetic(24, 3, 2).lookups())
    for name in ("aiobotocore", "s3audit"):
        calls = contenders[name]["rounds"][0]["calls"]
        assert calls.pop("GetCallerIdentity", 0) <= (
            name == "s3audit"
        )  # for its run state; the run does not wait for it
        assert calls == {"ListBuckets": 1, "GetBucketEncryption": 24, "DescribeKey": asked_for_keys}


def test_a_wrong_row_fails_the_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with 1 and says who was wrong, about which bucket."""
    (tmp_path / "liar.py").write_text(LIAR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert main(TINY, [Contender("liar", "liar")]) == 1
    assert "liar: the row of synthetic-0000000 is" in capsys.readouterr().err


def test_a_contender_that_dies_fails_the_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 1 and shows what the contender said."""
    assert main(TINY, [Contender("absent", "benchmarks.contenders.absent")]) == 1
    assert "absent ended with status 1" in capsys.readouterr().err


def test_the_right_report_passes_in_any_order(tmp_path: Path) -> None:
    """Concurrent contenders write rows as they come."""
    account = synthetic(30, 5, 3)
    path = tmp_path / "report.csv"
    header, *lines = report(path, account)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *reversed(lines)])
    check_report(path, account, [bucket.name for bucket in account.index])


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
        check_report(path, account, [bucket.name for bucket in account.index])


@pytest.mark.parametrize(
    ("keep", "said"), [(slice(0, 30), "1 buckets have no row"), (slice(1, 31), "the header is"), (slice(0), "header")]
)
def test_a_row_that_is_missing_is_found(keep: slice, said: str, tmp_path: Path) -> None:
    """Be it a bucket's or the header."""
    account = synthetic(30, 5, 3)
    path = tmp_path / "report.csv"
    lines = report(path, account)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines[keep])
    with pytest.raises(WrongReportError, match=said):
        check_report(path, account, [bucket.name for bucket in account.index])


def test_a_row_that_is_one_too_many_is_found(tmp_path: Path) -> None:
    """The second row of a bucket, as well as one of a bucket that nobody asked about."""
    account = synthetic(30, 5, 3)
    path = tmp_path / "report.csv"
    names = [bucket.name for bucket in account.index]
    lines = report(path, account)
    with pytest.raises(WrongReportError, match="one too many"):
        check_report(path, account, names[:-1])
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*lines, lines[3]])
    with pytest.raises(WrongReportError, match="one too many"):
        check_report(path, account, names)


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


def test_the_throttling_benchmark_compares_what_was_used_and_thrown_away(tmp_path: Path) -> None:
    """Each contender's report is right, however it was throttled, and each run has its shares."""
    figures = tmp_path / "figures.json"
    tiny = ["--buckets=24", "--rate", "100", "--burst=16", "--regions", "2", "--latency-ms=1", "--concurrency=8"]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.throttling", *tiny, "--json", str(figures)],
        check=False,
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    content = json.loads(figures.read_text())
    assert content["baseline"] == "aiobotocore-adaptive"
    assert [course["course"]["regions"] for course in content["courses"]] == [2]
    assert list(content["buckets_per_second_without_limit"]) == ["2"]
    for course in content["courses"]:
        assert list(course["contenders"]) == ["aiobotocore-adaptive", "aiobotocore-legacy", "s3audit"]
        for name, found in course["contenders"].items():
            assert name in ended.stdout
            assert len(found["ratios"]) == len(found["rounds"]) == 1
            (run,) = found["rounds"]
            assert 0 < run["rate_used"] <= 1.01
            assert 0 <= run["thrown_away"] < 1
        assert course["contenders"]["aiobotocore-adaptive"]["ratios"] == [1.0]


def test_a_wrong_row_fails_the_throttling_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it does the other."""
    (tmp_path / "liar.py").write_text(LIAR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert throttling(["--buckets=24", "--rate=200", "--regions=1"], [Contender("liar", "liar")]) == 1
    assert "liar: the row of synthetic-0000000 is" in capsys.readouterr().err


def test_the_share_of_the_rate_is_that_of_the_largest_region_and_counts_the_burst_once() -> None:
    """150 buckets there, 100 a second for 1.4 s and 10 at once: all that was allowed."""
    course = Course(buckets=400, regions=4, s3_rate=100.0, burst=10.0)
    calls = {"ListBuckets": 4, "GetBucketEncryption": 496, "DescribeKey": 20}
    measure = Measure(400, 2.0, 1.0, 1.0, calls, 1, 1, 0.0, throttled=100, asking_seconds=1.4)
    found = outcome(course, measure, 150)
    assert found.rate_used == pytest.approx(1.0)
    assert found.thrown_away == pytest.approx(0.2)
