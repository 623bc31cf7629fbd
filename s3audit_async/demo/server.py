"""The demo account as something to audit: a server on the loopback interface, from `with` to the end of the block."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING, Self

from s3audit_async.demo import DEFAULT_BUCKETS
from s3audit_async.demo.account import plan
from s3audit_async.demo.environment import isolated_environment
from s3audit_async.demo.front import Front

if TYPE_CHECKING:
    from types import TracebackType

    from s3audit_async.demo.records import DemoBucket
    from s3audit_async.demo.serving import LoopbackServer

_NOWHERE = "http://127.0.0.1:9"
_one_at_a_time = Lock()  # moto's state is the process's: two accounts would have the same buckets


class DemoUnavailableError(RuntimeError):
    """Raised when the embedded account cannot be started, because its optional packages are not installed."""


class DemoServer:
    """An AWS account with `buckets` buckets at `url`, while the `with` block lasts; one at a time in a process.

    Each request takes at least `latency_ms` milliseconds. The server answers in threads of this process, one for
    each connection; a request takes 2 to 3 ms of CPU, nearly all of it moto's. A bucket takes about 3 KiB.
    """

    def __init__(self, buckets: int = DEFAULT_BUCKETS, latency_ms: float = 0.0) -> None:
        self.buckets: tuple[DemoBucket, ...] = plan(buckets)
        self._latency_ms = latency_ms
        self._server: LoopbackServer | None = None
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """Where the account is, for example `http://127.0.0.1:49152`. Raises RuntimeError outside the block."""
        if self._server is None:
            raise RuntimeError("the demo account has not been started")
        return self._server.url

    def __enter__(self) -> Self:
        """Start. Raises DemoUnavailableError without moto, RuntimeError while another one runs."""
        try:
            # Here and not above: they take most of a second, and only the demo has them installed.
            from s3audit_async.demo import backend  # noqa: PLC0415
            from s3audit_async.demo.serving import LoopbackServer  # noqa: PLC0415
        except ImportError as error:
            raise DemoUnavailableError(
                "the demo needs packages that are not installed: pip install 's3audit-async[demo]'"
            ) from error
        if not _one_at_a_time.acquire(blocking=False):
            raise RuntimeError("a demo account is running in this process already")
        with ExitStack() as stack:
            stack.callback(_one_at_a_time.release)
            stack.callback(backend.clear)
            # moto asks the SDK which regions there are, and the SDK would ask the user's configuration.
            with isolated_environment(_NOWHERE):
                apps, other = backend.applications()
                backend.seed(self.buckets)
                backend.warm_up(apps, self.buckets[0])
            server = LoopbackServer(Front(apps, other, self.buckets, latency_ms=self._latency_ms))
            stack.callback(server.stop)
            server.start()
            self._server = server
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and forget the account."""
        self._server = None
        self._stack.close()
