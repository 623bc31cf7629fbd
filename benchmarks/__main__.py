"""`python -m benchmarks`: s3audit side by side with other ways to audit the same account."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.course import BASELINE, CONTENDERS, ContenderError, Course, run_course, warm_up
from benchmarks.contenders.figures import results
from benchmarks.contenders.table import table
from benchmarks.stub import REGIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.contenders.course import Contender

_DEFAULT = Course()
_PACKAGES = ("aioboto3", "aiobotocore", "boto3", "botocore")


def main(arguments: Sequence[str] | None = None, contenders: Sequence[Contender] = CONTENDERS) -> int:
    """Run the benchmark and print its tables. Gives the exit code: 1 if a contender failed or reported wrongly.

    `contenders` have to hold those that the ratios refer to.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"there is no directory for --json {options.json}")  # now, and not after the last round
    course = Course(
        buckets=options.buckets,
        original_buckets=options.original_buckets,
        keys=options.keys,
        regions=options.regions,
        latency_ms=options.latency_ms,
        concurrency=options.concurrency,
        rounds=options.rounds,
    )
    load = os.getloadavg()[0]
    try:
        tell("warming up")
        warm_up(contenders)
        measured = run_course(course, contenders, told=tell)
    except ContenderError as error:
        print(f"The benchmark failed. {error}", file=sys.stderr)
        return 1
    worked_out = results(course, contenders, measured)
    found = machine(load)
    print(" ".join(f"{name} {value}" for name, value in found.items()))
    print(table(course, worked_out))
    if options.json is not None:
        content = {
            "baseline": BASELINE.name,
            "machine": found,
            "course": asdict(course),
            "contenders": {name: result.as_json() for name, result in worked_out.items()},
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Audit one synthetic account on the loopback interface in several ways, in turn, and compare them.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    whole = at_least(1)
    parser.add_argument("--buckets", type=whole, default=_DEFAULT.buckets, metavar="N")
    parser.add_argument(
        "--original-buckets",
        type=whole,
        default=_DEFAULT.original_buckets,
        metavar="N",
        help="how many of them the sequential contender audits",
    )
    parser.add_argument("--keys", type=at_least(0), default=_DEFAULT.keys, metavar="N", help="distinct KMS keys")
    parser.add_argument(
        "--regions", type=int, choices=range(1, len(REGIONS) + 1), default=_DEFAULT.regions, metavar="N"
    )
    parser.add_argument(
        "--latency-ms", type=_milliseconds, default=_DEFAULT.latency_ms, metavar="MS", help="before each answer"
    )
    parser.add_argument(
        "--concurrency", type=whole, default=_DEFAULT.concurrency, metavar="N", help="requests in flight at most"
    )
    parser.add_argument("--rounds", type=whole, default=_DEFAULT.rounds, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there too")
    return parser


def at_least(least: int) -> Callable[[str], int]:
    """Make a parser of whole numbers that are no less."""

    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        return value

    return number


def _milliseconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 10000")
    return value


def machine(load: float) -> dict[str, Any]:
    """Say what the figures were measured on. `load` is the load average of the minute before."""
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
        "cpus": os.cpu_count(),
        "load": round(load, 2),
    }


def tell(line: str) -> None:
    """Say how far it has come, on stderr."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
