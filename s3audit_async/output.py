"""Where a report goes: a file that has its final name only when it is complete, or standard output.

A sink writes into memory (`Output.buffer`); `flush` hands that to the operating system in a worker thread, so that
a slow disk or a full pipe never blocks the event loop. Power loss: the file is synced before it gets its final name,
not at each flush; what a flush wrote survives the end of this process, by whatever cause.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import io
import os
import selectors
import threading
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

import anyio
from anyio import to_thread

from s3audit_async.errors import OutputError, RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable
    from pathlib import Path

    from s3audit_async.model import Row
    from s3audit_async.ports import Sink

PARTIAL_SUFFIX = ".partial"
FLUSH_SECONDS = 1.0
"""How long a row may stay in memory only."""
FLUSH_BYTES = 64 * 1024
"""How much may be in memory only."""
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_OWNER_ONLY = 0o600  # a report tells where the keys are missing

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the file is too large",
}
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF})


class Output(Protocol):
    """The place a report is written to."""

    buffer: io.BytesIO
    """What a sink writes to, and `flush` takes from."""

    @property
    def place(self) -> str:
        """Where what has been written is now, for people."""
        ...

    async def flush(self) -> None:
        """Hand what is in the buffer to the operating system. Raises `OutputError`."""
        ...

    async def finish(self) -> None:
        """Flush, and give the report its final form. Raises `OutputError`."""
        ...

    def close(self, *, discard: bool) -> None:
        """Let go of a report that is not finished; `discard` what there is of it."""
        ...


class FileOutput:
    """A report in a file. Until `finish` it is called `<name>.partial`, and readable by its owner only for good.

    Raises `UsageError` if it cannot be created, or if there is an unfinished report in its place.
    """

    def __init__(self, final: Path, *, kept: Iterable[bytes] | None = None) -> None:
        """Start the file; with `kept`, from these pieces of the unfinished report that stands there."""
        self.final = final
        self.partial = partial_of(final)
        self.buffer = io.BytesIO()
        self._finished = False
        if _is_directory(final):
            raise UsageError(f"{final} is a directory", hint="name a file in it")
        self._fd = self._create() if kept is None else self._rewrite(kept)

    def _create(self) -> int:
        try:
            fd = os.open(self.partial, _WRITING | os.O_EXCL, _OWNER_ONLY)
        except FileExistsError as error:
            raise UsageError(
                f"{self.partial} is an unfinished report, or another run is writing it",
                hint="go on with it by --resume, or remove it",
            ) from error
        except OSError as error:
            raise _unusable(self.partial, error) from error
        _lock(fd, self.partial)
        return fd

    def _rewrite(self, kept: Iterable[bytes]) -> int:
        """Put what is kept in the place of what is there, in one step, unless another run is writing that."""
        rewritten = self.partial.with_name(self.partial.name + ".tmp")
        with ExitStack() as held:
            there = self._hold(held)
            try:
                fd = os.open(rewritten, _WRITING, _OWNER_ONLY)
            except OSError as error:
                raise _unusable(rewritten, error) from error
            try:
                _lock(fd, rewritten)
                os.ftruncate(fd, 0)  # what a resumption left that was killed
                for piece in kept:
                    self.buffer.write(piece)
                    if self.buffer.tell() >= FLUSH_BYTES:
                        _write_all(fd, _drain(self.buffer), str(rewritten))
                _write_all(fd, _drain(self.buffer), str(rewritten))
                os.fsync(fd)
                if not there and self.partial.exists():
                    raise _taken(self.partial)
                rewritten.replace(self.partial)
            except OSError as error:
                os.close(fd)
                rewritten.unlink(missing_ok=True)
                raise _explain(error, str(rewritten)) from error
            except BaseException:
                os.close(fd)
                rewritten.unlink(missing_ok=True)
                raise
            return fd

    def _hold(self, held: ExitStack) -> bool:
        """Lock the unfinished report that is there, until `held` ends; tell whether there is one."""
        try:
            file = held.enter_context(self.partial.open("r+b"))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unusable(self.partial, error) from error
        _lock(file.fileno(), self.partial)
        if not os.path.samestat(os.fstat(file.fileno()), self.partial.stat()):
            raise _taken(self.partial)  # another resumption has just replaced it
        return True

    @property
    def place(self) -> str:
        return str(self.final if self._finished else self.partial)

    async def flush(self) -> None:
        data = _drain(self.buffer)
        if data:
            await to_thread.run_sync(_write_all, self._fd, data, str(self.partial))

    async def finish(self) -> None:
        await self.flush()
        await to_thread.run_sync(self._publish)

    def close(self, *, discard: bool) -> None:
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        if discard:
            self.partial.unlink(missing_ok=True)

    def _publish(self) -> None:
        try:
            os.fsync(self._fd)
            self.partial.replace(self.final)
        except OSError as error:
            raise _explain(error, str(self.partial)) from error
        self._finished = True
        self.close(discard=False)
        with suppress(OSError):  # the report is in place; not every directory can be opened, or synced
            folder = os.open(self.final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


class StandardOutput:
    """A report on standard output (or any other descriptor that somebody else opened, and closes)."""

    place = "standard output"

    def __init__(self, fd: int = 1) -> None:
        self.buffer = io.BytesIO()
        self._fd = fd

    async def flush(self) -> None:
        data = _drain(self.buffer)
        if data:
            await _in_daemon_thread(partial(_write_all, self._fd, data, self.place))

    async def finish(self) -> None:
        await self.flush()

    def close(self, *, discard: bool) -> None:
        """Do nothing: it is not ours, and cannot be taken back."""


async def record(
    rows: AsyncIterable[Row], sink: Sink, output: Output, *, begin: bool = True, seen: Callable[[Row], None]
) -> None:
    """Write rows as they come, and finish the report after the last one.

    What has been written is flushed every `FLUSH_SECONDS`, whether rows come or not, and every `FLUSH_BYTES`. Raises
    the `RunError` that ended the rows, after what had come was flushed, or `OutputError`.
    """
    errors: list[RunError] = []
    ended = anyio.Event()
    writing = anyio.Lock()

    async def flush() -> None:
        async with writing:
            await output.flush()

    async def flush_in_time() -> None:
        while not ended.is_set():
            with anyio.move_on_after(FLUSH_SECONDS):
                await ended.wait()
            try:
                await flush()
            except OutputError as error:
                errors.append(error)
                tasks.cancel_scope.cancel()
                return

    if begin:
        sink.begin()
    await flush()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flush_in_time)
        try:
            async for row in rows:
                sink.write(row)
                seen(row)
                if output.buffer.tell() >= FLUSH_BYTES:
                    await flush()
        except RunError as error:
            errors.append(error)
        ended.set()
    if errors:
        if not isinstance(errors[0], OutputError):
            await flush()  # what came while another flush was under way
        raise errors[0]
    sink.end()
    await output.finish()


def partial_of(final: Path) -> Path:
    """Name the file that a report is called while it is not finished."""
    return final.with_name(final.name + PARTIAL_SUFFIX)


async def _in_daemon_thread(work: Callable[[], None]) -> None:
    """Do blocking work in a thread that is left behind on cancellation, and does not keep the process from ending.

    A reader who does not read must not keep a run from being interrupted. anyio's worker threads can be left behind,
    too, but the interpreter waits for them at its end.
    """
    loop = asyncio.get_running_loop()
    done = anyio.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised where it was asked for
            errors.append(error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True, name="s3audit output").start()
    await done.wait()
    if errors:
        raise errors[0]


def _lock(fd: int, path: Path) -> None:
    """Take a file for oneself until it is closed. Raises `UsageError` if another run has it.

    Where the file system knows no locks, goes on without.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _taken(path) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _taken(path: Path) -> UsageError:
    return UsageError(f"another run is writing {path}", hint="wait for it, or stop it first")


def _unusable(path: Path, error: OSError) -> UsageError:
    if not _is_directory(path.parent):
        return UsageError(f"there is no directory {path.parent}", hint="make it first, or choose another")
    return UsageError(f"cannot write {path}: {error.strerror}", hint="choose another place with -o")


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long to be one: opening it says so
        return False


def _drain(buffer: io.BytesIO) -> bytes:
    data = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return data


def _write_all(fd: int, data: bytes, place: str) -> None:
    rest = memoryview(data)
    try:
        while rest:
            try:
                rest = rest[os.write(fd, rest) :]
            except BlockingIOError:  # whoever opened it made it non-blocking
                with selectors.DefaultSelector() as selector:
                    selector.register(fd, selectors.EVENT_WRITE)
                    selector.select()
    except OSError as error:
        raise _explain(error, place) from error


def _explain(error: OSError, place: str) -> OutputError:
    if isinstance(error, BrokenPipeError):
        return OutputError(f"whoever read {place} has gone", hint="what they had read is all there is")
    why = _NO_ROOM.get(error.errno or 0, error.strerror)
    return OutputError(f"cannot write {place}: {why}", hint="make room, then go on with --resume")
