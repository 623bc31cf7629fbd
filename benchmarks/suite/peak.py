"""Peak memory of a command, measured by a process that stays small whatever the one that asks for it has grown to.

Linux hands a child its parent's peak on (exec(2) keeps it in ru_maxrss), so that the parent has to be a small one: this
module run as `python -m benchmarks.suite.peak SECONDS COMMAND...`, which prints a line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in ru_maxrss's unit (getrusage(2))."""
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command cost, from its start to its end, by wait4(2)."""

    code: int
    wall_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    said: str
    """On standard error."""


def spent_by(command: Sequence[str], *, environment: Mapping[str, str], patience: float) -> Spent:
    """Run a command to its end, and kill it after `patience` seconds: its code is -9 then."""
    watched = subprocess.run(
        [sys.executable, "-m", "benchmarks.suite.peak", str(patience), *command],
        check=True,
        cwd=_ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return Spent(**{**json.loads(watched.stdout), "said": watched.stderr})


def main(arguments: Sequence[str]) -> None:
    """Run a command and print what it cost; what it says on standard error is passed on, its output is not."""
    patience, *command = arguments
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    timer = threading.Timer(float(patience), process.kill)
    timer.daemon = True  # who is interrupted does not wait for it
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)  # `Popen.wait` would throw the usage away
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        process.kill()  # if it was interrupted; one that has ended is let be
        timer.cancel()
    spent = Spent(
        process.returncode,
        time.monotonic() - started,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * RSS_UNIT,
        "",
    )
    print(json.dumps(asdict(spent)))


if __name__ == "__main__":
    main(sys.argv[1:])
