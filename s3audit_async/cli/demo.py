"""`s3audit demo`: `run`, on the embedded account."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from s3audit_async.cli.outcome import print_line
from s3audit_async.cli.run import perform as perform_run
from s3audit_async.demo.environment import isolated_environment
from s3audit_async.demo.server import DemoServer, DemoUnavailableError
from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from s3audit_async.cli.run import RunSettings


def perform(settings: RunSettings, *, buckets: int, latency_ms: float) -> int:
    """Start the embedded account, audit it as any other, and give the exit code. Raises as `run` does."""
    server = DemoServer(buckets=buckets, latency_ms=latency_ms)
    with ExitStack() as stack:
        try:
            stack.enter_context(server)
        except DemoUnavailableError as error:
            raise UsageError(str(error)) from error
        stack.enter_context(isolated_environment(server.url))
        if not settings.quiet:
            print_line(f"Started an embedded AWS account with {buckets} buckets.")
        return perform_run(replace(settings, options=replace(settings.options, endpoint_url=server.url)))
