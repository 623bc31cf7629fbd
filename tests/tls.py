"""TLS on the loopback interface: a server in front of a stub, a proxy that tunnels."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Self

from benchmarks.tls.streams import HOST, close, join

if TYPE_CHECKING:
    import ssl


class Relay:
    """Passes connections on to a port of this machine, in a thread, for the time of a `with` block.

    With a `context` it speaks TLS to whoever connects. As a `proxy` it expects a CONNECT first, and passes on to the
    same port whatever host that names.
    """

    def __init__(self, port: int, *, context: ssl.SSLContext | None = None, proxy: bool = False) -> None:
        self._target = port
        self._context = context
        self._proxy = proxy
        self.connects: list[str] = []
        """What was asked of the proxy, in its own words."""

    def __enter__(self) -> Self:
        started: Future[int] = Future()
        self._thread = Thread(target=lambda: asyncio.run(self._serve(started)), name="relay", daemon=True)
        self._thread.start()
        self.port = started.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self, started: Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _loop, _context: None)  # handshakes that fail are what is tested
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accepted, HOST, 0, ssl=self._context)
        started.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self._proxy:
                head = await reader.readuntil(b"\r\n\r\n")
                self.connects.append(head.split(b"\r\n")[0].decode())
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await join(reader, writer, self._target)
        except (OSError, asyncio.IncompleteReadError):
            return  # one of the two has left
        finally:
            self._tasks.discard(task)
            close(writer)
