"""The hot path: what it sends is what the SDK would send, and what it makes of answers is what the SDK would make."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aioboto3
import pytest
from aiobotocore.config import AioConfig
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

import s3audit_async
from benchmarks.stub import (
    Behaviour,
    ErrorAnswer,
    Garbage,
    Hang,
    Reset,
    StubAccount,
    StubAws,
    StubBucket,
    StubRule,
    Truncated,
    first,
    synthetic,
)
from benchmarks.tls.streams import HOST
from s3audit_async.aws.encryption import KEPT_ANSWERS, EncryptionReader, KnownAnswers, is_plain
from s3audit_async.aws.gateway import AwsGateway
from s3audit_async.aws.session import ClientPool, Clients
from s3audit_async.errors import CallError
from s3audit_async.model import Rule, Service
from s3audit_async.options import Options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from benchmarks.stub import Fault

REGION = "eu-west-1"
ODD = [
    "arn:aws:s3:eu-west-1:123456789012:accesspoint/mine",
    "with space",
    "ümlaut",
    "a/b",
    "what?",
    "...",
    "x" * 256,
    "",
]
SPECIAL = ["mine--use1-az1--x-s3", "mine--xa-s3", "mine--op-s3", "mine-0123456789-s3alias"]


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's own endpoints, as nothing is sent."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")


@asynccontextmanager
async def clients_of(session: aioboto3.Session | None = None, options: Options | None = None) -> AsyncIterator[Clients]:
    clients = ClientPool(session or aioboto3.Session(), options or Options(), user_agent="s3audit/test").of_session()
    try:
        yield clients
    finally:
        await clients.pool.aclose()


class Sent(Exception):  # noqa: N818 - not an error
    """Raised instead of sending a request."""


async def sdks_request(clients: Clients, bucket: str, region: str) -> Any:
    """What the SDK's client would send."""
    client = await clients.get(Service.S3, region)
    requests: list[Any] = []

    def look(request: Any, **_: object) -> None:
        requests.append(request)
        raise Sent

    client.meta.events.register("before-send", look)
    with pytest.raises(Sent), clients.signing():
        await client.get_bucket_encryption(Bucket=bucket)
    return requests[0]


async def own_request(clients: Clients, bucket: str, region: str) -> Any:
    """What the hot path would send."""
    reader = await clients.encryption_reader(region)
    assert reader is not None
    requests: list[Any] = []

    class Session:
        async def get(self, request: Any) -> None:
            requests.append(request)
            raise Sent

    reader._template.session = Session()
    with pytest.raises(Sent):
        await reader.read(bucket)
    return requests[0]


def small(headers: Any) -> dict[str, str]:
    """Headers by their names in small letters, all of them text."""
    found = {}
    for name, value in headers.items():
        found[name.lower()] = value.decode() if isinstance(value, bytes) else value
    return found


SETTINGS: list[Any] = [
    pytest.param("eu-west-1", {}, None, id="region"),
    pytest.param("us-east-1", {}, None, id="us-east-1"),
    pytest.param("cn-northwest-1", {}, None, id="China"),
    pytest.param("us-gov-west-1", {}, None, id="GovCloud"),
    pytest.param("us-gov-west-1", {"use_fips_endpoint": True}, None, id="FIPS"),
    pytest.param("eu-west-1", {"use_dualstack_endpoint": True}, None, id="dual stack"),
    pytest.param("eu-west-1", {}, "https://s3.internal.example:8443/behind/a/prefix", id="endpoint URL"),
    pytest.param("eu-west-1", {"s3": {"payload_signing_enabled": False}}, None, id="payload not signed"),
]


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("token", [None, "a-session-token"])
@pytest.mark.parametrize("bucket", ["plain-name", "name.with.dots", "Old_Capitals"])
@pytest.mark.parametrize(("region", "settings", "endpoint_url"), SETTINGS)
async def test_it_sends_what_the_sdk_would_send(
    region: str, settings: dict[str, Any], endpoint_url: str | None, bucket: str, token: str | None
) -> None:
    """The same URL and the same headers, and a signature that botocore's own signer makes of them."""
    session = aioboto3.Session(
        aws_access_key_id="AKIATEST", aws_secret_access_key="secret-of-nobody", aws_session_token=token
    )
    session._session.set_default_client_config(AioConfig(**settings))
    async with clients_of(session, Options(endpoint_url=endpoint_url)) as clients:
        for _ in range(5):  # until both are of one second
            own, sdks = [await make(clients, bucket, region) for make in (own_request, sdks_request)]
            if own.headers["X-Amz-Date"] == small(sdks.headers)["x-amz-date"]:
                break
    assert own.url == sdks.url
    expected = small(sdks.headers)
    for tracing in ("amz-sdk-invocation-id", "amz-sdk-request"):  # of the SDK's retries, which there are none of
        expected.pop(tracing, None)
    got = small(own.headers)
    assert got.pop("host") in own.url
    signed = set(got["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";"))
    assert {"host", "x-amz-content-sha256", "x-amz-date"} | ({"x-amz-security-token"} if token else set()) == signed
    assert got.pop("authorization") == signed_again(own, region, token)
    scope = f"/{region}/s3/aws4_request, "
    assert scope in expected.pop("authorization")
    assert scope in own.headers["Authorization"]
    assert got == expected


def signed_again(request: Any, region: str, token: str | None) -> str:
    """The Authorization header that botocore's own signer gives the request, by the same clock."""

    class SameTime(S3SigV4Auth):  # type: ignore[misc]
        def _modify_request_before_signing(self, again: Any) -> None:
            again.context["timestamp"] = request.headers["X-Amz-Date"]
            super()._modify_request_before_signing(again)

    session = aioboto3.Session(
        aws_access_key_id="AKIATEST", aws_secret_access_key="secret-of-nobody", aws_session_token=token
    )
    again = AWSRequest(method="GET", url=request.url, headers={"User-Agent": request.headers["User-Agent"]})
    again.context.update(request.context)
    credentials = session._session._credentials
    SameTime(credentials, "s3", region).add_auth(again)
    return str(again.headers["Authorization"])


@pytest.mark.parametrize("bucket", ["abc", "x" * 63, "x" * 255, "a.b", "1.2.3", "Old_Capitals", "-ab", "mine-s3-logs"])
def test_names_that_mean_themselves_take_the_hot_path(bucket: str) -> None:
    assert is_plain(bucket)


@pytest.mark.parametrize("bucket", [*ODD, *SPECIAL])
def test_all_other_names_are_for_the_sdk_to_understand(bucket: str) -> None:
    assert not is_plain(bucket)


async def test_odd_names_have_their_rows_too() -> None:
    """The SDK refuses some, escapes others; none takes anything from its neighbours."""
    buckets = [StubBucket("plain", REGION), StubBucket("with space", REGION), StubBucket("ümlaut", REGION)]
    with StubAws(StubAccount(buckets=buckets)) as stub:
        async with s3audit_async.audit(options=Options(endpoint_url=stub.url, identify=False)) as rows:
            found = {row.bucket: row.mode async for row in rows}
    assert found.keys() == {"plain", "with space", "ümlaut"}
    assert found["plain"] == "AES256"


@pytest.mark.parametrize("bucket", SPECIAL)
async def test_a_name_that_the_sdk_asks_elsewhere_about_has_its_row_too(bucket: str) -> None:
    """Of a directory bucket it wants a session first; that it cannot have one says nothing of the credentials."""
    buckets = [StubBucket("plain", REGION), StubBucket(bucket, REGION), StubBucket("other", REGION)]
    with StubAws(StubAccount(buckets=buckets)) as stub:
        options = Options(endpoint_url=stub.url, identify=False, max_attempts=1)
        async with s3audit_async.audit(options=options) as rows:
            found = {row.bucket: row.mode async for row in rows}
    assert found.keys() == {"plain", bucket, "other"}
    assert found["plain"] == found["other"] == "AES256"


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"s3": {"addressing_style": "virtual"}}, id="a host for each bucket"),
        pytest.param({"signature_version": "s3"}, id="another signature"),
    ],
)
async def test_where_requests_differ_in_more_than_the_bucket_the_sdk_sends_them(
    settings: dict[str, Any], isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "s3" in settings:
        config = isolated / "config"
        config.write_text("[default]\ns3 =\n  addressing_style = virtual\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    session = aioboto3.Session()
    if "signature_version" in settings:
        session._session.set_default_client_config(AioConfig(**settings))
    async with clients_of(session) as clients:
        assert await clients.encryption_reader(REGION) is None


async def test_nothing_is_sent_to_prepare_it() -> None:
    with StubAws(synthetic(buckets=3, keys=0, regions=1)) as stub:
        async with clients_of(options=Options(endpoint_url=stub.url)) as clients:
            assert isinstance(await clients.encryption_reader(REGION), EncryptionReader)
        assert stub.stats.total == 0


FAULTS = [
    pytest.param(ErrorAnswer(403, "AccessDenied"), id="denied"),
    pytest.param(ErrorAnswer(404, "NoSuchBucket"), id="gone"),
    pytest.param(ErrorAnswer(503, "SlowDown"), id="slow down"),
    pytest.param(ErrorAnswer(200, "InternalError"), id="error dressed as 200"),
    pytest.param(ErrorAnswer(301, "PermanentRedirect"), id="redirect"),
    pytest.param(Garbage(b"<html>bad", status=502), id="a proxy's page"),
    pytest.param(Garbage(b"not <xml"), id="garbage"),
    pytest.param(Garbage(b""), id="empty"),
    pytest.param(Reset(), id="reset"),
    pytest.param(Reset(clean=True), id="closed"),
    pytest.param(Truncated(), id="cut off"),
    pytest.param(Hang(), id="hang"),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failure_is_told_as_the_sdk_tells_it(fault: Fault) -> None:
    """The same code, status and message, whichever way it went."""
    account = StubAccount(buckets=[StubBucket("mine", REGION)])
    with StubAws(account, Behaviour(faults=first(9, fault))) as stub:
        options = Options(endpoint_url=stub.url, timeout=0.5)
        async with clients_of(options=options) as clients:
            gateway = AwsGateway(clients)
            told = []
            for hot in (True, False):
                if not hot:
                    clients._readers[REGION] = None
                with pytest.raises(CallError) as caught:
                    await gateway.get_bucket_encryption("mine", REGION)
                told.append((caught.value.code, caught.value.status, caught.value.message))
                hot_path = clients._readers[REGION] is not None
                assert hot_path is hot
        assert stub.stats.total == 2
    assert told[0] == told[1]


async def test_nobody_there_is_told_as_the_sdk_tells_it() -> None:
    with StubAws(StubAccount()) as stub:
        url = stub.url
    async with clients_of(options=Options(endpoint_url=url)) as clients:
        gateway = AwsGateway(clients)
        told = []
        for _ in range(2):
            with pytest.raises(CallError) as caught:
                await gateway.get_bucket_encryption("mine", REGION)
            told.append((caught.value.code, caught.value.status, caught.value.message.partition(" [")[0]))
            clients._readers[REGION] = None
    assert told[0] == told[1]
    assert told[0][0] == "EndpointUnreachable"


ANSWER = (
    b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
    b"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
)


async def test_a_proxy_is_used_where_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain HTTP is sent to it with the whole URL; NO_PROXY is heeded."""
    lines: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines.append(head.split(b"\r\n")[0].decode())
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
        writer.close()

    async with await asyncio.start_server(answer, HOST, 0) as server:
        here = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", here)
        for no_proxy, endpoint_url in (("", "http://s3.internal.example"), (HOST, here)):
            monkeypatch.setenv("NO_PROXY", no_proxy)
            async with clients_of(options=Options(endpoint_url=endpoint_url)) as clients:
                gateway = AwsGateway(clients)
                for bucket in ("one", "two"):
                    assert await gateway.get_bucket_encryption(bucket, REGION) == (Rule("AES256"),)
    asked = [line.split()[1] for line in lines]
    assert asked == [
        *(f"http://s3.internal.example/{bucket}?encryption" for bucket in ("one", "two")),
        *(f"/{bucket}?encryption" for bucket in ("one", "two")),
    ]


async def test_an_answer_that_is_known_is_not_parsed_again() -> None:
    """Its rules are the very same."""
    rules = (StubRule("AES256"),)
    account = StubAccount(buckets=[StubBucket(name, REGION, rules=rules) for name in ("one", "two")])
    with StubAws(account) as stub:
        async with clients_of(options=Options(endpoint_url=stub.url)) as clients:
            reader = await clients.encryption_reader(REGION)
            assert reader is not None
            assert await reader.read("one") is await reader.read("two")


def test_no_more_answers_are_kept_than_said() -> None:
    """And none that is longer than AWS's are."""
    known = KnownAnswers()
    rules = (Rule("AES256"),)
    for number in range(3 * KEPT_ANSWERS):
        known.keep(b"%d" % number, rules)
        assert known.find(b"%d" % number) is rules
    assert sum(known.find(b"%d" % number) is not None for number in range(3 * KEPT_ANSWERS)) <= KEPT_ANSWERS
    known.keep(b"x" * 100_000, rules)
    assert known.find(b"x" * 100_000) is None
