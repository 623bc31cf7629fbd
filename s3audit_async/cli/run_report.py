"""How the report of a run is begun: where it goes, and in what form."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from s3audit_async.analysis.reading import Layout
from s3audit_async.analysis.summary import Summary
from s3audit_async.cli.outcome import print_note
from s3audit_async.cli.report_places import Direct, ledger_of, make_way, places_of
from s3audit_async.errors import UsageError
from s3audit_async.output import (
    FileOutput,
    Ledger,
    Spool,
    StandardOutput,
    StateFile,
    Target,
    Wanted,
)
from s3audit_async.output.spool import FORMAT
from s3audit_async.recorded import Report
from s3audit_async.sinks import check_formats, make_sink

if TYPE_CHECKING:
    from pathlib import Path

    from s3audit_async.analysis.policy import PolicyCheck
    from s3audit_async.cli.run import RunSettings


def begin(settings: RunSettings, check: PolicyCheck | None = None) -> Report:
    """Begin a report. Raises `UsageError` if it cannot be, or `OutputError`."""
    forms = settings.formats or ("csv",)
    check_formats(forms)
    if settings.output == "-":
        return _begin_on_stdout(settings, forms, check)
    places = places_of(settings, forms)
    make_way(places)
    ledger = Ledger(ledger_of(places)) if settings.fleet.many else None
    output: FileOutput
    wanted: tuple[Wanted, ...]
    if isinstance(places, Direct):
        form, wide, wanted = places.format, settings.wide or places.format != "csv", ()
        output = FileOutput(places.path)
    else:
        form, wide, wanted = FORMAT, True, _wanted(places.path, places.targets)
        output = Spool(
            places.path,
            targets=places.targets,
            writers=settings.writers,
            mendable=settings.again,
            ledger=ledger,
            split=settings.fleet.split,
        )
    report = Report(
        output=output,
        layout=Layout(form, wide=wide),
        sink=make_sink(form, output.buffer, wide=wide),
        summary=Summary(),
        options=replace(settings.options, identify=wide),
        note=print_note,
        state_file=StateFile(output.final) if settings.again else None,
        wanted=wanted,
        check=check,
        fleet=settings.fleet,
        ledger=ledger,
        stale=ledger_of(places) if ledger is None else None,
    )
    with ExitStack() as failing:
        failing.callback(report.close)
        if ledger is not None:
            ledger.begin()
        report.remember()
        failing.pop_all()
    return report


def _begin_on_stdout(settings: RunSettings, forms: tuple[str, ...], check: PolicyCheck | None) -> Report:
    if settings.fleet.split:
        raise UsageError("--split makes several files", hint="name a directory with -o, or leave --split out")
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
        note=print_note,
        check=check,
        fleet=settings.fleet,
        ledger=Ledger(None) if settings.fleet.many else None,
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
