"""Files that one run has to itself: created for their owner only, locked, put in the place of another in one step."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_CREATING = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_OWNER_ONLY = 0o600  # a report tells where the keys are missing

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF})


def create(path: Path) -> int:
    """Create a file that is not there, and lock it. Raises `OSError`."""
    fd = os.open(path, _CREATING | os.O_EXCL, _OWNER_ONLY)
    try:
        lock(fd, path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def create_anew(path: Path) -> int:
    """Create a file that belongs to one run at a time, or take over what a run left that was killed.

    Raises `UsageError` if another run has it, or if it cannot be.
    """
    try:
        fd = os.open(path, _CREATING, _OWNER_ONLY)
    except OSError as error:
        raise unusable(path, error) from error
    try:
        lock(fd, path)
        if not is_same(fd, path):
            raise taken(path)
        os.fchmod(fd, _OWNER_ONLY)
        os.ftruncate(fd, 0)
    except OSError as error:
        os.close(fd)
        raise unusable(path, error) from error
    except BaseException:
        os.close(fd)
        raise
    return fd


def open_locked(path: Path) -> int | None:
    """Open and lock the file that is there; None if there is none. Raises `UsageError` if another run has it."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unusable(path, error) from error
    try:
        lock(fd, path)
        if not is_same(fd, path):
            raise taken(path)  # another resumption has just replaced it
    except BaseException:
        os.close(fd)
        raise
    return fd


def lock(fd: int, path: Path) -> None:
    """Take a file for oneself until it is closed. Raises `UsageError` if another run has it.

    Where the file system knows no locks, goes on without.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise taken(path) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def is_same(fd: int, path: Path) -> bool:
    """Tell whether an open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def sync_folder(path: Path) -> None:
    """Let a file's name survive a power loss: that stands in its directory."""
    with suppress(OSError):  # the file is in place; not every directory can be opened, or synced
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def taken(path: Path) -> UsageError:
    """Say that another run is at it."""
    return UsageError(f"another run is writing {path}", hint="wait for it, or stop it first")


def unusable(path: Path, error: OSError) -> UsageError:
    """Say why there cannot be a file."""
    if not is_directory(path.parent):
        return UsageError(f"there is no directory {path.parent}", hint="make it first, or choose another")
    return UsageError(f"cannot write {path}: {error.strerror}", hint="choose another place with -o")


def check_place(path: Path) -> None:
    """Raise `UsageError` for a place where a file is not to be put: to be asked before the work is done.

    A symbolic link would be lost, and what it leads to would stay as it is: neither is what was meant.
    """
    if str(path) == "-":
        raise UsageError("- is no name for this file, which cannot go to standard output", hint="name a file")
    if is_directory(path):
        raise UsageError(f"{path} is a directory", hint="name a file in it")
    if is_special(path):
        raise UsageError(f"{path} is no ordinary file", hint="name another place")
    check_link(path)
    if not is_directory(path.parent):
        raise UsageError(f"there is no directory {path.parent}", hint="make it first, or choose another")


def check_link(path: Path) -> None:
    """Raise `UsageError` for a symbolic link."""
    try:
        leads_to = path.readlink()
    except OSError:  # it is none, or none that could be read
        return
    raise UsageError(f"{path} is a symbolic link", hint=f"name what it leads to: {leads_to}")


def is_special(path: Path) -> bool:
    """Tell whether something is there that is no ordinary file."""
    try:
        return path.exists() and not path.is_file()
    except OSError:
        return False


def is_directory(path: Path) -> bool:
    """Tell whether a directory is there."""
    try:
        return path.is_dir()
    except OSError:  # a name too long to be one: opening it says so
        return False
