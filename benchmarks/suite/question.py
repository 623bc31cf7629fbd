"""What a question of the suite is: something that is measured, and how what came out is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Findings = Mapping[str, Any]
"""What was measured, as it goes into JSON and comes out of it."""


class Size(StrEnum):
    """How much is measured."""

    SMOKE = "smoke"
    """So little that it takes seconds, and proves nothing but that it works and that every row is right."""
    FULL = "full"
    """What is published."""


class BenchmarkError(Exception):
    """Raised when a contender did not come to its end, or reported wrongly: there is no figure then."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a plot: a median, with the least and the most of all runs."""

    x: float | str
    y: float
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What a plot shows; how it is drawn is `plots.py`'s.

    - `name`: of its file, without suffix; kebab-case.
    - `series`: points by the name of what they belong to. Text as x makes bars, numbers a line.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: Mapping[str, tuple[Point, ...]]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target and what was measured: both as text, and whether it was met; None where nothing can be said."""

    what: str
    target: str
    measured: str
    met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is told of a question: Markdown (tables, how to read them), its plots, the targets that it measures."""

    text: str
    plots: tuple[Plot, ...] = ()
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question.

    - `name`: what it is called on the command line and in JSON; kebab-case.
    - `title`: its heading.
    - `measure(size, told)`: measures, and tells how far it has come, a line each. Raises `BenchmarkError`.
    - `answer(findings)`: says what came out. Pure: the page can be made anew without measuring anything.
    - `needs()`: says in one line what has to be set up before it can be measured; None if it can be.
    """

    name: str
    title: str
    measure: Callable[[Size, Callable[[str], None]], Findings]
    answer: Callable[[Findings], Answer]
    needs: Callable[[], str | None] = lambda: None
