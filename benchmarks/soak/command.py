"""One run of the real command: killed when a state is reached, or left to its end, and what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.contenders.course import ROOT, environment
from benchmarks.suite.peak import RSS_UNIT
from benchmarks.suite.question import BenchmarkError

if TYPE_CHECKING:
    import resource
    from collections.abc import Callable, Sequence

_PATIENCE = 3600.0
"""Seconds that one run may take before the soak fails."""
_INTERVAL = 0.02
"""Seconds between two looks at whether it has ended, or come to where it is to be killed."""


class SoakError(BenchmarkError):
    """Raised when a run did not do what it had to; says which one, and what it said last."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of the command ended, and what it cost.

    - `code`: its exit code, -9 where it was killed.
    - `peak_rss_bytes`: of the process, by wait4(2). Linux hands a child its parent's peak on, so that it is never less
      than what the soak's own process had come to when it started the run.
    """

    code: int
    wall_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    said: str


def run_command(arguments: Sequence[str], *, kill_when: Callable[[], bool] | None = None) -> Ended:
    """Run `s3audit ARGUMENTS` to its end, or SIGKILL it as soon as `kill_when()` holds.

    Raises `SoakError` if it takes too long.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "s3audit_async", *arguments],
            cwd=ROOT,
            env=environment(),
            stderr=said,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        usage = None
        try:
            while (usage := _reaped(process)) is None:
                if time.monotonic() - started > _PATIENCE:
                    raise SoakError(f"s3audit {arguments[0]} was not done after {_PATIENCE:g} s")
                if kill_when is not None and kill_when():
                    process.kill()
                    kill_when = None
                time.sleep(_INTERVAL)
        finally:
            if usage is None:
                process.kill()
                process.wait()
        seconds = time.monotonic() - started
        said.seek(0)
        return Ended(
            process.returncode, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT, said.read()
        )


def _reaped(process: subprocess.Popen[bytes]) -> resource.struct_rusage | None:
    """Give what a process has used, if it has ended: `Popen.wait` would throw that away."""
    pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    if pid == 0:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage
