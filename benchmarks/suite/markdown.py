"""How figures are written, and tables of them, in Markdown that reads as plain text too. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.suite.spread import Spread

_ENOUGH_RUNS = 3
"""So many that one that went wrong does not decide the median."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table, its columns aligned."""
    cells = [[cell.replace("|", r"\|") for cell in row] for row in (header, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in cells
    )


def cell(figure: Spread) -> str:
    """Write `median (least-most)`, or the one number that all three are."""
    least, median, most = (number(value) for value in (figure.least, figure.median, figure.most))
    return median if least == most else f"{median} ({least}-{most})"


def number(value: float) -> str:
    """Write three significant digits, and never an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def few(runs: int) -> str:
    """Say after a figure that it rests on so few runs that its median tells little; nothing if there were enough."""
    return "" if runs >= _ENOUGH_RUNS else f" ({runs} run{'s' * (runs != 1)})"


def percent(figure: Spread) -> str:
    """Write a share as `cell` does, in per cent: with a decimal place below 100."""
    shares = (100 * value for value in (figure.least, figure.median, figure.most))
    least, median, most = (f"{share:,.0f}" if share >= 100 else f"{share:.1f}" for share in shares)
    return f"{median} %" if least == most else f"{median} % ({least} to {most})"
