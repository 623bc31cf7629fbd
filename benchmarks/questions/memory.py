"""Whether the memory of an audit grows with the buckets."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders.checking import WrongReportError, check_report
from benchmarks.contenders.course import BASELINE, S3AUDIT, ContenderError, environment
from benchmarks.stub import StubProcess, synthetic
from benchmarks.suite.markdown import few, number, table
from benchmarks.suite.peak import spent_by
from benchmarks.suite.question import Answer, Findings, Plot, Point, Question, Size, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SIZES: Mapping[Size, Mapping[str, tuple[int, ...]]] = {
    Size.SMOKE: {BASELINE.name: (100, 300), S3AUDIT.name: (100, 300)},
    Size.FULL: {BASELINE.name: (1000, 10_000, 30_000), S3AUDIT.name: (1000, 10_000, 100_000, 1_000_000)},
}
_REFERENCE = {Size.SMOKE: 100, Size.FULL: 10_000}
_KEYS = 200
_REGIONS = 8
_CONCURRENCY = 64
_PATIENCE = 3600.0
"""Seconds that one run may take before it is killed and the question fails."""
_MOST = 1.25
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of one contender."""

    contender: str
    buckets: int
    peak_rss_bytes: int
    wall_seconds: float
    cpu_seconds: float


def _measure(size: Size, told: Callable[[str], None]) -> Findings:
    runs = []
    for contender, sizes in _SIZES[size].items():
        for buckets in sizes:
            run = _run(contender, buckets)
            told(f"{contender}, {buckets:,} buckets: {run.peak_rss_bytes / _MIB:.0f} MiB, {run.wall_seconds:.1f} s")
            runs.append(asdict(run))
    return {"reference": _REFERENCE[size], "keys": _KEYS, "regions": _REGIONS, "runs": runs}


def _run(contender: str, buckets: int) -> _Run:
    with tempfile.TemporaryDirectory(prefix="s3audit-bench-") as folder:
        report = Path(folder, "report.csv")
        with StubProcess(buckets=buckets, keys=_KEYS, regions=_REGIONS) as stub:
            spent = spent_by(
                [sys.executable, *_command(contender, stub.url, report)], environment=environment(), patience=_PATIENCE
            )
        if spent.code:
            raise ContenderError(f"{contender} ended with status {spent.code}:\n{spent.said.rstrip()}")
        try:
            check_report(report, synthetic(buckets, _KEYS, _REGIONS))
        except (WrongReportError, OSError) as error:
            raise ContenderError(f"{contender}: {error}") from error
    return _Run(contender, buckets, spent.peak_rss_bytes, spent.wall_seconds, spent.cpu_seconds)


def _command(contender: str, url: str, report: Path) -> list[str]:
    """Call our own command as anybody would, without the code that measures it elsewhere."""
    if contender == S3AUDIT.name:
        options = ["-o", str(report), "-q", "--max-concurrency", str(_CONCURRENCY)]
        return ["-m", "s3audit_async", "run", "--endpoint-url", url, *options]
    options = [f"--endpoint-url={url}", f"--output={report}", f"--concurrency={_CONCURRENCY}"]
    return ["-m", BASELINE.module, *options]


def _answer(findings: Findings) -> Answer:
    runs = [_Run(**run) for run in findings["runs"]]
    reference = findings["reference"]
    base = {run.contender: run.peak_rss_bytes for run in runs if run.buckets == reference}
    rows = [
        [
            f"`{run.contender}`",
            f"{run.buckets:,}",
            f"{run.peak_rss_bytes / _MIB:.0f}",
            number(run.peak_rss_bytes / base[run.contender]),
            f"{run.wall_seconds:.1f}",
            f"{run.cpu_seconds:.1f}",
        ]
        for run in runs
    ]
    header = ["contender", "buckets", "peak MiB", f"to its own {reference:,}", "seconds", "CPU s"]
    introduction = _INTRODUCTION.format(keys=findings["keys"], regions=findings["regions"], reference=f"{reference:,}")
    return Answer(
        text=f"{introduction}\n\n{table(header, rows)}",
        plots=(_plot(runs),),
        targets=(_target(runs, reference, base[S3AUDIT.name]),),
    )


_INTRODUCTION = f"""\
Peak memory (resident set, interpreter and SDK included) of one whole run, in {{regions}} regions with {{keys}} keys,
without latency: s3audit streams its rows, `{BASELINE.name}` makes a task for each bucket and keeps all rows until
the end, as the plain loop does. Each is compared with its own run over {{reference}} buckets. Every row of every
report was checked."""


def _plot(runs: list[_Run]) -> Plot:
    series: dict[str, tuple[Point, ...]] = {}
    for run in runs:
        peak = run.peak_rss_bytes / _MIB
        series[run.contender] = (*series.get(run.contender, ()), Point(float(run.buckets), peak, peak, peak))
    return Plot(
        name="memory",
        title="Peak memory against buckets",
        x_label="buckets",
        y_label="MiB",
        series=series,
        log_x=True,
    )


def _target(runs: list[_Run], reference: int, base: int) -> Target:
    most = max((run for run in runs if run.contender == S3AUDIT.name), key=lambda run: run.buckets)
    ratio = most.peak_rss_bytes / base
    return Target(
        what=f"memory, {most.buckets:,} buckets against {reference:,}",
        target="under 1.25 times",
        measured=f"{number(ratio)} times ({base / _MIB:.0f} to {most.peak_rss_bytes / _MIB:.0f} MiB){few(1)}",
        met=ratio < _MOST,
    )


QUESTION = Question(name="memory", title="Memory against buckets", measure=_measure, answer=_answer)
