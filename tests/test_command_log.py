"""What `-v` and `--log-format` write to standard error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.stub import Behaviour, ErrorAnswer, Fault, Hang, RateLimit, Request, StubAws, first, synthetic
from tests.command import s3audit

if TYPE_CHECKING:
    from pathlib import Path

ENCRYPTION = "GetBucketEncryption"


def test_verbose_tells_of_retries_throttles_and_limits(tmp_path: Path) -> None:
    """Operation, region and reason, a line each."""
    limits = {("*", "s3"): RateLimit(rate=300, burst=5)}
    with StubAws(synthetic(buckets=300, keys=2, regions=1), Behaviour(rate_limits=limits)) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "-v", "-o", tmp_path / "r.csv")
    lines = done.stderr.splitlines()
    assert done.returncode == 0
    assert any(
        line.startswith(f"throttled: {ENCRYPTION} synthetic-") and "in us-east-1: SlowDown" in line for line in lines
    )
    assert any(line.startswith("limit: s3 in us-east-1:") and line.endswith("after SlowDown") for line in lines)
    assert any(" a second, " in line for line in lines if line.startswith("limit:"))


def test_every_line_is_a_json_object_if_so_wished(tmp_path: Path) -> None:
    """Log, messages, summary: each with its time and event."""
    with StubAws(
        synthetic(buckets=5, keys=1, regions=1),
        Behaviour(faults=first(1, ErrorAnswer(503, "Slow\nDown", "a\tmessage"))),
    ) as stub:
        done = s3audit("run", "--endpoint-url", stub.url, "-v", "--log-format", "json", "-o", tmp_path / "r.csv")
    records = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 0
    assert all(record["time"].endswith("Z") for record in records)
    throttle = next(
        record for record in records if record["event"] == "throttled" and record["operation"] == ENCRYPTION
    )
    assert throttle["code"] == "Slow Down"
    assert (throttle["region"], throttle["attempt"]) == ("us-east-1", 1)
    assert throttle["wait_seconds"] >= 0
    (summary,) = [record for record in records if record["event"] == "summary"]
    assert (summary["rows"], summary["failed"], summary["report"]) == (5, 0, str(tmp_path / "r.csv"))
    assert summary["run"]["calls"][ENCRYPTION] == 10


def test_fatal_errors_are_json_too(tmp_path: Path) -> None:
    """With the hint in a field of its own."""
    done = s3audit("run", "--log-format", "json", "--endpoint-url", "http://127.0.0.1:9", "-o", tmp_path / "r.csv")
    (record,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert (done.returncode, record["event"]) == (4, "error")
    assert record["message"].startswith("no connection to S3")
    assert record["hint"]


def test_a_region_that_gives_no_answer_is_told_of(tmp_path: Path) -> None:
    """Once, when it is given up, and not for each bucket."""

    def dead(request: Request) -> Fault | None:
        return Hang() if request.region == "eu-west-1" else None

    with StubAws(synthetic(buckets=600, keys=0, regions=2), Behaviour(faults=dead)) as stub:
        done = s3audit(
            "run", "--endpoint-url", stub.url, "-v", "--log-format", "json", "--timeout", "2", "-o", tmp_path / "r.csv"
        )
        asked = stub.stats.calls_by_region[ENCRYPTION, "eu-west-1"]
    moves = [record for record in map(json.loads, done.stderr.splitlines()) if record["event"] == "breaker"]
    assert done.returncode == 3
    assert [(move["service"], move["region"], move["open"], move["code"]) for move in moves] == [
        ("s3", "eu-west-1", True, "ReadTimeout")
    ]
    assert asked < 150
