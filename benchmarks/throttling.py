"""`python -m benchmarks.throttling`: how much of a rate that S3 allows is used, and how much is thrown away."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.__main__ import at_least, machine, tell
from benchmarks.contenders.course import S3AUDIT, Contender, ContenderError, Course, Measure, run_course, warm_up
from benchmarks.contenders.table import columns
from benchmarks.stub import REGIONS, synthetic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BASELINE = Contender(
    "aiobotocore-adaptive",
    "benchmarks.contenders.aiobotocore",
    environment={"AWS_RETRY_MODE": "adaptive", "AWS_MAX_ATTEMPTS": "100"},
)
"""The plain loop with the SDK's own answer to throttling: client-side rate limiting (botocore guide, "Retries")."""
LEGACY = Contender(
    "aiobotocore-legacy",
    "benchmarks.contenders.aiobotocore",
    environment={"AWS_RETRY_MODE": "legacy", "AWS_MAX_ATTEMPTS": "100"},
)
"""The same with the SDK's default: each request waits and tries again on its own."""
CONTENDERS = (BASELINE, LEGACY, S3AUDIT)

_NOT_OF_S3 = frozenset({"DescribeKey", "GetCallerIdentity"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to. The shares run from 0 to 1.

    - `rate_used`: of what S3 allowed from the first request to the last, in the region that has most of the buckets:
      its rate over that time, and its burst once.
    - `thrown_away`: of all requests to S3, those that it refused because they came too fast.
    """

    rate_used: float
    thrown_away: float
    asking_seconds: float


def outcome(course: Course, measure: Measure, buckets_in_largest_region: int) -> Outcome:
    """Work one run out."""
    assert course.s3_rate is not None
    allowed = course.s3_rate * measure.asking_seconds + course.burst
    asked = sum(count for operation, count in measure.calls.items() if operation not in _NOT_OF_S3)
    return Outcome(buckets_in_largest_region / allowed, measure.throttled / asked, measure.asking_seconds)


def outcomes(course: Course, measured: Mapping[str, Sequence[Measure]]) -> dict[str, list[Outcome]]:
    """Work all runs on one course out, by contender."""
    account = synthetic(course.buckets, course.keys, course.regions)
    largest = max(Counter(bucket.region for bucket in account.index).values())
    return {name: [outcome(course, measure, largest) for measure in measures] for name, measures in measured.items()}


def main(arguments: Sequence[str] | None = None, contenders: Sequence[Contender] = CONTENDERS) -> int:
    """Run the benchmark and print its table. Gives the exit code: 1 if a contender failed or reported wrongly."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"there is no directory for --json {options.json}")
    courses = [
        Course(
            buckets=options.buckets,
            regions=regions,
            latency_ms=options.latency_ms,
            concurrency=options.concurrency,
            rounds=options.rounds,
            s3_rate=rate,
            burst=options.burst,
        )
        for regions in options.regions
        for rate in options.rate
    ]
    load = os.getloadavg()[0]
    worked_out: list[tuple[Course, dict[str, list[Outcome]]]] = []
    free: dict[int, dict[str, float]] = {}
    try:
        tell("warming up")
        warm_up(contenders)
        for course in courses:
            if course.regions not in free:
                tell(f"no limit in {course.regions} region(s)")
                free[course.regions] = _by_themselves(course, contenders)
            tell(f"{course.s3_rate:g} requests a second in each of {course.regions} region(s)")
            worked_out.append((course, outcomes(course, run_course(course, contenders, told=tell))))
    except ContenderError as error:
        print(f"The benchmark failed. {error}", file=sys.stderr)
        return 1
    found = machine(load)
    print(" ".join(f"{name} {value}" for name, value in found.items()))
    print(table(worked_out, free))
    if options.json is not None:
        content = {
            "baseline": BASELINE.name,
            "machine": found,
            "buckets_per_second_without_limit": free,
            "courses": [_as_json(*each) for each in worked_out],
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


def _by_themselves(course: Course, contenders: Sequence[Contender]) -> dict[str, float]:
    """Measure how many buckets a second each contender audits on this machine where nobody throttles it."""
    measured = run_course(replace(course, s3_rate=None, rounds=1), contenders, told=tell)
    return {name: course.buckets / measures[0].asking_seconds for name, measures in measured.items()}


def table(
    worked_out: Sequence[tuple[Course, Mapping[str, Sequence[Outcome]]]], free: Mapping[int, Mapping[str, float]]
) -> str:
    """Lay out everything: medians over the rounds; the ratio is taken within each round.

    `free` are the buckets a second that each contender audits without a limit, by the number of regions.
    """
    first = worked_out[0][0]
    conditions = (
        f"{first.buckets} buckets, {first.latency_ms:g} ms latency, {first.concurrency} in flight, a burst of "
        f"{first.burst:g}; {first.rounds} round(s). Ratios are of seconds, to {BASELINE.name}."
    )
    return "\n".join(
        [
            conditions,
            columns(
                ["regions", "rate", "contender", "of rate used", "thrown away", "seconds", "ratio", "without limit"],
                [
                    [
                        str(course.regions),
                        f"{course.s3_rate:g}/s",
                        name,
                        *_cells(found, name, free[course.regions]),
                    ]
                    for course, found in worked_out
                    for name in found
                ],
            ),
        ]
    )


def _cells(found: Mapping[str, Sequence[Outcome]], name: str, free: Mapping[str, float]) -> list[str]:
    own = found[name]
    return [
        f"{median(each.rate_used for each in own):.0%}",
        f"{median(each.thrown_away for each in own):.1%}",
        f"{median(each.asking_seconds for each in own):.1f}",
        f"{median(_ratios(found, name)):.2f}",
        f"{free[name]:.0f}/s",
    ]


def _ratios(found: Mapping[str, Sequence[Outcome]], name: str) -> list[float]:
    pairs = zip(found[name], found[BASELINE.name], strict=True)
    return [mine.asking_seconds / theirs.asking_seconds for mine, theirs in pairs]


def _as_json(course: Course, found: Mapping[str, Sequence[Outcome]]) -> dict[str, Any]:
    return {
        "course": asdict(course),
        "contenders": {
            name: {"ratios": _ratios(found, name), "rounds": [asdict(each) for each in own]}
            for name, own in found.items()
        },
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throttling",
        description="Audit an account whose S3 throttles by rate, in several ways in turn, and compare them.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    whole = at_least(1)
    parser.add_argument("--buckets", type=whole, default=2000, metavar="N")
    parser.add_argument("--rate", type=_rate, nargs="+", default=[50.0, 100.0, 200.0, 400.0], metavar="PER_SECOND")
    parser.add_argument("--burst", type=_rate, default=10.0, metavar="N", help="requests at once within the rate")
    parser.add_argument(
        "--regions", type=int, nargs="+", choices=range(1, len(REGIONS) + 1), default=[1, 4], metavar="N"
    )
    parser.add_argument("--latency-ms", type=float, default=20.0, metavar="MS", help="before each answer")
    parser.add_argument("--concurrency", type=whole, default=64, metavar="N", help="requests in flight at most")
    parser.add_argument("--rounds", type=whole, default=1, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there too")
    return parser


def _rate(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 1000000")
    return value


if __name__ == "__main__":
    sys.exit(main())
