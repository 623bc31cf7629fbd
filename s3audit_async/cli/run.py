"""`s3audit run`: wires options, report file, progress and engine, and tells how it ended."""

from __future__ import annotations

import gc
import logging
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from s3audit_async.cli.accounts import AccountOptions
from s3audit_async.cli.deciding import check_of, with_page
from s3audit_async.cli.open_files import make_room_for
from s3audit_async.cli.outcome import ExitCode, print_line
from s3audit_async.cli.progress import watching
from s3audit_async.cli.report_places import to_resume
from s3audit_async.cli.run_end import conclude, write_stats
from s3audit_async.cli.run_places import check_apart
from s3audit_async.cli.run_report import begin
from s3audit_async.cli.run_resumed import go_on
from s3audit_async.cli.run_rows import RowSources
from s3audit_async.cli.signals import ending_signals, heed_no_more
from s3audit_async.fleet.crews import crew_of
from s3audit_async.observe import Observers
from s3audit_async.options import Options, check_region
from s3audit_async.output.replacing import check_replaceable
from s3audit_async.recorded import Recording
from s3audit_async.resume import look_at, restored_fleet
from s3audit_async.stats import RunStats

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aioboto3

    from s3audit_async.errors import S3AuditError
    from s3audit_async.output import FleetState, Target
    from s3audit_async.output.exports import Writer
    from s3audit_async.ports import Observer, RowSource
    from s3audit_async.recorded import Report

_COLLECTIONS = (10_000, 20, 50)
"""When garbage is collected (gc.set_threshold). What a run throws away dies with its last reference; but Python looks
for cycles after each 700 new objects that live, and finds in flight what it found before: an eighth of the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """The options of `s3audit run` that are not the engine's."""

    output: str | None = None
    formats: tuple[str, ...] = ()
    """Of `sinks.FORMATS`; none for the default, or for what a resumed report has."""
    wide: bool = False
    also: tuple[Target, ...] = ()
    """Further files that are made of the report."""
    writers: Mapping[str, Writer] = field(default_factory=dict)
    """What makes those of them whose format is none of `sinks.FORMATS`, by format."""
    needs_all: bool = False
    """Whether all fields are needed of each row, also of those that an interrupted run has audited."""
    policy: str | None = None
    """Name or file of the policy that the rows are checked against."""
    html: str | None = None
    """Where a page is made of the report."""
    stats: str | None = None
    buckets_from: str | None = None
    resume: str | None = None
    profile: str | None = None
    region: str | None = None
    quiet: bool = False
    verbose: bool = False
    again: bool = True
    """Whether the same account can be asked again, as the demo's cannot."""
    options: Options
    accounts: AccountOptions = field(default_factory=AccountOptions)
    """Which accounts are audited, and how they are entered."""
    processes: int = 1
    dask: str | None = None
    """Address of the scheduler whose workers do the work."""

    @property
    def fleet(self) -> FleetState:
        """Which accounts are audited, as far as the options tell and a report remembers."""
        return self.accounts.fleet


def perform(settings: RunSettings, session: aioboto3.Session | None = None) -> int:
    """Run an audit and give the exit code. Raises `UsageError` before anything is asked of AWS."""
    if settings.region is not None:
        check_region(settings.region)
    check_apart(settings)
    check = check_of(settings.policy)
    settings = with_page(settings, check)
    check_replaceable(settings.output)
    make_room_for(settings.options.max_concurrency)
    settings = _with_accounts_of_before(settings)
    settings.accounts.check_whole()
    settings.accounts.check_profile(settings.profile)
    plan = None
    if settings.fleet.many:
        plan = settings.accounts.plan(settings.profile, settings.region)
        settings = replace(settings, accounts=settings.accounts.lasting(plan))
    if session is None:
        session = _session_of(settings)
    crew_to_be = crew_of(processes=settings.processes, dask=settings.dask)
    for sdk in ("botocore", "aiobotocore", "aiohttp", "asyncio"):
        # What they log of a failure, with its traceback, comes out as an error or a row of ours.
        logging.getLogger(sdk).addHandler(logging.NullHandler())
    stats = RunStats()
    with ExitStack() as stack:
        crew = None if crew_to_be is None else stack.enter_context(crew_to_be)
        report = (begin if settings.resume is None else go_on)(settings, check)
        stack.callback(report.close)
        observer: Observer = stats
        if not settings.quiet:
            observer = Observers(stats, stack.enter_context(watching(verbose=settings.verbose)))
        stack.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(*_COLLECTIONS)
        sources = RowSources(session=session, plan=plan, crew=crew, profile=settings.profile, region=settings.region)
        error = anyio.run(_audit, partial(sources.rows, report, observer, stats), report, stats, settings.quiet)
    figures_kept = settings.stats is None or write_stats(settings.stats, stats)
    code = conclude(settings, report, stats, error)
    return code if figures_kept or code is not ExitCode.COMPLETE else ExitCode.COULD_NOT_GO_ON


def _with_accounts_of_before(settings: RunSettings) -> RunSettings:
    """Give what the options say of the accounts that are audited: by a run that goes on, those of the one before it.

    Raises `UsageError` if others are named.
    """
    state = None if settings.resume is None else look_at(to_resume(Path(settings.resume))).state
    if state is None:
        return replace(settings, accounts=settings.accounts.of_accounts(settings.fleet))
    accounts = settings.accounts.of_accounts(state.fleet)
    return replace(settings, accounts=replace(accounts, fleet=restored_fleet(accounts.fleet, state)))


def _session_of(settings: RunSettings) -> aioboto3.Session:
    from s3audit_async.aws.session import open_session  # noqa: PLC0415 - half a second of SDK

    session = open_session(profile=settings.profile, region=settings.region)
    if session.region_name is not None:
        check_region(session.region_name)
    return session


async def _audit(opening: Callable[[], RowSource], report: Report, stats: RunStats, quiet: bool) -> S3AuditError | None:
    """Run the engine into the report. Gives the error that ended the run; None if it is complete."""
    rows = opening()
    run = Recording(rows, report, tell=_ignored if quiet else print_line, not_listed=lambda: bool(stats.not_listed))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_watch_signals, run)
        await run.go()
        tasks.cancel_scope.cancel()
    stats.distinct_keys = rows.distinct_keys
    stats.bytes_received = rows.bytes_received
    return run.error


async def _watch_signals(run: Recording) -> None:
    """Stop at the first signal: what is ready is written still. At the second, at once. Later ones are too late."""
    told = False
    try:
        with anyio.open_signal_receiver(*ending_signals()) as signals:
            async for _ in signals:
                told = True
                run.stop()
    finally:
        if told:
            heed_no_more()


def _ignored(_: str) -> None:
    """Say nothing: it was asked for quiet."""
