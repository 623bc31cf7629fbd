"""A program that audits an account with two processes, as the command does: ended by signals, and told of on stdout."""

from __future__ import annotations

import signal

import anyio

from s3audit_async.errors import RunError
from s3audit_async.fleet.crew_run import CrewRun
from s3audit_async.fleet.processes import ProcessCrew
from s3audit_async.options import Options
from s3audit_async.ports import Observer


async def main() -> None:
    """Say when jobs are out, count rows, and say how it ended."""
    count = 0
    with ProcessCrew(2) as crew:
        run = CrewRun(crew, None, Options(max_concurrency=8), Observer())

        async def watch() -> None:
            with anyio.open_signal_receiver(signal.SIGINT) as signals:
                print("begun", flush=True)  # noqa: T201
                async for _ in signals:
                    run.stop()

        async with run as rows, anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            try:
                async for _ in rows:
                    count += 1
                print(f"complete: {count}")  # noqa: T201
            except RunError as error:
                print(f"{error}: {count}")  # noqa: T201
            tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main)
