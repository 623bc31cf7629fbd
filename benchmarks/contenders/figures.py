"""From measures to what is claimed: medians with their extremes, and ratios to contenders of the same round. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.course import BASELINE, ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.contenders.course import Contender, Course, Measure

Figure = Callable[["Measure"], float]

CPU = "cpu_ms_per_bucket"
PROCESS_CPU = "process_cpu_ms_per_bucket"
WALL = "wall_ms_per_bucket"
RATE = "buckets_per_second"
CALLS = "calls_per_bucket"
CONNECTIONS = "connections"

FIGURES: Mapping[str, Figure] = {
    CPU: lambda measure: 1000 * measure.cpu_seconds / measure.buckets,
    PROCESS_CPU: lambda measure: 1000 * measure.process_cpu_seconds / measure.buckets,
    WALL: lambda measure: 1000 * measure.wall_seconds / measure.buckets,
    RATE: lambda measure: measure.buckets / measure.wall_seconds,
    CALLS: lambda measure: sum(measure.calls.values()) / measure.buckets,
    CONNECTIONS: lambda measure: float(measure.connections),
}
RATIOS: Mapping[str, Sequence[str]] = {BASELINE.name: (CPU, PROCESS_CPU, WALL), ORIGINAL.name: (WALL,)}
"""Which figures are compared with which contender's."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over all rounds."""

    median: float
    least: float
    most: float


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

    def as_json(self) -> dict[str, Any]:
        """Shape the result for JSON."""
        return asdict(self)


def results(
    course: Course, contenders: Sequence[Contender], measured: Mapping[str, Sequence[Measure]]
) -> dict[str, Result]:
    """Work out everybody's figures and ratios, by name. `measured` holds one measure for each round, in order.

    A ratio is taken within each round and only then over the rounds, so that a slow minute of the machine, which both
    had to live with, cancels out.
    """
    worked_out = {}
    for contender in contenders:
        own = measured[contender.name]
        in_flight = course.in_flight(contender)
        worked_out[contender.name] = Result(
            buckets=course.buckets_of(contender),
            in_flight=in_flight,
            ideal_wall_ms_per_bucket=course.latency_ms / in_flight,
            figures={name: _spread(map(figure, own)) for name, figure in FIGURES.items()},
            ratios={other: _ratios(own, measured[other], names) for other, names in RATIOS.items()},
            rounds=list(own),
        )
    return worked_out


def _ratios(own: Sequence[Measure], others: Sequence[Measure], names: Iterable[str]) -> dict[str, Spread]:
    return {
        name: _spread(FIGURES[name](mine) / FIGURES[name](theirs) for mine, theirs in zip(own, others, strict=True))
        for name in names
    }


def _spread(values: Iterable[float]) -> Spread:
    ordered = sorted(values)
    return Spread(median(ordered), ordered[0], ordered[-1])
