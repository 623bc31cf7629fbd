"""Our own command, `s3audit run`, as anybody would call it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from benchmarks.contenders.assignment import perform
from s3audit_async.cli import main

if TYPE_CHECKING:
    from benchmarks.contenders.assignment import Assignment

_IMPORTED_LATE = (
    "aioboto3.s3.inject",
    "anyio._backends._asyncio",
    "anyio._core._signals",
    "s3audit_async.aws.gateway",
    "s3audit_async.cli.app",
    "s3audit_async.cli.run",
    "s3audit_async.engine",
)
"""What the command and its SDK import when they need it. All imports are over before any contender's audit begins."""

for _module in _IMPORTED_LATE:
    importlib.import_module(_module)


def audit(assignment: Assignment) -> None:
    """Run the command. Raises `SystemExit` with its exit code if that is not 0."""
    if assignment.first is not None:
        raise SystemExit("s3audit run audits all that it lists: leave --first out")
    options = ["-o", str(assignment.output), "-q", "--max-concurrency", str(assignment.concurrency)]
    if assignment.endpoint_url is not None:
        options += ["--endpoint-url", assignment.endpoint_url]
    code = main(["run", *options])
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    perform(audit)
