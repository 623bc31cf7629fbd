"""What a contender is told and what it tells: the command line and the JSON line that all of them share."""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Assignment:
    """One audit.

    - `endpoint_url`: of S3, KMS and STS; None for AWS's own host names.
    - `output`: the CSV file to write, which is not there yet.
    - `concurrency`: requests in flight at most. A contender may use fewer.
    - `first`: how many buckets of the listing to audit; None for all of them.
    - `addressing_style`: where a plain SDK loop puts the bucket's name, in the SDK's words: `path`, or `auto`, which is
      the host name wherever that goes. s3audit and the original's algorithm have their own ways.
    """

    endpoint_url: str | None
    output: Path
    concurrency: int
    first: int | None
    addressing_style: str = "path"


def perform(audit: Callable[[Assignment], None]) -> None:
    """Run an audit as the command line says and print what it cost, as one line of JSON.

    - `wall_seconds`, `cpu_seconds`: around the whole audit, from the first client made to the report complete. The
      imports are over by then: they cost the same for one bucket as for a million.
    - `process_cpu_seconds`: from the start of the interpreter on, imports included, up to this line.

    CPU is user and system time of all threads (getrusage), so waiting costs nothing.
    """
    assignment = _parse()
    cpu, wall = _cpu_seconds(), time.perf_counter()
    audit(assignment)
    ended = _cpu_seconds()
    measured = {
        "wall_seconds": time.perf_counter() - wall,
        "cpu_seconds": ended - cpu,
        "process_cpu_seconds": ended,
    }
    print(json.dumps(measured))


def _parse() -> Assignment:
    parser = argparse.ArgumentParser(description="Audit an account once and print what it cost as a line of JSON.")
    parser.add_argument("--endpoint-url", metavar="URL", help="AWS's own host names if left out")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--concurrency", type=int, required=True, metavar="N", help="requests in flight at most")
    parser.add_argument("--first", type=int, metavar="N", help="buckets of the listing; all of them if left out")
    parser.add_argument("--addressing-style", choices=("path", "auto"), default="path", help="of a plain SDK loop")
    return Assignment(**vars(parser.parse_args()))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
