"""A figure over all runs of it: the median, with the extremes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.suite.question import Point

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over all rounds."""

    median: float
    least: float
    most: float

    def at(self, x: float | str) -> Point:
        """Make it a point of a plot."""
        return Point(x, self.median, self.least, self.most)


def spread(values: Iterable[float]) -> Spread:
    """Take the median of some values, and their extremes. There has to be one."""
    ordered = sorted(values)
    return Spread(median(ordered), ordered[0], ordered[-1])


def ratios(own: Iterable[float], others: Iterable[float]) -> Spread:
    """Compare two contenders' values, one for each round in order.

    A ratio is taken within each round and only then over the rounds, so that a slow minute of the machine, which both
    had to live with, cancels out.
    """
    return spread(mine / theirs for mine, theirs in zip(own, others, strict=True))
