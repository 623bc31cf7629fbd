"""Many accounts: how fast they are audited side by side, by one process and by two, and how much memory they take."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders.checking import WrongReportError, check_organization, check_report
from benchmarks.contenders.course import ContenderError, environment
from benchmarks.stub import StubAccount, StubOrganization, StubProcess, synthetic, synthetic_organization
from benchmarks.suite.markdown import cell, few, number, table
from benchmarks.suite.peak import spent_by
from benchmarks.suite.question import Answer, Findings, Plot, Question, Size, Target
from benchmarks.suite.spread import ratios, spread

if TYPE_CHECKING:
    from collections.abc import Callable

BASELINE = "one account after the other"
ONE, TWO = "s3audit, 1 process", "s3audit, 2 processes"
CONTENDERS = (BASELINE, ONE, TWO)
_PROCESSES = {ONE: 1, TWO: 2}
_CONCURRENCY = 64
_REGIONS = 4
_PATIENCE = 3600.0
"""Seconds that one run may take before it is killed and the question fails."""
_MOST_MEMORY = 1.25
_LEAST_GAIN = 1.7
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Conditions:
    """The organizations: of the rounds, and the two sizes whose memory is compared."""

    rounds: int
    accounts: int
    few_accounts: int
    many_accounts: int
    large_rounds: int
    large: int
    """Buckets of the one account that several processes share."""
    buckets: int = 200
    keys: int = 10
    latency_ms: float = 20.0


_CONDITIONS = {
    Size.SMOKE: _Conditions(
        1, 3, few_accounts=2, many_accounts=4, large_rounds=1, large=60, buckets=10, keys=2, latency_ms=1.0
    ),
    Size.FULL: _Conditions(3, 100, few_accounts=100, many_accounts=1000, large_rounds=2, large=60_000),
}


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of one contender. CPU is that of all its processes, memory that of the largest of them."""

    contender: str
    accounts: int
    buckets: int
    """Of all accounts."""
    wall_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    peak_in_flight: int
    peak_connections: int
    server_cpu_seconds: float


@dataclass(frozen=True, slots=True)
class _LargeRun:
    """One run over one large account, whose server answers from memory. Seconds are of CPU, but for wall's."""

    processes: int
    wall_seconds: float
    command_seconds: float
    worker_seconds: tuple[float, ...]
    """Of each worker, the busiest first."""
    server_cpu_seconds: float

    @property
    def path_seconds(self) -> float:
        """CPU of the command and its busiest worker, as if neither could go on before the other was done."""
        return self.command_seconds + max(self.worker_seconds, default=0.0)


def _measure(size: Size, told: Callable[[str], None]) -> Findings:
    conditions = _CONDITIONS[size]
    runs = []
    for turn in range(1, conditions.rounds + 1):
        told(f"round {turn} of {conditions.rounds}")
        runs += [_run(contender, conditions.accounts, conditions) for contender in CONTENDERS]
    memory = []
    for accounts in (conditions.few_accounts, conditions.many_accounts):
        memory.append(_run(ONE, accounts, conditions))
        told(f"{accounts:,} accounts: {memory[-1].peak_rss_bytes / _MIB:.0f} MiB, {memory[-1].wall_seconds:.1f} s")
    told(f"one account of {conditions.large:,} buckets")
    return {
        "large": [asdict(run) for run in _large(conditions)],
        "conditions": {**asdict(conditions), "concurrency": _CONCURRENCY, "regions": _REGIONS},
        "runs": [asdict(run) for run in runs],
        "memory": [asdict(run) for run in memory],
    }


def _run(contender: str, accounts: int, conditions: _Conditions) -> _Run:
    size = {"accounts": accounts, "buckets": conditions.buckets, "keys": conditions.keys, "regions": _REGIONS}
    organization = synthetic_organization(**size)
    with tempfile.TemporaryDirectory(prefix="s3audit-bench-") as folder:
        report = Path(folder, "report.csv")
        with StubProcess(**size, latency_ms=conditions.latency_ms) as stub:
            idle = stub.stats()
            spent = spent_by(
                [sys.executable, *_command(contender, stub.url, report, organization)],
                environment={**environment(), "AWS_ENDPOINT_URL": stub.url},
                patience=_PATIENCE,
            )
            seen = stub.stats()
        if spent.code:
            raise ContenderError(f"{contender} ended with status {spent.code}:\n{spent.said.rstrip()}")
        try:
            check_organization(report, organization)
        except (WrongReportError, OSError) as error:
            raise ContenderError(f"{contender}: {error}") from error
    return _Run(
        contender,
        accounts,
        accounts * conditions.buckets,
        spent.wall_seconds,
        spent.cpu_seconds,
        spent.peak_rss_bytes,
        _figure(seen, "peak_in_flight"),
        _figure(seen, "peak_connections"),
        _seconds(seen) - _seconds(idle),
    )


def _large(conditions: _Conditions) -> list[_LargeRun]:
    """Audit one account by one process and by two, in turn. Where it counts, another run fills the server's memory."""
    account = synthetic(conditions.large, conditions.keys, _REGIONS)
    runs = []
    with StubProcess(buckets=conditions.large, keys=conditions.keys, regions=_REGIONS, replay=True) as stub:
        if conditions.large_rounds > 1:
            _large_run(1, stub, account)
        for _ in range(conditions.large_rounds):
            runs += [_large_run(1, stub, account), _large_run(2, stub, account)]
    return runs


def _large_run(processes: int, stub: StubProcess, account: StubAccount) -> _LargeRun:
    with tempfile.TemporaryDirectory(prefix="s3audit-bench-") as folder:
        report, figures = Path(folder, "report.csv"), Path(folder, "figures.json")
        idle = stub.stats()
        spent = spent_by(
            [
                *[sys.executable, "-m", "s3audit_async", "run", "-q", "-o", str(report), "--stats", str(figures)],
                *["--processes", str(processes)],
            ],
            environment={**environment(), "AWS_ENDPOINT_URL": stub.url},
            patience=_PATIENCE,
        )
        if spent.code:
            raise ContenderError(f"{processes} processes ended with status {spent.code}:\n{spent.said.rstrip()}")
        seen = stub.stats()
        check_report(report, account)
        cpu = json.loads(figures.read_text())["cpu_seconds"]
    return _LargeRun(
        processes, spent.wall_seconds, cpu["command"], tuple(cpu["workers"]), _seconds(seen) - _seconds(idle)
    )


def _figure(stats: dict[str, object], name: str) -> int:
    figure = stats[name]
    assert isinstance(figure, int)
    return figure


def _seconds(stats: dict[str, object]) -> float:
    figure = stats["cpu_seconds"]
    assert isinstance(figure, float)
    return figure


def _command(contender: str, url: str, report: Path, organization: StubOrganization) -> list[str]:
    """Call our own command as anybody would; the baseline is told which accounts there are."""
    if contender == BASELINE:
        options = [f"--endpoint-url={url}", f"--output={report}", f"--concurrency={_CONCURRENCY}"]
        roles = [member.role_arn for member in organization.entered]
        return ["-m", "benchmarks.contenders.one_by_one", *options, *roles]
    options = ["-o", str(report), "-q", "--max-concurrency", str(_CONCURRENCY)]
    if _PROCESSES[contender] > 1:
        options += ["--processes", str(_PROCESSES[contender])]
    return ["-m", "s3audit_async", "run", "--organization", "--stats", str(report.with_suffix(".json")), *options]


def _answer(findings: Findings) -> Answer:
    runs = [_Run(**run) for run in findings["runs"]]
    memory = [_Run(**run) for run in findings["memory"]]
    large = [_LargeRun(**run) for run in findings["large"]]
    rounds = {name: [run for run in runs if run.contender == name] for name in CONTENDERS}
    walls = {name: [run.wall_seconds for run in of_it] for name, of_it in rounds.items()}
    rows = [
        [
            f"`{name}`",
            cell(spread(run.accounts / run.wall_seconds for run in of_it)),
            cell(spread(run.buckets / run.wall_seconds for run in of_it)),
            cell(ratios(walls[name], walls[BASELINE])),
            cell(spread(1000 * run.cpu_seconds / run.buckets for run in of_it)),
            cell(spread(run.server_cpu_seconds / run.wall_seconds for run in of_it)),
            str(max(run.peak_in_flight for run in of_it)),
            str(max(run.peak_connections for run in of_it)),
        ]
        for name, of_it in rounds.items()
    ]
    sizes = [
        [
            f"{run.accounts:,}",
            f"{run.buckets:,}",
            f"{run.peak_rss_bytes / _MIB:.0f}",
            str(run.peak_connections),
            f"{run.wall_seconds:.1f}",
        ]
        for run in memory
    ]
    return Answer(
        text="\n\n".join(
            [
                _INTRODUCTION.format(**findings["conditions"]),
                table(_HEADER, rows),
                _READING,
                _MEMORY,
                table(["accounts", "buckets", "peak MiB", "connections at once", "seconds"], sizes),
                _LARGE.format(**findings["conditions"]),
                _large_table(large),
            ]
        ),
        plots=(_plot(rounds),),
        targets=(_time_target(walls), _memory_target(memory), _large_target(large)),
    )


_HEADER = (
    "contender",
    "accounts/s",
    "buckets/s",
    "wall, to the first",
    "CPU ms/bucket",
    "server CPU",
    "in flight",
    "connections at once",
)
_INTRODUCTION = """\
An organization of {accounts} accounts, each with {buckets} buckets and {keys} keys in {regions} regions, entered by
its role; {latency_ms:g} ms latency, {concurrency} requests in flight at most, all accounts together. {rounds} rounds,
everybody in turn."""
_READING = f"""\
`{BASELINE}` is the same engine, called for each account when the one before is done: it makes its
clients anew for each, and its requests in flight run dry at the end of each. All figures are of whole processes, from
their start to their end; CPU is that of all processes together. **server CPU** is the share of the run in which the
stub was computing, on the same machine: two processes and the stub need three cores."""
_MEMORY = """\
Memory of one process, and sockets, of accounts of the same size:"""

_LARGE = """\
One account of {large:,} buckets, no latency, and a server that gives each answer from memory, so that one core of
s3audit's is the limit. **path** is the CPU of the command and its busiest worker together, as if neither could go on
before the other was done: what the run would take if the server had cores of its own. Wall time here has the server in
it, which shares two cores with the two processes and the command."""


def _large_table(large: list[_LargeRun]) -> str:
    rows = []
    for processes in (1, 2):
        of_it = [run for run in large if run.processes == processes]
        rows.append(
            [
                str(processes),
                cell(spread(run.path_seconds for run in of_it)),
                cell(spread(run.command_seconds for run in of_it)),
                cell(spread(max(run.worker_seconds, default=0.0) for run in of_it)),
                cell(spread(run.server_cpu_seconds for run in of_it)),
                cell(spread(run.wall_seconds for run in of_it)),
            ]
        )
    return table(["processes", "path, s", "command, s", "busiest worker, s", "server, s", "wall, s"], rows)


def _large_target(large: list[_LargeRun]) -> Target:
    one, two = ([run.path_seconds for run in large if run.processes == processes] for processes in (1, 2))
    ratio = ratios(one, two)
    return Target(
        what="one large account, 2 processes against 1, where one core is the limit",
        target=f"at least {_LEAST_GAIN} times",
        measured=f"{cell(ratio)} times by CPU{few(len(one))}",
        met=ratio.median >= _LEAST_GAIN,
    )


def _plot(rounds: dict[str, list[_Run]]) -> Plot:
    points = tuple(spread(run.buckets / run.wall_seconds for run in of_it).at(name) for name, of_it in rounds.items())
    title = "Buckets a second, over many accounts"
    return Plot(name="accounts", title=title, x_label="", y_label="buckets/s", series={title: points})


def _time_target(walls: dict[str, list[float]]) -> Target:
    ratio = ratios(walls[ONE], walls[BASELINE])
    return Target(
        what=f"time of many accounts, against {BASELINE}",
        target="less, with one process",
        measured=f"{cell(ratio)} of it{few(len(walls[ONE]))}",
        met=ratio.median < 1.0,
    )


def _memory_target(memory: list[_Run]) -> Target:
    least, most = memory
    ratio = most.peak_rss_bytes / least.peak_rss_bytes
    return Target(
        what=f"memory, {most.accounts:,} accounts against {least.accounts:,}",
        target="under 1.25 times",
        measured=f"{number(ratio)} times ({least.peak_rss_bytes / _MIB:.0f} to {most.peak_rss_bytes / _MIB:.0f} MiB)"
        f"{few(1)}",
        met=ratio < _MOST_MEMORY,
    )


QUESTION = Question(name="accounts", title="Many accounts", measure=_measure, answer=_answer)
