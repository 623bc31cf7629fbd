"""A report that other files are made of once it is complete: resumable till then, and gone after, if not wanted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from anyio import from_thread

from s3audit_async.analysis.finished import open_report
from s3audit_async.classify import is_unresolved
from s3audit_async.errors import OutputError, UsageError
from s3audit_async.output import exports, places, splitting
from s3audit_async.output.file import FileOutput, partial_of
from s3audit_async.output.state import StateFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from s3audit_async.model import Row
    from s3audit_async.output.exports import Target, Writer
    from s3audit_async.output.ledger import Ledger

FORMAT = "jsonl"
"""The format of every spool: it has all fields, and each row ends with its line."""


class Spool(FileOutput):
    """A report in JSON Lines, out of which `finish` makes the files of `targets`.

    If one of them is the report itself it stays, as any report. Else it is removed with `finish`; but where a row holds
    an error, or an account is not audited to its end, it stays under its partial name if the account can be asked again
    (`mendable`): going on with it asks for those, and makes the files anew. It stays, too, where a file cannot be made.
    """

    def __init__(
        self,
        final: Path,
        *,
        targets: Sequence[Target],
        writers: Mapping[str, Writer] | None = None,
        mendable: bool = True,
        ledger: Ledger | None = None,
        split: bool = False,
        kept: Iterable[bytes] | None = None,
    ) -> None:
        """Start the file, as `FileOutput` does. Raises `UsageError`, too, where a target cannot be.

        A report of many accounts has a `ledger`. With `split`, the targets in formats of sinks are made once for each
        account (`splitting`) that has rows, or was audited and has none.
        """
        exports.check_targets(targets)
        self._targets = targets
        self._writers = writers
        self._mendable = mendable
        self._ledger = ledger
        self._split = split
        self.made = False
        """Whether all targets are there."""
        self._unresolved = 0
        super().__init__(final, kept=kept)

    @property
    def place(self) -> str:
        if not self.made:
            return super().place
        whole = self._whole
        return ", ".join(
            str(target.path if target in whole else splitting.all_parts(target.path)) for target in self._targets
        )

    @property
    def resumable(self) -> str:
        return super().place

    def _publish(self) -> None:
        self._take_place()
        self._bring_to_disk()
        whole = self._whole
        own = [target for target in whole if target.path == self.final]
        parted = [target for target in self._targets if target not in whole]
        proceed = from_thread.check_cancelled
        try:
            with splitting.Folders() as folders, exports.Batch("make room, then go on with --resume") as batch:
                if others := [target for target in whole if target.path != self.final]:
                    exports.check_targets(others)
                    batch.make(self._rows, others, writers=self._writers, proceed=proceed)
                if parted:
                    parts = splitting.Parts(self.partial, proceed=proceed)
                    self._unresolved = parts.unresolved
                    audited = self._ledger.audited() if self._ledger is not None else ()
                    splitting.split(parts, parted, batch, folders, audited=audited, proceed=proceed)
                proceed()
                batch.take_places()
        except UsageError as error:  # not a matter of the options any more: the audit is done
            raise OutputError(str(error), hint="then go on with --resume") from error
        self.made = True
        if own:
            super()._publish()
        elif not (self._mendable and (self._unresolved or not self._all_accounts)):
            self._finished = True
            self.close(discard=True)

    @property
    def _whole(self) -> list[Target]:
        """The targets that are one file each."""
        return [target for target in self._targets if not self._split or target.format in (self._writers or {})]

    @property
    def _all_accounts(self) -> bool:
        return self._ledger is None or self._ledger.outcome.complete

    def _rows(self) -> Iterator[Row]:
        self._unresolved = 0
        for row in open_report(self.partial).rows():
            self._unresolved += is_unresolved(row.mode, row.key_type)
            yield row


def discard(final: Path) -> None:
    """Remove a spool whose files are made, and its state. Raises `UsageError` if another run has it."""
    partial = partial_of(final)
    held = places.open_locked(partial)
    try:
        partial.unlink(missing_ok=True)
        StateFile(final).remove()
    except OSError as error:
        raise places.unusable(partial, error) from error
    finally:
        if held is not None:
            os.close(held)
