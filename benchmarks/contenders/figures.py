"""From measures to what is claimed: medians with their extremes, and ratios to contenders of the same round. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.course import BASELINE, ORIGINAL, Measure
from benchmarks.suite.spread import Spread, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.contenders.course import Contender, Course

Figure = Callable[["Measure"], float]

CPU = "cpu_ms_per_bucket"
PROCESS_CPU = "process_cpu_ms_per_bucket"
WALL = "wall_ms_per_bucket"
RATE = "buckets_per_second"
CALLS = "calls_per_bucket"
CONNECTIONS = "connections_per_bucket"
SERVER_CPU = "server_cpu_share"

FIGURES: Mapping[str, Figure] = {
    CPU: lambda measure: 1000 * measure.cpu_seconds / measure.buckets,
    PROCESS_CPU: lambda measure: 1000 * measure.process_cpu_seconds / measure.buckets,
    WALL: lambda measure: 1000 * measure.wall_seconds / measure.buckets,
    RATE: lambda measure: measure.buckets / measure.wall_seconds,
    CALLS: lambda measure: sum(measure.calls.values()) / measure.buckets,
    CONNECTIONS: lambda measure: measure.connections / measure.buckets,
    SERVER_CPU: lambda measure: measure.stub_cpu_seconds / measure.wall_seconds,
}
RATIOS: Mapping[str, Sequence[str]] = {BASELINE.name: (CPU, PROCESS_CPU, WALL), ORIGINAL.name: (WALL,)}
"""Which figures are compared with which contender's."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came out for one contender.

    `ideal_wall_ms_per_bucket` is what it would take if only the latency of one call a bucket counted: latency over
    requests in flight. `ratios` are by the name of the other contender; below 1 is less than the other.
    """

    buckets: int
    in_flight: int
    ideal_wall_ms_per_bucket: float
    figures: dict[str, Spread]
    ratios: dict[str, dict[str, Spread]]
    rounds: list[Measure]


def to_json(measured: Mapping[str, Sequence[Measure]]) -> dict[str, list[dict[str, Any]]]:
    """Shape what `run_course` gives for the findings of a question."""
    return {name: [asdict(measure) for measure in own] for name, own in measured.items()}


def from_json(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Measure]]:
    """Take the same out of the findings again."""
    return {name: [Measure(**run) for run in own] for name, own in runs.items()}


def results(
    course: Course, contenders: Sequence[Contender], measured: Mapping[str, Sequence[Measure]]
) -> dict[str, Result]:
    """Work out everybody's figures and ratios, by name. `measured` holds one measure for each round, in order."""
    worked_out = {}
    for contender in contenders:
        own = measured[contender.name]
        in_flight = course.in_flight(contender)
        worked_out[contender.name] = Result(
            buckets=course.buckets_of(contender),
            in_flight=in_flight,
            ideal_wall_ms_per_bucket=course.latency_ms / in_flight,
            figures={name: spread(map(figure, own)) for name, figure in FIGURES.items()},
            ratios={other: _ratios(own, measured[other], names) for other, names in RATIOS.items()},
            rounds=list(own),
        )
    return worked_out


def _ratios(own: Sequence[Measure], others: Sequence[Measure], names: Sequence[str]) -> dict[str, Spread]:
    return {name: ratios(map(FIGURES[name], own), map(FIGURES[name], others)) for name in names}
