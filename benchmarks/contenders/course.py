"""The course: which contenders run on which account, how often, and what one run of one of them costs.

Every run is a process of its own against one and the same stub, in turns: A B C D A B C D. So what the machine does
meanwhile falls on all of them alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.checking import WrongReportError, check_report
from benchmarks.stub import StubProcess, synthetic
from benchmarks.suite.question import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.stub import StubAccount
    from benchmarks.stub.process import ServingProcess

ROOT = Path(__file__).parents[2]
"""Where `python -m` finds benchmarks and the package."""
_PATIENCE = 600.0
"""Seconds that one run may take before it is killed and the question fails."""
_LEADS_ELSEWHERE = ("AWS_", "S3AUDIT_")
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
_STUB_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIABENCHMARKONLY",
    "AWS_SECRET_ACCESS_KEY": "good-for-nothing",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "PYTHONHASHSEED": "0",
}


@dataclass(frozen=True, slots=True)
class Contender:
    """A program in a module of its own.

    - `module`: what `python -m` runs.
    - `most_in_flight`: requests in flight that it makes at most, however many it may; None for as many as it may.
    - `sampled`: audits the first `original_buckets` only, as all of them would take too long.
    - `environment`: variables that its process has besides.
    - `arguments`: of its command line, besides those that all have.
    """

    name: str
    module: str
    most_in_flight: int | None = None
    sampled: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    arguments: tuple[str, ...] = ()


ORIGINAL = Contender("original", "benchmarks.contenders.original", most_in_flight=1, sampled=True)
THREADS = Contender("threads", "benchmarks.contenders.threads", most_in_flight=16)
BASELINE = Contender("aiobotocore", "benchmarks.contenders.aiobotocore")
S3AUDIT = Contender("s3audit", "benchmarks.contenders.s3audit")
CONTENDERS = (ORIGINAL, THREADS, BASELINE, S3AUDIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The account and the conditions.

    - `latency_ms`: the time that the stub lets pass before each answer.
    - `s3_rate`: S3 requests a second that the stub allows in each region, None for any number.
    - `burst`: how many requests at once are within that rate.
    """

    buckets: int
    original_buckets: int = 60
    keys: int = 50
    regions: int = 8
    latency_ms: float = 20.0
    concurrency: int = 64
    rounds: int = 1
    s3_rate: float | None = None
    burst: float = 10.0

    def buckets_of(self, contender: Contender) -> int:
        """How many buckets a contender audits."""
        return min(self.buckets, self.original_buckets) if contender.sampled else self.buckets

    def in_flight(self, contender: Contender) -> int:
        """How many requests a contender may have in flight."""
        return min(self.concurrency, contender.most_in_flight or self.concurrency)


WARM_UP = Course(buckets=12, original_buckets=12, keys=2, regions=1, latency_ms=0.0, concurrency=4, rounds=1)
"""Runs before anything is measured: byte code is compiled and files are in memory after it."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What one run cost. Seconds are those of `assignment.perform`, the rest is what the stub saw of it."""

    buckets: int
    wall_seconds: float
    cpu_seconds: float
    process_cpu_seconds: float
    calls: dict[str, int]
    connections: int
    peak_in_flight: int
    stub_cpu_seconds: float
    """CPU of the stub meanwhile. Near `wall_seconds`, it is the stub that was measured."""
    throttled: int = 0
    """Requests that the stub refused because they came too fast."""
    asking_seconds: float = 0.0
    """From the first request that the stub saw to the last."""


class ContenderError(BenchmarkError):
    """Raised when a contender did not come to its end, or its report is wrong."""


def run_course(
    course: Course, contenders: Sequence[Contender], *, told: Callable[[str], None]
) -> dict[str, list[Measure]]:
    """Run everybody in turn, `course.rounds` times. `told` gets a line for each run.

    Raises `ContenderError` at the first report that is wrong.
    """
    measured: dict[str, list[Measure]] = {contender.name: [] for contender in contenders}
    account = synthetic(course.buckets, course.keys, course.regions)
    conditions: dict[str, float] = {
        "buckets": course.buckets,
        "keys": course.keys,
        "regions": course.regions,
        "latency_ms": course.latency_ms,
    }
    if course.s3_rate is not None:
        conditions |= {"s3_rate": course.s3_rate, "burst": course.burst}
    with StubProcess(**conditions) as stub:
        for number in range(1, course.rounds + 1):
            for contender in contenders:
                measure = run_once(course, contender, stub, account)
                measured[contender.name].append(measure)
                told(f"round {number} of {course.rounds}: {contender.name}, {measure.wall_seconds:.2f} s")
    return measured


def run_once(
    course: Course, contender: Contender, stub: ServingProcess, account: StubAccount, *, by_url: bool = True
) -> Measure:
    """Run a contender once. It is told the stub's URL, or its environment leads the way there from AWS's host names.

    Raises `ContenderError` if it does not come to its end, or its report is not what the account makes it.
    """
    count = course.buckets_of(contender)
    with tempfile.TemporaryDirectory(prefix="s3audit-bench-") as folder:
        report = Path(folder, "report.csv")
        arguments = [*contender.arguments, f"--output={report}", f"--concurrency={course.concurrency}"]
        if by_url:
            arguments.append(f"--endpoint-url={stub.url}")
        if contender.sampled:
            arguments.append(f"--first={count}")
        stub.reset_stats()
        before: dict[str, Any] = stub.stats()
        spent = _spent(contender, arguments)
        after: dict[str, Any] = stub.stats()
        try:
            check_report(report, account, count)
        except (WrongReportError, OSError) as error:
            raise ContenderError(f"{contender.name}: {error}") from error
    return Measure(
        buckets=count,
        wall_seconds=spent["wall_seconds"],
        cpu_seconds=spent["cpu_seconds"],
        process_cpu_seconds=spent["process_cpu_seconds"],
        calls=after["calls"],
        connections=after["connections"] - before["connections"] - 1,  # the second question was one more
        peak_in_flight=after["peak_in_flight"],
        stub_cpu_seconds=after["cpu_seconds"] - before["cpu_seconds"],
        throttled=after["throttled"],
        asking_seconds=after["seconds"],
    )


def _spent(contender: Contender, arguments: Sequence[str]) -> dict[str, float]:
    try:
        process = subprocess.run(
            [sys.executable, "-m", contender.module, *arguments],
            check=False,
            capture_output=True,
            cwd=ROOT,
            env={**environment(), **contender.environment},
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise ContenderError(f"{contender.name} was not done after {_PATIENCE:g} s") from error
    if process.returncode:
        raise ContenderError(f"{contender.name} ended with status {process.returncode}:\n{process.stderr.rstrip()}")
    spent: dict[str, float] = json.loads(process.stdout)
    return spent


def environment() -> dict[str, str]:
    """Give this process's environment, without what could change the figures or lead to a real account."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_LEADS_ELSEWHERE)
        and name.lower() not in _PROXIES
        and name != "PYTHONDONTWRITEBYTECODE"  # every run would compile everything anew
    }
    return {**kept, **_STUB_ENVIRONMENT}


def warm_up(contenders: Sequence[Contender]) -> None:
    """Run everybody once on a tiny account. Raises `ContenderError` as `run_course` does."""
    everybody = [replace(contender, sampled=False) for contender in contenders]
    run_course(WARM_UP, everybody, told=lambda _: None)
