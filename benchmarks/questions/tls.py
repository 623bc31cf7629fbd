"""What AWS's own host names cost: each bucket may be a host of its own, with a connection and a TLS handshake."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.course import (
    BASELINE,
    S3AUDIT,
    THREADS,
    Contender,
    ContenderError,
    Course,
    run_once,
    warm_up,
)
from benchmarks.contenders.figures import CPU, FIGURES, WALL
from benchmarks.stub import StubProcess, synthetic
from benchmarks.suite.question import Answer, BenchmarkError, Findings, Plot, Point, Question, Size, Target
from benchmarks.tls.process import ProxyProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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
_COMPARED = (CONNECTIONS, CPU, WALL)
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
    try:
        if size is Size.FULL:
            told("warming up")
            warm_up(CONTENDERS)
        with (
            tempfile.TemporaryDirectory(prefix="s3audit-bench-") as folder,
            StubProcess(
                buckets=course.buckets, keys=course.keys, regions=course.regions, latency_ms=course.latency_ms
            ) as stub,
            ProxyProcess(stub, Path(folder)) as proxy,
        ):
            for number in range(1, course.rounds + 1):
                for contender in CONTENDERS:
                    run = _run(course, contender, stub, proxy, account)
                    rounds[contender.name].append(run)
                    figures = run["figures"]
                    told(f"round {number} of {course.rounds}: {contender.name}, {figures[CONNECTIONS]:g} connections")
    except ContenderError as error:
        raise BenchmarkError(str(error)) from error
    return {"course": asdict(course), "baseline": VIRTUAL.name, "rounds": rounds}


def answer(findings: Findings) -> Answer:
    """Say what came out."""
    course, baseline, rounds = (findings[name] for name in ("course", "baseline", "rounds"))
    figures = {
        name: {figure: _spread(_all(own, figure)) for figure in own[0]["figures"]} for name, own in rounds.items()
    }
    ratio = partial(_ratio, rounds, baseline)
    text = _TEXT.format(
        **course,
        baseline=baseline,
        figures=_table(
            ("contender", "connections", "host names", "open", "CPU ms/bucket", "wall ms/bucket"),
            {
                name: [_cell(own[figure]) for figure in (CONNECTIONS, HOSTS, OPEN, CPU, WALL)]
                for name, own in figures.items()
            },
        ),
        ratios=_table(
            ("contender", "connections", "CPU", "wall"),
            {name: [_cell(ratio(name, figure)) for figure in _COMPARED] for name in rounds},
        ),
    )
    points = tuple(Point(name, *own[CONNECTIONS]) for name, own in figures.items())
    plot = Plot(
        name="tls-connections",
        title=f"TLS connections for {course['buckets']} buckets",
        x_label="contender",
        y_label="connections",
        series={CONNECTIONS: points},
    )
    return Answer(text=text, plots=(plot,), targets=(_target(course, figures[S3AUDIT.name][CONNECTIONS]),))


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


def _target(course: Mapping[str, Any], connections: tuple[float, float, float]) -> Target:
    bound = course["concurrency"] * course["regions"] + course["keys"] + 1
    most = connections[2]
    return Target(
        what=f"TLS connections of s3audit for {course['buckets']} buckets",
        target=f"at most {bound}, however many buckets: requests in flight x regions, one for each key, one for STS",
        measured=f"{most:g}",
        met=most <= bound,
    )


def _all(rounds: Sequence[Mapping[str, Any]], figure: str) -> list[float]:
    return [run["figures"][figure] for run in rounds]


def _ratio(rounds: Mapping[str, Any], baseline: str, name: str, figure: str) -> tuple[float, float, float]:
    pairs = zip(_all(rounds[name], figure), _all(rounds[baseline], figure), strict=True)
    return _spread(own / other for own, other in pairs)


def _spread(values: Iterable[float]) -> tuple[float, float, float]:
    """Give median, least and most."""
    ordered = sorted(values)
    return median(ordered), ordered[0], ordered[-1]


def _cell(spread: tuple[float, float, float]) -> str:
    middle, least, most = (f"{value:.0f}" if value >= 100 else f"{value:.3g}" for value in spread)
    return middle if least == most else f"{middle} ({least}-{most})"


def _table(header: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *([f"`{name}`", *cells] for name, cells in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


QUESTION = Question(
    name="tls",
    title="Host names of AWS, with TLS",
    measure=measure,
    answer=answer,
    needs=needs,
)
