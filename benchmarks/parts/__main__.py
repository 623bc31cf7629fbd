"""`python -m benchmarks.parts -o FILE`: times all parts. The options are pyperf's."""

from __future__ import annotations

import pyperf

from benchmarks.parts.catalogue import PARTS
from benchmarks.parts.part import seconds


def main() -> None:
    """Time one part after the other. pyperf starts this again for each of its workers."""
    runner = pyperf.Runner(program_args=("-m", "benchmarks.parts"))
    for part in PARTS:
        runner.bench_time_func(part.name, seconds, part)


if __name__ == "__main__":
    main()
