"""How much of a rate that S3 allows is used, and how much is thrown away."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.contenders.course import S3AUDIT, Contender, Course, run_course, warm_up
from benchmarks.contenders.figures import from_json, to_json
from benchmarks.suite.markdown import cell, few, number, percent, table
from benchmarks.suite.question import Answer, Findings, Plot, Question, Size, Target
from benchmarks.suite.spread import Spread, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.contenders.course import Measure

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

_COURSES = {
    Size.SMOKE: (Course(buckets=24, keys=2, regions=1, latency_ms=1.0, s3_rate=200.0, burst=22.0, concurrency=8),),
    Size.FULL: tuple(
        Course(buckets=buckets, keys=20, regions=1, rounds=rounds, s3_rate=rate)
        for rate, buckets, rounds in ((50.0, 2000, 1), (200.0, 1400, 2), (800.0, 2400, 2))
    ),
}
_NOT_OF_S3 = frozenset({"DescribeKey", "GetCallerIdentity"})
_HEADROOM = 1.2
"""How much faster than the rate s3audit has to be without it, for the rate and not the machine to be the limit."""
_USED, _THROWN_AWAY = 0.90, 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run in one region came to. The shares run from 0 to 1.

    - `rate_used`: of what S3 allowed from the first request to the last: its rate over that time, and its burst once.
    - `thrown_away`: of all requests to S3, those that it refused because they came too fast.
    """

    rate_used: float
    thrown_away: float
    asking_seconds: float


def outcome(course: Course, measure: Measure) -> Outcome:
    """Work one run out."""
    assert course.s3_rate is not None
    allowed = course.s3_rate * measure.asking_seconds + course.burst
    asked = sum(count for operation, count in measure.calls.items() if operation not in _NOT_OF_S3)
    return Outcome(measure.buckets / allowed, measure.throttled / asked, measure.asking_seconds)


def _measure(size: Size, told: Callable[[str], None]) -> Findings:
    courses = _COURSES[size]
    if size is Size.FULL:
        told("warming up")
        warm_up(CONTENDERS)
    told("without a limit")
    fastest = replace(courses[-1], s3_rate=None, rounds=1)
    measured = run_course(fastest, CONTENDERS, told=told)
    found = []
    for course in courses:
        told(f"{course.s3_rate:g} requests a second")
        found.append({"course": asdict(course), "runs": to_json(run_course(course, CONTENDERS, told=told))})
    return {"without_limit": {"course": asdict(fastest), "runs": to_json(measured)}, "courses": found}


def _answer(findings: Findings) -> Answer:
    worked_out = []
    for each in findings["courses"]:
        course = Course(**each["course"])
        runs = from_json(each["runs"])
        worked_out.append((course, {name: [outcome(course, run) for run in own] for name, own in runs.items()}))
    free = {
        name: own[0].buckets / own[0].asking_seconds
        for name, own in from_json(findings["without_limit"]["runs"]).items()
    }
    first = worked_out[0][0]
    rows = [
        [
            f"{course.s3_rate:g}/s",
            f"{course.buckets:,}",
            str(course.rounds),
            f"`{name}`",
            *_cells(found, name),
            f"{number(free[name])}/s",
        ]
        for course, found in worked_out
        for name in found
    ]
    introduction = _INTRODUCTION.format(
        burst=f"{first.burst:g}", latency=f"{first.latency_ms:g}", limit=first.concurrency
    )
    return Answer(
        text=f"{introduction}\n\n{table(_HEADER, rows)}",
        plots=(
            _plot("rate-used", "Used of the rate that S3 allows", worked_out, lambda each: each.rate_used),
            _plot("thrown-away", "Requests that S3 refused", worked_out, lambda each: each.thrown_away),
        ),
        targets=(_target(worked_out, free[S3AUDIT.name]),),
    )


_INTRODUCTION = f"""\
The server allows so many S3 requests a second, by a bucket of tokens that holds a burst of {{burst}}, and refuses
the others with 503 SlowDown; one region, {{latency}} ms latency, {{limit}} in flight at most, everybody in turn.
`{LEGACY.name}` is the plain loop with botocore's default retry mode, `{BASELINE.name}`, **the baseline**, with its
adaptive mode, both with up to 100 attempts; `{S3AUDIT.name}` runs as it comes, with 8.

**of rate used** is the buckets by what S3 allowed from the first request to the last; 100 % cannot be, as the
listing is asked for, too. **thrown away** are the requests that were refused, of all requests to S3. **ratio** is
the time from the first request to the last, against the baseline's in the same round. **without limit** are the
buckets a second that it audits where nobody throttles it: where the rate is near that, the row says nothing of the
pace. What is refused before the rate is known is much the same for any number of buckets, so that its share falls
with them."""
_HEADER = (
    "rate",
    "buckets",
    "rounds",
    "contender",
    "of rate used",
    "thrown away",
    "seconds",
    "ratio",
    "without limit",
)


def _cells(found: Mapping[str, Sequence[Outcome]], name: str) -> list[str]:
    own = found[name]
    seconds = [each.asking_seconds for each in own]
    return [
        percent(spread(each.rate_used for each in own)),
        percent(spread(each.thrown_away for each in own)),
        cell(spread(seconds)),
        cell(ratios(seconds, (each.asking_seconds for each in found[BASELINE.name]))),
    ]


def _plot(
    name: str,
    title: str,
    worked_out: Sequence[tuple[Course, Mapping[str, Sequence[Outcome]]]],
    share: Callable[[Outcome], float],
) -> Plot:
    return Plot(
        name=name,
        title=title,
        x_label="requests a second that S3 allows",
        y_label="per cent",
        series={
            contender.name: tuple(
                spread(100 * share(each) for each in found[contender.name]).at(f"{course.s3_rate:g}")
                for course, found in worked_out
            )
            for contender in CONTENDERS
        },
    )


def _target(worked_out: Sequence[tuple[Course, Mapping[str, Sequence[Outcome]]]], free: float) -> Target:
    """Judge the worst of the rates that are the limit, and not the machine."""
    judged = {
        course.s3_rate: (
            spread(each.rate_used for each in found[S3AUDIT.name]),
            spread(each.thrown_away for each in found[S3AUDIT.name]),
            len(found[S3AUDIT.name]),
        )
        for course, found in worked_out
        if course.s3_rate is not None and course.s3_rate * _HEADROOM <= free
    }
    said = [f"{_said(used, thrown)} at {rate:g}/s{few(runs)}" for rate, (used, thrown, runs) in judged.items()]
    left_out = [f"{course.s3_rate:g}/s" for course, _ in worked_out if course.s3_rate not in judged]
    if left_out:
        said.append(f"not judged: {', '.join(left_out)} (this machine does {number(free)}/s without a limit)")
    return Target(
        what="a server that allows R requests/s",
        target="at least 90 % of R used, under 5 % of requests thrown away",
        measured="; ".join(said),
        met=all(used.median >= _USED and thrown.median < _THROWN_AWAY for used, thrown, _ in judged.values())
        if judged
        else None,
    )


def _said(used: Spread, thrown_away: Spread) -> str:
    return f"{used.median:.0%} used, {thrown_away.median:.1%} thrown away"


QUESTION = Question(name="rate-limit", title="Where S3 throttles", measure=_measure, answer=_answer)
