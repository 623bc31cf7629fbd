"""The stub as a server: in the running event loop, or in a thread of its own for tests."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Self

from benchmarks.stub.account import StubAccount
from benchmarks.stub.behaviour import Behaviour
from benchmarks.stub.connection import Connection
from benchmarks.stub.service import Service

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.stub.counters import Stats
    from benchmarks.stub.organization import StubOrganization
    from benchmarks.stub.roles import Roles

HOST = "127.0.0.1"
_TURNS_TO_CONNECT = 8
"""Turns of asyncio's loop from accepting a connection to `connection_made`, and some more (3.11 to 3.14 take 3)."""
_BACKLOG = 4096
"""Connections that may wait to be accepted: more than any client here opens at once."""


class Listener:
    """Serves on the loopback interface while its `async with` block runs."""

    def __init__(self, service: Service, port: int = 0, connection: type[Connection] = Connection) -> None:
        self._service = service
        self._connection = connection
        self._port = port
        self._connections: set[Connection] = set()
        self._idle = asyncio.Event()

    async def __aenter__(self) -> str:
        """Listen; returns the URL."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: self._connection(self._service, self._connections, self._idle), HOST, self._port, backlog=_BACKLOG
        )
        return f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and cut what is connected."""
        for listening in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(
            _TURNS_TO_CONNECT
        ):  # asyncio loses what it has just accepted when the server is closed meanwhile
            await asyncio.sleep(0)
        self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        if self._connections:  # asyncio reports each loss in a later turn of the loop
            await self._idle.wait()
        await self._server.wait_closed()


class StubAws:
    """A stub of AWS in a background thread, for the time of a `with` block.

        with StubAws(StubAccount(buckets=[StubBucket("logs")])) as stub:
            client = boto3.client("s3", endpoint_url=stub.url)
            stub.behaviour.denied = {"GetBucketEncryption"}
            assert stub.stats.calls["ListBuckets"] == 1

    What a hook or a latency function raises ends the block as that exception, unless another one does.
    """

    def __init__(
        self,
        account: StubAccount | None = None,
        behaviour: Behaviour | None = None,
        organization: StubOrganization | None = None,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self._service = Service(account or StubAccount(), self.behaviour, organization)
        self._failures: list[BaseException] = []

    @property
    def account(self) -> StubAccount:
        """What is served. Setting it holds from the next request on."""
        return self._service.account

    @account.setter
    def account(self, account: StubAccount) -> None:
        self._service.account = account

    @property
    def roles(self) -> Roles:
        """The credentials of an organization's members, and how long they are good. RuntimeError without one."""
        if self._service.members is None:
            raise RuntimeError("the stub serves one account")
        return self._service.members.roles

    @property
    def stats(self) -> Stats:
        """What the stub saw and sent so far."""
        return self._service.counters.stats()

    @property
    def touched_predefined_alias(self) -> tuple[str, ...]:
        """Every KeyId under `alias/aws/` that was described. It must stay empty: asking can create the key."""
        return self.stats.predefined_aliases

    def asked(self, operation: str, target: str = "", account: str | None = None) -> int:
        """How often a call was made for one bucket, KeyId, role or continuation token, while targets are tracked.

        By one account of an organization, or by any.
        """
        return self._service.counters.asked(operation, target, account)

    def reset_stats(self) -> None:
        """Count from zero again, `Request.nth` included."""
        self._service.counters.reset()

    def __enter__(self) -> Self:
        started: Future[str] = Future()
        self._thread = Thread(target=self._run, args=(started,), name="stub-aws", daemon=True)
        self._thread.start()
        self.url = started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failures and error is None:
            raise self._failures[0]

    def _run(self, started: Future[str]) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: Future[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._keep)
        self._stop = asyncio.Event()
        async with Listener(self._service) as url:
            started.set_result(url)
            await self._stop.wait()

    def _keep(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._failures.append(error)
        else:
            loop.default_exception_handler(context)
