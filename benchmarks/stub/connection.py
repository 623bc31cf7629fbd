"""One HTTP connection of the stub: bytes in, decisions carried out, bytes out."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from benchmarks.stub.service import Ending
from benchmarks.stub.wire import MalformedRequestError, Reply, encode, expects_continue, take_request

if TYPE_CHECKING:
    from benchmarks.stub.faults import Flood
    from benchmarks.stub.service import Decision, Service
    from benchmarks.stub.wire import HttpRequest

_LINGER_ZERO = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 seconds: closing sends a reset instead of ending in good order."""


class Connection(asyncio.Protocol):
    """Answers one request after the other. Whoever sends the next one early is served in turn.

    While it is connected it stands in `everyone`; `idle` is set when the last one has left.
    """

    def __init__(self, service: Service, everyone: set[Connection], idle: asyncio.Event) -> None:
        self._service = service
        self._everyone = everyone
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._under_way: tuple[HttpRequest, Decision] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._answered = 0
        self._flooding: tuple[Flood, int] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._everyone.add(self)
        self._idle.clear()
        self._service.counters.connected()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget what is still under way: nobody is there to read the answer."""
        self._flooding = None
        self._everyone.discard(self)
        if not self._everyone:
            self._idle.set()
        self._service.counters.disconnected()
        self._end()

    def data_received(self, data: bytes) -> None:
        """Collect bytes until there is a request."""
        self._buffer += data
        if self._under_way is None:
            self._advance()

    def pause_writing(self) -> None:
        """Hold a flood back while the client does not read."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on with it, in a later turn: asyncio does not take a write well that fails inside of this call."""
        self._paused = False
        self._loop.call_soon(self._pour)

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _advance(self) -> None:
        """Serve requests until one has to wait or none is complete."""
        while self._under_way is None and self._buffer and not self._transport.is_closing():
            try:
                http = take_request(self._buffer)
            except MalformedRequestError as error:
                refusal = Reply(400, str(error).encode(), "text/plain")
                self._transport.write(encode(refusal, number=self._answered, close=True))
                self._transport.close()
                return
            if http is None:
                if expects_continue(self._buffer):
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            decision = self._service.decide(http)
            self._under_way = http, decision
            if decision.delay > 0:
                self._timer = self._loop.call_later(decision.delay, self._resume, http, decision)
            else:
                self._carry_out(http, decision)

    def _resume(self, http: HttpRequest, decision: Decision) -> None:
        self._timer = None
        self._carry_out(http, decision)
        self._advance()

    def _carry_out(self, http: HttpRequest, decision: Decision) -> None:
        if decision.ending is Ending.HANG:
            return
        self._end()
        if decision.ending is Ending.CLOSE:
            self._transport.close()
        elif decision.ending is Ending.RESET:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            self._transport.abort()
        elif decision.reply.flood is not None:
            self._begin_flood(decision.reply.flood)
        else:
            self._write(http, decision)

    def _begin_flood(self, flood: Flood) -> None:
        length = "Transfer-Encoding: chunked" if flood.chunked else f"Content-Length: {flood.size}"
        self._transport.write(f"HTTP/1.1 {flood.status} Stub\r\n{length}\r\nConnection: close\r\n\r\n".encode())
        self._flooding = flood, flood.size
        self._pour()

    def _pour(self) -> None:
        """Write as much as the client takes; the connection ends with the flood."""
        while self._flooding is not None and not self._paused and not self._transport.is_closing():
            flood, left = self._flooding
            piece = flood.piece[:left]
            if not piece:
                self._flooding = None
                self._transport.write(b"0\r\n\r\n" if flood.chunked else b"")
                self._transport.close()
                return
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if flood.chunked else piece)
            self._service.counters.poured(len(piece))
            self._flooding = flood, left - len(piece)

    def _write(self, http: HttpRequest, decision: Decision) -> None:
        self._answered += 1
        close = http.is_last
        to_head = http.method == "HEAD"
        content = encode(decision.reply, number=self._answered, to_head=to_head, close=close)
        if decision.ending is Ending.TRUNCATE:
            body = 0 if to_head else len(decision.reply.body)
            # At least one byte is missing, from the head where there is no body.
            content = content[: min(len(content) - body + int(body * decision.share), len(content) - 1)]
            close = True
        self._transport.write(content)
        if close:
            self._transport.close()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._under_way is not None:
            self._service.ended(self._under_way[1])
            self._under_way = None
