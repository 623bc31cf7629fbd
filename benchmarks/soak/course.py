"""The course of a soak: one report, killed and gone on with, and what holds after each part of it."""

from __future__ import annotations

import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.checking import WrongReportError
from benchmarks.soak.command import Ended, SoakError, run_command
from benchmarks.soak.rows import RowCounter, missing, read_rows
from benchmarks.stub import REGIONS, StubProcess, synthetic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.stub import StubAccount

BASELINE = "baseline"
FAULT_KINDS = ("throttle", "500", "reset", "truncated", "hang")

_ENCRYPTION = "GetBucketEncryption"
_KEY = "DescribeKey"
_CODES = {
    "throttle": ("SlowDown", "ThrottlingException", "Throttling"),
    "500": ("InternalError", "KMSInternalException"),
}
_CLASSES = {"reset": "Reset", "truncated": "Truncated", "hang": "Hang"}
_PATIENCE = 30.0
"""Seconds until the stub has to know that a client is gone."""
_COMPLETE, _INCOMPLETE = 0, 3  # exit codes, see README


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The account, what goes wrong with it, and what becomes of the runs.

    - `latency_ms`: the time that the stub lets pass before each answer.
    - `fault_share`, `spare_after`: of the calls, those that fail; and the tries of each that may.
    - `kill_at`: the shares of the rows in the report at which a run is killed.
    - `timeout`: the command's `--timeout`, in seconds.
    - `dead`: whether the last region does not answer.
    - `mend`: whether the dead region comes back at the end.
    - `baseline_buckets`: of the run without faults whose memory that of the others is compared with.
    """

    buckets: int = 100_000
    keys: int = 200
    regions: int = 8
    latency_ms: float = 5.0
    fault_share: float = 0.2
    spare_after: int = 3
    kill_at: tuple[float, ...] = (1 / 3, 2 / 3)
    timeout: float = 5.0
    dead: bool = True
    mend: bool = False
    baseline_buckets: int = 10_000

    @property
    def dead_region(self) -> str | None:
        """The region that does not answer, if any; not the first one, which the buckets are listed from."""
        return REGIONS[self.regions - 1] if self.dead else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One run of the command, and what the stub saw of it.

    - `ended`: its exit code, -9 where it was killed.
    - `kept`, `answered`, `failed`: buckets that had an answer before it; that got one; that have the row of an error.
    - `calls`, `faults`: by operation, by kind.
    - `retries`: calls for a bucket or a key beyond the first.
    - `stub_cpu_seconds`: near `wall_seconds`, it is the stub that was measured.
    """

    name: str
    ended: int
    wall_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    kept: int
    answered: int
    failed: int
    calls: dict[str, int]
    faults: dict[str, int]
    retries: int
    stub_cpu_seconds: float

    @property
    def rows_per_second(self) -> float:
        """Rows that it wrote, by the time from its start to its end."""
        return (self.answered + self.failed) / self.wall_seconds


def run_soak(course: Course, *, told: Callable[[str], None]) -> list[Part]:
    """Go through the whole course, the baseline first. `told` gets a line for each part.

    Raises `SoakError` or `WrongReportError` at the first thing that is not as it has to be.
    """
    parts: list[Part] = []

    def go(report: Report, stub: StubProcess, name: str, kill_at: float | None = None) -> None:
        part = report.go_on(stub, name, course.timeout, kill_at)
        told(f"{part.name}: {part.answered + part.failed} rows in {part.wall_seconds:.1f} s")
        parts.append(part)

    with tempfile.TemporaryDirectory(prefix="s3audit-soak-") as folder:
        account = synthetic(course.baseline_buckets, course.keys, course.regions)
        with _stub(course, course.baseline_buckets) as stub:
            go(Report(Path(folder, "baseline"), account), stub, BASELINE)
        report = Report(Path(folder, "soak"), synthetic(course.buckets, course.keys, course.regions))
        faults: dict[str, float | str] = {"fault_share": course.fault_share, "spare_after": course.spare_after}
        dead: dict[str, float | str] = {}
        if course.dead_region is not None:
            report.dead = {course.dead_region}
            dead["dead_region"] = course.dead_region
        with _stub(course, course.buckets, **faults, **dead) as stub:
            for share in course.kill_at:
                go(report, stub, f"killed at {share:.0%}", share)
            go(report, stub, "to the end")
        if course.mend:
            report.dead = set()
            with _stub(course, course.buckets, **faults) as stub:
                go(report, stub, "region is back")
    return parts


def _stub(course: Course, buckets: int, **behaviour: float | str) -> StubProcess:
    return StubProcess(
        buckets=buckets,
        keys=course.keys,
        regions=course.regions,
        latency_ms=course.latency_ms,
        track_targets=True,
        **behaviour,
    )


class Report:
    """One report in a folder of its own, from its beginning to its end."""

    def __init__(self, folder: Path, account: StubAccount) -> None:
        folder.mkdir()
        self._path = folder / "report.csv"
        self._partial = folder / "report.csv.partial"
        self._account = account
        self._kept: set[str] = set()
        """Buckets that have a row with an answer."""
        self.dead: set[str] = set()
        """Regions that do not answer now."""

    def go_on(self, stub: StubProcess, name: str, timeout: float, kill_at: float | None) -> Part:
        """Begin the report or go on with it, and see that everything is as it has to be.

        `kill_at` is the share of the rows at which the run is killed; None lets it come to its end.
        """
        begun = self._path.exists() or self._partial.exists()
        arguments = ["run", "--resume" if begun else "--output", str(self._path)]
        arguments += ["--endpoint-url", stub.url, "--timeout", f"{timeout:g}"]
        stub.reset_stats()
        before = stub.stats()
        ended = run_command(arguments, kill_when=None if kill_at is None else self._has_rows(kill_at))
        seen = _settled(stub)
        try:
            part = self._checked(name, ended, stub, killed=kill_at is not None, seen=seen, before=before)
        except (WrongReportError, OSError) as error:
            raise SoakError(f"{name}: {error}") from error
        return part

    def _has_rows(self, share: float) -> Callable[[], bool]:
        """Tell when a share of the rows is there, and the run has at least one of them of its own."""
        counter = RowCounter(self._partial)
        enough = max(share * len(self._account.index), len(self._kept) + 1)
        before = _file_id(self._partial)  # what it goes on from; it puts its own file in the place of that
        return lambda: _file_id(self._partial) != before and counter.rows() >= enough

    def _checked(
        self, name: str, ended: Ended, stub: StubProcess, *, killed: bool, seen: dict[str, Any], before: dict[str, Any]
    ) -> Part:
        expected = -signal.SIGKILL if killed else _INCOMPLETE if self.dead else _COMPLETE
        if ended.code != expected:
            raise SoakError(f"{name}: it ended with {ended.code}, expected {expected}:\n{ended.said.rstrip()}")
        kept = self._kept
        asked = {operation: stub.asked(operation) for operation in (_ENCRYPTION, _KEY)}
        again = kept & asked[_ENCRYPTION].keys()
        if again:
            raise SoakError(f"{name}: {len(again)} buckets that had a row were asked about again, {min(again)} first")
        found = read_rows(self._partial if killed else self._path, self._account, self.dead)
        lost = kept - found.answered
        if lost:
            raise SoakError(f"{name}: {len(lost)} rows that were there are gone, that of {min(lost)} first")
        if not killed:
            self._check_end(name, next(missing(self._account, found), None))
        self._kept = found.answered
        return Part(
            name=name,
            ended=ended.code,
            wall_seconds=ended.wall_seconds,
            cpu_seconds=ended.cpu_seconds,
            peak_rss_bytes=ended.peak_rss_bytes,
            kept=len(kept),
            answered=len(found.answered) - len(kept),
            failed=len(found.failed),
            calls=seen["calls"],
            faults=_by_kind(seen),
            retries=sum(times - 1 for targets in asked.values() for times in targets.values()),
            stub_cpu_seconds=seen["cpu_seconds"] - before["cpu_seconds"],
        )

    def _check_end(self, name: str, without_row: str | None) -> None:
        if without_row is not None:
            raise SoakError(f"{name}: {without_row} has no row")
        left = {path.name for path in self._path.parent.iterdir()}
        right = {self._path.name, *([f"{self._path.name}.resume"] if self.dead else [])}
        if left != right:
            raise SoakError(f"{name}: it left {', '.join(sorted(left))}, expected {', '.join(sorted(right))}")


def _file_id(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _settled(stub: StubProcess) -> dict[str, Any]:
    """Give the stub's counters as soon as it knows that the client is gone: nothing is counted after that."""
    give_up = time.monotonic() + _PATIENCE
    while True:
        seen = stub.stats()
        if seen["open_connections"] == 1:  # this question's
            return seen
        if time.monotonic() > give_up:
            raise SoakError(f"the stub has {seen['open_connections']} connections with nobody at their other ends")
        time.sleep(0.02)


def _by_kind(seen: Mapping[str, Any]) -> dict[str, int]:
    """Tell the faults that were met apart: errors by their code, the others by their class."""
    errors, faults = seen["errors"], seen["faults"]
    counts = {kind: sum(errors.get(code, 0) for code in codes) for kind, codes in _CODES.items()}
    return counts | {kind: faults.get(name, 0) for kind, name in _CLASSES.items()}
