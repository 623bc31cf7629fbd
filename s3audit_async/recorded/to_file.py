"""The library's audit into a file: within a time limit, and going on with what an earlier call had no time for."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3audit_async.analysis.reading import Layout
from s3audit_async.analysis.summary import Summary
from s3audit_async.api import audit
from s3audit_async.errors import InterruptedRunError, RunError, UsageError, WrongAccountError
from s3audit_async.observe import Observers
from s3audit_async.options import GENERAL_ONLY, Options
from s3audit_async.output import LEDGER_SUFFIX, FileOutput, StateFile, partial_of
from s3audit_async.output.replacing import check_replaceable
from s3audit_async.ports import Observer
from s3audit_async.recorded.report import Report, unchecked
from s3audit_async.recorded.run import Recording
from s3audit_async.resume import look_at, restored, resume
from s3audit_async.sinks import RESUMABLE, make_sink

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Container

    import aioboto3

    from s3audit_async.model import Unlisted
    from s3audit_async.ports import RowSource
    from s3audit_async.resume import Resumption, Unfinished


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAudit:
    """How far a report in a file has come. `rows`, `added` and `failed` are numbers of buckets."""

    path: Path
    """Where the rows are now: the report, or its `.partial` file while it is not complete."""
    complete: bool
    """Whether every bucket has its row. If not, the same call goes on where this one stopped."""
    rows: int
    """Rows in the file, those of earlier calls too."""
    added: int
    """Those of this call."""
    failed: int
    """Rows that hold an error that retries could not clear. If the report is complete, `run --resume` asks them again;
    if not, the next call does."""
    counts: dict[str, Any]
    """The rows summed up, as `s3audit report --json` does: modes, key_types, findings, denied, ... JSON as it is."""
    not_listed: tuple[Unlisted, ...]
    """What of `Options.kinds` could not be listed where: the report is complete without those buckets."""
    error: RunError | None
    """What ended this call before the report was complete. `InterruptedRunError` is the time limit."""
    notes: tuple[str, ...]
    """What could not be checked or tidied up, in a sentence each."""

    @property
    def out_of_time(self) -> bool:
        """Whether nothing but the time limit ended this call."""
        return isinstance(self.error, InterruptedRunError)


async def audit_to_file(
    path: str | os.PathLike[str],
    session: aioboto3.Session | None = None,
    options: Options | None = None,
    *,
    wide: bool = True,
    seconds: float | None = None,
    observer: Observer | None = None,
) -> FileAudit:
    """Audit an account into a report file, or go on with it if an earlier call, or `s3audit run`, left it unfinished.

        done = await audit_to_file("/mnt/reports/monday.csv", seconds=800)
        if done.out_of_time:
            ...  # call again, with the same path

    The report is CSV or JSON Lines, by the suffix of `path`: `.csv` (`wide` for all columns, else four) or `.jsonl`.
    Until it is complete it is called `<path>.partial`, with the run state in `<path>.resume`; then it takes the place
    of an earlier report at `path`. A call that finds those two goes on: rows with an answer stay, rows with an error
    are asked again, and the options that choose buckets, and the account, are those it was begun with.

    `seconds` after it was called it stops: what is ready is written, which with closing the connections takes a moment
    and at most 10 s more. `session`, `options` and `observer` are those of `audit`. Cancelling keeps what is in the
    file.

    Whatever ends a run after rows are in the file, but for the wrong account, is `FileAudit.error`, and nothing is
    raised: the next call may go on. Raises `UsageError` for a path, options or a state beside the report that cannot be
    used, or if another run is writing it, `WrongAccountError` if the credentials are another account's, and any other
    `RunError` as `audit` does where there is no row to keep: the disk is then as it was.
    """

    def opening(found: Options, watching: Observer) -> RowSource:
        return audit(session, found, observer=watching if observer is None else Observers(watching, observer))

    return await record_to_file(Path(path), opening, options or Options(), wide=wide, seconds=seconds)


async def record_to_file(
    path: Path,
    opening: Callable[[Options, Observer], RowSource],
    options: Options,
    *,
    wide: bool,
    seconds: float | None,
) -> FileAudit:
    """Do what `audit_to_file` says, with the rows that `opening` gives.

    It is handed the options that are found to hold, and who has to watch.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    if seconds is not None and not seconds > 0:
        raise UsageError(f"seconds is {seconds:g}", hint="more than 0, or None for as long as it takes")
    notes: list[str] = []
    unlisted = _Unlisted()
    report = await _in_thread(partial(_opened, path, options, wide=wide, notes=notes))
    with ExitStack() as closing:
        closing.callback(report.close)
        rows = opening(report.options, unlisted)
        recording = Recording(rows, report, tell=notes.append, not_listed=lambda: bool(unlisted.found))
        if seconds is not None:
            closing.callback(loop.call_at(started + seconds, recording.stop).cancel)
        await recording.go()
    error = recording.error
    if error is not None and not isinstance(error, RunError):
        raise error
    if isinstance(error, WrongAccountError) or not (report.rows or error is None or _is_time(error)):
        raise error
    return FileAudit(
        path=path if error is None else partial_of(path),
        complete=error is None,
        rows=report.rows,
        added=report.output.rows,
        failed=report.summary.failed.count,
        counts=report.summary.as_dict(),
        not_listed=tuple(unlisted.found),
        error=error,
        notes=tuple(notes),
    )


async def _in_thread(opening: Callable[[], Report]) -> Report:
    """Open a report in a thread, as there may be much to read back; if cancelled, let go of it when it is open."""
    coming = asyncio.get_running_loop().run_in_executor(None, opening)
    try:
        return await asyncio.shield(coming)
    except asyncio.CancelledError:
        coming.add_done_callback(_let_go)
        raise


def _let_go(opened: asyncio.Future[Report]) -> None:
    if opened.exception() is None:
        opened.result().close()


def _opened(path: Path, options: Options, *, wide: bool, notes: list[str]) -> Report:
    """Begin a report, or go on with it. Raises `UsageError` if neither can be, with nothing touched."""
    form = path.suffix.removeprefix(".")
    if form not in RESUMABLE:
        ends = " or ".join(f".{each}" for each in RESUMABLE)
        raise UsageError(f"{path} does not say its format", hint=f"name a report that ends with {ends}")
    layout = Layout(form, wide=wide or form != "csv")
    if options.kinds != GENERAL_ONLY and not layout.wide:
        raise UsageError("four columns do not tell kinds of buckets apart", hint="leave wide out, or choose .jsonl")
    check_replaceable(str(path))
    if partial_of(path).exists():
        return _gone_on_with(path, layout, options, notes)
    output = FileOutput(path)
    report = Report(
        output=output,
        layout=layout,
        sink=make_sink(form, output.buffer, wide=layout.wide),
        summary=Summary(),
        options=replace(options, identify=options.identify and layout.wide),
        note=notes.append,
        state_file=StateFile(path),
        stale=path.with_name(path.name + LEDGER_SUFFIX),
    )
    with ExitStack() as failing:
        failing.callback(report.close)
        report.remember()
        failing.pop_all()
    return report


def _gone_on_with(path: Path, layout: Layout, options: Options, notes: list[str]) -> Report:
    found = look_at(path)
    earlier = resume(path)  # has the report to itself from here on: what is compared below is not another run's
    with ExitStack() as failing:
        failing.callback(earlier.output.close, discard=False)
        options = _matching(found, earlier, layout, options)
        failing.pop_all()
    options = replace(options, identify=options.identify and layout.wide, skip=_Skipped(earlier.names, options.skip))
    if (note := unchecked(found, options)) is not None:
        notes.append(note)
    return Report(
        output=earlier.output,
        layout=layout,
        sink=make_sink(layout.format, earlier.output.buffer, wide=layout.wide),
        summary=earlier.summary,
        options=options,
        note=notes.append,
        begin=not earlier.begun,
        resumed=True,
        kept=earlier.rows,
        state_file=found.state_file,
        state=found.state,
    )


def _matching(found: Unfinished, earlier: Resumption, layout: Layout, options: Options) -> Options:
    """Give the options that a report goes on with. Raises `UsageError` if these are for another one."""
    state, partial_file = found.state, partial_of(found.final)
    if state is not None and (state.wanted or state.fleet.many):
        what = "is of many accounts" if state.fleet.many else "is to become several files"
        raise UsageError(f"{partial_file} {what}", hint=f"go on with it by s3audit run --resume {found.final}")
    if found.layout != layout:
        kind = "all columns" if found.layout.wide else "four columns"
        raise UsageError(f"{partial_file} was begun with {kind}", hint="give the same wide, or remove it")
    before = (state.account if state is not None else None) or earlier.account
    if None not in {before, options.account} and before != options.account:
        raise UsageError(
            f"{partial_file} is of account {before}, and account {options.account} is to be audited",
            hint="name another path for it",
        )
    account = before or options.account
    return replace(options if state is None else restored(options, state), account=account)


@dataclass(frozen=True, slots=True)
class _Skipped:
    """Names that have their row, and those that the caller leaves out."""

    there: Container[str]
    left_out: Container[str]

    def __contains__(self, name: object) -> bool:
        return name in self.there or name in self.left_out


class _Unlisted(Observer):
    """Remembers what could not be listed."""

    def __init__(self) -> None:
        self.found: list[Unlisted] = []

    def unlisted(self, unlisted: Unlisted) -> None:
        self.found.append(unlisted)


def _is_time(error: RunError) -> bool:
    return isinstance(error, InterruptedRunError)
