"""`s3audit run`: wires options, report file, progress and engine, and tells how it ended."""

from __future__ import annotations

import json
import logging
import shlex
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from s3audit_async.analysis.summary import Summary
from s3audit_async.api import audit
from s3audit_async.cli.outcome import ExitCode, exit_code_of, print_error, print_line
from s3audit_async.cli.progress import watching
from s3audit_async.cli.summary import print_summary
from s3audit_async.errors import InterruptedRunError, RunError, UsageError
from s3audit_async.observe import Observers
from s3audit_async.options import Options, check_region
from s3audit_async.output import PARTIAL_SUFFIX, FileOutput, Output, StandardOutput, record
from s3audit_async.resume import layout_of, resume
from s3audit_async.sinks import make_sink
from s3audit_async.stats import RunStats

if TYPE_CHECKING:
    import aioboto3

    from s3audit_async.engine import RowStream
    from s3audit_async.ports import Observer, Sink

_GRACE_SECONDS = 5.0
"""How long an interrupted run may take to write what it has, before that is given up too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """The options of `s3audit run` that are not the engine's."""

    output: str | None = None
    format: str | None = None
    wide: bool = False
    stats: str | None = None
    resume: str | None = None
    profile: str | None = None
    region: str | None = None
    quiet: bool = False
    verbose: bool = False
    again: bool = True
    """Whether the same account can be asked again, as the demo's cannot."""
    options: Options


@dataclass(slots=True)
class _Report:
    """An opened report: where it goes, in what form, and what of it is there already."""

    output: Output
    sink: Sink
    summary: Summary
    options: Options
    begin: bool = True
    resumed: bool = False


def perform(settings: RunSettings, session: aioboto3.Session | None = None) -> int:
    """Run an audit and give the exit code. Raises `UsageError` before anything is asked of AWS."""
    if settings.region is not None:
        check_region(settings.region)
    if settings.stats is not None:
        _check_stats(settings)
    if session is None:
        from s3audit_async.aws.session import open_session  # noqa: PLC0415 - half a second of SDK

        session = open_session(profile=settings.profile, region=settings.region)
    report = _resume(settings) if settings.resume is not None else _start(settings)
    for sdk in ("botocore", "aiobotocore", "aiohttp", "asyncio"):
        # What they log of a failure, with its traceback, comes out as an error or a row of ours.
        logging.getLogger(sdk).addHandler(logging.NullHandler())
    stats = RunStats()
    with ExitStack() as stack:
        stack.callback(lambda: report.output.close(discard=not (report.summary.rows or report.resumed)))
        observer: Observer = stats
        if not settings.quiet:
            observer = Observers(stats, stack.enter_context(watching(verbose=settings.verbose)))
        error = anyio.run(_audit, session, report, observer)
    if settings.stats is not None:
        _write_stats(Path(settings.stats), stats)
    return _conclude(settings, report, stats, error)


def _check_stats(settings: RunSettings) -> None:
    path = Path(settings.stats or "").absolute()
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory for --stats {path}", hint="make it first")
    if path.is_dir():
        raise UsageError(f"--stats {path} is a directory", hint="name a file in it")
    if path in {Path(place).absolute() for place in (settings.output, settings.resume) if place}:
        raise UsageError(f"--stats {path} is where the report goes", hint="name another file")


async def _audit(session: aioboto3.Session, report: _Report, observer: Observer) -> RunError | None:
    """Run the engine into the report. Gives the error that ended the run; None if it is complete."""
    run = _Run(session, report, observer)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.watch_signals)
        await run.go()
        tasks.cancel_scope.cancel()
    return run.error


class _Run:
    """One run and the ways in which it ends."""

    def __init__(self, session: aioboto3.Session, report: _Report, observer: Observer) -> None:
        self._session = session
        self._report = report
        self._observer = observer
        self._scope = anyio.CancelScope()
        self._rows: RowStream | None = None
        self.error: RunError | None = None

    async def go(self) -> None:
        """Audit everything, or until told to stop."""
        report = self._report
        with self._scope:
            try:
                async with audit(self._session, report.options, observer=self._observer) as rows:
                    self._rows = rows
                    await record(rows, report.sink, report.output, begin=report.begin, seen=report.summary.add)
            except RunError as error:
                self.error = error
        if self._scope.cancelled_caught:
            self.error = InterruptedRunError("interrupted")

    async def watch_signals(self) -> None:
        """Stop at the first SIGINT or SIGTERM: what is ready is written still, within `_GRACE_SECONDS`."""
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                if self._rows is None:
                    self._scope.cancel()
                else:
                    self._rows.stop()
                    self._scope.deadline = min(self._scope.deadline, anyio.current_time() + _GRACE_SECONDS)


def _start(settings: RunSettings) -> _Report:
    form = settings.format or "csv"
    wide = settings.wide or form != "csv"
    output: Output = StandardOutput() if settings.output == "-" else FileOutput(_report_path(settings, form))
    options = replace(settings.options, identify=wide)
    return _Report(output, make_sink(form, output.buffer, wide=wide), Summary(), options)


def _resume(settings: RunSettings) -> _Report:
    if settings.output is not None:
        raise UsageError("--resume writes to the report it completes", hint="leave -o out")
    path = Path(settings.resume or "")
    layout = layout_of(path)
    if settings.format not in {None, layout.format} or (settings.wide and not layout.wide):
        kind = f"{'wide ' if layout.wide and layout.format == 'csv' else ''}{layout.format}"
        raise UsageError(f"{path} is a report in {kind}", hint="leave --format and --wide out: they stay as they are")
    earlier = resume(path)
    if not settings.quiet:
        again = f", {earlier.asked_again} with errors asked again" if earlier.asked_again else ""
        torn = ", a torn last line dropped" if earlier.torn else ""
        print_line(f"Going on with {len(earlier.names)} rows that are there{again}{torn}.")
    sink = make_sink(layout.format, earlier.output.buffer, wide=layout.wide)
    options = replace(settings.options, identify=layout.wide, skip=earlier.names)
    return _Report(earlier.output, sink, earlier.summary, options, begin=not earlier.begun, resumed=True)


def _report_path(settings: RunSettings, form: str) -> Path:
    where = settings.output
    if where is None:
        where = _ask_where() if settings.again and sys.stdin.isatty() and sys.stderr.isatty() else "."
    path = Path(where).expanduser()
    if path.is_dir() or where.endswith("/"):
        return path / f"bucketEncryptionReport_{datetime.now().astimezone():%Y%m%d-%H%M%S}.{form}"
    if path.name.endswith(PARTIAL_SUFFIX):
        raise UsageError(f"{path} would be the name of an unfinished report", hint=f"leave {PARTIAL_SUFFIX} out")
    return path


def _ask_where() -> str:
    import click  # noqa: PLC0415 - for a terminal only

    answer: str = click.prompt("Directory or file for the report", default=".", err=True)
    return answer


def _write_stats(path: Path, stats: RunStats) -> None:
    try:
        path.write_text(json.dumps(stats.as_dict(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        print_error(f"cannot write the figures to {path}: {error.strerror}")


def _conclude(settings: RunSettings, report: _Report, stats: RunStats, error: RunError | None) -> ExitCode:
    if error is not None:
        print_error(str(error), error.hint)
        if report.summary.rows and isinstance(report.output, FileOutput):
            then = f" Go on with: {_resume_command(report)}" if settings.again else ""
            print_line(f"{report.summary.rows} buckets are audited and kept in {report.output.place}.{then}")
        return exit_code_of(error)
    failed = report.summary.failed.count
    if not settings.quiet:
        print_summary(report.summary, stats, report.output.place)
        if failed and settings.again and isinstance(report.output, FileOutput):
            print_line(f"{failed} rows hold an error. Ask those buckets again with: {_resume_command(report)}")
    return ExitCode.INCOMPLETE if failed else ExitCode.COMPLETE


def _resume_command(report: _Report) -> str:
    return f"s3audit run --resume {shlex.quote(report.output.place)}"
