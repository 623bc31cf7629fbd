"""Runs the real command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import s3audit_async

COMMAND = (sys.executable, "-W", "error", "-m", "s3audit_async")
_PATIENCE = 120.0


def s3audit(
    *arguments: str | Path, cwd: Path | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `s3audit ARGUMENTS` to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        check=False,
        capture_output=True,
        cwd=cwd,
        env=environment(),
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        text=True,
        timeout=_PATIENCE,
    )


def start(*arguments: str | Path, cwd: Path | None = None, after: str = ":") -> subprocess.Popen[str]:
    """Start `s3audit ARGUMENTS`, in the place of a shell that has done what comes `after`; the caller waits for it."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f'{after}; exec "$@"', "sh", *COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def environment() -> dict[str, str]:
    """This process's environment, in which the package can be found from every directory."""
    return {**os.environ, "PYTHONPATH": str(Path(s3audit_async.__file__).parents[1])}
