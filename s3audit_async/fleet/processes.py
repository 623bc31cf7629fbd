"""Worker processes on this machine, by the standard library's ProcessPoolExecutor."""

from __future__ import annotations

import gc
import os
import pickle
import shutil
import signal
import threading
from concurrent.futures import BrokenExecutor, CancelledError, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from s3audit_async.errors import OutputError, RunError, UsageError
from s3audit_async.fleet.access import MOST_PROCESSES
from s3audit_async.fleet.work import run_job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from multiprocessing.connection import Connection
    from types import TracebackType

    from s3audit_async.fleet.work import Job, JobRows, Part

_OF_THE_TERMINAL = {signal.SIGINT, signal.SIGHUP}
"""They go to every process of a terminal's; ours are ended by the one that started them."""
_COLLECTIONS = (10_000, 20, 50)  # as the command has it: an eighth of the CPU would go to finding no garbage
_RECALL = "recall"
"""Name of the file that tells workers to hand in what they have."""


class ProcessCrew:
    """So many processes, from their first job until they are dismissed.

    They are spawned, not forked: a fork has the threads' locks and the event loop of its parent, but not its threads.
    Each ends when the pipe does that this process holds the other end of, and so also if this one is killed.

    Parts come back as files of a folder that only this user can read. The executor's own way back is one pipe for all,
    and a process that dies while it writes would leave half a part in it, for which this one would wait for ever. What
    is sent through it is shorter than what a pipe takes at once. The folder outlives a death: parts that were done
    before may not have been received yet.
    """

    attempts = 3
    deaths: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError)

    def __init__(self, size: int) -> None:
        if not 1 <= size <= MOST_PROCESSES:
            raise UsageError(f"{size} processes", hint=f"from 1 to {MOST_PROCESSES}")
        self.size = size
        self._executor: ProcessPoolExecutor | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._ends: tuple[Connection, ...] = ()
        self._changing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dismiss()

    def prepare(self) -> None:
        with self._changing, _starting():
            executor, _ = self._opened()
            for _ in range(self.size):
                executor.submit(_warm_up)

    def submit(self, job: Job, rows_of: JobRows) -> Future[object]:
        with self._changing, _starting():
            executor, folder = self._opened()
            return executor.submit(_filed, folder, job, rows_of)

    def _opened(self) -> tuple[ProcessPoolExecutor, str]:
        spawning = get_context("spawn")
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="s3audit-", ignore_cleanup_errors=True)
            self._ends = spawning.Pipe(duplex=False)  # theirs, and ours
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self.size, mp_context=spawning, initializer=_begin, initargs=(self._ends[0], self._folder.name)
            )
        return self._executor, self._folder.name

    def receive(self, result: object) -> Part:
        file = Path(str(result))
        content = file.read_bytes()
        file.unlink()
        part: Part | Exception = pickle.loads(content)  # noqa: S301 - written by a process of ours, for us alone
        if isinstance(part, Exception):
            raise part
        return part

    def recall(self) -> bool:
        if self._folder is not None:
            try:
                Path(self._folder.name, _RECALL).touch()
            except OSError:  # no room: nor is there any for what they would hand in
                return False
        return True

    def mourn(self) -> None:
        with self._changing:
            self._shut_down()  # it is of no use any more, and has ended the others

    def dismiss(self) -> None:
        with self._changing:
            for end in self._ends:
                end.close()
            self._ends = ()
            self._shut_down()
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    def _shut_down(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


@contextmanager
def _starting() -> Iterator[None]:
    """Keep the terminal's signals from processes that are started meanwhile, until they mind them by themselves.

    Raises `RunError` where there can be none: no room, too many processes, no semaphores, as on AWS Lambda.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_TERMINAL)
    try:
        yield
    except OSError as error:
        raise RunError(
            f"no worker process can be started: {error.strerror}", hint="make room for them, or leave --processes out"
        ) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parents: Connection, folder: str) -> None:
    """Make a new process a worker."""
    for number in _OF_THE_TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OF_THE_TERMINAL)
    gc.set_threshold(*_COLLECTIONS)
    threading.Thread(target=_end_with, args=(parents, folder), daemon=True).start()


def _end_with(parents: Connection, folder: str) -> None:
    """End this process, whatever it is doing, when the other end of a pipe is closed."""
    try:
        parents.poll(None)  # nothing is ever sent
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


def _warm_up() -> None:
    """Import what every job needs: a second of CPU."""
    from s3audit_async.aws import roles  # noqa: F401, PLC0415 - the SDK


def _filed(folder: str, job: Job, rows_of: JobRows) -> str:
    """Do a job, and give the name of the file that holds what came of it."""
    outcome: Any
    recalled = Path(folder, _RECALL)
    try:
        outcome = run_job(job, rows_of, is_wanted=lambda: not recalled.exists())
    except Exception as error:  # noqa: BLE001 - goes on where the file is read
        outcome = error
    file = Path(folder, uuid4().hex)
    try:
        file.write_bytes(pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL))
    except OSError as error:
        raise OutputError(
            f"a worker cannot hand in what it has: {folder}: {error.strerror}",
            hint="make room there, or name another place by TMPDIR; then go on with --resume",
        ) from error
    return str(file)
