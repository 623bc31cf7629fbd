"""The figures of a run: right, documented, and of bounded size."""

from __future__ import annotations

import json
import pickle
import random
import re
from pathlib import Path

import pytest

from s3audit_async.fleet.units import Account, AccountRecord, Status
from s3audit_async.model import BreakerChange, Call, Kind, Operation, Retry, Row, Service, Unlisted
from s3audit_async.stats import CODES_COUNTED, OTHER_CODES, POINTS, LaneFigures, Latencies, OperationFigures, RunStats

PAGE = Path(__file__).parents[1] / "docs" / "stats.md"
ENCRYPTION = Operation.GET_BUCKET_ENCRYPTION


def call(seconds: float = 0.01, code: str | None = None, **fields: object) -> Call:
    return Call(ENCRYPTION, "eu-west-1", seconds, 1, code, **fields)  # type: ignore[arg-type]


def test_no_calls_took_no_time() -> None:
    assert Latencies().as_dict() == {"p50": 0.0, "p95": 0.0, "max": 0.0}


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 1.0])
def test_quantiles_are_within_two_percent(share: float) -> None:
    rng = random.Random(1)
    all_seconds = sorted(rng.lognormvariate(-3, 1) for _ in range(5000))
    latencies = Latencies()
    for seconds in all_seconds:
        latencies.add(seconds)

    exact = all_seconds[max(0, round(share * len(all_seconds)) - 1)]
    assert latencies.quantile(share) == pytest.approx(exact, rel=0.021)


def test_no_quantile_is_above_the_longest() -> None:
    latencies = Latencies()
    latencies.add(0.123)

    assert latencies.quantile(0.5) <= latencies.longest == 0.123


def test_seconds_that_the_clock_does_not_show_count_too() -> None:
    latencies = Latencies()
    latencies.add(0.0)

    assert latencies.quantile(0.5) == 0.0


def test_an_operation_counts_its_errors_by_code_up_to_a_bound() -> None:
    figures = OperationFigures()
    for number in range(CODES_COUNTED + 50):
        figures.add(call(code=f"Code{number}"))
    figures.add(call(code="Code1"))

    assert len(figures.errors) == CODES_COUNTED + 1
    assert (figures.errors["Code1"], figures.errors[OTHER_CODES]) == (2, 50)
    assert figures.calls == CODES_COUNTED + 51


def test_the_course_of_a_limit_keeps_its_beginning_and_is_thinned_out() -> None:
    lane = LaneFigures()
    for number in range(10_000):
        lane.add(number / 10, call(limit=1 + number % 64, rate=None))

    course = lane.as_dict()["limit"]
    assert POINTS / 4 < len(course) <= POINTS
    assert course[0] == {"at": 0.0, "in_flight": 1, "per_second": None}
    assert course[-1]["at"] > 950
    assert [point["at"] for point in course] == sorted(point["at"] for point in course)


def test_a_limit_that_stays_is_one_point() -> None:
    lane = LaneFigures()
    for number in range(100):
        lane.add(number, call(limit=16))

    assert len(lane.as_dict()["limit"]) == 1


def run_of_everything() -> RunStats:
    """The figures of a run in which everything happened once."""
    stats = RunStats()
    stats.routed("eu-west-1")
    stats.called(call(limit=16))
    stats.called(call(code="SlowDown", throttled=True, limit=11, rate=100.0))
    stats.called(Call(Operation.DESCRIBE_KEY, "us-east-1", 0.2, 7, "KMSInternalException"))
    stats.retrying(Retry(ENCRYPTION, "eu-west-1", "b", "SlowDown", 1, 0.1, throttled=True))
    stats.breaker_changed(BreakerChange(Service.S3, "eu-west-1", open=True, code="ReadTimeout"))
    stats.breaker_changed(BreakerChange(Service.S3, "eu-west-1", open=False))
    stats.audited(Row("b", "AES256", "N/A", bucket_key=None), "eu-west-1")
    stats.unlisted(Unlisted(Kind.TABLE, "eu-west-1", "AccessDenied", "no"))
    stats.distinct_keys, stats.bytes_received = 3, 4567
    stats.accounts_chosen(2)
    stats.account_entered("111122223333")
    for status, account in (Status.COMPLETE, "1"), (Status.NOT_ENTERED, "2"), (Status.SKIPPED, "3"):
        stats.account_concluded(AccountRecord(account=Account(account), status=status))
    return stats


def test_everything_is_counted_by_operation_and_by_lane() -> None:
    figures = run_of_everything().as_dict()

    assert (figures["buckets"], figures["rows"], figures["peak_in_flight"]) == (1, 1, 7)
    assert figures["calls"] == {"DescribeKey": 1, "GetBucketEncryption": 2}
    assert figures["errors"] == {"KMSInternalException": 1, "SlowDown": 1}
    assert (figures["retries"], figures["throttles"]) == (1, 1)
    assert (figures["distinct_keys"], figures["bytes_received"]) == (3, 4567)
    encryption = figures["operations"]["GetBucketEncryption"]
    assert (encryption["calls"], encryption["retries"], encryption["throttles"]) == (2, 1, 1)
    assert encryption["errors"] == {"SlowDown": 1}
    assert encryption["latency_ms"]["max"] == 10.0
    assert figures["accounts"] == {"chosen": 2, "complete": 1, "incomplete": 0, "not_entered": 1, "skipped": 1}
    lane = figures["lanes"]["eu-west-1"]["s3"]
    assert (lane["calls"], lane["throttles"], lane["breaker_opened"]) == (2, 1, 1)
    assert [(point["in_flight"], point["per_second"]) for point in lane["limit"]] == [(16, None), (11, 100.0)]
    assert figures["lanes"]["us-east-1"].keys() == {"kms"}
    json.dumps(figures)


def test_a_run_of_one_account_counts_none() -> None:
    assert "accounts" not in RunStats().as_dict()


def test_every_status_of_an_account_has_its_figure() -> None:
    stats = RunStats()
    stats.accounts_chosen(1)
    for status in Status:
        stats.account_concluded(AccountRecord(account=Account("1"), status=status))

    assert set(stats.as_dict()["accounts"].values()) == {1}


def test_what_other_processes_counted_is_counted_in() -> None:
    """But for buckets and rows, of which whoever reads the rows is told; what they send can be pickled."""
    stats = run_of_everything()
    for _ in range(2):
        stats.merge(pickle.loads(pickle.dumps(run_of_everything().figures())))
    stats.merge(RunStats().figures())

    figures = stats.as_dict()
    assert (figures["buckets"], figures["rows"], figures["peak_in_flight"]) == (1, 1, 7)
    assert figures["calls"] == {"DescribeKey": 3, "GetBucketEncryption": 6}
    assert figures["errors"] == {"KMSInternalException": 3, "SlowDown": 3}
    assert (figures["retries"], figures["throttles"]) == (3, 3)
    assert figures["operations"]["DescribeKey"]["latency_ms"]["max"] == 200.0
    lane = figures["lanes"]["eu-west-1"]["s3"]
    assert (lane["calls"], lane["throttles"], lane["breaker_opened"], len(lane["limit"])) == (6, 3, 3, 6)


def test_merged_latencies_have_the_quantiles_of_all() -> None:
    rng = random.Random(2)
    parts, whole = [Latencies() for _ in range(3)], Latencies()
    for number in range(3000):
        seconds = rng.lognormvariate(-3, 1)
        whole.add(seconds)
        parts[number % 3].add(seconds)
    merged = Latencies()
    for part in parts:
        merged.merge(part)

    assert merged.as_dict() == whole.as_dict()


def test_merging_keeps_within_the_bounds() -> None:
    """Of the codes that are told apart, and of a limit's course, whose points stay in the order of time."""
    operation, lane = OperationFigures(), LaneFigures()
    for part in range(4):
        others, course = OperationFigures(), LaneFigures()
        for number in range(80):
            others.add(call(code=f"Code{part}-{number}"))
            course.add(number, call(limit=1 + number % 64))
        operation.merge(others)
        lane.merge(course, part / 10)

    assert len(operation.errors) == CODES_COUNTED + 1
    assert operation.errors.total() == operation.calls == 320
    points = [point["at"] for point in lane.as_dict()["limit"]]
    assert POINTS / 4 < len(points) <= POINTS
    assert points == sorted(points)


def test_every_figure_is_documented_and_nothing_else() -> None:
    def names(content: object) -> set[str]:
        if isinstance(content, list):
            return set().union(*map(names, content))
        if not isinstance(content, dict):
            return set()
        own = {key for key in content if re.fullmatch(r"[a-z_0-9]+", key)}
        return own.union(*map(names, content.values()))

    documented = set(re.findall(r"`([a-z_0-9]+)`", PAGE.read_text()))
    assert names(run_of_everything().as_dict()) - {"s3", "kms"} == documented
