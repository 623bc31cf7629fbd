"""The report of one run: what of it is there, in what form, and the run state beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from s3audit_async.errors import OutputError
from s3audit_async.fleet.outcome import FleetOutcome
from s3audit_async.output import (
    FileOutput,
    FleetState,
    Ledger,
    Output,
    RunState,
    Spool,
    StateFile,
    Wanted,
    remove_stale,
)
from s3audit_async.resume import ONE_ACCOUNT, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from s3audit_async.analysis.policy import PolicyCheck
    from s3audit_async.analysis.reading import Layout
    from s3audit_async.analysis.summary import Summary
    from s3audit_async.model import Row
    from s3audit_async.options import Options
    from s3audit_async.ports import Sink
    from s3audit_async.resume import Unfinished


@dataclass(slots=True, kw_only=True)
class Report:
    """An opened report: where it goes, in what form, and what of it is there already."""

    output: Output
    layout: Layout
    sink: Sink
    summary: Summary
    options: Options
    note: Callable[[str], None]
    """Told of what has gone wrong beside the report, and does not concern it."""
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
    fleet: FleetState = ONE_ACCOUNT
    """Which accounts it is of, as far as options tell; those of the run that began it."""
    ledger: Ledger | None = None
    """What became of its accounts; None for a report of one."""
    stale: Path | None = None
    """The side file that a report of many accounts may have left which this one replaces."""
    done: Mapping[str | None, set[str]] = field(default_factory=dict)
    """Of many accounts, by account: the skip keys of buckets that have their row."""
    finished: frozenset[str] = frozenset()
    """Of many accounts: those that need not be entered any more."""

    completed: bool = False
    """Whether all of it is there, be it that there was no bucket."""

    def seen(self, row: Row) -> None:
        """Count a row that is on its way into the report."""
        self.summary.add(row)
        if self.check is not None:
            self.check.add(row)
        if self.ledger is not None:
            self.ledger.seen(row)

    @property
    def rows(self) -> int:
        """Rows that are in the report for certain; the summary counts those that are on their way, too."""
        return self.kept + self.output.rows

    @property
    def outcome(self) -> FleetOutcome:
        """What became of many accounts."""
        return self.ledger.outcome if self.ledger is not None else FleetOutcome()

    @property
    def needs_account(self) -> bool:
        """Whether it cannot be made where the account is not known."""
        return not self.fleet.many and "asff" in {self.layout.format, *(each.format for each in self.wanted)}

    def remember(self, account: str | None = None, *, made: bool = False) -> None:
        """Put into the run state what is known by now. Raises `OutputError`."""
        if self.state_file is None or self._is_superseded():
            return
        account = account or self.options.account or (self.state.account if self.state else None)
        state = replace(
            state_of(replace(self.options, account=account), self.layout, self.wanted, self.fleet),
            made=made,
        )
        if state != self.state:
            self.state_file.write(state)
            self.state = state

    @property
    def can_be_gone_on_with(self) -> bool:
        """Whether it can be when it is complete and no row holds an error: a spool is gone then."""
        return isinstance(self.output, FileOutput) and not isinstance(self.output, Spool)

    def complete(self, *, not_listed: bool = False) -> None:
        """Say in the run state that all is made, or remove it if there is nothing left to ask again.

        `not_listed` tells whether some buckets could not be listed.
        """
        self.completed = True
        if self.stale is not None:
            try:
                remove_stale(self.stale)
            except OSError as error:  # the report is complete all the same
                self.note(f"cannot remove {self.stale}: {error.strerror}")
        if not self.summary.failed.count and self.outcome.complete:
            if not (not_listed and self.can_be_gone_on_with):
                self._forget()
        elif isinstance(self.output, Spool):
            try:
                self.remember(made=True)
            except OutputError as error:  # the files are there all the same
                self.note(str(error))

    def _forget(self) -> None:
        if self.state_file is not None and not self._is_superseded():
            try:
                self.state_file.remove()
            except OSError as error:  # the report is complete all the same
                self.note(f"cannot remove {self.state_file.path}: {error.strerror}")

    def _is_superseded(self) -> bool:
        return isinstance(self.output, FileOutput) and self.output.superseded

    def close(self) -> None:
        """Let go of the report; if no row has come to it, of its file too. Raises `OutputError`."""
        empty = not (self.rows or self.resumed or self.completed)
        untouched = isinstance(self.output, FileOutput) and not self.output.begun
        try:
            if self.state_file is not None and (empty or untouched) and not self.completed:
                self.state_file.put_back()
        finally:
            if self.ledger is not None:
                self.ledger.close(discard=empty or untouched)
            self.output.close(discard=empty)


def unchecked(found: Unfinished, options: Options, fleet: FleetState = ONE_ACCOUNT) -> str | None:
    """Say what could not be compared with the run that began a report, and why; None if all was.

    `options` are those that the run goes on with.
    """
    subject = {
        (True, False): "the account is",
        (False, True): "the options are",
        (True, True): "account and options are",
    }.get((options.account is None and not fleet.many, found.state is None))
    if subject is None:
        return None
    why = f"there is no {found.state_file.path}" if found.state is None else "it was not told then"
    return f"Whether {subject} the same could not be checked: {why}."
