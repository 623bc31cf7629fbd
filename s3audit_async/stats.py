"""The figures of a run: what was called, how it went, how long it took, and how the limits moved.

Their memory does not grow with the number of buckets: latencies go into a histogram, and the course of a limit is
thinned out as it gets longer. `docs/stats.md` describes the JSON that `as_dict` gives.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import dataclass, field
from socket import gethostname
from time import monotonic, process_time
from typing import TYPE_CHECKING, Any

from s3audit_async.ports import Observer

if TYPE_CHECKING:
    from s3audit_async.model import BreakerChange, Call, Retry, Row, Unlisted
    from s3audit_async.ports import Concluded

CODES_COUNTED = 100
"""Different error codes counted for an operation. Codes are text from outside; all beyond are counted together."""
OTHER_CODES = "(other codes)"
POINTS = 240
"""Points of a limit's course, at most. When there are more, every second one is left out."""
_ACCOUNTS = ("chosen", "complete", "incomplete", "not_entered", "skipped")
_SHORTEST = 1e-4
_STEP = 1.04
"""Neighbouring bins of the histogram differ by so much, so that a quantile is off by 2 % at most."""
_LOG_STEP = math.log(_STEP)


class Latencies:
    """A histogram of seconds on a logarithmic scale, about 50 bytes for each bin in use."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._count = 0
        self._bins: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        self._count += 1
        self._bins[int(math.log(max(seconds, _SHORTEST) / _SHORTEST) / _LOG_STEP)] += 1
        self.longest = max(self.longest, seconds)

    def quantile(self, share: float) -> float:
        """Give the seconds that `share` (0 to 1) of all took at most; 0 if there were none."""
        wanted = share * self._count
        seen = 0
        for number in sorted(self._bins):
            seen += self._bins[number]
            if seen >= wanted:
                return min(self.longest, _SHORTEST * math.exp((number + 0.5) * _LOG_STEP))
        return 0.0

    def merge(self, other: Latencies) -> None:
        """Count all that another one has counted."""
        self._count += other._count
        self._bins.update(other._bins)
        self.longest = max(self.longest, other.longest)

    def as_dict(self) -> dict[str, float]:
        """Give milliseconds."""
        figures = {"p50": self.quantile(0.5), "p95": self.quantile(0.95), "max": self.longest}
        return {name: round(seconds * 1000.0, 1) for name, seconds in figures.items()}


@dataclass(slots=True)
class OperationFigures:
    """What became of the calls of one operation."""

    calls: int = 0
    retries: int = 0
    throttles: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    latencies: Latencies = field(default_factory=Latencies)

    def add(self, call: Call) -> None:
        """Count a call."""
        self.calls += 1
        self.throttles += call.throttled
        self.latencies.add(call.seconds)
        if call.code is not None:
            self._count_error(call.code, 1)

    def merge(self, other: OperationFigures) -> None:
        """Count all calls that another one has counted."""
        self.calls += other.calls
        self.retries += other.retries
        self.throttles += other.throttles
        self.latencies.merge(other.latencies)
        for code, count in other.errors.items():
            self._count_error(code, count)

    def _count_error(self, code: str, count: int) -> None:
        known = code in self.errors or len(self.errors) < CODES_COUNTED
        self.errors[code if known else OTHER_CODES] += count

    def as_dict(self) -> dict[str, Any]:
        """Give the figures as JSON."""
        return {
            "calls": self.calls,
            "errors": dict(sorted(self.errors.items())),
            "retries": self.retries,
            "throttles": self.throttles,
            "latency_ms": self.latencies.as_dict(),
        }


class LaneFigures:
    """One service in one region: its calls, and how its limit moved."""

    def __init__(self) -> None:
        self.calls = 0
        self.throttles = 0
        self.breaker_opened = 0
        self._course: list[tuple[float, int, float | None]] = []
        self._spacing = 0.0

    def add(self, at: float, call: Call) -> None:
        """Count a call that ended `at` seconds after the start."""
        self.calls += 1
        self.throttles += call.throttled
        course = self._course
        if course and (course[-1][1:] == (call.limit, call.rate) or at - course[-1][0] < self._spacing):
            return
        course.append((at, call.limit, call.rate))
        if len(course) > POINTS:
            del course[1::2]
            self._spacing = max(2.0 * self._spacing, at / POINTS)

    def merge(self, other: LaneFigures, begun: float) -> None:
        """Count all calls that another one has counted, which was `begun` so many seconds after this."""
        self.calls += other.calls
        self.throttles += other.throttles
        self.breaker_opened += other.breaker_opened
        moved = [(begun + at, limit, rate) for at, limit, rate in other._course]
        self._course = sorted([*self._course, *moved], key=lambda point: point[0])
        while len(self._course) > POINTS:
            del self._course[1::2]

    def as_dict(self) -> dict[str, Any]:
        """Give the figures as JSON."""
        return {
            "calls": self.calls,
            "throttles": self.throttles,
            "breaker_opened": self.breaker_opened,
            "limit": [
                {"at": round(at, 3), "in_flight": limit, "per_second": None if rate is None else round(rate, 1)}
                for at, limit, rate in self._course
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run, or a part of one, has counted of its calls: to be sent to another process, and merged there."""

    seconds: float
    peak_in_flight: int
    operations: dict[str, OperationFigures]
    lanes: dict[tuple[str, str], LaneFigures]
    not_listed: tuple[Unlisted, ...]
    process: str
    """Which process it was, on which machine."""
    cpu_seconds: float
    """Of that process until now, whatever it has done before."""


class RunStats(Observer):
    """Counts what a run did."""

    def __init__(self) -> None:
        self._started = monotonic()
        self.buckets = 0
        self.rows = 0
        self.peak_in_flight = 0
        self.distinct_keys = 0
        """Keys that KMS was asked about. For whoever ran the run to set."""
        self.bytes_received = 0
        """Bytes of answers' bodies. For whoever ran the run to set."""
        self.accounts: Counter[str] = Counter()
        """Accounts by what became of them, `chosen` for all that are audited; empty in a run of one."""
        self._not_listed: dict[tuple[str, str, str], Unlisted] = {}
        self._operations: dict[str, OperationFigures] = {}
        self._lanes: dict[tuple[str, str], LaneFigures] = {}
        self._workers: dict[str, float] = {}

    def routed(self, region: str) -> None:  # noqa: ARG002 - where to does not matter here
        self.buckets += 1

    def called(self, call: Call) -> None:
        self.peak_in_flight = max(self.peak_in_flight, call.in_flight)
        self._operation(call.operation).add(call)
        self._lane(call.operation.service, call.region).add(self.seconds, call)

    def retrying(self, retry: Retry) -> None:
        self._operation(retry.operation).retries += 1

    def breaker_changed(self, change: BreakerChange) -> None:
        self._lane(change.service, change.region).breaker_opened += change.open

    def unlisted(self, unlisted: Unlisted) -> None:
        self._not_listed.setdefault((unlisted.kind, unlisted.region, unlisted.code), unlisted)

    def audited(self, row: Row, lane: str) -> None:  # noqa: ARG002 - that it is done is all that counts
        self.rows += 1

    def accounts_chosen(self, count: int) -> None:
        self.accounts["chosen"] = count

    def account_concluded(self, record: Concluded) -> None:
        self.accounts[record.status.replace("-", "_")] += 1

    def figures(self) -> Figures:
        """Give what was counted. Not for who goes on counting: it is no copy."""
        return Figures(
            seconds=self.seconds,
            peak_in_flight=self.peak_in_flight,
            operations=self._operations,
            lanes=self._lanes,
            not_listed=tuple(self.not_listed),
            process=f"{gethostname()}:{os.getpid()}",
            cpu_seconds=process_time(),
        )

    def merge(self, figures: Figures) -> None:
        """Count what another process has counted until now; but for buckets and rows, which are told one by one."""
        self.peak_in_flight = max(self.peak_in_flight, figures.peak_in_flight)
        for name, operation in figures.operations.items():
            self._operation(name).merge(operation)
        for unlisted in figures.not_listed:
            self.unlisted(unlisted)
        self._workers[figures.process] = max(self._workers.get(figures.process, 0.0), figures.cpu_seconds)
        begun = max(0.0, self.seconds - figures.seconds)
        for (service, region), lane in figures.lanes.items():
            self._lane(service, region).merge(lane, begun)

    @property
    def not_listed(self) -> list[Unlisted]:
        """Buckets that the report lacks: the first for each kind, region and reason, of however many accounts."""
        return list(self._not_listed.values())

    @property
    def seconds(self) -> float:
        """Seconds since this was made."""
        return monotonic() - self._started

    @property
    def calls(self) -> Counter[str]:
        """Calls by operation."""
        return Counter({name: figures.calls for name, figures in self._operations.items() if figures.calls})

    @property
    def errors(self) -> Counter[str]:
        """Failed calls by error code."""
        return sum((figures.errors for figures in self._operations.values()), Counter[str]())

    @property
    def retries(self) -> int:
        """Calls that were made once more."""
        return sum(figures.retries for figures in self._operations.values())

    @property
    def throttles(self) -> int:
        """Calls that were refused for their rate."""
        return sum(figures.throttles for figures in self._operations.values())

    def as_dict(self) -> dict[str, Any]:
        """Give the figures in the form of `--stats`."""
        lanes: dict[str, dict[str, Any]] = {}
        for (service, region), figures in sorted(self._lanes.items()):
            lanes.setdefault(region, {})[service] = figures.as_dict()
        accounts = {"accounts": {name: self.accounts[name] for name in _ACCOUNTS}} if self.accounts else {}
        return {
            **accounts,
            "buckets": self.buckets,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "cpu_seconds": {
                "command": round(process_time(), 3),
                "workers": sorted((round(seconds, 3) for seconds in self._workers.values()), reverse=True),
            },
            "calls": dict(sorted(self.calls.items())),
            "errors": dict(sorted(self.errors.items())),
            "retries": self.retries,
            "throttles": self.throttles,
            "peak_in_flight": self.peak_in_flight,
            "distinct_keys": self.distinct_keys,
            "not_listed": [
                {"kind": each.kind.value, "region": each.region, "code": each.code} for each in self.not_listed
            ],
            "bytes_received": self.bytes_received,
            "operations": {name: figures.as_dict() for name, figures in sorted(self._operations.items())},
            "lanes": lanes,
        }

    def _operation(self, name: str) -> OperationFigures:
        figures = self._operations.get(name)
        if figures is None:
            figures = self._operations[name] = OperationFigures()
        return figures

    def _lane(self, service: str, region: str) -> LaneFigures:
        figures = self._lanes.get((service, region))
        if figures is None:
            figures = self._lanes[service, region] = LaneFigures()
        return figures
