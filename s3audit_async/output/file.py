"""A report in a file: partial while it grows, locked, atomic at the end."""

from __future__ import annotations

import errno
import fcntl
import io
import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from anyio import to_thread

from s3audit_async.errors import UsageError
from s3audit_async.output.descriptors import drain, explain, write_all
from s3audit_async.output.recording import FLUSH_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PARTIAL_SUFFIX = ".partial"

_WRITING = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_OWNER_ONLY = 0o600  # a report tells where the keys are missing

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF})


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
        if _is_special(final):
            raise UsageError(f"{final} is no ordinary file", hint="use -o - and let the shell write to it")
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
                if there:
                    rewritten.unlink(missing_ok=True)  # what a resumption left that was killed
                fd = os.open(rewritten, _WRITING | os.O_EXCL, _OWNER_ONLY)
            except FileExistsError as error:
                raise _taken(rewritten) from error
            except OSError as error:
                raise _unusable(rewritten, error) from error
            try:
                _lock(fd, rewritten)
                for piece in kept:
                    self.buffer.write(piece)
                    if self.buffer.tell() >= FLUSH_BYTES:
                        write_all(fd, drain(self.buffer), str(rewritten))
                write_all(fd, drain(self.buffer), str(rewritten))
                os.fsync(fd)
                if not there and self.partial.exists():
                    raise _taken(self.partial)
                rewritten.replace(self.partial)
            except OSError as error:
                os.close(fd)
                rewritten.unlink(missing_ok=True)
                raise explain(error, str(rewritten)) from error
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
        data = drain(self.buffer)
        if data:
            await to_thread.run_sync(write_all, self._fd, data, str(self.partial))

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
            raise explain(error, str(self.partial)) from error
        self._finished = True
        self.close(discard=False)
        with suppress(OSError):  # the report is in place; not every directory can be opened, or synced
            folder = os.open(self.final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def partial_of(final: Path) -> Path:
    """Name the file that a report is called while it is not finished."""
    return final.with_name(final.name + PARTIAL_SUFFIX)


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


def _is_special(path: Path) -> bool:
    try:
        return path.exists() and not path.is_file()
    except OSError:
        return False


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long to be one: opening it says so
        return False
