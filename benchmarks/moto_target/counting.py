"""The WSGI middleware that counts what a client asks of moto, by operation, and tells it at /_stats."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]*/([^/]+)/aws4_request")
_FORM = "application/x-www-form-urlencoded"
_BUCKET_READS = {"encryption": "GetBucketEncryption", "location": "GetBucketLocation"}


class Counting:
    """Counts every request on its way to `application`. Callable from many threads at once.

    `connections` gives the connections that were opened so far. GET /_stats and POST /_reset are answered here, without
    latency, and not counted; what they tell has the names of the stub's counters.
    """

    def __init__(self, application: WSGIApplication, connections: Callable[[], int]) -> None:
        self._application = application
        self._connections = connections
        self._lock = Lock()
        self._calls: Counter[str] = Counter()
        self._in_flight = self._peak = 0
        self._first = self._last = 0.0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] in {"/_stats", "/_reset"}:
            body = json.dumps(self._told(reset=environ["REQUEST_METHOD"] == "POST")).encode()
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        operation = operation_of(environ)
        with self._lock:
            self._calls[operation] += 1
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
            self._first = self._first or time.perf_counter()
        try:
            return self._application(environ, start_response)
        finally:
            with self._lock:
                self._in_flight -= 1
                self._last = time.perf_counter()

    def _told(self, *, reset: bool) -> dict[str, Any]:
        with self._lock:
            if reset:
                self._calls.clear()
                self._peak = self._in_flight
                self._first = self._last = 0.0
            return {
                "calls": dict(self._calls),
                "connections": self._connections(),
                "peak_in_flight": self._peak,
                "throttled": 0,
                "seconds": self._last - self._first,
                "cpu_seconds": time.process_time(),
            }


def operation_of(environ: WSGIEnvironment) -> str:
    """Name what a request asks for: the operation where the protocol says it, else method and resource.

    The protocols are those of the SDK's models: JSON has the operation in X-Amz-Target, query in the form's Action,
    REST in method, path and sub-resource.
    """
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target).rpartition(".")[2]
    signed = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service: str = signed[1] if signed else "unsigned"
    method: str = environ["REQUEST_METHOD"]
    path: str = environ["PATH_INFO"]
    if environ.get("CONTENT_TYPE", "").startswith(_FORM):
        body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)  # moto reads it again
        return parse_qs(body.decode()).get("Action", [f"{service} {method}"])[0]
    if service != "s3":
        return f"{service} {method} {path}"
    if method == "GET" and path == "/":
        return "ListBuckets"
    query: str = environ["QUERY_STRING"]
    asked = query.partition("&")[0].partition("=")[0]
    if method == "GET" and asked in _BUCKET_READS:
        return _BUCKET_READS[asked]
    return f"{service} {method} {asked}".rstrip()
