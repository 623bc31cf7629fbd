"""Policies on the command line: loads one by name or file, and prints what a report amounts to by it."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.analysis.policy.builtin import BUILT_IN
from s3audit_async.analysis.policy.checking import Concern, Outcome
from s3audit_async.analysis.policy.judging import Standing
from s3audit_async.analysis.policy.reading import parse_policy
from s3audit_async.analysis.policy.terms import KEY_NOT_ALLOWED
from s3audit_async.cli.outcome import ExitCode, on_terminal, print_event, print_line, print_text, speaks_json
from s3audit_async.errors import UsageError
from s3audit_async.findings.catalogue import rank_of
from s3audit_async.redaction import printable

if TYPE_CHECKING:
    from rich.text import Text

    from s3audit_async.analysis.policy.checking import ExceptionNote, PolicyCheck
    from s3audit_async.analysis.policy.terms import Policy
    from s3audit_async.analysis.summary import Named

LARGEST = 1_000_000
"""Bytes of a policy that are read. It is written by hand; more than that is another file, and stays out of memory."""

_WIDTH_OFF_TERMINAL = 100
_NAMES_SHOWN = 3
_EXIT_CODES = {
    Outcome.PASSED: ExitCode.COMPLETE,
    Outcome.VIOLATED: ExitCode.POLICY_VIOLATED,
    Outcome.INCOMPLETE: ExitCode.INCOMPLETE,
}
_COLOURS = {Outcome.PASSED: "green", Outcome.VIOLATED: "red", Outcome.INCOMPLETE: "yellow"}
_NEXT = {
    Concern.EXPIRED: "renew it with a new reason, or mend them",
    Concern.EXPIRING: "mend what it excepts by then",
}


def load(name_or_file: str) -> Policy:
    """Load a built-in policy by its name, else the one in a file. Raises `UsageError` for what is none."""
    if name_or_file in BUILT_IN:
        return parse_policy(BUILT_IN[name_or_file], name_or_file)
    if not name_or_file:
        raise UsageError("there is no policy without a name", hint=_known(name_or_file))
    try:
        with Path(name_or_file).expanduser().open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise UsageError(f"there is no policy {name_or_file}", hint=_known(name_or_file)) from error
    except IsADirectoryError as error:
        raise UsageError(f"policy {name_or_file} is a directory", hint="name a file in it") from error
    except (OSError, ValueError, RuntimeError) as error:  # a name that no file can have; a home that nobody has
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read policy {name_or_file}: {why}", hint=_known(name_or_file)) from error
    if len(content) > LARGEST:
        raise UsageError(f"policy {name_or_file} is larger than {LARGEST} bytes", hint="name a policy in TOML")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name_or_file}, line {line}: not UTF-8", hint="save it as UTF-8") from error
    return parse_policy(text, name_or_file)


def _known(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), BUILT_IN, 1)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"{guess}built in are {', '.join(BUILT_IN)}; or name a file, which s3audit run --init-policy begins for you"


def exit_code(outcome: Outcome) -> ExitCode:
    """Give the exit code of a finished report that amounts to this."""
    return _EXIT_CODES[outcome]


def print_verdict(check: PolicyCheck) -> None:
    """Print on standard error what the rows amount to, by which findings, and what to do next."""
    if speaks_json():
        print_event("policy", "", **check.as_dict())
        return
    from rich.console import Console  # noqa: PLC0415 - only when there is something to draw
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(stderr=True, width=None if on_terminal() else _WIDTH_OFF_TERMINAL, highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for heading, counts in (("Violated by", check.failing), ("Excepted", check.excepted)):
        for place, (finding, named) in enumerate(counts.items()):
            table.add_row("" if place else heading, Text(printable(finding)), Text(f"{named.count}"), _names(named))
    if check.undecided.count:
        table.add_row("Not known", Text("buckets"), Text(f"{check.undecided.count}"), _names(check.undecided))
        counted = ", ".join(f"{printable(finding)} {named.count}" for finding, named in check.unknown.items())
        table.add_row("", Text("findings"), "", Text(counted))
    headline = Text.assemble(
        f"Policy {printable(check.policy.name)}: ",
        (check.outcome.value, f"bold {_COLOURS[check.outcome]}"),
        f"  ({_counts(check)})",
    )
    with console.capture() as drawn:
        console.print(headline)
        if table.row_count:
            console.print(table)
    print_text("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))
    for gap in check.gaps:
        print_line(f"note: {gap}: that is no pass.")
    for note in check.notes:
        print_line(_note(note))
    for step in next_steps(check):
        print_line(step)


def next_steps(check: PolicyCheck) -> tuple[str, ...]:
    """Say what to do about violations, and about what is not known."""
    steps = []
    if findings := [finding for finding in check.failing if finding != KEY_NOT_ALLOWED]:
        gravest = min(findings, key=lambda finding: (rank_of(finding), -check.failing[finding].count))
        steps.append(f"What {gravest} means and how to mend it: s3audit explain {gravest}")
    if count := check.undecided.count:
        steps.append(
            f"Of {_buckets(count)} nobody can tell, and that is no pass. "
            + (
                "A report of four columns cannot hold more: audit with --wide."
                if check.four_columns
                else "What an audit must be allowed to read: s3audit iam-policy"
            )
        )
    return tuple(steps)


def _counts(check: PolicyCheck) -> str:
    words = {
        Standing.VIOLATION: "in violation",
        Standing.UNKNOWN: "not known",
        Standing.EXCEPTED: "excepted",
        Standing.NOT_APPLICABLE: "gone",
        Standing.PASS: "comply",
    }
    counts = [f"{check.standings[each]} {word}" for each, word in words.items() if check.standings[each]]
    return f"{_buckets(check.rows)}: {', '.join(counts)}" if counts else _buckets(0)


def _names(named: Named) -> Text:
    from rich.text import Text  # noqa: PLC0415 - only when there is something to draw

    shown = sorted(named.first)[:_NAMES_SHOWN]
    more = named.count - len(shown)
    return Text(", ".join(map(printable, shown)) + (f" and {more} more" if more else ""))


def _note(note: ExceptionNote) -> str:
    exception = note.exception
    which = f"note: the exception on line {exception.line} ({exception.scope})"
    count = _buckets(note.buckets.count)
    if note.concern is Concern.EXPIRED:
        again = f": {count} not excepted any more: {_NEXT[note.concern]}" if note.buckets.count else ": take it out"
        return f"{which} expired on {exception.expires}{again}. Its reason was: {exception.reason}"
    if note.concern is Concern.EXPIRING:
        return f"{which} expires on {exception.expires} and excepts {count}: {_NEXT[note.concern]}."
    return f"{which} excepts nothing in what was checked."


def _buckets(count: int) -> str:
    return f"{count} bucket" if count == 1 else f"{count} buckets"
