"""Observers that everyone needs: several as one, and the figures of a run."""

from __future__ import annotations

from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any

from s3audit_async.ports import Observer

if TYPE_CHECKING:
    from s3audit_async.model import Call, Notice, Retry, Row


class Observers(Observer):
    """Several observers as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def listing_ended(self) -> None:
        for observer in self._observers:
            observer.listing_ended()

    def routed(self, region: str) -> None:
        for observer in self._observers:
            observer.routed(region)

    def called(self, call: Call) -> None:
        for observer in self._observers:
            observer.called(call)

    def retrying(self, retry: Retry) -> None:
        for observer in self._observers:
            observer.retrying(retry)

    def noticed(self, notice: Notice) -> None:
        for observer in self._observers:
            observer.noticed(notice)

    def audited(self, row: Row, lane: str) -> None:
        for observer in self._observers:
            observer.audited(row, lane)


class RunStats(Observer):
    """Counts what a run did. Its memory does not grow with the number of buckets."""

    def __init__(self) -> None:
        self._started = monotonic()
        self.buckets = 0
        self.rows = 0
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.retries = 0
        self.throttles = 0
        self.peak_in_flight = 0

    def routed(self, region: str) -> None:  # noqa: ARG002 - where to does not matter here
        self.buckets += 1

    def called(self, call: Call) -> None:
        self.calls[call.operation] += 1
        self.peak_in_flight = max(self.peak_in_flight, call.in_flight)
        self.throttles += call.throttled
        if call.code is not None:
            self.errors[call.code] += 1

    def retrying(self, retry: Retry) -> None:  # noqa: ARG002 - that it happened is all that counts
        self.retries += 1

    def audited(self, row: Row, lane: str) -> None:  # noqa: ARG002 - as above
        self.rows += 1

    @property
    def seconds(self) -> float:
        """Seconds since this was made."""
        return monotonic() - self._started

    def as_dict(self) -> dict[str, Any]:
        """Give the figures in the form of `--stats`: counts, and `seconds` of wall time."""
        return {
            "buckets": self.buckets,
            "rows": self.rows,
            "calls": dict(sorted(self.calls.items())),
            "errors": dict(sorted(self.errors.items())),
            "retries": self.retries,
            "throttles": self.throttles,
            "peak_in_flight": self.peak_in_flight,
            "seconds": round(self.seconds, 3),
        }
