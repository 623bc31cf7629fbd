"""What the stub saw and sent, counted by the server's thread and read by any."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.stub.request import Request

KEPT_UNKNOWN = 20
"""How many unknown requests are kept word for word."""


@dataclass(frozen=True, slots=True)
class Stats:
    """A consistent copy of all counters. Absent keys of the mappings count as 0."""

    calls: Counter[str]
    """Requests by operation, `Unknown` among them."""
    calls_by_region: Counter[tuple[str, str]]
    """Requests by (operation, region they were signed for)."""
    calls_by_account: Counter[tuple[str, str]]
    """Requests to an organization by (operation, account): whose credentials signed them, or which AssumeRole asks."""
    entered_by_region: Counter[tuple[str, str]]
    """AssumeRole by (account that is to be entered, region it was signed for)."""
    errors: Counter[str]
    """Error answers by their AWS code."""
    faults: Counter[str]
    """Requests that a fault hook spoiled, by the name of the fault's class."""
    peak_in_flight_by_region: Counter[str]
    peak_in_flight: int
    """Most requests at once between their last byte in and their first byte out."""
    in_flight: int
    connections: int
    """Accepted since the start."""
    open_connections: int
    peak_connections: int
    """Most that were open at once."""
    list_pages: int
    """Listings answered with buckets (or with none), not with an error."""
    throttled: int
    """Requests that a rate limit refused."""
    seconds: float
    """From the first request to the last."""
    unknown: int
    unknown_requests: tuple[str, ...]
    """The first `KEPT_UNKNOWN` of them."""
    writes: int
    """Requests that were not reads; all of them are unknown as well."""
    poured: int
    """Bytes of floods that were handed to the network."""
    predefined_aliases: tuple[str, ...]
    """KeyIds under `alias/aws/` that were asked for, which nobody who only reads may do."""

    @property
    def total(self) -> int:
        """All requests."""
        return self.calls.total()

    def as_json(self) -> dict[str, object]:
        """Shape the counters for JSON; pairs become `operation/region`."""
        content: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        content["calls_by_region"] = {"/".join(pair): n for pair, n in self.calls_by_region.items()}
        for name in ("calls_by_account", "entered_by_region"):
            content[name] = {"/".join(pair): n for pair, n in getattr(self, name).items()}
        content["total"] = self.total
        return content


class Counters:
    """The counters themselves. A lock keeps every `Stats` consistent."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connections = 0
        self._open_connections = 0
        self._in_flight: Counter[str] = Counter()
        self._in_flight_now = 0
        self._targets: Counter[tuple[str, str, str]] = Counter()
        self._clear()

    def _clear(self) -> None:
        self._calls: Counter[tuple[str, str]] = Counter()
        self._by_account: Counter[tuple[str, str]] = Counter()
        self._entered: Counter[tuple[str, str]] = Counter()
        self._peak_connections = self._open_connections
        self._errors: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._peak_by_region = Counter(self._in_flight)
        self._peak = self._in_flight_now
        self._list_pages = 0
        self._throttled = 0
        self._first_at: float | None = None
        self._last_at = 0.0
        self._unknown: list[str] = []
        self._writes = 0
        self._poured = 0
        self._predefined: list[str] = []

    def reset(self) -> None:
        """Begin anew; what is in flight, and the connections that are open, stay counted."""
        with self._lock:
            self._connections = self._open_connections
            self._targets.clear()
            self._clear()

    def connected(self) -> None:
        """Count a connection."""
        with self._lock:
            self._connections += 1
            self._open_connections += 1
            self._peak_connections = max(self._peak_connections, self._open_connections)

    def disconnected(self) -> None:
        """Count a connection's end."""
        with self._lock:
            self._open_connections -= 1

    def begin(self, request: Request) -> None:
        """Count a request that has arrived in full."""
        region = request.region
        now = monotonic()
        with self._lock:
            self._first_at = now if self._first_at is None else self._first_at
            self._last_at = now
            self._calls[request.operation, region] += 1
            self._in_flight[region] += 1
            self._in_flight_now += 1
            self._peak = max(self._peak, self._in_flight_now)
            self._peak_by_region[region] = max(self._peak_by_region[region], self._in_flight[region])
            self._writes += request.is_write
            if request.account:
                self._by_account[request.operation, request.account] += 1
                if request.operation == "AssumeRole":
                    self._entered[request.account, region] += 1

    def end(self, region: str) -> None:
        """Count a request out: answered, or its connection gone."""
        with self._lock:
            self._in_flight[region] -= 1
            self._in_flight_now -= 1

    def asked(self, operation: str, target: str, account: str | None = None) -> int:
        """How often a call was made for one target, by one account or by any."""
        with self._lock:
            accounts = {""} | {by for _, by in self._by_account} if account is None else {account}
            return sum(self._targets[operation, target, by] for by in accounts)

    def ask(self, operation: str, target: str, account: str = "") -> int:
        """Count a call for one target; tell the how manieth it is of the account's, from 1."""
        with self._lock:
            self._targets[operation, target, account] += 1
            return self._targets[operation, target, account]

    def targets(self, operation: str) -> dict[str, int]:
        """How often a call was made, by its target. Walks all that is tracked, under the lock."""
        with self._lock:
            found: Counter[str] = Counter()
            for (name, target, _), times in self._targets.items():
                if name == operation:
                    found[target] += times
            return dict(found)

    def error(self, code: str) -> None:
        """Count an error answer."""
        with self._lock:
            self._errors[code] += 1

    def fault(self, name: str) -> None:
        """Count a request that a fault hook spoiled."""
        with self._lock:
            self._faults[name] += 1

    def throttle(self) -> None:
        """Count a request that came too fast."""
        with self._lock:
            self._throttled += 1

    def poured(self, size: int) -> None:
        """Count bytes of a flood."""
        with self._lock:
            self._poured += size

    def list_page(self) -> None:
        """Count a page of a listing."""
        with self._lock:
            self._list_pages += 1

    def unknown(self, asked: str) -> None:
        """Keep an unknown request, while there are few."""
        with self._lock:
            if len(self._unknown) < KEPT_UNKNOWN:
                self._unknown.append(asked)

    def predefined_alias(self, reference: str) -> None:
        """Keep a predefined alias that was described."""
        with self._lock:
            self._predefined.append(reference)

    def stats(self) -> Stats:
        """Copy everything."""
        with self._lock:
            calls: Counter[str] = Counter()
            for (operation, _), count in self._calls.items():
                calls[operation] += count
            return Stats(
                calls=calls,
                calls_by_region=Counter(self._calls),
                calls_by_account=Counter(self._by_account),
                entered_by_region=Counter(self._entered),
                errors=Counter(self._errors),
                faults=Counter(self._faults),
                peak_in_flight_by_region=Counter(self._peak_by_region),
                peak_in_flight=self._peak,
                in_flight=self._in_flight_now,
                connections=self._connections,
                open_connections=self._open_connections,
                peak_connections=self._peak_connections,
                list_pages=self._list_pages,
                throttled=self._throttled,
                seconds=0.0 if self._first_at is None else self._last_at - self._first_at,
                unknown=calls["Unknown"],
                unknown_requests=tuple(self._unknown),
                writes=self._writes,
                poured=self._poured,
                predefined_aliases=tuple(self._predefined),
            )
