"""The results as text: one table of figures, one of ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders.course import BASELINE, ORIGINAL
from benchmarks.contenders.figures import CALLS, CONNECTIONS, CPU, PROCESS_CPU, RATE, WALL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.contenders.course import Course
    from benchmarks.contenders.figures import Result, Spread

_GAP = "   "


def table(course: Course, results: Mapping[str, Result]) -> str:
    """Lay out everything. Cells are `median (least-most)` over the rounds."""
    baseline, original = BASELINE.name, ORIGINAL.name
    conditions = (
        f"{course.buckets} buckets, of which {original} audits {results[original].buckets}; {course.regions} regions, "
        f"{course.keys} keys, {course.latency_ms:g} ms latency, {course.concurrency} in flight; {course.rounds} rounds."
    )
    return "\n".join(
        [
            conditions,
            "",
            f"Figures: median (least-most) of {course.rounds} rounds. They are this machine's, and prove nothing.",
            columns(
                [
                    "contender",
                    "CPU ms/bucket",
                    "with start-up",
                    "wall ms/bucket",
                    "ideal",
                    "buckets/s",
                    "calls/bucket",
                    "connections",
                    "in flight",
                ],
                [_figures(name, result) for name, result in results.items()],
            ),
            "",
            f"Ratios, each taken within its round; below 1 is less than {baseline} (last column: than {original}).",
            columns(
                ["contender", "CPU", "with start-up", "wall", f"wall to {original}"],
                [_ratios(name, result) for name, result in results.items()],
            ),
        ]
    )


def _figures(name: str, result: Result) -> list[str]:
    peak = max(measure.peak_in_flight for measure in result.rounds)
    return [
        name,
        *(_cell(result.figures[figure]) for figure in (CPU, PROCESS_CPU, WALL)),
        _number(result.ideal_wall_ms_per_bucket),
        *(_cell(result.figures[figure]) for figure in (RATE, CALLS, CONNECTIONS)),
        f"{peak} of {result.in_flight}",
    ]


def _ratios(name: str, result: Result) -> list[str]:
    to_baseline = result.ratios[BASELINE.name]
    return [
        name,
        *(_cell(to_baseline[figure]) for figure in (CPU, PROCESS_CPU, WALL)),
        _cell(result.ratios[ORIGINAL.name][WALL]),
    ]


def _cell(spread: Spread) -> str:
    least, median, most = (_number(value) for value in (spread.least, spread.median, spread.most))
    return median if least == most else f"{median} ({least}-{most})"


def _number(value: float) -> str:
    """Write three significant digits, and never an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table of text, left-aligned."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    )
