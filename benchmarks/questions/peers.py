"""What well-known tools take for the same question, as processes, on the same mocked account: calls, CPU, time."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.moto_target import MotoProcess, moto_account
from benchmarks.peers.running import PeerRun, run_tool, version_of
from benchmarks.peers.tools import S3AUDIT, set_up
from benchmarks.suite.markdown import cell, number, table
from benchmarks.suite.question import Answer, Findings, Plot, Point, Question, Size
from benchmarks.suite.spread import Spread, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from benchmarks.peers.tools import Tool


@dataclass(frozen=True, slots=True)
class _Conditions:
    """Two sizes of one account: what the larger costs more, by the buckets that it has more, is what a bucket costs."""

    fewer: int
    more: int
    keys: int = 20
    regions: int = 4
    latency_ms: float = 20.0
    rounds: int = 2


_CONDITIONS = {
    Size.SMOKE: _Conditions(8, 24, keys=4, regions=2, latency_ms=1.0, rounds=1),
    Size.FULL: _Conditions(250, 500),
}
_WARM_UP = 8
"""Buckets that everybody audits once before anything is measured."""


def _measure(size: Size, told: Callable[[str], None]) -> Findings:
    return measure(size, (S3AUDIT, *set_up()), told)


def measure(size: Size, tools: Sequence[Tool], told: Callable[[str], None]) -> Findings:
    """Run the tools in turn, on either size. s3audit is among them; a wrong row of its raises `BenchmarkError`."""
    conditions = _CONDITIONS[size]
    runs: dict[str, list[list[PeerRun]]] = {tool.name: [[], []] for tool in tools}
    if size is Size.FULL:
        told("warming up")
        _in_turn(conditions, _WARM_UP, tools)
    for lap in range(1, conditions.rounds + 1):
        for place, buckets in enumerate((conditions.fewer, conditions.more)):
            for name, run in _in_turn(conditions, buckets, tools).items():
                runs[name][place].append(run)
                told(f"round {lap} of {conditions.rounds}: {name}, {buckets} buckets, {run.wall_seconds:.1f} s")
    return {
        "conditions": asdict(conditions),
        "versions": {tool.name: version_of(tool) for tool in tools},
        "runs": {name: [[asdict(run) for run in own] for own in both] for name, both in runs.items()},
    }


def _in_turn(conditions: _Conditions, buckets: int, tools: Sequence[Tool]) -> dict[str, PeerRun]:
    account = moto_account(buckets, conditions.keys, conditions.regions)
    with MotoProcess(
        buckets=buckets, keys=conditions.keys, regions=conditions.regions, latency_ms=conditions.latency_ms
    ) as target:
        return {tool.name: run_tool(tool, target, account) for tool in tools}


@dataclass(frozen=True, slots=True)
class _Result:
    """What came out for a tool: its runs over the smaller account and over the larger one, in order of the rounds."""

    fewer: list[PeerRun]
    more: list[PeerRun]

    def whole(self, figure: Callable[[PeerRun], float]) -> Spread:
        """Take a figure of the larger account."""
        return spread(map(figure, self.more))

    def each(self, figure: Callable[[PeerRun], float]) -> list[float]:
        """Take what a further bucket costs, for each round."""
        pairs = zip(self.fewer, self.more, strict=True)
        return [(figure(more) - figure(fewer)) / (more.buckets - fewer.buckets) for fewer, more in pairs]

    def start_up(self) -> Spread:
        """Take the CPU seconds that no bucket costs."""
        slopes = zip(self.more, self.each(_cpu), strict=True)
        return spread(run.cpu_seconds - each * run.buckets for run, each in slopes)


def _cpu(run: PeerRun) -> float:
    return run.cpu_seconds


def _wall(run: PeerRun) -> float:
    return run.wall_seconds


def _calls(run: PeerRun) -> float:
    return sum(run.calls.values()) / run.buckets


def _milliseconds(values: Iterable[float]) -> Spread:
    return spread(1000 * value for value in values)


def _answer(findings: Findings) -> Answer:
    found = {
        name: _Result(*([PeerRun(**run) for run in own] for own in both)) for name, both in findings["runs"].items()
    }
    versions: Mapping[str, str] = findings["versions"]
    rows = [_row(f"`{name}` {versions[name]}", result, found[S3AUDIT.name]) for name, result in found.items()]
    return Answer(
        text="\n\n".join(
            [
                _INTRODUCTION.format(**findings["conditions"]),
                table(_HEADER, rows),
                _READING,
                *(_asked(name, result.more[0]) for name, result in found.items()),
            ]
        ),
        plots=(
            Plot(
                name="peers-calls",
                title="Calls for each bucket, by tool",
                x_label="",
                y_label="calls",
                series={"calls": tuple(result.whole(_calls).at(name) for name, result in found.items())},
            ),
            Plot(
                name="peers-cpu",
                title="CPU for each bucket, by tool",
                x_label="",
                y_label="milliseconds",
                series=_cpu_series(found),
                log_y=True,
            ),
        ),
    )


_INTRODUCTION = """\
moto holds the account, {fewer} and {more} buckets in {regions} regions with {keys} keys, and waits {latency_ms:g} ms
before each answer; {rounds} rounds in turn, each run a fresh process, measured from its start to its end."""
_HEADER = (
    "tool",
    "calls/bucket",
    "CPU s",
    "of it start-up",
    "CPU ms, a further bucket",
    "to s3audit",
    "wall s",
    "wall ms, a further bucket",
    "right",
    "wrong",
    "lost",
)
_READING = """\
The figures are those of the larger account. **a further bucket** is what the larger costs more than the smaller, by the
buckets that it has more, and **start-up** what is left of the CPU then. **to s3audit** compares the CPU of a further
bucket, within its round.

`prowler` runs its checks `s3_bucket_default_encryption` and `s3_bucket_kms_encryption`, `custodian` a policy with the
filter `bucket-encryption` for `aws:kms`, `custodian-lean` the same policy with `augment-keys: none`. They are made for
many checks and policies, and ask of every bucket what those need; whose a key is they do not ask, as s3audit does.

**right** are the buckets of which all that the tool says is so: with KMS or not, and for `prowler` encrypted or not.
s3audit's four columns are checked row by row; a wrong one would have ended the benchmark. `custodian` has no word for
KMS with two layers, `aws:kms:dsse`, and does not match such buckets: they are the wrong ones. Of what it does not match
it says nothing, so that a bucket it lost would count as one without KMS."""


def _row(name: str, result: _Result, own: _Result) -> list[str]:
    return [
        name,
        cell(result.whole(_calls)),
        cell(result.whole(_cpu)),
        cell(result.start_up()),
        cell(_milliseconds(result.each(_cpu))),
        cell(ratios(result.each(_cpu), own.each(_cpu))),
        cell(result.whole(_wall)),
        cell(_milliseconds(result.each(_wall))),
        cell(result.whole(lambda run: run.right)),
        cell(result.whole(lambda run: run.wrong)),
        cell(result.whole(lambda run: run.lost)),
    ]


def _asked(name: str, run: PeerRun) -> str:
    calls = ", ".join(f"{operation} {number(count)}" for operation, count in Counter(run.calls).most_common())
    return f"`{name}` asked, for {run.buckets} buckets: {calls}."


def _cpu_series(found: Mapping[str, _Result]) -> dict[str, tuple[Point, ...]]:
    """Make the bars. The axis has no place for what is not above zero, as may come out of very small accounts."""
    whole = {name: result.whole(lambda run: 1000 * run.cpu_seconds / run.buckets) for name, result in found.items()}
    further = {name: _milliseconds(result.each(_cpu)) for name, result in found.items()}
    series = {"with start-up": whole, "a further bucket": further}
    return {
        label: tuple(figure.at(name) for name, figure in figures.items() if figure.least > 0)
        for label, figures in series.items()
    }


def _needs() -> str | None:
    return None if set_up() else "make bench-peers sets up Prowler and Cloud Custodian"


QUESTION = Question(
    name="peers",
    title="Beside Prowler and Cloud Custodian",
    measure=_measure,
    answer=_answer,
    needs=_needs,
)
