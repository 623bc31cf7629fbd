"""How near an audit comes to what latency allows: throughput against requests in flight, beside the ideal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from benchmarks.contenders.course import BASELINE, S3AUDIT, Course, run_course, warm_up
from benchmarks.contenders.figures import FIGURES, SERVER_CPU, from_json, to_json
from benchmarks.suite.markdown import cell, few, number, percent, table
from benchmarks.suite.question import Answer, Findings, Plot, Point, Question, Size, Target
from benchmarks.suite.spread import Spread, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from benchmarks.contenders.course import Measure

_CONTENDERS = (BASELINE, S3AUDIT)
_LATENCIES_MS = (5.0, 20.0, 100.0)
_IN_FLIGHT = (1, 4, 16, 64, 128, 256, 512)
_CALM = 640.0
"""Buckets a second that leave the CPU idle for much of the time: up to that a run takes `_SECONDS`, ideally."""
_SECONDS = 4.0
_BUSY_BUCKETS = 1200
"""Of a run that the CPU is the limit of."""
_LONG_LATENCY_MS = 100.0
_LONG_IN_FLIGHT = (16, 64)
_LONG_SECONDS = 20.0
"""Of the runs that the target is judged by: their start, which is the same for an account of any size, weighs less."""
_ALLOWING = 0.5
"""CPU seconds over wall seconds, of s3audit, below which the CPU is said to allow it."""
_OVERHEAD = 0.10


def _measure(size: Size, told: Callable[[str], None]) -> Findings:
    if size is Size.FULL:
        told("warming up")
        warm_up(_CONTENDERS)
    courses = []
    for course in _courses(size):
        told(f"{course.latency_ms:g} ms latency, {course.concurrency} in flight, {course.buckets} buckets")
        measured = run_course(course, _CONTENDERS, told=told)
        courses.append({"course": asdict(course), "runs": to_json(measured)})
    long = []
    for course in _long_courses(size):
        told(f"{course.latency_ms:g} ms latency, {course.concurrency} in flight, {course.buckets:,} buckets")
        long.append({"course": asdict(course), "runs": to_json(run_course(course, (S3AUDIT,), told=told))})
    return {"courses": courses, "long": long}


def _courses(size: Size) -> list[Course]:
    if size is Size.SMOKE:
        return [Course(buckets=12, keys=1, regions=2, latency_ms=5.0, concurrency=limit) for limit in (1, 4)]
    return [
        Course(
            buckets=(buckets := _buckets(1000 * limit / latency_ms)),
            keys=-(-buckets // 100),
            regions=4,
            latency_ms=latency_ms,
            concurrency=limit,
            rounds=3,
        )
        for latency_ms in _LATENCIES_MS
        for limit in _IN_FLIGHT
    ]


def _long_courses(size: Size) -> list[Course]:
    if size is Size.SMOKE:
        return [Course(buckets=16, keys=1, regions=2, latency_ms=5.0, concurrency=4, rounds=1)]
    return [
        Course(
            buckets=(buckets := round(1000 * limit / _LONG_LATENCY_MS * _LONG_SECONDS)),
            keys=buckets // 100,
            regions=4,
            latency_ms=_LONG_LATENCY_MS,
            concurrency=limit,
            rounds=2,
        )
        for limit in _LONG_IN_FLIGHT
    ]


def _buckets(ideal_rate: float) -> int:
    """How many buckets make a run last some seconds, at an ideal rate a second."""
    return round(ideal_rate * _SECONDS) if ideal_rate <= _CALM else _BUSY_BUCKETS


@dataclass(frozen=True, slots=True)
class _Cell:
    """What was measured at one latency and one limit. There is no `baseline` of the long runs."""

    course: Course
    own: Sequence[Measure]
    baseline: Sequence[Measure]

    @property
    def ideal_rate(self) -> float:
        return 1000 * self.course.concurrency / self.course.latency_ms

    @property
    def cpu_share(self) -> Spread:
        """CPU seconds over wall seconds, of s3audit."""
        return spread(measure.cpu_seconds / measure.wall_seconds for measure in self.own)

    @property
    def server_cpu_share(self) -> Spread:
        """CPU seconds of the stub over wall seconds, while s3audit ran."""
        return spread(map(FIGURES[SERVER_CPU], self.own))

    def overhead(self, measures: Sequence[Measure]) -> Spread:
        """How much longer than ideal the whole audit takes: 0.1 is 10 %."""
        return spread(measure.wall_seconds * self.ideal_rate / measure.buckets - 1 for measure in measures)

    def overhead_while_asking(self, measures: Sequence[Measure]) -> Spread:
        """As `overhead`, from the first request to the last."""
        return spread(measure.asking_seconds * self.ideal_rate / measure.buckets - 1 for measure in measures)


def _answer(findings: Findings) -> Answer:
    cells = list(map(_cell, findings["courses"]))
    by_latency = {
        latency_ms: list(group) for latency_ms, group in groupby(cells, key=lambda each: each.course.latency_ms)
    }
    first = cells[0].course
    parts = [_INTRODUCTION.format(regions=first.regions, rounds=first.rounds, allowing=_ALLOWING)]
    for latency_ms, group in by_latency.items():
        parts += [f"### {latency_ms:g} ms latency", table(_HEADER, map(_row, group))]
    return Answer(
        text="\n\n".join(parts),
        plots=tuple(_plot(latency_ms, group) for latency_ms, group in by_latency.items()),
        targets=(_target(list(map(_cell, findings["long"]))),),
    )


def _cell(measured: Mapping[str, Any]) -> _Cell:
    runs = from_json(measured["runs"])
    return _Cell(Course(**measured["course"]), runs[S3AUDIT.name], runs.get(BASELINE.name, []))


_INTRODUCTION = f"""\
The ideal is buckets x latency / requests in flight: one call for each bucket, and nothing else that costs anything.
The fixed start counts: clients are made, the first page is listed before any bucket can be asked about, s3audit
begins with 16 calls for each region and service and doubles that as long as all goes well, and one bucket in 100 has
a key of its own to ask for. {{regions}} regions, {{rounds}} rounds in turn with `{BASELINE.name}`.

**overhead** is what the whole audit takes beyond the ideal; **while asking**, the same from the first request that
the server saw to the last. **CPU** is s3audit's, as a share of the time; from {{allowing:.0%}} on the row says more
of the machine than of the way of asking. **server CPU** is the stub's meanwhile: near 100 % it is the stub that
was measured. With one request in flight the CPU time of a call falls into no other
call's latency, and is overhead, all of it: at a share of 20 % it is 25 %."""
_HEADER = (
    "in flight",
    "buckets",
    "ideal/s",
    "s3audit/s",
    "overhead",
    "while asking",
    "CPU",
    "server CPU",
    f"{BASELINE.name}/s",
    "overhead",
    f"wall to {BASELINE.name}",
)


def _row(each: _Cell) -> list[str]:
    return [
        str(each.course.concurrency),
        f"{each.course.buckets:,}",
        number(each.ideal_rate),
        cell(_rates(each.own)),
        percent(each.overhead(each.own)),
        percent(each.overhead_while_asking(each.own)),
        f"{each.cpu_share.median:.0%}",
        f"{each.server_cpu_share.median:.0%}",
        cell(_rates(each.baseline)),
        percent(each.overhead(each.baseline)),
        cell(ratios((run.wall_seconds for run in each.own), (run.wall_seconds for run in each.baseline))),
    ]


def _rates(measures: Sequence[Measure]) -> Spread:
    return spread(measure.buckets / measure.wall_seconds for measure in measures)


def _plot(latency_ms: float, cells: Sequence[_Cell]) -> Plot:
    limits = [float(each.course.concurrency) for each in cells]
    return Plot(
        name=f"throughput-{latency_ms:g}ms",
        title=f"Throughput against requests in flight, {latency_ms:g} ms latency",
        x_label="requests in flight at most",
        y_label="buckets/s",
        series={
            "ideal": tuple(Point(x, *[each.ideal_rate] * 3) for x, each in zip(limits, cells, strict=True)),
            S3AUDIT.name: tuple(_rates(each.own).at(x) for x, each in zip(limits, cells, strict=True)),
            BASELINE.name: tuple(_rates(each.baseline).at(x) for x, each in zip(limits, cells, strict=True)),
        },
        log_x=True,
        log_y=True,
    )


def _target(cells: Sequence[_Cell]) -> Target:
    """Judge the long runs where the CPU allows it, by the worst of them."""
    allowed = [each for each in cells if each.cpu_share.median < _ALLOWING]
    said = [
        f"{percent(each.overhead(each.own))} with {_place(each)} and {each.course.buckets:,} buckets"
        f"{few(len(each.own))}"
        for each in allowed
    ]
    said += [
        f"not judged: {_place(each)}, where the CPU took {each.cpu_share.median:.0%} of the time"
        for each in cells
        if each not in allowed
    ]
    return Target(
        what=f"overhead over the latency limit (buckets / in flight x latency) at {cells[0].course.latency_ms:g} ms, "
        "while the CPU allows",
        target="under 10 %",
        measured="; ".join(said),
        met=max(each.overhead(each.own).median for each in allowed) < _OVERHEAD if allowed else None,
    )


def _place(each: _Cell) -> str:
    return f"{each.course.concurrency} in flight at {each.course.latency_ms:g} ms"


QUESTION = Question(
    name="latency", title="Throughput against latency and requests in flight", measure=_measure, answer=_answer
)
