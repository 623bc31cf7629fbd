"""Makes files of other formats out of the rows of a report: all of them, or as good as none."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from s3audit_async.errors import UsageError
from s3audit_async.output import descriptors, places
from s3audit_async.output.recording import FLUSH_BYTES
from s3audit_async.output.rows import RowBuffer
from s3audit_async.sinks import make_sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from s3audit_async.model import Row

    Rows = Callable[[], Iterable[Row]]
    """Gives the rows from the first on, each time it is called."""
    Writer = Callable[[Rows, BinaryIO], None]
    """Writes a whole file of rows that it may go through as often as it likes."""

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
    """See that files can stand where they are to. Raises `UsageError`."""
    for target in targets:
        path = target.path
        if places.is_directory(path):
            raise UsageError(f"{path} is a directory", hint="name a file in it")
        if places.is_special(path):
            raise UsageError(f"{path} is no ordinary file", hint="name another")
        if not places.is_directory(path.parent):
            raise UsageError(f"there is no directory {path.parent}", hint="make it first, or choose another")


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
    not grow with the rows. `proceed` is called every so many rows, and may raise to have nothing made. Raises
    `UsageError` for places where no file can be, or that another run is writing, and `OutputError`, with `hint`, where
    a disk is full.
    """
    check_targets(targets)
    special = writers or {}
    with ExitStack() as stack:
        files = [stack.enter_context(_Coming(target.path, hint)) for target in targets]
        sinks = [
            make_sink(target.format, file.buffer, wide=target.wide)
            for target, file in zip(targets, files, strict=True)
            if target.format not in special
        ]
        for sink in sinks:
            sink.begin()
        each = iter(rows() if sinks else ())
        while batch := list(islice(each, _BATCH)):
            proceed()
            for row in batch:
                for sink in sinks:
                    sink.write(row)
        for sink in sinks:
            sink.end()
        for target, file in zip(targets, files, strict=True):
            if target.format in special:
                proceed()
                special[target.format](rows, file.buffer)
            file.complete()
        proceed()
        for file in files:
            file.take_place()


class _Coming:
    """A file on its way to its place: beside it, for its owner only, gone with the block if it has not got there."""

    def __init__(self, path: Path, hint: str) -> None:
        self._path = path
        self._beside = path.with_name(path.name + ".tmp")
        self._hint = hint
        self.buffer = _Draining(self)
        self._fd = -1
        self._there = False

    def __enter__(self) -> _Coming:
        self._fd = places.create_anew(self._beside)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._there:
            self._beside.unlink(missing_ok=True)
        os.close(self._fd)

    def drain(self, *, least: int = FLUSH_BYTES) -> None:
        """Write what is in the buffer, if it is worth it."""
        if self.buffer.tell() < least:
            return
        _, error = descriptors.write_all(self._fd, self.buffer.take().data)
        if error is not None:
            raise descriptors.explain(error, str(self._path), hint=self._hint) from error

    def complete(self) -> None:
        """Bring all of it to the disk."""
        self.drain(least=1)
        try:
            descriptors.sync(self._fd)
        except OSError as error:
            raise descriptors.explain(error, str(self._path), hint=self._hint) from error

    def take_place(self) -> None:
        """Get its name, in one step."""
        try:
            self._beside.replace(self._path)
        except OSError as error:
            raise descriptors.explain(error, str(self._path), hint=self._hint) from error
        self._there = True
        places.sync_folder(self._path)


class _Draining(RowBuffer):
    """What sinks and writers write to: it passes on what it holds, and never holds much."""

    def __init__(self, file: _Coming) -> None:
        super().__init__()
        self._file = file

    def write(self, data: object) -> int:
        written = super().write(data)  # type: ignore[arg-type]
        self._file.drain()
        return written
