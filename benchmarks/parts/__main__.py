"""`python -m benchmarks.parts -o FILE`: times all parts, or some. The other options are pyperf's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyperf

from benchmarks.parts.catalogue import PARTS
from benchmarks.parts.part import seconds

if TYPE_CHECKING:
    from argparse import Namespace


def main() -> None:
    """Time one part after the other. pyperf starts this again for each of its workers."""
    runner = pyperf.Runner(program_args=("-m", "benchmarks.parts"), add_cmdline_args=_tell_workers)
    names = [part.name for part in PARTS]
    runner.argparser.add_argument("--only", metavar="PART", action="append", choices=names, help="may be repeated")
    only = runner.parse_args().only or names
    for part in PARTS:
        if part.name in only:
            runner.bench_time_func(part.name, seconds, part)


def _tell_workers(command: list[str], options: Namespace) -> None:
    command.extend(f"--only={name}" for name in options.only or ())


if __name__ == "__main__":
    main()
