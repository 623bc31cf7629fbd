"""A report in a file: partial while it grows, locked, whole rows only, atomic at the end."""

from __future__ import annotations

import os
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from anyio import to_thread

from s3audit_async.errors import OutputError, UsageError
from s3audit_async.output import descriptors, places
from s3audit_async.output.recording import FLUSH_BYTES
from s3audit_async.output.rows import RowBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from s3audit_async.output.rows import Chunk

PARTIAL_SUFFIX = ".partial"
SYNC_SECONDS = 5.0
"""How long what was flushed may be in the operating system's memory only: what a power loss costs, at most."""

_CLOSED = -1


class FileOutput:
    """A report in a file. Until `finish` it is called `<name>.partial`, and readable by its owner only for good.

    One that goes on from an unfinished report claims that when it is made, and takes its place when the first row
    comes: what ends a run before that leaves everything as it was.

    Raises `UsageError` if it cannot be created, or if there is an unfinished report in its place.
    """

    def __init__(
        self,
        final: Path,
        *,
        kept: Iterable[bytes] | None = None,
        sync: Callable[[int], None] = descriptors.sync,
    ) -> None:
        """Start the file; with `kept`, from these pieces of the unfinished report that stands there.

        `sync` brings to the disk what a descriptor's file holds, or raises `OSError`.
        """
        self.final = final
        self.partial = partial_of(final)
        self.buffer = RowBuffer()
        self.rows = 0
        self._sync = sync
        self._fd = self._held = _CLOSED
        self._size = 0
        self._waiting: Path | None = None
        self._finished = False
        if places.is_directory(final):
            raise UsageError(f"{final} is a directory", hint="name a file in it")
        if places.is_special(final):
            raise UsageError(f"{final} is no ordinary file", hint="use -o - and let the shell write to it")
        if kept is None:
            self._create()
        else:
            self._claim(kept)
        self._synced = (self._size, 0)
        self._synced_at = monotonic()

    def _create(self) -> None:
        try:
            self._fd = places.create(self.partial)
        except FileExistsError as error:
            raise UsageError(
                f"{self.partial} is an unfinished report, or another run is writing it",
                hint="go on with it by --resume, or remove it",
            ) from error
        except OSError as error:
            raise places.unusable(self.partial, error) from error
        places.sync_folder(self.partial)

    def _claim(self, kept: Iterable[bytes]) -> None:
        """Lock what is there, and write what stays of it beside it."""
        held = places.open_locked(self.partial)
        self._held = _CLOSED if held is None else held
        waiting = self.partial.with_name(self.partial.name + ".tmp")
        try:
            self._fd = places.create_anew(waiting)
            self._waiting = waiting
            for piece in kept:
                self.buffer.write(piece)
                if self.buffer.tell() >= FLUSH_BYTES:
                    self._write(self.buffer.take())
            self._write(self.buffer.take())
        except BaseException:
            self.close(discard=False)
            raise

    def _take_place(self) -> None:
        """Put what was kept in the place of what was there, in one step."""
        if self._waiting is None:
            return
        if self._held == _CLOSED and self.partial.exists():
            raise OutputError(f"another run has begun to write {self.partial}", hint="wait for it, or stop it first")
        try:
            self._sync(self._fd)
            self._waiting.replace(self.partial)
        except OSError as error:
            raise descriptors.explain(error, str(self._waiting)) from error
        self._waiting = None
        self._release()
        places.sync_folder(self.partial)

    @property
    def place(self) -> str:
        untouched = self._waiting is not None and self._held == _CLOSED
        return str(self.final if self._finished or untouched else self.partial)

    @property
    def resumable(self) -> str:
        """What to give to `--resume`."""
        return self.place

    @property
    def begun(self) -> bool:
        """Whether anything has changed on the disk under the report's names."""
        return self._waiting is None

    @property
    def superseded(self) -> bool:
        """Whether another run has begun to write the report since it was finished."""
        return self._finished and self.partial.exists()

    async def flush(self) -> None:
        chunk = self.buffer.take()
        if chunk.data or self._is_sync_due():
            await to_thread.run_sync(self._flush, chunk)

    async def finish(self) -> None:
        await self.flush()
        await to_thread.run_sync(self._publish)

    def close(self, *, discard: bool) -> None:
        if self._fd == _CLOSED:
            self._release()
            return
        # While the locks are held: the next run may have made them anew right after.
        if self._waiting is not None:
            self._waiting.unlink(missing_ok=True)
        elif discard:
            self.partial.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = _CLOSED
        self._release()

    def _release(self) -> None:
        if self._held != _CLOSED:
            os.close(self._held)
            self._held = _CLOSED

    def _is_sync_due(self) -> bool:
        return self._synced[0] < self._size and monotonic() - self._synced_at >= SYNC_SECONDS

    def _flush(self, chunk: Chunk) -> None:
        self._take_place()
        self._write(chunk)
        if self._is_sync_due():
            self._bring_to_disk()

    def _write(self, chunk: Chunk) -> None:
        """Write a chunk, or as many whole rows of it as there is room for. Raises `OutputError`."""
        written, error = descriptors.write_all(self._fd, chunk.data)
        if error is None:
            self._size += len(chunk.data)
            self.rows += len(chunk.ends)
            return
        rows, size = chunk.whole(written)
        self._cut(self._size + size, self.rows + rows)
        raise descriptors.explain(error, str(self._waiting or self.partial)) from error

    def _bring_to_disk(self) -> None:
        try:
            self._sync(self._fd)
        except OSError as error:
            # What the system had taken did not all get to the disk, and it does not say what did.
            self._cut(*self._synced)
            raise descriptors.explain(error, str(self.partial)) from error
        self._synced = (self._size, self.rows)
        self._synced_at = monotonic()

    def _cut(self, size: int, rows: int) -> None:
        with suppress(OSError):  # the row that is torn then is dropped by whoever goes on from here
            os.ftruncate(self._fd, size)
            os.lseek(self._fd, size, os.SEEK_SET)
        self._size, self.rows = size, rows

    def _publish(self) -> None:
        self._take_place()
        self._bring_to_disk()
        try:
            self.partial.replace(self.final)
        except OSError as error:
            raise descriptors.explain(error, str(self.partial)) from error
        self._finished = True
        self.close(discard=False)
        places.sync_folder(self.final)


def partial_of(final: Path) -> Path:
    """Name the file that a report is called while it is not finished."""
    return final.with_name(final.name + PARTIAL_SUFFIX)
