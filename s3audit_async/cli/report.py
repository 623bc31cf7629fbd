"""`s3audit report`: reads a report once, hands each row that fits to all who count, and prints what they found."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from s3audit_async.analysis.duplicates import each_once
from s3audit_async.analysis.grouping import Groups
from s3audit_async.analysis.selecting import Selection, parse
from s3audit_async.analysis.severities import ranked, severity_of, title_of
from s3audit_async.analysis.summary import Summary
from s3audit_async.cli import stdout
from s3audit_async.cli.deciding import check_of, conclude
from s3audit_async.cli.outcome import print_line
from s3audit_async.cli.report_files import check_layout, check_places, make
from s3audit_async.cli.report_source import accounts_lacking, opened
from s3audit_async.errors import UsageError
from s3audit_async.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from s3audit_async.analysis.finished import FinishedReport
    from s3audit_async.analysis.policy import PolicyCheck
    from s3audit_async.model import Row

_STDIN = _STDOUT = "-"
_PARTIAL_SUFFIX = ".partial"  # output.PARTIAL_SUFFIX, whose package brings what writes reports


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """The options of `s3audit report`."""

    report: str
    where: tuple[str, ...] = ()
    by: str | None = None
    top: int = 10
    as_json: bool = False
    names: bool = False
    policy: str | None = None
    plan: str | None = None
    html: str | None = None
    formats: tuple[str, ...] = ()
    output: str | None = None
    wide: bool = False
    quiet: bool = False

    @property
    def called(self) -> str:
        """What messages call the report."""
        return "standard input" if self.report == _STDIN else self.report


def perform(settings: ReportSettings) -> int:
    """Sum a report up and give the exit code. Raises `UsageError` for what cannot be read, `OutputError`."""
    selection = Selection(parse(text) for text in settings.where)
    _check(settings)
    check = check_of(settings.policy)
    with opened(settings.report) as report:
        check_layout(settings, report)
        rows = selection.rows(each_once(report, settings.called))
        if settings.names:
            for row in rows:
                stdout.write_line(printable(row.bucket))
            stdout.write("")
            notes = _notes(settings, report, selection)
        else:
            counted = _count(settings.by, rows, check)
            if check is not None:
                check.gaps += _gaps(settings, report, selection, check.rows)
            notes = _notes(settings, report, selection)
            if settings.as_json:
                document = _document(settings, report, selection, counted, notes)
                stdout.write(json.dumps(document, indent=2) + "\n")  # escapes all that is not ASCII
            elif _STDOUT not in {settings.plan, settings.output}:
                _show(settings, counted, selection.read)
            notes += make(settings, report, counted, source=_source(settings, report, selection))
    if not settings.quiet:
        for note in notes:
            print_line(note)
    return conclude(check, quiet=settings.quiet)


def _check(settings: ReportSettings) -> None:
    """Raise `UsageError` for options that exclude each other, and places where nothing can be."""
    if settings.names and (
        settings.as_json
        or settings.by
        or settings.policy
        or settings.plan is not None
        or settings.html
        or settings.formats
    ):
        raise UsageError("--list prints names and nothing else", hint="leave out the other options, or --list")
    for option, place in (("--plan", settings.plan), ("-o", settings.output)):
        if place == _STDOUT and (settings.as_json or settings.by):
            raise UsageError(f"{option} - takes standard output", hint="leave out --json and --by, or name a file")
    if settings.plan == settings.output == _STDOUT:
        raise UsageError("standard output takes the plan or the report", hint="name a file for one of them")
    check_places(settings)
    elsewhere = bool(settings.policy or settings.html or settings.plan or settings.formats)
    on_stdout = settings.as_json or settings.names or settings.by or _STDOUT in {settings.plan, settings.output}
    if on_stdout or not elsewhere:
        stdout.check_open()


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted over the rows that fit."""

    summary: Summary
    groups: Groups | None
    check: PolicyCheck | None


def _count(by: str | None, rows: Iterator[Row], check: PolicyCheck | None) -> Counted:
    """Hand each row to all who count, as a report is long and is to be read once."""
    counted = Counted(Summary(), Groups(by) if by else None, check)
    counting: list[Callable[[Row], object]] = [counted.summary.add]
    if counted.groups is not None:
        counting.append(counted.groups.add)
    if check is not None:
        counting.append(check.add)
    for row in rows:
        for add in counting:
            add(row)
    return counted


def _show(settings: ReportSettings, counted: Counted, read: int) -> None:
    from s3audit_async.cli.tables import groups_page, summary_page  # noqa: PLC0415 - rich

    page = stdout.page()
    if counted.groups is not None:
        stdout.write(groups_page(counted.groups, page, top=settings.top, read=read))
    else:
        stdout.write(summary_page(counted.summary, page, top=settings.top, read=read))


def _gaps(settings: ReportSettings, report: FinishedReport, selection: Selection, checked: int) -> list[str]:
    """Say why a policy was not held against all that there is: an unknown is never a pass."""
    gaps = []
    if not _is_finished(settings, report):
        gaps.append("the report is not finished")
    elif (lacking := accounts_lacking(settings.report)) is not None:
        gaps.append(lacking)
    if not checked:
        gaps.append("no row fits the filters" if selection.read else "the report has no rows")
    if selection.undecided:
        several = "1 bucket" if selection.undecided == 1 else f"{selection.undecided:,} buckets"
        gaps.append(f"of {several} nobody can tell whether the filters fit")
    return gaps


def _source(settings: ReportSettings, report: FinishedReport, selection: Selection) -> str:
    """Say of which rows a page is, so that nobody takes them for all."""
    parts = [settings.called]
    if settings.where:
        parts.append(f"only {' and '.join(settings.where)}")
    if selection.undecided:
        parts.append(f"{selection.undecided:,} left out, as nobody can tell whether they fit")
    if not _is_finished(settings, report):
        parts.append("not finished")
    elif (lacking := accounts_lacking(settings.report)) is not None:
        parts.append(lacking)
    return "; ".join(parts)


def _is_finished(settings: ReportSettings, report: FinishedReport) -> bool:
    return not report.torn and not settings.called.endswith(_PARTIAL_SUFFIX)


def _notes(settings: ReportSettings, report: FinishedReport, selection: Selection) -> list[str]:
    """Say what the figures do not: what is missing, and what the report cannot know."""
    notes = []
    if not _is_finished(settings, report):
        torn = "; its last row is not whole and is left out" if report.torn else ""
        path = "PATH" if settings.report == _STDIN else shlex.quote(settings.report)
        notes.append(f"This report is not finished{torn}. Go on with it by: s3audit run --resume {path}")
    elif (lacking := accounts_lacking(settings.report)) is not None:
        notes.append(f"This report is not of all accounts: {lacking}.")
    if not selection.read:
        notes.append("This report has no rows.")
    elif not report.layout.wide:
        notes.append(
            "This report has four columns: regions, accounts, key states and SSE-C are unknown, and SSE-KMS may be"
            " DSSE-KMS. To know: s3audit run --wide, or --format jsonl"
        )
    if selection.undecided:
        count = selection.undecided
        subject = "1 bucket is" if count == 1 else f"{count:,} buckets are"
        notes.append(f"{subject} left out, as nobody can tell whether the filters fit: what they ask about is unknown.")
    return notes


def _document(
    settings: ReportSettings, report: FinishedReport, selection: Selection, counted: Counted, notes: Sequence[str]
) -> dict[str, Any]:
    summary, groups = counted.summary, counted.groups
    return {
        "report": settings.called,
        "format": report.layout.format,
        "four_columns": not report.layout.wide,
        "finished": _is_finished(settings, report),
        "filters": [each.text for each in selection.filters],
        "rows_read": selection.read,
        "rows_undecided": selection.undecided,
        "notes": list(notes),
        "summary": {**summary.as_dict(), "keys": dict(summary.keys.most_common())},
        "findings": [
            {
                "id": finding,
                "severity": severity_of(finding),
                "title": title_of(finding) or None,
                "found": summary.findings[finding],
                "unknown": summary.unknown[finding],
            }
            for finding in ranked((each, summary.findings[each]) for each in {*summary.findings, *summary.unknown})
        ],
        "policy": None if counted.check is None else counted.check.as_dict(),
        "by": groups.by if groups else None,
        "groups": None if groups is None else [{"group": name, **group.as_dict()} for name, group in groups.ordered()],
    }
