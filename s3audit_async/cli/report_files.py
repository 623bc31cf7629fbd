"""The files that `s3audit report` makes of the rows that fit: a plan, a page, the report in other formats."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.analysis.selecting import Selection, parse
from s3audit_async.cli import stdout
from s3audit_async.cli.deciding import write_html
from s3audit_async.errors import UsageError
from s3audit_async.output.exports import Target, export
from s3audit_async.output.file import PARTIAL_SUFFIX
from s3audit_async.output.places import check_place
from s3audit_async.output.replacing import check_replaceable
from s3audit_async.output.side import write_file
from s3audit_async.sinks import FORMATS, check_formats, make_sink, suffix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from s3audit_async.analysis.finished import FinishedReport
    from s3audit_async.analysis.plan import Counted as Planned
    from s3audit_async.cli.report import Counted, ReportSettings
    from s3audit_async.model import Row

_STDOUT = "-"


def check_places(settings: ReportSettings) -> None:
    """Raise `UsageError` for places where no file can be, or where another file is that is read or made."""
    if settings.html == _STDOUT:
        raise UsageError("--html - is not for standard output", hint="name a file: a page is opened, not piped")
    taken = {_real(place): what for what, place in _read(settings)}
    made = [("-o", target.path) for target in _targets(settings)]
    for option, place in (("--plan", settings.plan), ("--html", settings.html)):
        if place is not None and place != _STDOUT:
            made.append((option, _path(place)))
    for option, path in made:
        check_place(path)
        if other := taken.get(_real(path)):
            raise UsageError(f"{option} {path} is where {other} is", hint="name another file")
        if option == "-o":
            check_replaceable(str(path))
        taken[_real(path)] = option
    if settings.formats and settings.output == _STDOUT:
        stdout.check_takes(settings.formats[0])


def _read(settings: ReportSettings) -> Iterator[tuple[str, str]]:
    """Give the files that are read, and what they are."""
    if settings.policy is not None:
        from s3audit_async.analysis.policy.builtin import BUILT_IN  # noqa: PLC0415 - for this option only

        if settings.policy not in BUILT_IN:
            yield "the policy", settings.policy
    if settings.report != _STDOUT:
        yield "the report", settings.report


def check_layout(settings: ReportSettings, report: FinishedReport) -> None:
    """Raise `UsageError` for files that need more than a report holds."""
    if report.layout.wide:
        return
    for wished, needs in (
        ({"ocsf", "asff"} & set(settings.formats), "OCSF and ASFF need"),
        (settings.plan, "a plan needs"),
        (settings.wide, "--wide needs"),
    ):
        if wished:
            raise UsageError(f"a report of four columns does not hold what {needs}", hint="audit with --wide")


def make(settings: ReportSettings, report: FinishedReport, counted: Counted, *, source: str) -> list[str]:
    """Make the files that are asked for, and say where they are. Raises `UsageError` or `OutputError`.

    `source` says which rows they are of, for people.
    """
    made = []

    def rows() -> Iterator[Row]:
        return Selection(parse(text) for text in settings.where).rows(report.rows())

    if settings.formats:
        made += _convert(settings, rows)
    if settings.plan is not None:
        planned = _plan(settings.plan, rows)
        place = "" if settings.plan == _STDOUT else f": {_path(settings.plan)}"
        made.append(f"Plan for {planned.planned} of {planned.buckets} buckets{place}. s3audit runs nothing of it.")
    if settings.html is not None:
        path = _path(settings.html)
        write_file(path, lambda out: write_html(rows, out, source=source, check=counted.check))
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
    stem = "report" if settings.report == _STDOUT else stem_of(_path(settings.report).name)
    return [Target(form, path / f"{stem}.{suffix_of(form)}", wide=settings.wide) for form in settings.formats]


def stem_of(name: str) -> str:
    """Give what names a report: without what only tells its format, and that it is not finished."""
    stem = name.removesuffix(PARTIAL_SUFFIX)
    for form in FORMATS:
        if stem.endswith(f".{suffix_of(form)}"):
            stem = stem.removesuffix(f".{suffix_of(form)}")
            break
    return stem or "report"


def _convert(settings: ReportSettings, rows: Callable[[], Iterator[Row]]) -> list[str]:
    if settings.output != _STDOUT:
        targets = _targets(settings)
        export(rows, targets)
        return [f"Report: {target.path}" for target in targets]
    with stdout.binary() as out:
        sink = make_sink(settings.formats[0], out, wide=settings.wide)
        sink.begin()
        for row in rows():
            sink.write(row)
        sink.end()
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


def _real(place: str | Path) -> str:
    return os.path.realpath(os.path.expanduser(place))  # noqa: PTH111 - which raises nothing, as Path's does
