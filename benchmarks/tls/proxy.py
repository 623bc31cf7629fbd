"""An HTTP proxy that takes CONNECT for the host names of AWS, and is AWS behind the tunnel: TLS, and then the stub."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.tls.counters import Counters
from benchmarks.tls.streams import HOST, close, join

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from benchmarks.tls.authority import Authority

_TARGET = re.compile(r"((?:[a-z0-9.-]+\.)?((?:s3|kms|sts)(?:\.[a-z0-9-]{1,30})?\.amazonaws\.com)):443")
"""A host and the domain of its certificate, which is the service in its region."""
_LONGEST_WAIT = 10.0
"""Seconds that a client may take for its request to the proxy, and for its handshake."""


class AwsProxy:
    """Passes what is meant for AWS on to a port of this machine, unencrypted. Nothing else gets through.

    A service has one certificate in each region, made when first asked for, that names it and any one label before it,
    as S3's do: `s3.eu-west-1.amazonaws.com` and `*.s3.eu-west-1.amazonaws.com`.

    It has two paths of its own, for requests that are no CONNECT: GET /_stats and POST /_reset.
    """

    def __init__(self, authority: Authority, onto: int) -> None:
        self._authority = authority
        self._onto = onto
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.counters = Counters()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Give the proxy's URL; end all connections after."""
        server = await asyncio.start_server(self._accepted, HOST, 0)
        try:
            yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            async with asyncio.timeout(_LONGEST_WAIT):
                head = await reader.readuntil(b"\r\n\r\n")
            method, target = (*head.decode("latin-1").split(" "), "")[:2]
            if method == "CONNECT":
                await self._connect(target, reader, writer)
            else:
                writer.write(self._own(method, target))
                await writer.drain()
        except (OSError, EOFError, asyncio.LimitOverrunError):
            return  # it has left, or speaks no HTTP
        finally:
            self._tasks.discard(task)
            close(writer)

    async def _connect(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = _TARGET.fullmatch(target)
        if asked is None:
            writer.write(_answer("403 Forbidden", {"refused": target}))
            await writer.drain()
            return
        host, domain = asked.groups()
        self.counters.connect(host)
        try:
            context = self._context(domain)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            try:
                await writer.start_tls(context, ssl_handshake_timeout=_LONGEST_WAIT)
            except OSError:  # ssl.SSLError is one
                self.counters.refuse()
                raise
            self.counters.handshake()
            await join(reader, writer, self._onto)
        finally:
            self.counters.ended()

    def _context(self, domain: str) -> ssl.SSLContext:
        if domain not in self._contexts:
            self._contexts[domain] = self._authority.context_for(domain, f"*.{domain}")
        return self._contexts[domain]

    def _own(self, method: str, path: str) -> bytes:
        if (method, path) == ("POST", "/_reset"):
            self.counters.reset()
        elif (method, path) != ("GET", "/_stats"):
            return _answer("404 Not Found", {})
        return _answer("200 OK", self.counters.as_json())


def _answer(status: str, content: dict[str, object]) -> bytes:
    body = json.dumps(content)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"{head}\r\n\r\n{body}".encode()
