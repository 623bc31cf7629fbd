"""`s3audit diff`: two reports in, what changed on standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.analysis.drift.gathering import Kind, gather
from s3audit_async.cli.outcome import ExitCode, print_note
from s3audit_async.cli.report_source import accounts_lacking, opened
from s3audit_async.errors import UsageError
from s3audit_async.output import PARTIAL_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from s3audit_async.analysis.drift.gathering import Drift
    from s3audit_async.analysis.finished import FinishedReport
    from s3audit_async.model import Row

_STDIN = "-"
_WIDTH_OFF_TERMINAL = 120


def perform(old: str, new: str, *, form: str, fail_on: Sequence[str]) -> int:
    """Compare two reports, print the outcome and give the exit code. Raises `UsageError` before anything is printed."""
    if old == new == _STDIN:
        raise UsageError("OLD and NEW cannot both be standard input", hint="name a file for one of them")
    if sys.stdout is None:
        raise UsageError("standard output is closed", hint="there is nowhere to tell what changed")
    names = (_name(old), _name(new))
    with opened(old) as before, opened(new) as after:
        drift = gather(
            _whole(before, names[0]),
            _whole(after, names[1]),
            by_account=before.layout.wide and after.layout.wide,
            names=names,
        )
    _print(drift, names, form)
    for name, seem in ((old, "added"), (new, "removed")):
        if (lacking := accounts_lacking(name)) is not None:
            print_note(f"{name}: {lacking}; their buckets may seem {seem}.")
    failed = any(drift.count(Kind(kind)) for kind in fail_on)
    return ExitCode.POLICY_VIOLATED if failed else ExitCode.COMPLETE


def _name(place: str) -> str:
    """Name a report in messages. Raises `UsageError` for one that is not finished: what it lacks would seem removed."""
    if place == _STDIN:
        return "standard input"
    if place.endswith(PARTIAL_SUFFIX):
        raise UsageError(f"{place} is not finished", hint=f"complete it: s3audit run --resume {place}")
    path = Path(place).expanduser()
    if path.is_file() and not path.stat().st_size and ".jsonl" not in path.suffixes:
        raise UsageError(f"{place} is empty", hint="a report of no bucket has a header")
    return place


def _whole(report: FinishedReport, name: str) -> Iterator[Row]:
    yield from report.rows()
    if report.torn:
        raise UsageError(f"{name} ends within a row", hint="it is not finished: audit again, or get the whole of it")


def _print(drift: Drift, names: tuple[str, str], form: str) -> None:
    if form == "json":
        from s3audit_async.analysis.drift.as_json import as_json  # noqa: PLC0415 - only what is used

        _write(as_json(drift, names), "utf-8")
    elif form == "markdown":
        from s3audit_async.analysis.drift.as_markdown import as_markdown  # noqa: PLC0415

        _write(as_markdown(drift, names), "utf-8")
    else:
        from rich.console import Console  # noqa: PLC0415 - it takes a while to import

        from s3audit_async.analysis.drift.as_text import as_text  # noqa: PLC0415

        console = Console(width=None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL, highlight=False)
        with console.capture() as drawn:
            console.print(as_text(drift, names))
        lines = (line.rstrip() for line in drawn.get().splitlines())
        _write("".join(f"{line}\n" for line in lines), sys.stdout.encoding)


def _write(text: str, encoding: str) -> None:
    sys.stdout.buffer.write(text.encode(encoding, "replace"))
    sys.stdout.buffer.flush()
