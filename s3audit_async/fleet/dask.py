"""Workers of a Dask cluster that is there already, by the executor that its client gives."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self, cast

import s3audit_async
from s3audit_async.errors import RunError, UsageError
from s3audit_async.fleet.work import Part, run_job
from s3audit_async.redaction import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from types import TracebackType

    from s3audit_async.fleet.work import Job, JobRows

CONNECT_SECONDS = 10.0
_PACKAGE = "s3audit_async"
_LOGGERS = ("distributed", "distributed.client", "distributed.comm", "tornado.application")


class DaskCrew:
    """The workers of a cluster, within a `with` block. They are not ours: they go on when the block ends.

    A job whose worker dies is run again by Dask itself, as often as the cluster is configured to. A job that is given
    up while a worker does it ends there within a second or two. Raises `UsageError` on entering, if the cluster cannot
    be used. TLS (`tls://`) is configured as for every other client of Dask's.
    """

    attempts = 1

    def __init__(self, address: str, *, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._address = address
        self._connect_seconds = connect_seconds
        self._opened = ExitStack()
        self._client: Any = None
        self._executor: Any = None
        self.size = 0
        self.deaths: tuple[type[BaseException], ...] = ()

    def __enter__(self) -> Self:
        try:
            import distributed  # noqa: PLC0415 - an extra, and half a second
            from distributed.scheduler import KilledWorker  # noqa: PLC0415
        except ImportError as error:
            raise UsageError("--dask needs Dask's distributed", hint="pip install 's3audit-async[dask]'") from error
        self.deaths = (KilledWorker,)
        with ExitStack() as opening:
            opening.enter_context(_quiet())
            try:
                _check_address(self._address)
                self._client = distributed.Client(  # type: ignore[no-untyped-call]
                    self._address, timeout=self._connect_seconds, set_as_default=False, name="s3audit"
                )
            except (OSError, ValueError, TypeError, RuntimeError) as error:
                raise UsageError(
                    f"no Dask scheduler answers at {plain(self._address)} ({plain(error) or type(error).__name__})",
                    hint="check the address, the network and Dask's TLS settings",
                ) from error
            opening.callback(self._client.close)
            self.size = sum(self._client.nthreads().values())
            self._check_versions()
            self._opened = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dismiss()
        self._opened.close()

    def prepare(self) -> None:
        """Do nothing: the workers are there."""

    def submit(self, job: Job, rows_of: JobRows) -> Future[object]:
        if self._executor is None:
            self._executor = self._client.get_executor(pure=False)
        try:
            return cast("Future[object]", self._executor.submit(_do, job, rows_of))
        except Exception as error:
            raise RunError(
                f"the Dask cluster does not take jobs any more ({plain(error) or type(error).__name__})",
                hint="see whether the scheduler is there, then go on with --resume",
            ) from error

    def receive(self, result: object) -> Part:
        if not isinstance(result, Part):
            raise TypeError(f"a worker gave {type(result).__name__}, and not a part")
        return result

    def recall(self) -> bool:
        """Know of no way: the scheduler hands on what is done, and only that."""
        return False

    def mourn(self) -> None:
        """Do nothing: the others go on, and the cluster has others."""

    def dismiss(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None

    def _check_versions(self) -> None:
        told = self._client.get_versions(packages=[_PACKAGE])["workers"]
        if not told:
            raise UsageError(
                f"the Dask cluster at {plain(self._address)} has no workers",
                hint=f"start some: dask worker {plain(self._address)} --nthreads 1",
            )
        ours = s3audit_async.__version__
        for worker, versions in sorted(told.items()):
            theirs = versions["packages"].get(_PACKAGE)
            if theirs != ours:
                has = f"has s3audit {plain(theirs)}, this is {ours}" if theirs else "has no s3audit"
                raise UsageError(
                    f"the Dask worker {plain(worker)} {has}",
                    hint=f"install s3audit-async=={ours} there, and start it anew",
                )


def _do(job: Job, rows_of: JobRows) -> Part:
    """Do a job, in a thread of a worker, until nobody wants it any more."""
    from distributed import get_worker  # noqa: PLC0415 - as above

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        # Dask cannot end a thread: it only notes, as the task's state, that what it comes to is not needed.
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    return run_job(job, rows_of, is_wanted=is_wanted)


def _check_address(address: str) -> None:
    """Raise `ValueError` for what is no address: a client that finds out itself is 20 s about it, with a traceback."""
    from distributed.comm.addressing import parse_address, parse_host_port  # noqa: PLC0415 - as above
    from distributed.comm.registry import get_backend  # noqa: PLC0415

    protocol, place = parse_address(address)
    get_backend(protocol)
    if protocol != "inproc":
        parse_host_port(place)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Dask logs of its connections to itself: what matters comes out as an error of ours."""
    with ExitStack() as restored:
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            restored.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL + 1)
        yield
