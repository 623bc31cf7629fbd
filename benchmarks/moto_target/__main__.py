"""The moto target as a process of its own: `python -m benchmarks.moto_target --buckets 2000 --latency-ms 100`.

moto is filled and served as by `s3audit demo`, whose front adds what moto leaves out of the listing (pages, regions)
and sends requests for the wrong region where they belong. Every answer about encryption and about keys is moto's own.
"""

from __future__ import annotations

import argparse
import os
import signal
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from benchmarks.moto_target.account import moto_account, seeds
from benchmarks.moto_target.counting import Counting
from s3audit_async.demo import backend
from s3audit_async.demo.environment import isolated_environment
from s3audit_async.demo.front import Front
from s3audit_async.demo.serving import LoopbackServer

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_NOWHERE = "http://127.0.0.1:9"


class _Server(LoopbackServer):
    """Counts its connections, and the requests on them."""

    def __init__(self, application: WSGIApplication) -> None:
        self._connections = 0
        super().__init__(Counting(application, lambda: self._connections))

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class
        """Serve a connection; the accepting thread alone comes here."""
        self._connections += 1
        super().process_request(request, client_address)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.moto_target",
        description="Serve a synthetic AWS account that moto holds, on the loopback interface. The URL is the first "
        "line on stdout, counters are at /_stats, POST /_reset clears them. Ends on SIGTERM, or with stdin.",
    )
    parser.add_argument("--buckets", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=20, help="distinct keys that have to be looked up")
    parser.add_argument("--regions", type=int, default=4)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="before each answer, in its own thread")
    options = parser.parse_args()
    buckets = list(seeds(moto_account(options.buckets, options.keys, options.regions)))
    with isolated_environment(_NOWHERE):  # moto asks the SDK which regions there are
        applications, other = backend.applications()
        backend.seed(buckets)
        backend.warm_up(applications, buckets[0])
    server = _Server(Front(applications, other, buckets, latency_ms=options.latency_ms))
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Thread(target=_wait_for_end_of_stdin, args=(stop,), daemon=True).start()
    server.start()
    print(server.url, flush=True)
    stop.wait()
    server.stop()


def _wait_for_end_of_stdin(stop: Event) -> None:
    """Outlive no parent."""
    while os.read(0, 4096):
        pass
    stop.set()


if __name__ == "__main__":
    main()
