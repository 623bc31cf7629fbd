"""The report of one run: how it is begun, what of it is there, and the run state beside it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from s3audit_async.analysis.reading import Layout
from s3audit_async.analysis.summary import Summary
from s3audit_async.cli.outcome import print_line
from s3audit_async.cli.report_places import Direct, make_way, places_of
from s3audit_async.errors import OutputError, UsageError
from s3audit_async.output import (
    FileOutput,
    Output,
    RunState,
    Spool,
    StandardOutput,
    StateFile,
    Target,
    Wanted,
)
from s3audit_async.output.spool import FORMAT
from s3audit_async.resume import state_of
from s3audit_async.sinks import check_formats, make_sink

if TYPE_CHECKING:
    from pathlib import Path

    from s3audit_async.analysis.policy import PolicyCheck
    from s3audit_async.cli.run import RunSettings
    from s3audit_async.model import Row
    from s3audit_async.options import Options
    from s3audit_async.ports import Sink


@dataclass(slots=True, kw_only=True)
class Report:
    """An opened report: where it goes, in what form, and what of it is there already."""

    output: Output
    layout: Layout
    sink: Sink
    summary: Summary
    options: Options
    begin: bool = True
    resumed: bool = False
    kept: int = 0
    """Rows that were there before, and stay."""
    state_file: StateFile | None = None
    """None where nobody can go on with the report."""
    state: RunState | None = None
    """What stands in that file; None while nothing does."""
    wanted: tuple[Wanted, ...] = ()
    """What is made of the report when it is complete."""
    check: PolicyCheck | None = None
    """What comes of it by the policy that was asked for."""

    def seen(self, row: Row) -> None:
        """Count a row that is on its way into the report."""
        self.summary.add(row)
        if self.check is not None:
            self.check.add(row)

    @property
    def rows(self) -> int:
        """Rows that are in the report for certain; the summary counts those that are on their way, too."""
        return self.kept + self.output.rows

    @property
    def needs_account(self) -> bool:
        """Whether it cannot be made where the account is not known."""
        return "asff" in {self.layout.format, *(each.format for each in self.wanted)}

    def remember(self, account: str | None = None, *, made: bool = False) -> None:
        """Put into the run state what is known by now. Raises `OutputError`."""
        if self.state_file is None or self._is_superseded():
            return
        account = account or self.options.account or (self.state.account if self.state else None)
        state = replace(
            state_of(replace(self.options, account=account), self.layout, self.wanted),
            made=made,
        )
        if state != self.state:
            self.state_file.write(state)
            self.state = state

    def complete(self) -> None:
        """Say in the run state that all is made, or remove it if there is nothing left to ask again."""
        if not self.summary.failed.count:
            self._forget()
        elif isinstance(self.output, Spool):
            try:
                self.remember(made=True)
            except OutputError as error:  # the files are there all the same
                print_line(f"note: {error}")

    def _forget(self) -> None:
        if self.state_file is not None and not self._is_superseded():
            try:
                self.state_file.remove()
            except OSError as error:  # the report is complete all the same
                print_line(f"note: cannot remove {self.state_file.path}: {error.strerror}")

    def _is_superseded(self) -> bool:
        return isinstance(self.output, FileOutput) and self.output.superseded

    def close(self) -> None:
        """Let go of the report; if no row has come to it, of its file too. Raises `OutputError`."""
        empty = not (self.rows or self.resumed)
        untouched = isinstance(self.output, FileOutput) and not self.output.begun
        try:
            if self.state_file is not None and (empty or untouched):
                self.state_file.put_back()
        finally:
            self.output.close(discard=empty)


def begin(settings: RunSettings, check: PolicyCheck | None = None) -> Report:
    """Begin a report. Raises `UsageError` if it cannot be, or `OutputError`."""
    forms = settings.formats or ("csv",)
    check_formats(forms)
    if settings.output == "-":
        return _begin_on_stdout(settings, forms, check)
    places = places_of(settings, forms)
    make_way(places)
    output: FileOutput
    wanted: tuple[Wanted, ...]
    if isinstance(places, Direct):
        form, wide, wanted = places.format, settings.wide or places.format != "csv", ()
        output = FileOutput(places.path)
    else:
        form, wide, wanted = FORMAT, True, _wanted(places.path, places.targets)
        output = Spool(places.path, targets=places.targets, writers=settings.writers, mendable=settings.again)
    report = Report(
        output=output,
        layout=Layout(form, wide=wide),
        sink=make_sink(form, output.buffer, wide=wide),
        summary=Summary(),
        options=replace(settings.options, identify=wide),
        state_file=StateFile(output.final) if settings.again else None,
        wanted=wanted,
        check=check,
    )
    with ExitStack() as failing:
        failing.callback(report.close)
        report.remember()
        failing.pop_all()
    return report


def _begin_on_stdout(settings: RunSettings, forms: tuple[str, ...], check: PolicyCheck | None) -> Report:
    if settings.also:
        raise UsageError(
            "a page is made of a report in a file", hint="name a file or directory with -o, or leave --html out"
        )
    if len(forms) > 1:
        raise UsageError("standard output takes one format", hint="name a directory with -o for several")
    (form,) = forms
    _check_stdout()
    if form == "parquet" and os.isatty(1):
        raise UsageError("parquet is not for a terminal", hint="name a file with -o")
    output = StandardOutput()
    layout = Layout(form, wide=settings.wide or form != "csv")
    return Report(
        output=output,
        layout=layout,
        sink=make_sink(form, output.buffer, wide=settings.wide),
        summary=Summary(),
        options=replace(settings.options, identify=layout.wide or check is not None),
        check=check,
    )


def _check_stdout() -> None:
    try:
        os.fstat(1)
    except OSError as error:
        raise UsageError("standard output is closed", hint="name a file with -o") from error


def _wanted(spool: Path, targets: tuple[Target, ...]) -> tuple[Wanted, ...]:
    """Name targets by their place beside the spool, so that they may move with it; others by their full path."""
    return tuple(
        Wanted(
            each.format,
            each.path.name if each.path.parent == spool.parent else str(each.path.absolute()),
            wide=each.wide,
        )
        for each in targets
    )
