"""Two questions of the benchmark suite: TLS with the host names of AWS, and the parts of one bucket. Never the time."""

from __future__ import annotations

import json
import ssl
from contextlib import AsyncExitStack, ExitStack, closing
from http.client import HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from benchmarks.contenders.course import BASELINE, S3AUDIT, THREADS
from benchmarks.parts import catalogue, sdk
from benchmarks.parts.answers import BUCKET, KEY, RULES
from benchmarks.parts.part import Part, seconds
from benchmarks.questions import parts, tls
from benchmarks.stub import StubAws, synthetic
from benchmarks.suite.markdown import percent
from benchmarks.suite.question import BenchmarkError, Size
from benchmarks.suite.spread import spread
from benchmarks.tls.process import ProxyProcess
from s3audit_async.aws import answers
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.suite.question import Findings

S3 = "s3.eu-west-1.amazonaws.com"
KMS = "kms.eu-west-1.amazonaws.com"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[ProxyProcess]:
    """AWS on this machine, with one bucket."""
    with ExitStack() as stack:
        stub = stack.enter_context(StubAws(synthetic(buckets=1, keys=0, regions=["eu-west-1"])))
        yield stack.enter_context(ProxyProcess(stub.url, tmp_path))


def tunnel(proxy: ProxyProcess, host: str, *, trusting: bool = True) -> HTTPSConnection:
    """A client of AWS that knows of the proxy, and may know its CA."""
    at = urlsplit(proxy.url)
    context = ssl.create_default_context(cafile=proxy.environment["AWS_CA_BUNDLE"] if trusting else None)
    connection = HTTPSConnection(at.hostname or "", at.port, timeout=10, context=context)
    connection.set_tunnel(host, 443)
    return connection


def status(connection: HTTPSConnection, path: str = "/") -> int:
    """What becomes of a signed request."""
    scope = "Credential=AK/20260101/eu-west-1/s3/aws4_request"
    connection.request("GET", path, headers={"Authorization": f"AWS4-HMAC-SHA256 {scope}, Signature=0"})
    response = connection.getresponse()
    response.read()
    return response.status


def test_the_proxy_counts_connections_hosts_and_handshakes(proxy: ProxyProcess) -> None:
    """A connection counts once, however many requests go through it."""
    bucket = f"{synthetic(1, 0, 1).index[0].name}.{S3}"
    with ExitStack() as stack:
        first, second, other = (stack.enter_context(closing(tunnel(proxy, host))) for host in (S3, S3, bucket))
        assert [status(first), status(first), status(second)] == [200, 200, 200]
        assert status(other, "/?encryption") == 200
        seen = proxy.stats()
    assert (seen["connects"], seen["handshakes"], seen["refused_handshakes"]) == (3, 3, 0)
    assert seen["hosts"] == sorted([S3, bucket])
    assert seen["most_open"] == 3
    wait_until(lambda: proxy.reset_stats()["most_open"] == 0, what="all connections are closed")
    seen = proxy.stats()
    assert (seen["connects"], seen["hosts"], seen["handshakes"]) == (0, [], 0)


def test_a_client_that_does_not_trust_the_authority_is_not_served(proxy: ProxyProcess) -> None:
    """It breaks the handshake off, which is none then."""
    with closing(tunnel(proxy, S3, trusting=False)) as connection, pytest.raises(ssl.SSLCertVerificationError):
        connection.connect()
    wait_until(lambda: proxy.stats()["refused_handshakes"] == 1)
    assert (proxy.stats()["connects"], proxy.stats()["handshakes"]) == (1, 0)


def test_a_certificate_names_its_service_in_its_region_and_no_other(proxy: ProxyProcess) -> None:
    """One label before it is any bucket's; two are nobody's, as with S3."""
    with closing(tunnel(proxy, KMS)) as connection:
        assert status(connection) == 200
    with closing(tunnel(proxy, f"a.b.{S3}")) as connection, pytest.raises(ssl.SSLCertVerificationError, match=r"a\.b"):
        connection.connect()


@pytest.mark.parametrize("host", ["example.com", f"{S3}.example.com", "amazonaws.com", "s3.eu-west-1.amazonaws.com.cn"])
def test_the_proxy_leads_to_nobody_but_aws(host: str, proxy: ProxyProcess) -> None:
    """Whoever mistakes it for a proxy to the world is told so."""
    with closing(tunnel(proxy, host)) as connection, pytest.raises(OSError, match="403"):
        connection.connect()
    assert proxy.stats()["connects"] == 0


@pytest.fixture(scope="module")
def findings() -> Findings:
    """What the smoke size brings: one round, each report right to the cell."""
    told: list[str] = []
    found = tls.QUESTION.measure(Size.SMOKE, told.append)
    assert len(told) == len(tls.CONTENDERS)
    copied: Findings = json.loads(json.dumps(found))
    return copied


def test_a_bucket_costs_a_connection_only_where_it_is_a_host(findings: Findings) -> None:
    """The SDK's default makes each bucket a host; path style, and s3audit, know those of services in regions."""
    course = tls.COURSES[Size.SMOKE]
    seen = {name: run["figures"] for name, (run,) in findings["rounds"].items()}
    for name in (BASELINE.name, THREADS.name):
        assert seen[name]["connections"] >= seen[name]["hosts"] > course.buckets
    for name in ("aiobotocore-path", S3AUDIT.name):
        services = 2 * course.regions + 1  # S3 and KMS in each region, and STS
        assert 0 < seen[name]["hosts"] <= services
        assert seen[name]["connections"] <= course.concurrency * services
    for figures in seen.values():
        assert figures["handshakes"] == figures["connections"] >= figures["open_at_once"] > 0


def test_the_answer_shows_every_contender_and_the_target(findings: Findings) -> None:
    """Made from the findings alone."""
    answer = tls.QUESTION.answer(findings)
    (plot,) = answer.plots
    assert [point.x for point in plot.series["connections"]] == [contender.name for contender in tls.CONTENDERS]
    assert all(f"`{contender.name}`" in answer.text for contender in tls.CONTENDERS)
    assert [target.met for target in answer.targets] == [True]
    assert tls.QUESTION.needs() is None


def test_more_connections_than_the_bound_miss_the_target(findings: Findings) -> None:
    """One is enough."""
    course = tls.COURSES[Size.SMOKE]
    run = findings["rounds"][S3AUDIT.name][0]
    above = course.concurrency * course.regions + course.keys + 2
    spoiled = {**run, "figures": {**run["figures"], "connections": above}}
    answer = tls.QUESTION.answer({**findings, "rounds": {**findings["rounds"], S3AUDIT.name: [spoiled]}})
    assert [target.met for target in answer.targets] == [False]


@pytest.mark.parametrize("part", catalogue.PARTS, ids=lambda part: part.name)
def test_a_part_can_be_done_any_number_of_times(part: Part) -> None:
    """Each time as the first."""
    assert seconds(3, part) > 0


async def test_what_is_timed_of_the_sdk_is_one_whole_answer() -> None:
    """All three parts are about the same bucket: what the call gives and what is parsed say what the rules say."""
    async with AsyncExitStack() as stack:
        for part in (sdk.CALL, sdk.PARSE):
            run = await part.prepare(stack)
            for _ in range(2):
                assert answers.rules({**await run(), answers.BODY_NAMES_IT: True}) == RULES
    assert KEY.arn == RULES[0].key
    assert BUCKET.region == "us-east-1"


def test_the_shares_are_those_of_a_call_of_the_sdk() -> None:
    """Own parts are added up, those within others are not."""
    timed = {part.name: {"seconds": [1e-6, 2e-6, 4e-6], "processes": 3} for part in catalogue.PARTS}
    timed[catalogue.BASELINE.name] = {"seconds": [1e-5], "processes": 3}
    own = sum(part.own for part in catalogue.PARTS)
    answer = parts.QUESTION.answer({"baseline": catalogue.BASELINE.name, "parts": timed})
    assert f"make up {2 * own} us" in answer.text
    assert f"{percent(spread([0.2 * own]))} of `sdk-call`" in answer.text
    assert "2 (1-4)" in answer.text
    drawn = [point.x for point in answer.plots[0].series["microseconds"]]
    assert drawn == ["sdk-call", "sdk-sign", "sdk-parse", *(part.name for part in catalogue.PARTS if part.own)]


def test_pyperf_times_every_part() -> None:
    """In the smoke size each of them once."""
    pytest.importorskip("pyperf")
    told: list[str] = []
    found = parts.QUESTION.measure(Size.SMOKE, told.append)
    assert [line.partition(":")[0] for line in told] == [part.name for part in catalogue.PARTS]
    assert {name: len(each["seconds"]) for name, each in found["parts"].items()} == dict.fromkeys(found["parts"], 1)
    assert parts.QUESTION.answer(json.loads(json.dumps(found))).text
    assert parts.QUESTION.needs() is None


def test_pyperf_times_some_parts_in_workers_of_its_own(tmp_path: Path) -> None:
    """As it does in the full size; they are told which."""
    pyperf = pytest.importorskip("pyperf")
    out = tmp_path / "parts.json"
    parts._run_pyperf(["--debug-single-value", "--only=count", "--only=latency", f"--output={out}"], lambda _: None)
    assert pyperf.BenchmarkSuite.load(str(out)).get_benchmark_names() == ["count", "latency"]


def test_a_pyperf_that_fails_fails_the_question() -> None:
    """Its last words are shown."""
    pytest.importorskip("pyperf")
    with pytest.raises(BenchmarkError, match="unrecognized arguments: --no-such-option"):
        parts._run_pyperf(["--no-such-option"], lambda _: None)
