"""All questions of the suite, in the order in which they are measured and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.questions import (
    accounts,
    contenders,
    faults,
    latency,
    memory,
    moto,
    parts,
    peers,
    rate_limit,
    start_up,
    tls,
)

if TYPE_CHECKING:
    from benchmarks.suite.question import Question

QUESTIONS: tuple[Question, ...] = (
    contenders.QUESTION,
    latency.QUESTION,
    moto.QUESTION,
    rate_limit.QUESTION,
    memory.QUESTION,
    accounts.QUESTION,
    start_up.QUESTION,
    tls.QUESTION,
    faults.QUESTION,
    parts.QUESTION,
    peers.QUESTION,
)
