"""`python -m benchmarks.soak`: a large account, many faults, a dead region, and runs that are killed on their way."""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.__main__ import tell
from benchmarks.soak.command import SoakError
from benchmarks.soak.course import BASELINE, FAULT_KINDS, Course, Part, run_soak
from benchmarks.stub import REGIONS
from benchmarks.suite.machine import machine
from benchmarks.suite.markdown import table as columns
from benchmarks.suite.peak import RSS_UNIT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DEFAULT = Course()
_MIB = 1024 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak and print its table. Gives the exit code: 1 if anything was not as it has to be."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"there is no directory for --json {options.json}")
    course = Course(
        buckets=options.buckets,
        keys=options.keys,
        regions=options.regions,
        latency_ms=options.latency_ms,
        fault_share=options.fault_share,
        kill_at=tuple(options.kill_at),
        timeout=options.timeout,
        mend=options.mend,
        baseline_buckets=options.baseline_buckets,
    )
    load = os.getloadavg()[0]
    try:
        parts = run_soak(course, told=tell)
    except SoakError as error:
        print(f"The soak failed. {error}", file=sys.stderr)
        return 1
    found = {**machine(), "load": f"{load:.2f}"}
    print(" ".join(f"{name} {value}" for name, value in found.items()))
    print(table(course, parts))
    if options.json is not None:
        content = {
            "baseline": BASELINE,
            "machine": found,
            "course": {**asdict(course), "dead_region": course.dead_region},
            "own_peak_rss_bytes": _own_peak(),
            "parts": [_as_json(part, parts[0]) for part in parts],
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


def table(course: Course, parts: Sequence[Part]) -> str:
    """Lay everything out. The first part is the baseline, which the memory of all is compared with."""
    conditions = (
        f"{course.buckets} buckets, {course.keys} keys, {course.regions} regions, {course.dead_region} dead; "
        f"{course.latency_ms:g} ms latency, {course.fault_share:.0%} of calls fail, up to {course.spare_after} times "
        f"each. {BASELINE}: {course.baseline_buckets} buckets, nothing fails."
    )
    header = ["part", "ended", "seconds", "kept", "answered", "failed", "rows/s", "calls", "retries", *FAULT_KINDS]
    return "\n".join(
        [
            conditions,
            "",
            columns(
                [*header, "CPU s", "stub CPU s", "peak MiB", f"of {BASELINE}"],
                [_cells(part, parts[0]) for part in parts],
            ),
            "",
            f"Every row is right. The soak's own process came to {_own_peak() / _MIB:.0f} MiB.",
        ]
    )


def _cells(part: Part, baseline: Part) -> list[str]:
    return [
        part.name,
        str(part.ended),
        f"{part.wall_seconds:.1f}",
        *(str(count) for count in (part.kept, part.answered, part.failed)),
        f"{part.rows_per_second:.0f}",
        str(sum(part.calls.values())),
        str(part.retries),
        *(str(part.faults[kind]) for kind in FAULT_KINDS),
        f"{part.cpu_seconds:.1f}",
        f"{part.stub_cpu_seconds:.1f}",
        f"{part.peak_rss_bytes / _MIB:.0f}",
        f"{part.peak_rss_bytes / baseline.peak_rss_bytes:.2f}",
    ]


def _as_json(part: Part, baseline: Part) -> dict[str, Any]:
    return {
        **asdict(part),
        "rows_per_second": part.rows_per_second,
        "peak_rss_ratio": part.peak_rss_bytes / baseline.peak_rss_bytes,
    }


def _own_peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description="Audit an account in which much fails and one region is dead, kill the run on its way, resume it, "
        "and see that every bucket has its right row.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    whole = at_least(1)
    parser.add_argument("--buckets", type=whole, default=_DEFAULT.buckets, metavar="N")
    parser.add_argument("--keys", type=at_least(0), default=_DEFAULT.keys, metavar="N", help="distinct KMS keys")
    parser.add_argument(
        "--regions",
        type=int,
        choices=range(2, len(REGIONS) + 1),
        default=_DEFAULT.regions,
        metavar="N",
        help="the last of them is dead",
    )
    parser.add_argument(
        "--latency-ms", type=float, default=_DEFAULT.latency_ms, metavar="MS", help="before each answer"
    )
    parser.add_argument(
        "--fault-share", type=_share, default=_DEFAULT.fault_share, metavar="SHARE", help="of the calls, 0 to 1"
    )
    parser.add_argument(
        "--kill-at",
        type=_share,
        nargs="*",
        default=list(_DEFAULT.kill_at),
        metavar="SHARE",
        help="of the rows in the report, 0 to 1, in order",
    )
    parser.add_argument("--timeout", type=float, default=_DEFAULT.timeout, metavar="SECONDS", help="of one attempt")
    parser.add_argument("--mend", action="store_true", help="let the dead region come back at the end")
    parser.add_argument(
        "--baseline-buckets",
        type=whole,
        default=_DEFAULT.baseline_buckets,
        metavar="N",
        help="of the run without faults that memory is compared with",
    )
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


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
