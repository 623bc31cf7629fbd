"""What AWS's own host names cost: each bucket may be a host of its own, with a connection and a TLS handshake."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.course import BASELINE, S3AUDIT, THREADS, Contender, Course, run_once, warm_up
from benchmarks.contenders.figures import CPU, FIGURES, WALL
from benchmarks.stub import StubProcess, synthetic
from benchmarks.suite.markdown import cell, few, table
from benchmarks.suite.question import Answer, BenchmarkError, Findings, Plot, Question, Size, Target
from benchmarks.suite.spread import ratios, spread
from benchmarks.tls.process import ProxyProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.stub import StubAccount

CONNECTIONS = "connections"
HOSTS = "hosts"
HANDSHAKES = "handshakes"
OPEN = "open_at_once"

_BY_DEFAULT = ("--addressing-style=auto",)
VIRTUAL = replace(BASELINE, arguments=_BY_DEFAULT)
"""The baseline of this question: as the SDK comes."""
CONTENDERS = (
    VIRTUAL,
    replace(BASELINE, name="aiobotocore-path"),
    replace(THREADS, arguments=_BY_DEFAULT),
    S3AUDIT,
)
COURSES = {
    Size.SMOKE: Course(buckets=24, keys=3, regions=2, latency_ms=1.0, concurrency=4, rounds=1),
    Size.FULL: Course(buckets=500, keys=20, regions=4, latency_ms=20.0, concurrency=32, rounds=3),
}
_COMPARED = {CONNECTIONS: "connections", CPU: "CPU", WALL: "wall"}
_TEXT = """\
{buckets} buckets in {regions} regions, {keys} keys, {latency_ms:g} ms latency, {concurrency} requests in flight; \
{rounds} rounds. All speak TLS with the host names of AWS, through a proxy on this machine that has certificates for \
them and passes the requests on to the stub.

{figures}

Median (least-most). **Connections**, each with a handshake, are what the proxy was asked for; without a proxy each \
**host name** would be looked up, too. **Open** is the most at once, which is file descriptors.

{ratios}

Ratios to `{baseline}`, which addresses buckets as the SDK does by default, within each round. The proxy and the stub \
run beside the client and count in the wall time, not in the CPU. With a proxy `aiobotocore` and `aiobotocore-path` \
verify no certificate (aiobotocore 2.25), which is work that `s3audit` and `threads` do for every connection.
"""


def measure(size: Size, told: Callable[[str], None]) -> Findings:
    """Run everybody in turn. Raises `BenchmarkError` at the first report that is wrong."""
    course = COURSES[size]
    account = synthetic(course.buckets, course.keys, course.regions)
    rounds: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender in CONTENDERS}
    if size is Size.FULL:
        told("warming up")
        warm_up(CONTENDERS)
    with (
        tempfile.TemporaryDirectory(prefix="s3audit-bench-") as folder,
        StubProcess(
            buckets=course.buckets, keys=course.keys, regions=course.regions, latency_ms=course.latency_ms
        ) as stub,
        ProxyProcess(stub.url, Path(folder)) as proxy,
    ):
        for number in range(1, course.rounds + 1):
            for contender in CONTENDERS:
                run = _run(course, contender, stub, proxy, account)
                rounds[contender.name].append(run)
                connections = run["figures"][CONNECTIONS]
                told(f"round {number} of {course.rounds}: {contender.name}, {connections} connections")
    return {"course": asdict(course), "baseline": VIRTUAL.name, "rounds": rounds}


def answer(findings: Findings) -> Answer:
    """Say what came out."""
    course, baseline, rounds = (findings[name] for name in ("course", "baseline", "rounds"))
    figures = {name: {each: spread(_all(own, each)) for each in own[0]["figures"]} for name, own in rounds.items()}
    shown = (CONNECTIONS, HOSTS, OPEN, CPU, WALL)
    text = _TEXT.format(
        **course,
        baseline=baseline,
        figures=table(
            ("contender", "connections", "host names", "open", "CPU ms/bucket", "wall ms/bucket"),
            [[f"`{name}`", *(cell(own[each]) for each in shown)] for name, own in figures.items()],
        ),
        ratios=table(
            ("contender", *_COMPARED.values()),
            [
                [f"`{name}`", *(cell(ratios(_all(own, each), _all(rounds[baseline], each))) for each in _COMPARED)]
                for name, own in rounds.items()
            ],
        ),
    )
    plot = Plot(
        name="tls-connections",
        title=f"TLS connections for {course['buckets']} buckets",
        x_label="contender",
        y_label="connections",
        series={CONNECTIONS: tuple(own[CONNECTIONS].at(name) for name, own in figures.items())},
    )
    return Answer(text=text, plots=(plot,), targets=(_target(course, _all(rounds[S3AUDIT.name], CONNECTIONS)),))


def needs() -> str | None:
    """Certificates are made by a package that comes with moto."""
    return None if find_spec("cryptography") else "make bench sets cryptography up"


def _run(
    course: Course, contender: Contender, stub: StubProcess, proxy: ProxyProcess, account: StubAccount
) -> dict[str, Any]:
    proxy.reset_stats()
    before: dict[str, Any] = proxy.stats()
    led = replace(contender, environment=proxy.environment)
    measured = run_once(course, led, stub, account, by_url=False)
    seen: dict[str, Any] = proxy.stats()
    if seen["handshakes"] != seen["connects"]:
        raise BenchmarkError(f"{contender.name}: {seen['connects']} connections, {seen['handshakes']} handshakes")
    figures = {
        CONNECTIONS: seen["connects"],
        HANDSHAKES: seen["handshakes"],
        HOSTS: len(seen["hosts"]),
        OPEN: seen["most_open"],
        CPU: FIGURES[CPU](measured),
        WALL: FIGURES[WALL](measured),
    }
    return {
        "figures": figures,
        "measure": asdict(measured),
        "proxy_cpu_seconds": seen["cpu_seconds"] - before["cpu_seconds"],
    }


def _target(course: Mapping[str, Any], connections: Sequence[float]) -> Target:
    bound = course["concurrency"] * course["regions"] + course["keys"] + 1
    return Target(
        what=f"TLS connections of s3audit for {course['buckets']} buckets",
        target=f"at most {bound}, however many buckets: requests in flight x regions, one for each key, one for STS",
        measured=f"{max(connections):g}{few(len(connections))}",
        met=max(connections) <= bound,
    )


def _all(rounds: Sequence[Mapping[str, Any]], figure: str) -> list[float]:
    return [run["figures"][figure] for run in rounds]


QUESTION = Question(
    name="tls",
    title="Host names of AWS, with TLS",
    measure=measure,
    answer=answer,
    needs=needs,
)
