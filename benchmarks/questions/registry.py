"""All questions of the suite, in the order in which they are measured and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.questions import contenders, faults, latency, memory, rate_limit, start_up

if TYPE_CHECKING:
    from benchmarks.suite.question import Question

QUESTIONS: tuple[Question, ...] = (
    contenders.QUESTION,
    latency.QUESTION,
    rate_limit.QUESTION,
    memory.QUESTION,
    start_up.QUESTION,
    faults.QUESTION,
)
