"""Makes files of other formats out of the rows of a report: all of them, or as good as none."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from s3audit_async.errors import UsageError
from s3audit_async.output import descriptors, places
from s3audit_async.output.recording import FLUSH_BYTES
from s3audit_async.output.rows import RowBuffer
from s3audit_async.sinks import make_sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from s3audit_async.errors import OutputError
    from s3audit_async.model import Row

    Rows = Callable[[], Iterable[Row]]
    """Gives the rows from the first on, each time it is called."""
    Writer = Callable[[Rows, BinaryIO], None]
    """Writes a whole file of rows that it may go through as often as it likes."""

_CLOSED = -1
_BATCH = 1_000
"""Rows between two looks at whether to go on."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is to be made."""

    format: str
    """One of `sinks.FORMATS`, or what a writer was given for."""
    path: Path
    wide: bool = False


def check_targets(targets: Iterable[Target]) -> None:
    """See that files can stand where they are to, each in a place of its own. Raises `UsageError`."""
    seen: set[Path] = set()
    for target in targets:
        places.check_place(target.path)
        place = target.path.resolve()
        if place in seen:
            raise UsageError(f"two files are to be {target.path}", hint="name another for one of them")
        seen.add(place)


def export(
    rows: Rows,
    targets: Sequence[Target],
    *,
    writers: Mapping[str, Writer] | None = None,
    proceed: Callable[[], None] = lambda: None,
    hint: str = "make room, and try again",
) -> None:
    """Make the files of these targets, each beside its place first; put them there when all are whole.

    The formats of sinks share one pass over the rows; each of `writers`, by its format's name, has its own. Memory does
    not grow with the rows. `proceed` is called every so many rows, also of those that a writer goes through, and may
    raise to have nothing made. Raises `UsageError` for places where no file can be, and `OutputError`, with `hint`,
    where a disk is full; any `OSError` of a writer is taken for that.
    """
    check_targets(targets)
    with Batch(hint) as batch:
        batch.make(rows, targets, writers=writers, proceed=proceed)
        proceed()
        batch.take_places()


class Batch:
    """Files that get their places together, when all of them are whole; none of them is open any longer then."""

    def __init__(self, hint: str) -> None:
        self._hint = hint
        self._stack = ExitStack()
        self._whole: list[_Coming] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def make(
        self,
        rows: Rows,
        targets: Sequence[Target],
        *,
        writers: Mapping[str, Writer] | None = None,
        proceed: Callable[[], None],
    ) -> None:
        """Make the files of these targets, beside their places, as `export` does."""
        special = writers or {}

        def watched() -> Iterator[Row]:
            for number, row in enumerate(rows()):
                if number % _BATCH == 0:
                    proceed()
                yield row

        files = [self._stack.enter_context(_Coming(target.path, self._hint)) for target in targets]
        sinks = [
            make_sink(target.format, file.buffer, wide=target.wide)
            for target, file in zip(targets, files, strict=True)
            if target.format not in special
        ]
        for sink in sinks:
            sink.begin()
        if sinks:
            for row in watched():
                for sink in sinks:
                    sink.write(row)
        for sink in sinks:
            sink.end()
        for target, file in zip(targets, files, strict=True):
            if target.format in special:
                file.write_by(partial(special[target.format], watched))
            file.complete()
        self._whole += files

    def take_places(self) -> None:
        """Put all files where they belong."""
        for file in self._whole:
            file.take_place()


class _Coming:
    """A file on its way to its place: beside it, for its owner only, gone with the block if it has not got there.

    It has a name that nothing else has: whatever else is there is somebody's.
    """

    def __init__(self, path: Path, hint: str) -> None:
        self._path = path
        self._beside = path.with_name(f".s3audit-{uuid4().hex}.tmp")
        self._hint = hint
        self.buffer = _Draining(self)
        self._fd = _CLOSED
        self._there = False

    def __enter__(self) -> _Coming:
        try:
            self._fd = places.create(self._beside)
        except OSError as error:
            raise places.unusable(self._path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if not self._there:
            with suppress(OSError):
                self._beside.unlink(missing_ok=True)
        self._close()

    def write_by(self, writer: Callable[[BinaryIO], None]) -> None:
        """Have it written by somebody else."""
        try:
            writer(self.buffer)
        except OSError as error:
            raise self._explained(error) from error

    def drain(self, *, least: int = FLUSH_BYTES) -> None:
        """Write what is in the buffer, if it is worth it."""
        if self.buffer.tell() < least:
            return
        _, error = descriptors.write_all(self._fd, self.buffer.take().data)
        if error is not None:
            raise self._explained(error) from error

    def complete(self) -> None:
        """Bring all of it to the disk, and close it: there may be many."""
        self.drain(least=1)
        try:
            descriptors.sync(self._fd)
        except OSError as error:
            raise self._explained(error) from error
        self._close()

    def take_place(self) -> None:
        """Get its name, in one step."""
        try:
            self._beside.replace(self._path)
        except OSError as error:
            raise self._explained(error) from error
        self._there = True
        places.sync_folder(self._path)

    def _close(self) -> None:
        if self._fd != _CLOSED:
            os.close(self._fd)
            self._fd = _CLOSED

    def _explained(self, error: OSError) -> OutputError:
        return descriptors.explain(error, str(self._path), hint=self._hint)


class _Draining(RowBuffer):
    """What sinks and writers write to: it passes on what it holds, and never holds much."""

    def __init__(self, file: _Coming) -> None:
        super().__init__()
        self._file = file

    def write(self, data: object) -> int:
        written = super().write(data)  # type: ignore[arg-type]
        self._file.drain()
        return written

    def writelines(self, lines: Iterable[object]) -> None:
        for line in lines:  # that of BytesIO does not come by `write`
            self.write(line)
