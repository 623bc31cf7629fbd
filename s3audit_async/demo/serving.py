"""A WSGI server on a free port of the loopback interface, in threads of this process: werkzeug's, kept open.

werkzeug's own server closes the connection after each request and then waits 10 ms for stray bytes. This one
reads the whole request first, so that it can keep the connection open, as AWS does: fewer sockets, fewer threads,
and less CPU taken from the audit that runs in the same process.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from io import BytesIO
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

_HOST = "127.0.0.1"
_STOP_POLL_S = 0.05
_JOIN_S = 5.0


class _KeepAlive(WSGIRequestHandler):
    """Answers request after request on one connection."""

    protocol_version = "HTTP/1.1"

    def run_wsgi(self) -> None:
        """Answer one request."""
        if "Transfer-Encoding" in self.headers:
            super().run_wsgi()  # its end is not known beforehand: werkzeug's way, which closes the connection
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.environ = self.make_environ()
        self.environ["wsgi.input"] = BytesIO(body)
        try:
            status, headers, content = _run(self.server.app, self.environ)
        except Exception as error:  # noqa: BLE001 - a server answers, whatever its application raised
            self.close_connection = True
            status, headers = "500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")]
            content = f"{type(error).__name__}: {error}".encode()
        headers.append(("Date", self.date_time_string()))
        if not any(name.lower() == "content-length" for name, _ in headers):
            headers.append(("Content-Length", str(len(content))))
        if self.close_connection:
            headers.append(("Connection", "close"))
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "", ""]
        # One packet: were the body a second one, it would wait for the client's delayed acknowledgement, 40 ms.
        self.wfile.write("\r\n".join(lines).encode("latin-1") + (b"" if self.command == "HEAD" else content))


class LoopbackServer(ThreadedWSGIServer):
    """The server, bound to a free port from the start; one daemon thread for each connection."""

    request_queue_size = 1024  # a burst of new connections shall not wait for TCP's retry, 1 s

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__(_HOST, 0, app, _KeepAlive)
        self._open: set[Any] = set()
        self._answering: WeakSet[Thread] = WeakSet()
        self._lock = Lock()
        self._acceptor = Thread(target=self.serve_forever, args=(_STOP_POLL_S,), name="demo-server", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, for example `http://127.0.0.1:49152`."""
        return f"http://{_HOST}:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening, close every connection, and wait for all threads to end."""
        self.shutdown()
        self._acceptor.join(_JOIN_S)
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):  # its own thread has closed it since
                connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._answering):
            thread.join(_JOIN_S)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class
        """Serve a connection in a thread that `stop` can wait for; the base class forgets its daemon threads."""
        thread = Thread(
            target=self.process_request_thread, args=(request, client_address), name="demo-answer", daemon=True
        )
        with self._lock:
            self._open.add(request)
        self._answering.add(thread)
        thread.start()

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as the base class
        """Close a connection that has ended."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the terminal belongs to the audit."""


def _run(app: WSGIApplication, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return status, headers and body of the application's answer."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    chunks: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        begun.append((status, headers))
        return chunks.append

    answer = app(environ, start_response)
    try:
        chunks.extend(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    status, headers = begun[-1]
    return status, list(headers), b"".join(chunks)
