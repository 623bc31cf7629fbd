"""How long it takes until the command says something, and until its first row is there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders.checking import WrongReportError, check_report
from benchmarks.contenders.course import ROOT, S3AUDIT, ContenderError, environment
from benchmarks.stub import StubProcess, synthetic
from benchmarks.suite.markdown import cell, few, table
from benchmarks.suite.question import Answer, Findings, Plot, Question, Size, Target
from benchmarks.suite.spread import Spread, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BASELINE = "python -c pass"
HELP = "s3audit --help"
FIRST_ROW = "s3audit run, first row"
_LAST_ROW = "s3audit run, end"
_COMMANDS = {
    BASELINE: ("-c", "pass"),
    'python -c "import boto3"': ("-c", "import boto3"),
    "s3audit --version": ("-m", "s3audit_async", "--version"),
    HELP: ("-m", "s3audit_async", "--help"),
}
_PATIENCE = 60.0
"""Seconds that a command may take before the question fails."""
_HELP_SECONDS, _FIRST_ROW_SECONDS = 0.2, 1.0


@dataclass(frozen=True, slots=True)
class _Conditions:
    """How often everything is started, and the account whose first row is waited for."""

    rounds: int
    buckets: int
    keys: int = 50
    regions: int = 8
    latency_ms: float = 20.0


_CONDITIONS = {Size.SMOKE: _Conditions(1, 40, keys=4, regions=2), Size.FULL: _Conditions(10, 3000)}


def _measure(size: Size, told: Callable[[str], None]) -> Findings:
    conditions = _CONDITIONS[size]
    seconds: dict[str, list[float]] = {name: [] for name in (*_COMMANDS, FIRST_ROW, _LAST_ROW)}
    with StubProcess(
        buckets=conditions.buckets,
        keys=conditions.keys,
        regions=conditions.regions,
        latency_ms=conditions.latency_ms,
    ) as stub:
        for arguments in _COMMANDS.values():  # a warm-up: byte code is compiled, and files are in memory
            _seconds_to_end(arguments)
        for number in range(1, conditions.rounds + 1):
            told(f"round {number} of {conditions.rounds}")
            for name, arguments in _COMMANDS.items():
                seconds[name].append(_seconds_to_end(arguments))
            first, last = _seconds_to_rows(stub.url, conditions)
            seconds[FIRST_ROW].append(first)
            seconds[_LAST_ROW].append(last)
    return {"conditions": asdict(conditions), "seconds": seconds}


def _seconds_to_end(arguments: Sequence[str]) -> float:
    started = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE,
    )
    seconds = time.perf_counter() - started
    if ended.returncode:
        raise ContenderError(f"{' '.join(arguments)} ended with status {ended.returncode}:\n{ended.stderr.decode()}")
    return seconds


def _seconds_to_rows(url: str, conditions: _Conditions) -> tuple[float, float]:
    """Start `s3audit run -o -`, and take the time until the first row can be read, and until the last one is there."""
    command = [sys.executable, "-m", "s3audit_async", "run", "--endpoint-url", url, "-q", "-o", "-"]
    with tempfile.TemporaryDirectory(prefix="s3audit-bench-") as folder:
        report = Path(folder, "report.csv")
        started = time.perf_counter()
        with (
            report.open("wb") as file,
            subprocess.Popen(
                command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
            ) as process,
        ):
            assert process.stdout is not None
            file.write(process.stdout.readline())  # the header
            file.write(process.stdout.readline())
            first = time.perf_counter() - started
            for line in process.stdout:
                file.write(line)
            process.wait(_PATIENCE)
            last = time.perf_counter() - started
        if process.returncode:
            raise ContenderError(f"{S3AUDIT.name} run -o - ended with status {process.returncode}")
        try:
            check_report(report, synthetic(conditions.buckets, conditions.keys, conditions.regions))
        except WrongReportError as error:
            raise ContenderError(f"{S3AUDIT.name}: {error}") from error
    return first, last


def _answer(findings: Findings) -> Answer:
    seconds = findings["seconds"]
    found = {name: spread(values) for name, values in seconds.items()}
    compared = {name: ratios(values, seconds[BASELINE]) for name, values in seconds.items()}
    rows = [[f"`{name}`", cell(found[name]), cell(compared[name])] for name in found]
    return Answer(
        text=f"{_INTRODUCTION.format(**findings['conditions'])}\n\n{table(['what', 'seconds', 'ratio'], rows)}",
        plots=(
            Plot(
                name="start-up",
                title="Seconds until it is there",
                x_label="",
                y_label="seconds",
                series={"seconds": tuple(found[name].at(_short(name)) for name in found if name != _LAST_ROW)},
            ),
        ),
        targets=(
            _target("`s3audit --help`", _HELP_SECONDS, seconds[HELP], compared[HELP]),
            _target("first row of `s3audit run -o -`", _FIRST_ROW_SECONDS, seconds[FIRST_ROW], compared[FIRST_ROW]),
        ),
    )


_INTRODUCTION = f"""\
Each command is a process of its own, measured from its start to its end, {{rounds}} rounds in turn, with the byte
code compiled. The rows are those of `s3audit run -o -` over {{buckets:,}} buckets in {{regions}} regions with
{{latency_ms:g}} ms latency, measured from its start until a reader has the first one, and until the report has
ended. **ratio** is to the bare interpreter, `{BASELINE}`, in the same round."""


def _short(name: str) -> str:
    """Break a name where a line of a plot ends."""
    return name.replace(" -c ", "\n-c ").replace("s3audit ", "s3audit\n", 1).replace(", ", ",\n")


def _target(what: str, most: float, seconds: Sequence[float], compared: Spread) -> Target:
    found = spread(seconds)
    return Target(
        what=what,
        target=f"under {most:g} s",
        measured=f"{cell(found)} s, {cell(compared)} times the bare interpreter{few(len(seconds))}",
        met=found.median < most,
    )


QUESTION = Question(name="start-up", title="Start-up, and the first row", measure=_measure, answer=_answer)
