"""What the parts of one bucket cost, each alone: whether s3audit's own are worth speaking of beside the SDK's."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.course import ROOT, environment
from benchmarks.parts.catalogue import BASELINE, PARTS
from benchmarks.suite.markdown import cell, number, percent, table
from benchmarks.suite.question import Answer, BenchmarkError, Findings, Plot, Question, Size
from benchmarks.suite.spread import Spread, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HOW = {
    Size.SMOKE: ("--debug-single-value", "--worker"),  # in one process: far faster
    Size.FULL: ("--processes=4", "--values=5", "--warmups=1", "--min-time=0.05"),
}
"""pyperf's options. It finds out by itself how many times a part has to be done to last `min-time` seconds."""
_LAST_WORDS = 20
"""Lines of pyperf's that are shown when it fails."""
_TEXT = """\
Each part alone, without a network, timed by pyperf: a bucket with a KMS key that is known. Microseconds, median \
(least-most) of {values} values from {processes} processes. The share is that of `{baseline}`: what plain aiobotocore \
spends on one call when nothing is sent; in a real one the socket and the HTTP client come on top.

{parts}

The parts that are marked make up {own} us for each bucket, {share} of `{baseline}`: what limits, retries, one look-up \
for each key, findings, the report and the figures cost together. Tasks and queues are not among them.
"""


def measure(size: Size, told: Callable[[str], None]) -> Findings:
    """Have pyperf time all parts. Raises `BenchmarkError` if it fails."""
    import pyperf  # noqa: PLC0415 - `needs` tells whether it is there

    with tempfile.TemporaryDirectory(prefix="s3audit-bench-") as folder:
        path = Path(folder, "parts.json")
        _run_pyperf([f"--output={path}", *_HOW[size]], told)
        suite = pyperf.BenchmarkSuite.load(str(path))
        found = {
            bench.get_name(): {"seconds": list(bench.get_values()), "processes": _processes(bench)}
            for bench in suite.get_benchmarks()
        }
    missing = {part.name for part in PARTS} - found.keys()
    if missing:
        raise BenchmarkError(f"pyperf has no figures of {', '.join(sorted(missing))}")
    return {"baseline": BASELINE.name, "parts": found}


def answer(findings: Findings) -> Answer:
    """Say what came out."""
    timed: dict[str, dict[str, Any]] = findings["parts"]
    baseline = findings["baseline"]
    micros = {part.name: spread(1e6 * value for value in timed[part.name]["seconds"]) for part in PARTS}
    whole = micros[baseline].median
    own = sum(micros[part.name].median for part in PARTS if part.own)
    text = _TEXT.format(
        values=len(timed[baseline]["seconds"]),
        processes=timed[baseline]["processes"],
        baseline=baseline,
        parts=table(
            ("part", "what it does", "us", "share", "own"),
            [
                [
                    f"`{part.name}`",
                    part.what,
                    cell(micros[part.name]),
                    percent(_share(micros[part.name], whole)),
                    "x" if part.own else "",
                ]
                for part in PARTS
            ],
        ),
        own=number(own),
        share=percent(spread([own / whole])),
    )
    plot = Plot(
        name="parts",
        title="What the parts of one bucket cost",
        x_label="part",
        y_label="microseconds",
        series={"microseconds": tuple(micros[name].at(name) for name in _drawn())},
        log_y=True,
    )
    return Answer(text=text, plots=(plot,))


def needs() -> str | None:
    """Tell whether pyperf is there."""
    return None if find_spec("pyperf") else "make bench sets pyperf up"


def _drawn() -> list[str]:
    """Choose what a plot has room for: the SDK's parts, and s3audit's own without what lies within them."""
    return [part.name for part in PARTS if part.own or part.name.startswith("sdk-")]


def _processes(bench: Any) -> int:  # noqa: ANN401 - pyperf has no types
    """Count the processes that brought values, and not the one that found out how many times is long enough."""
    return sum(bool(run.values) for run in bench.get_runs())


def _share(figure: Spread, whole: float) -> Spread:
    return Spread(figure.median / whole, figure.least / whole, figure.most / whole)


def _run_pyperf(options: Sequence[str], told: Callable[[str], None]) -> None:
    """Pass on a line for each part. pyperf keeps the environment from its workers, but for what it is told to leave."""
    here = environment()
    kept = ",".join(name for name in here if name.startswith("AWS_"))
    last: deque[str] = deque(maxlen=_LAST_WORDS)
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.parts", "--quiet", f"--inherit-environ={kept}", *options],
        cwd=ROOT,
        env=here,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last.append(line.rstrip())
            told(last[-1])
    if process.returncode:
        raise BenchmarkError(f"pyperf ended with status {process.returncode}:\n" + "\n".join(last))


QUESTION = Question(
    name="parts",
    title="The parts of one bucket",
    measure=measure,
    answer=answer,
    needs=needs,
)
