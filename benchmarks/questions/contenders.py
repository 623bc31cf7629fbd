"""What a bucket costs: s3audit beside three other ways to audit the same account, in turns."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.course import BASELINE, CONTENDERS, ORIGINAL, S3AUDIT, Course, run_course, warm_up
from benchmarks.contenders.figures import (
    CALLS,
    CONNECTIONS,
    CPU,
    PROCESS_CPU,
    RATE,
    SERVER_CPU,
    WALL,
    Result,
    from_json,
    results,
    to_json,
)
from benchmarks.stub import synthetic
from benchmarks.suite.markdown import cell, few, number, table
from benchmarks.suite.question import Answer, Findings, Plot, Question, Size, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COURSES = {
    Size.SMOKE: Course(buckets=24, original_buckets=4, keys=3, regions=2, latency_ms=1.0),
    Size.FULL: Course(buckets=3000, original_buckets=60, keys=50, regions=8, latency_ms=20.0, rounds=5),
}
_PAGE = 1000
"""Buckets that one ListBuckets brings, with s3audit and with the baseline."""
_IDENTITY = "GetCallerIdentity"


def _measure(size: Size, told: Callable[[str], None]) -> Findings:
    course = _COURSES[size]
    if size is Size.FULL:
        told("warming up")
        warm_up(CONTENDERS)
    measured = run_course(course, CONTENDERS, told=told)
    return {"course": asdict(course), "needed": _needed(course), "runs": to_json(measured)}


def _needed(course: Course) -> dict[str, int]:
    """Count the calls that the account cannot be audited without."""
    return {
        "ListBuckets": -(-course.buckets // _PAGE),
        "GetBucketEncryption": course.buckets,
        "DescribeKey": len(synthetic(course.buckets, course.keys, course.regions).lookups()),
    }


def _answer(findings: Findings) -> Answer:
    course = Course(**findings["course"])
    worked_out = results(course, CONTENDERS, from_json(findings["runs"]))
    return Answer(
        text="\n\n".join(
            [
                _INTRODUCTION.format(original=worked_out[ORIGINAL.name].buckets, **findings["course"]),
                table(_FIGURES, [_figures(name, result) for name, result in worked_out.items()]),
                f"Ratios to `{BASELINE.name}`, below 1 is less; the last column is to `{ORIGINAL.name}`, by bucket:",
                table(_RATIOS, [_ratios(name, result) for name, result in worked_out.items()]),
                _calls(findings["needed"], worked_out),
                _READING,
            ]
        ),
        plots=(
            _bars("cpu-per-bucket", "CPU for each bucket", "milliseconds", worked_out, CPU, log_y=True),
            _bars("calls-per-bucket", "Calls for each bucket", "calls", worked_out, CALLS, log_y=False),
        ),
        targets=(_calls_target(findings["needed"], worked_out[S3AUDIT.name]), _cpu_target(worked_out[S3AUDIT.name])),
    )


_INTRODUCTION = """\
{buckets:,} buckets in {regions} regions with {keys} keys, {latency_ms:g} ms latency, {concurrency} requests in
flight at most; {rounds} rounds, everybody in turn. `original`, one call at a time, audits {original} of the buckets."""
_READING = """\
**CPU** is user and system time of the audit, making the clients included; **with start-up** adds the interpreter and
the imports. **ideal** is latency over the requests in flight that the contender may have: what one call for each
bucket takes if nothing else costs anything. Where the CPU is the limit nobody comes near it, and **in flight**, the
most that the server saw at once, stays below what was allowed. **server CPU** is the share of the run in which the
stub, a process of its own, was computing: near 1 it is the stub that was measured, and where client and stub share
two cores it slows the client before that. There is no TLS here, which favours whoever opens many connections."""
_FIGURES = (
    "contender",
    "CPU ms/bucket",
    "with start-up",
    "wall ms/bucket",
    "ideal",
    "buckets/s",
    "calls/bucket",
    "connections/bucket",
    "in flight",
    "server CPU",
)
_RATIOS = ("contender", "CPU", "with start-up", "wall", f"wall to {ORIGINAL.name}")


def _figures(name: str, result: Result) -> list[str]:
    peak = max(measure.peak_in_flight for measure in result.rounds)
    return [
        f"`{name}`",
        *(cell(result.figures[figure]) for figure in (CPU, PROCESS_CPU, WALL)),
        number(result.ideal_wall_ms_per_bucket),
        *(cell(result.figures[figure]) for figure in (RATE, CALLS, CONNECTIONS)),
        f"{peak} of {result.in_flight}",
        cell(result.figures[SERVER_CPU]),
    ]


def _ratios(name: str, result: Result) -> list[str]:
    to_baseline = result.ratios[BASELINE.name]
    to_original = result.ratios[ORIGINAL.name][WALL]
    return [f"`{name}`", *(cell(to_baseline[figure]) for figure in (CPU, PROCESS_CPU, WALL)), cell(to_original)]


def _calls(needed: Mapping[str, int], worked_out: Mapping[str, Result]) -> str:
    """Lay out the calls of one run; they are the same in every one, or `_calls_target` says so."""
    counted = {name: result.rounds[0].calls for name, result in worked_out.items()}
    operations = dict.fromkeys([*needed, *(operation for calls in counted.values() for operation in calls)])
    rows = [["needed", *(str(needed.get(operation, 0)) for operation in operations)]]
    rows += [[f"`{name}`", *(str(calls.get(each, 0)) for each in operations)] for name, calls in counted.items()]
    return f"Calls of the first round, and those that the whole account needs:\n\n{table(['', *operations], rows)}"


def _calls_target(needed: Mapping[str, int], result: Result) -> Target:
    counts = [sum(count for name, count in each.calls.items() if name != _IDENTITY) for each in result.rounds]
    allowed = sum(needed.values())
    met = all(_at_most(measure.calls, needed) for measure in result.rounds)
    identity = max(measure.calls.get(_IDENTITY, 0) for measure in result.rounds)
    return Target(
        what="S3 and KMS calls for B buckets with K distinct keys",
        target=f"B + K + pages, here {allowed:,}",
        measured=f"{max(counts):,}, a ratio of {number(max(counts) / allowed)} (and {identity} {_IDENTITY})"
        f"{few(len(result.rounds))}",
        met=met,
    )


def _at_most(calls: Mapping[str, Any], needed: Mapping[str, int]) -> bool:
    return all(count <= needed.get(name, 0) for name, count in calls.items() if name != _IDENTITY)


def _cpu_target(result: Result) -> Target:
    ratio = result.ratios[BASELINE.name][CPU]
    return Target(
        what="CPU per bucket, against a plain aiobotocore `get_bucket_encryption` loop",
        target="under 0.4 of it",
        measured=f"{cell(ratio)}{few(len(result.rounds))}",
        met=ratio.median < 0.4,
    )


def _bars(name: str, title: str, unit: str, worked_out: Mapping[str, Result], figure: str, *, log_y: bool) -> Plot:
    points = tuple(result.figures[figure].at(tool) for tool, result in worked_out.items())
    return Plot(name=name, title=title, x_label="", y_label=unit, series={title: points}, log_y=log_y)


QUESTION = Question(
    name="contenders", title="What a bucket costs, and with what other tools", measure=_measure, answer=_answer
)
