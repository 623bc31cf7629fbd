"""HTTP/1.1 as bytes: a request taken out of a buffer, a reply put into one. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.stub.faults import Flood

MAX_HEAD = 64 * 1024
"""Bytes. A request whose head is longer is refused."""
_BLANK_LINE = b"\r\n\r\n"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class MalformedRequestError(Exception):
    """Raised when bytes cannot become a request; the connection is of no use after that."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it arrived. `path` and `query` are still percent-encoded."""

    method: str
    path: str
    query: str
    version: str
    head: bytes
    lowered: bytes
    """The head in lower case, of the same length: where header names are looked for."""
    body: bytes = b""

    def header(self, name: bytes) -> str:
        """Value of a header, whose name is given in lower case; empty when it was not sent."""
        return _header(self.head, self.lowered, name)

    @property
    def is_last(self) -> bool:
        """Whether the client wants the connection closed after the answer."""
        connection = self.header(b"connection").lower()
        return connection == "close" or (self.version == "HTTP/1.0" and connection != "keep-alive")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `code` is the AWS error code in it, empty where it is none."""

    status: int
    body: bytes = b""
    content_type: str = "application/xml"
    headers: tuple[tuple[str, str], ...] = ()
    code: str = ""
    flood: Flood | None = None
    """What to send instead of `body`."""


def take_request(buffer: bytearray) -> HttpRequest | None:
    """Cut the first request off a buffer; None, and nothing cut, while it is not complete."""
    end = buffer.find(_BLANK_LINE)
    if end < 0:
        if len(buffer) > MAX_HEAD:
            raise MalformedRequestError("the head of the request does not end")
        return None
    head = bytes(buffer[: end + 2])
    lowered = head.lower()
    body_start = end + len(_BLANK_LINE)
    body_end = body_start
    if lowered.find(b"\r\ntransfer-encoding:") >= 0:
        raise MalformedRequestError("bodies without a Content-Length are not understood")
    length = _header(head, lowered, b"content-length")
    if length:
        if not length.isdecimal():
            raise MalformedRequestError("Content-Length is not a number")
        body_end += int(length)
        if len(buffer) < body_end:
            return None
    line = head[: head.find(b"\r\n")].split(b" ")
    if len(line) != 3 or not line[2].startswith(b"HTTP/1."):
        raise MalformedRequestError("not an HTTP/1 request line")
    method, target, version = (part.decode("latin-1") for part in line)
    path, _, query = target.partition("?")
    body = bytes(buffer[body_start:body_end])
    del buffer[:body_end]
    return HttpRequest(method, path, query, version, head, lowered, body)


def expects_continue(buffer: bytearray) -> bool:
    """Tell whether nothing but a head has come, and the client holds the body back until it is told to go on."""
    return buffer.endswith(_BLANK_LINE) and b"\r\nexpect: 100-continue" in buffer.lower()


def encode(reply: Reply, *, number: int, to_head: bool = False, close: bool = False) -> bytes:
    """Spell a reply. A HEAD request gets no body; `number` becomes the request id."""
    body = b"" if to_head else reply.body
    extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
    ending = "Connection: close\r\n" if close else ""
    status_line = _STATUS_LINES.get(reply.status) or f"HTTP/1.1 {reply.status} Stub\r\n"
    return (
        f"{status_line}Content-Type: {reply.content_type}\r\nContent-Length: {len(body)}\r\n"
        f"x-amz-request-id: {number:016X}\r\n{extra}{ending}\r\n"
    ).encode("latin-1") + body


def _header(head: bytes, lowered: bytes, name: bytes) -> str:
    at = lowered.find(b"\r\n" + name + b":")
    if at < 0:
        return ""
    start = at + len(name) + 3
    return head[start : head.index(b"\r\n", start)].decode("latin-1").strip()
