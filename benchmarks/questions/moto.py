"""What concurrency brings where every call has to wait: thousands of buckets of a mocked account, audited in turns."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks.contenders.course import BASELINE, CONTENDERS, ORIGINAL, S3AUDIT, Course, run_once
from benchmarks.contenders.figures import CALLS, CPU, PROCESS_CPU, RATE, SERVER_CPU, WALL, from_json, results, to_json
from benchmarks.moto_target import MotoProcess, moto_account
from benchmarks.suite.markdown import cell, few, number, table
from benchmarks.suite.question import Answer, Findings, Plot, Question, Size, Target
from benchmarks.suite.spread import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.contenders.course import Measure
    from benchmarks.contenders.figures import Result

_COURSES = {
    Size.SMOKE: Course(buckets=30, original_buckets=4, keys=10, regions=3, latency_ms=5.0, concurrency=8),
    Size.FULL: Course(buckets=2000, original_buckets=60, keys=50, latency_ms=100.0, concurrency=32, rounds=3),
}
_WARM_UP = Course(buckets=12, original_buckets=4, keys=2, regions=2, latency_ms=0.0, concurrency=4)
_LEAST_SPEED_UP = 10.0


def _measure(size: Size, told: Callable[[str], None]) -> Findings:
    course = _COURSES[size]
    if size is Size.FULL:
        told("warming up")
        _run(_WARM_UP, lambda _: None)
    return {"course": asdict(course), "runs": to_json(_run(course, told))}


def _run(course: Course, told: Callable[[str], None]) -> dict[str, list[Measure]]:
    measured: dict[str, list[Measure]] = {contender.name: [] for contender in CONTENDERS}
    account = moto_account(course.buckets, course.keys, course.regions)
    with MotoProcess(
        buckets=course.buckets, keys=course.keys, regions=course.regions, latency_ms=course.latency_ms
    ) as target:
        for lap in range(1, course.rounds + 1):
            for contender in CONTENDERS:
                measure = run_once(course, contender, target, account)
                measured[contender.name].append(measure)
                told(f"round {lap} of {course.rounds}: {contender.name}, {measure.wall_seconds:.2f} s")
    return measured


def _answer(findings: Findings) -> Answer:
    course = Course(**findings["course"])
    worked_out = results(course, CONTENDERS, from_json(findings["runs"]))
    introduction = _INTRODUCTION.format(original=worked_out[ORIGINAL.name].buckets, **findings["course"])
    figures = table(_FIGURES, [_figures(name, result) for name, result in worked_out.items()])
    return Answer(
        text=f"{introduction}\n\n{figures}\n\n{_READING}",
        plots=(
            _bars("moto-wall", "Time for each bucket, moto with latency", "milliseconds", worked_out, WALL, log_y=True),
            _bars("moto-rate", "Buckets a second, moto with latency", "buckets a second", worked_out, RATE),
        ),
        targets=(_target(worked_out[S3AUDIT.name]),),
    )


_INTRODUCTION = """\
moto, the mock of AWS, holds {buckets:,} buckets in {regions} regions with {keys} keys, and waits {latency_ms:g} ms
before each answer. {concurrency} requests in flight at most; {rounds} rounds, everybody in turn. `original`, one call
at a time, audits {original} of the buckets and is compared by bucket; below 1 is less."""
_READING = f"""\
**ideal** is latency over the requests in flight that the contender may have: one call for each bucket and nothing
else. **moto** is the share of the run in which moto's process was computing: it works on one request at a time, and so
has its part in what is above the ideal; more requests in flight than these would measure moto. Whoever keeps as many
requests in flight takes about the same time; what that costs the client is its **CPU**, with start-up in the last
column. `{BASELINE.name}` is the plain loop."""
_FIGURES = (
    "contender",
    "wall ms/bucket",
    "ideal",
    f"wall to {ORIGINAL.name}",
    f"wall to {BASELINE.name}",
    "buckets/s",
    "calls/bucket",
    "in flight",
    "moto",
    "CPU ms/bucket",
    "with start-up",
)


def _figures(name: str, result: Result) -> list[str]:
    peak = max(measure.peak_in_flight for measure in result.rounds)
    return [
        f"`{name}`",
        cell(result.figures[WALL]),
        number(result.ideal_wall_ms_per_bucket),
        *(cell(result.ratios[other.name][WALL]) for other in (ORIGINAL, BASELINE)),
        *(cell(result.figures[figure]) for figure in (RATE, CALLS)),
        f"{peak} of {result.in_flight}",
        cell(result.figures[SERVER_CPU]),
        *(cell(result.figures[figure]) for figure in (CPU, PROCESS_CPU)),
    ]


def _bars(
    name: str, title: str, unit: str, worked_out: Mapping[str, Result], figure: str, *, log_y: bool = False
) -> Plot:
    points = tuple(result.figures[figure].at(tool) for tool, result in worked_out.items())
    return Plot(name=name, title=title, x_label="", y_label=unit, series={title: points}, log_y=log_y)


def _target(result: Result) -> Target:
    ratio = result.ratios[ORIGINAL.name][WALL]
    speed_up = spread(1 / each for each in (ratio.least, ratio.median, ratio.most))
    return Target(
        what="Time per bucket on moto with latency, against the sequential script's algorithm",
        target=f"less than 1/{_LEAST_SPEED_UP:g} of it",
        measured=f"{cell(ratio)}, {cell(speed_up)} times as fast{few(len(result.rounds))}",
        met=speed_up.median > _LEAST_SPEED_UP,
    )


QUESTION = Question(
    name="moto", title="What concurrency brings on a mocked account with latency", measure=_measure, answer=_answer
)
