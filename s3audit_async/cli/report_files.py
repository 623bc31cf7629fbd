"""The files that `s3audit report` makes of the rows that fit: a plan, a page, the report in other formats."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.analysis.selecting import Selection, parse
from s3audit_async.cli import stdout
from s3audit_async.cli.deciding import write_html
from s3audit_async.errors import UsageError
from s3audit_async.output.exports import Target, export
from s3audit_async.output.side import check_place, write_file
from s3audit_async.sinks import check_formats, make_sink, suffix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from s3audit_async.analysis.finished import FinishedReport
    from s3audit_async.analysis.plan import Counted as Planned
    from s3audit_async.cli.report import Counted, ReportSettings
    from s3audit_async.model import Row

_STDOUT = "-"


def check_places(settings: ReportSettings) -> None:
    """Raise `UsageError` for places where no file can be, or where the report itself is."""
    taken: dict[Path, str] = {}
    if settings.report != _STDOUT:
        taken[_path(settings.report).resolve()] = "the report"
    named = [("--plan", settings.plan), ("--html", settings.html)]
    named += [("-o", str(target.path)) for target in _targets(settings)]
    for option, place in named:
        if place is None or (option == "--plan" and place == _STDOUT):
            continue
        path = _path(place)
        check_place(path)
        if (other := taken.setdefault(path.resolve(), option)) != option:
            raise UsageError(f"{option} {place} is where {other} is", hint="name another file")


def make(settings: ReportSettings, report: FinishedReport, counted: Counted) -> list[str]:
    """Make the files that are asked for, and say where they are. Raises `UsageError` or `OutputError`."""
    made = []

    def rows() -> Iterator[Row]:
        return Selection(parse(text) for text in settings.where).rows(report.rows())

    if settings.formats:
        made += _convert(settings, report, rows)
    if settings.plan is not None:
        planned = _plan(settings.plan, rows)
        place = "" if settings.plan == _STDOUT else f": {_path(settings.plan)}"
        made.append(f"Plan for {planned.planned} of {planned.buckets} buckets{place}. s3audit runs nothing of it.")
    if settings.html is not None:
        path = _path(settings.html)
        write_file(path, lambda out: write_html(rows, out, source=settings.called, check=counted.check))
        made.append(f"Page: {path}")
    return made


def _targets(settings: ReportSettings) -> list[Target]:
    """Name the files in other formats. Raises `UsageError` for what cannot be written, or not there."""
    if settings.output is not None and not settings.formats:
        raise UsageError("-o is where the report goes in other formats", hint="name them with --format")
    if settings.wide and not {"csv", "markdown"} & set(settings.formats):
        raise UsageError("--wide is for --format csv or markdown", hint="leave it out: the others have all columns")
    check_formats(settings.formats)
    if not settings.formats or settings.output == _STDOUT:
        if len(settings.formats) > 1:
            raise UsageError("standard output takes one format", hint="name a directory with -o for several")
        return []
    path = _path(settings.output or ".")
    if not path.is_dir():
        if len(settings.formats) > 1:
            raise UsageError(f"{path} is no directory, which several formats need", hint="name a directory with -o")
        return [Target(settings.formats[0], path, wide=settings.wide)]
    stem = "report" if settings.report == _STDOUT else _path(settings.report).name.partition(".")[0]
    return [Target(form, path / f"{stem}.{suffix_of(form)}", wide=settings.wide) for form in settings.formats]


def _convert(settings: ReportSettings, report: FinishedReport, rows: Callable[[], Iterator[Row]]) -> list[str]:
    if not report.layout.wide and {"ocsf", "asff"} & set(settings.formats):
        raise UsageError("a report of four columns does not hold what OCSF and ASFF need", hint="audit with --wide")
    if settings.output != _STDOUT:
        targets = _targets(settings)
        export(rows, targets)
        return [f"Report: {target.path}" for target in targets]
    sink = make_sink(settings.formats[0], sys.stdout.buffer, wide=settings.wide)
    sink.begin()
    for row in rows():
        sink.write(row)
    sink.end()
    sys.stdout.buffer.flush()
    return []


def _plan(place: str, rows: Callable[[], Iterator[Row]]) -> Planned:
    from s3audit_async.analysis.plan import write_plan  # noqa: PLC0415 - for this option only

    planned: list[Planned] = []

    def write(out: BinaryIO) -> None:
        text = io.TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="\n", write_through=True)
        planned.append(write_plan(rows, text))
        text.flush()
        text.detach()

    if place == _STDOUT:
        whole = io.StringIO()
        planned.append(write_plan(rows, whole))
        stdout.write(whole.getvalue())
    else:
        write_file(_path(place), write)
    return planned[0]


def _path(place: str) -> Path:
    return Path(place).expanduser()
