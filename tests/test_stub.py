"""The stub of AWS, driven with plain boto3 and, where boto3 would hide the bytes, by hand."""

from __future__ import annotations

import gc
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import aiobotocore.session
import boto3
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)

from benchmarks.stub import (
    ANY,
    Behaviour,
    Delay,
    ErrorAnswer,
    Fault,
    Flood,
    Garbage,
    Hang,
    Issuer,
    Paging,
    RateLimit,
    Request,
    Reset,
    StubAccount,
    StubAws,
    StubBucket,
    StubKey,
    StubProcess,
    StubRule,
    Truncated,
    WrongRegion,
    dead,
    either,
    first,
    mixed,
    synthetic,
)
from benchmarks.stub.behaviour import TokenBucket
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDSTUB",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
KEY = StubKey("arn:aws:kms:us-east-1:123456789012:key/11111111-0000-4000-8000-000000000000")
FOREIGN = StubKey("arn:aws:kms:eu-west-1:999999999999:key/22222222-0000-4000-8000-000000000000")
ACCOUNT = StubAccount(
    buckets=[StubBucket(name) for name in ("a-logs", "b-data", "b-more")]
    + [
        StubBucket("c-far", "eu-west-1"),
        StubBucket("d-kms", rules=(StubRule("aws:kms", KEY.arn, bucket_key=True),)),
        StubBucket("e-silent", "eu-west-1", listed_region=False),
    ],
    keys=[KEY, FOREIGN],
    aliases={("us-east-1", "alias/app"): KEY.arn},
)

Connect = Callable[..., BaseClient]


@pytest.fixture(scope="module")
def session() -> Iterator[boto3.Session]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"):
            patch.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield boto3.Session(region_name="us-east-1")


@pytest.fixture
def stub() -> Iterator[StubAws]:
    with StubAws(ACCOUNT) as stub:
        yield stub


@pytest.fixture
def connect(session: boto3.Session) -> Iterator[Connect]:
    with ExitStack() as stack:

        def connect(
            stub: StubAws | StubProcess, service: str = "s3", region: str = "us-east-1", read_timeout: float = 5
        ) -> BaseClient:
            config = Config(
                s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=read_timeout
            )
            client = session.client(service, region, endpoint_url=stub.url, config=config)
            stack.callback(client.close)
            return client

        yield connect


class Raw(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


def ask(stub: StubAws, method: str, path: str, *, scope: str = "us-east-1/s3", **headers: str) -> Raw:
    connection = HTTPConnection(urlsplit(stub.url).netloc, timeout=5)
    try:
        signature = f"AWS4-HMAC-SHA256 Credential=AK/20260101/{scope}/aws4_request, SignedHeaders=host, Signature=0"
        connection.request(method, path, headers={"Authorization": signature, **headers})
        response = connection.getresponse()
        return Raw(response.status, dict(response.headers), response.read().decode())
    finally:
        connection.close()


def dial(stub: StubAws) -> socket.socket:
    address = urlsplit(stub.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=5)


def code_of(call: Callable[..., object], **arguments: str) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def names(page: dict[str, Any]) -> list[str]:
    return [bucket["Name"] for bucket in page["Buckets"]]


def test_pages_have_tokens_and_regions(stub: StubAws, connect: Connect) -> None:
    pages = list(connect(stub).get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2}))
    assert [names(page) for page in pages] == [["a-logs", "b-data"], ["b-more", "c-far"], ["d-kms", "e-silent"]]
    assert [bucket.get("BucketRegion") for bucket in pages[1]["Buckets"]] == ["us-east-1", "eu-west-1"]
    assert "BucketRegion" not in pages[2]["Buckets"][1]
    assert "ContinuationToken" not in pages[2]
    assert stub.stats.list_pages == stub.stats.calls["ListBuckets"] == 3


def test_a_bare_listing_has_no_regions(stub: StubAws, connect: Connect) -> None:
    page = connect(stub).list_buckets()
    assert len(page["Buckets"]) == 6
    assert not any("BucketRegion" in bucket for bucket in page["Buckets"])
    stub.behaviour.refuse_unpaginated = True
    assert code_of(connect(stub).list_buckets)[0] == 400


def test_listings_filter_by_prefix_and_region(stub: StubAws, connect: Connect) -> None:
    page = connect(stub).list_buckets(Prefix="b-", MaxBuckets=1)
    assert (names(page), page["Prefix"]) == (["b-data"], "b-")
    rest = connect(stub).list_buckets(Prefix="b-", MaxBuckets=1, ContinuationToken=page["ContinuationToken"])
    assert (names(rest), "ContinuationToken" in rest) == (["b-more"], False)
    assert names(connect(stub, region="eu-west-1").list_buckets(BucketRegion="eu-west-1")) == ["c-far", "e-silent"]
    assert code_of(connect(stub).list_buckets, BucketRegion="eu-west-1") == (400, "InvalidArgument")


@pytest.mark.parametrize("query", ["max-buckets=0", "max-buckets=10001", "max-buckets=x", "continuation-token=nope"])
def test_invalid_listing_parameters_are_refused(stub: StubAws, query: str) -> None:
    assert ask(stub, "GET", f"/?{query}").status == 400
    assert stub.stats.errors == {"InvalidArgument": 1}


def test_a_cut_listing_loses_what_moto_loses(stub: StubAws, connect: Connect) -> None:
    stub.behaviour.paging = Paging.CUT
    page = connect(stub).list_buckets(MaxBuckets=2)
    assert names(page) == ["a-logs", "b-data"]
    assert "ContinuationToken" not in page
    assert "BucketRegion" not in page["Buckets"][0]
    assert len(connect(stub).list_buckets()["Buckets"]) == 6


@pytest.mark.parametrize(
    ("rules", "inside"),
    [
        ((), ""),
        ((StubRule(None, bucket_key=True),), "<Rule><BucketKeyEnabled>true</BucketKeyEnabled></Rule>"),
        ((StubRule(None, blocked=()),), "<Rule><BlockedEncryptionTypes></BlockedEncryptionTypes></Rule>"),
        (
            (StubRule("aws:kms", "a&b", blocked=("SSE-C", "NONE")),),
            (
                "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>a&amp;b"
                "</KMSMasterKeyID></ApplyServerSideEncryptionByDefault><BlockedEncryptionTypes><EncryptionType>SSE-C"
                "</EncryptionType><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes></Rule>"
            ),
        ),
    ],
)
def test_rules_are_spelled_as_given(stub: StubAws, rules: tuple[StubRule, ...], inside: str) -> None:
    stub.account = StubAccount(buckets=[StubBucket("x", rules=rules)])
    answer = ask(stub, "GET", "/x?encryption")
    assert answer.body.partition('2006-03-01/">')[2] == f"{inside}</ServerSideEncryptionConfiguration>"


def test_encryption_parses_in_boto3(stub: StubAws, connect: Connect) -> None:
    [rule] = connect(stub).get_bucket_encryption(Bucket="d-kms")["ServerSideEncryptionConfiguration"]["Rules"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY.arn}
    assert rule == {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}


def test_buckets_without_configuration_or_existence_are_404(stub: StubAws, connect: Connect) -> None:
    stub.account = StubAccount(buckets=[StubBucket("bare", rules=None)])
    read = connect(stub).get_bucket_encryption
    assert code_of(read, Bucket="bare") == (404, "ServerSideEncryptionConfigurationNotFoundError")
    assert code_of(read, Bucket="gone") == (404, "NoSuchBucket")
    assert code_of(read, Bucket="bare", ExpectedBucketOwner="999999999999") == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        (WrongRegion.PERMANENT, 301, "header"),
        (WrongRegion.MALFORMED, 400, "body"),
        (WrongRegion.ILLEGAL, 400, "nowhere"),
        (WrongRegion.TEMPORARY, 307, "header"),
    ],
)
def test_the_wrong_region_is_told_in_every_way(stub: StubAws, how: WrongRegion, status: int, told: str) -> None:
    stub.behaviour.wrong_region = how
    answer = ask(stub, "GET", "/c-far?encryption")
    assert answer.status == status
    assert ("x-amz-bucket-region" in answer.headers) == (told == "header")
    assert ("<Region>eu-west-1</Region>" in answer.body) == (told == "body")
    assert "Location" not in answer.headers
    head = ask(stub, "HEAD", "/c-far")
    assert (head.status, head.headers["x-amz-bucket-region"], head.body) == (status, "eu-west-1", "")


@pytest.mark.parametrize(("how", "calls"), [("permanent", 2), ("malformed", 2), ("illegal", 4), ("temporary", 2)])
def test_the_sdk_finds_its_way_out_of_the_wrong_region(stub: StubAws, connect: Connect, how: str, calls: int) -> None:
    stub.behaviour.wrong_region = WrongRegion(how)
    connect(stub).get_bucket_encryption(Bucket="c-far")
    assert stub.stats.calls_by_region["GetBucketEncryption", "eu-west-1"] == 1
    assert stub.stats.total == calls


def test_a_lenient_store_answers_for_any_region(stub: StubAws) -> None:
    stub.behaviour.wrong_region = WrongRegion.ANSWER
    assert ask(stub, "GET", "/c-far?encryption").status == 200


def test_buckets_can_be_located(stub: StubAws, connect: Connect) -> None:
    locate = connect(stub).get_bucket_location
    assert locate(Bucket="a-logs")["LocationConstraint"] is None
    assert locate(Bucket="c-far")["LocationConstraint"] == "eu-west-1"
    stub.behaviour.old_ireland = True
    assert locate(Bucket="c-far")["LocationConstraint"] == "EU"
    assert connect(stub).head_bucket(Bucket="a-logs")["BucketRegion"] == "us-east-1"


def test_denials_match_operation_region_or_target(stub: StubAws, connect: Connect) -> None:
    stub.behaviour.denied = {"HeadBucket", ("GetBucketEncryption", "eu-west-1"), ("DescribeKey", KEY.arn)}
    head = ask(stub, "HEAD", "/a-logs")
    assert (head.status, head.headers["x-amz-bucket-region"]) == (403, "us-east-1")
    assert code_of(connect(stub, region="eu-west-1").get_bucket_encryption, Bucket="c-far") == (403, "AccessDenied")
    assert code_of(connect(stub, "kms").describe_key, KeyId=KEY.arn) == (400, "AccessDeniedException")
    connect(stub).get_bucket_encryption(Bucket="a-logs")
    assert stub.stats.errors == {"AccessDenied": 2, "AccessDeniedException": 1}


@pytest.mark.parametrize("reference", [KEY.arn, KEY.id, "alias/app", "arn:aws:kms:us-east-1:123456789012:alias/app"])
def test_kms_finds_a_key_by_every_reference(stub: StubAws, connect: Connect, reference: str) -> None:
    metadata = connect(stub, "kms").describe_key(KeyId=reference)["KeyMetadata"]
    assert (metadata["Arn"], metadata["KeyManager"], metadata["KeyState"]) == (KEY.arn, "CUSTOMER", "Enabled")
    assert stub.asked("DescribeKey", reference) == 1


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (FOREIGN.arn, "Invalid arn eu-west-1"),
        ("alias/nope", "Alias arn:aws:kms:us-east-1:123456789012:alias/nope is not found."),
        ("nope", "Key 'arn:aws:kms:us-east-1:123456789012:key/nope' does not exist"),
        (FOREIGN.id, f"Key 'arn:aws:kms:us-east-1:123456789012:key/{FOREIGN.id}' does not exist"),
    ],
)
def test_kms_says_why_there_is_no_key(stub: StubAws, connect: Connect, reference: str, message: str) -> None:
    with pytest.raises(ClientError, match="NotFoundException") as caught:
        connect(stub, "kms").describe_key(KeyId=reference)
    assert caught.value.response["Error"]["Message"] == message


def test_a_foreign_key_answers_to_its_arn_in_its_region(stub: StubAws, connect: Connect) -> None:
    metadata = connect(stub, "kms", "eu-west-1").describe_key(KeyId=FOREIGN.arn)["KeyMetadata"]
    assert metadata["AWSAccountId"] == "999999999999"
    assert code_of(connect(stub, "kms").describe_key, KeyId="arn:aws:s3:::x") == (400, "InvalidArnException")


def test_describing_a_predefined_alias_is_noticed(stub: StubAws, connect: Connect) -> None:
    assert not stub.touched_predefined_alias
    assert connect(stub, "kms").describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyManager"] == "AWS"
    assert stub.touched_predefined_alias == ("alias/aws/s3",)


def test_sts_names_the_caller(stub: StubAws, connect: Connect) -> None:
    answer = connect(stub, "sts").get_caller_identity()
    assert (answer["Account"], answer["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/auditor")


async def test_an_async_client_is_served_on_kept_alive_connections(stub: StubAws, session: boto3.Session) -> None:
    config = Config(s3={"addressing_style": "path"})
    async with aiobotocore.session.get_session().create_client(
        "s3", "us-east-1", endpoint_url=stub.url, config=config
    ) as client:
        for _ in range(5):
            await client.get_bucket_encryption(Bucket="a-logs")
        assert (stub.stats.connections, stub.asked("GetBucketEncryption", "a-logs")) == (1, 5)


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Reset(), BotoCoreError),
        (Reset(clean=True), ConnectionClosedError),
        (Truncated(), (BotoCoreError, ClientError)),  # the SDK's versions do not agree on what it is
        (Garbage(), ClientError),  # botocore takes it for a 500
        (Delay(0.001, then=Reset(clean=True)), ConnectionClosedError),
        (ErrorAnswer(500, "InternalError"), ClientError),
    ],
)
def test_a_fault_spoils_one_try_and_not_the_next(
    stub: StubAws, connect: Connect, fault: Fault, raised: type[Exception] | tuple[type[Exception], ...]
) -> None:
    stub.behaviour.faults = first(1, fault, target="a-logs")
    client = connect(stub)
    with pytest.raises(raised):
        client.get_bucket_encryption(Bucket="a-logs")
    client.get_bucket_encryption(Bucket="a-logs")
    client.get_bucket_encryption(Bucket="b-data")
    assert stub.stats.faults == {type(fault).__name__: 1}


@pytest.mark.parametrize(
    ("fault", "ends"),
    [(Reset(), "reset"), (Reset(clean=True), ""), (Truncated(0.0), "\r\n\r\n"), (Truncated(1.0), "Configuration")],
)
def test_a_connection_breaks_where_it_was_told_to(stub: StubAws, fault: Fault, ends: str) -> None:
    stub.behaviour.faults = lambda request: fault
    scope = b"Credential=AK/20260101/us-east-1/s3/aws4_request,"
    with dial(stub) as client:
        client.sendall(b"GET /a-logs?encryption HTTP/1.1\r\nAuthorization: " + scope + b"\r\n\r\n")
        try:
            answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        except ConnectionResetError:
            answer = "reset"
    assert answer.endswith(ends)
    assert bool(answer) == bool(ends)


def test_an_error_answer_carries_headers_and_region(stub: StubAws, connect: Connect) -> None:
    fault = ErrorAnswer(503, "SlowDown", "Later.", (("Retry-After", "7"),), region="eu-west-1")
    stub.behaviour.faults = lambda request: fault if request.operation == "GetBucketEncryption" else None
    answer = ask(stub, "GET", "/a-logs?encryption")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert "<Region>eu-west-1</Region>" in answer.body
    assert ask(stub, "HEAD", "/a-logs").status == 200


def test_a_hang_ends_with_the_connection(connect: Connect) -> None:
    with StubAws(ACCOUNT, Behaviour(faults=first(1, Hang()))) as stub:
        with pytest.raises(ReadTimeoutError):
            connect(stub, read_timeout=0.05).list_buckets()
        assert stub.stats.calls["ListBuckets"] == 1
    assert (stub.stats.in_flight, stub.stats.open_connections) == (0, 0)


def test_a_hook_that_raises_fails_the_test() -> None:
    def broken(request: Request) -> Fault | None:
        raise LookupError(request.target)

    stub = StubAws(ACCOUNT, Behaviour(faults=broken)).__enter__()
    with pytest.raises(ConnectionError):
        ask(stub, "GET", "/a-logs?encryption")
    assert stub.stats.in_flight == 0
    with pytest.raises(LookupError, match="a-logs"):
        stub.__exit__(None, None, None)


def test_peaks_are_counted_over_all_and_by_region(stub: StubAws) -> None:
    arrived = threading.Semaphore(0)

    def hold(request: Request) -> Fault:
        arrived.release()
        return Hang()

    stub.behaviour.faults = hold
    with ExitStack() as stack:
        for region in ("us-east-1", "us-east-1", "eu-west-1"):
            client = stack.enter_context(dial(stub))
            scope = f"AK/20260101/{region}/s3/aws4_request"
            client.sendall(f"GET / HTTP/1.1\r\nauthorization: x Credential={scope},\r\n\r\n".encode())
        for _ in range(3):
            assert arrived.acquire(timeout=5)
        stats = stub.stats
    assert (stats.peak_in_flight, stats.in_flight) == (3, 3)
    assert stats.peak_in_flight_by_region == {"us-east-1": 2, "eu-west-1": 1}


def test_latency_is_looked_up_from_exact_to_general() -> None:
    behaviour = Behaviour(
        latency={("ListBuckets", ANY): 1.0, (ANY, "eu-west-1"): 2.0, ("HeadBucket", "eu-west-1"): 3.0}
    )
    asked = [("ListBuckets", "eu-west-1"), ("HeadBucket", "eu-west-1"), ("DescribeKey", "eu-west-1"), ("X", "y")]
    assert [behaviour.seconds(Request(op, region=region)) for op, region in asked] == [1.0, 3.0, 2.0, 0.0]
    behaviour.latency = lambda request: float(len(request.target))
    assert behaviour.seconds(Request("HeadBucket", target="four")) == 4.0


def test_a_rate_limit_holds_per_region_and_service(stub: StubAws, connect: Connect) -> None:
    stub.behaviour.rate_limits = {(ANY, "s3"): RateLimit(0.001, 2, retry_after=3), (ANY, "kms"): RateLimit(0.001)}
    assert [ask(stub, "GET", "/").status for _ in range(3)] == [200, 200, 503]
    assert ask(stub, "GET", "/", scope="eu-west-1/s3").status == 200
    assert ask(stub, "GET", "/").headers["Retry-After"] == "3"
    kms = connect(stub, "kms")
    kms.describe_key(KeyId=KEY.id)
    assert code_of(kms.describe_key, KeyId=KEY.id) == (400, "ThrottlingException")
    assert stub.stats.errors == {"SlowDown": 2, "ThrottlingException": 1}
    assert stub.stats.throttled == 3


def test_a_token_bucket_refills_at_its_rate_up_to_its_burst() -> None:
    bucket = TokenBucket(RateLimit(rate=10, burst=2), now=0.0)
    assert [bucket.take(now) for now in (0.0, 0.0, 0.0, 0.05, 0.15, 0.16)] == [True, True, False, False, True, False]
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]


def test_mixed_faults_repeat_and_spare_the_patient() -> None:
    hook = mixed(0.2, seed=7, spare_after=2)
    asked = [Request("GetBucketEncryption", target=f"b-{n}") for n in range(2000)]
    met = [hook(request) for request in asked]
    assert met == [mixed(0.2, seed=7)(request) for request in asked]
    assert 300 < sum(fault is not None for fault in met) < 500
    assert {type(fault) for fault in met if fault} == {ErrorAnswer, Reset, Truncated}
    assert hook(Request("GetBucketEncryption", target="b-1", nth=3)) is None


def test_nobody_answers_for_the_buckets_and_keys_of_a_dead_region_whatever_else_fails() -> None:
    hook = either(dead("eu-west-1", "eu-west-2"), lambda request: Reset())
    for operation, region, fault in (
        ("GetBucketEncryption", "eu-west-1", Hang()),
        ("DescribeKey", "eu-west-2", Hang()),
        ("ListBuckets", "eu-west-1", Reset()),
        ("GetBucketEncryption", "us-east-1", Reset()),
    ):
        assert hook(Request(operation, region=region)) == fault
    assert either(dead("eu-west-1"))(Request("GetBucketEncryption")) is None


def test_what_is_not_spoken_is_refused_and_counted(stub: StubAws, connect: Connect) -> None:
    assert code_of(connect(stub).delete_bucket, Bucket="a-logs") == (501, "NotImplemented")
    assert code_of(connect(stub).put_object, Bucket="a-logs", Key="k", Body="x") == (501, "NotImplemented")
    assert code_of(connect(stub, "kms").schedule_key_deletion, KeyId=KEY.id) == (501, "NotImplemented")
    assert code_of(connect(stub).get_bucket_tagging, Bucket="a-logs") == (501, "NotImplemented")
    assert ask(stub, "GET", "/?encryption").status == 501
    assert (stub.stats.unknown, stub.stats.writes) == (5, 3)
    assert stub.stats.unknown_requests[-1] == "s3 GET /?encryption"


@pytest.mark.parametrize("host", ["a.s3.b.s3.eu-west-1.amazonaws.com", "a.s3.b.s3.amazonaws.com:443"])
def test_a_bucket_may_stand_in_the_host_name(host: str) -> None:
    """As virtual-hosted style has it, whatever the bucket is called; nothing but AWS's own hosts are read so."""
    with StubAws(StubAccount(buckets=[StubBucket("a.s3.b", "eu-west-1")])) as stub:
        scope = "eu-west-1/s3"
        assert ask(stub, "GET", "/?encryption", scope=scope, Host=host).status == 200
        assert ask(stub, "HEAD", "/", scope=scope, Host=host).headers["x-amz-bucket-region"] == "eu-west-1"
        assert ask(stub, "GET", "/?encryption", scope=scope, Host=f"x{host}").status == 404
        assert ask(stub, "GET", "/?encryption", scope=scope, Host="a.s3.b.s3.internal.example").status == 501
        assert ask(stub, "GET", "/", Host="s3.us-east-1.amazonaws.com").status == 200
        assert stub.stats.calls == {"GetBucketEncryption": 2, "HeadBucket": 1, "Unknown": 1, "ListBuckets": 1}


def test_unsigned_requests_are_denied(stub: StubAws) -> None:
    assert ask(stub, "GET", "/", Authorization="none").status == 403


def test_bytes_may_come_in_pieces_or_all_at_once(stub: StubAws) -> None:
    request = b"GET /_stats HTTP/1.1\r\ncontent-length: 2\r\n\r\nab"
    with dial(stub) as client:
        for byte in request:
            client.sendall(bytes([byte]))
        client.sendall(request + b"GET /_stats HTTP/1.0\r\n\r\n")
        answers = b"".join(iter(lambda: client.recv(65536), b""))  # the last one, being 1.0, closes
    assert answers.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize("line", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"x" * 70_000])
def test_what_is_no_request_ends_the_connection(stub: StubAws, line: bytes) -> None:
    with dial(stub) as client:
        client.sendall(line)
        assert client.recv(65536).startswith(b"HTTP/1.1 400")


def test_stopping_leaves_nothing_behind() -> None:
    with StubAws() as stub:
        client = dial(stub)
        ask(stub, "GET", "/")
    with client:
        assert client.recv(1) == b""
    assert "stub-aws" not in {thread.name for thread in threading.enumerate()}
    gc.collect()  # an unclosed socket or loop would warn, and warnings are errors


@pytest.mark.parametrize(
    ("rules", "row"),
    [
        (None, ("SSEConfigNotFound", "N/A", "")),
        ((), ("SSEConfigNotFound", "N/A", "")),
        ((StubRule(bucket_key=False),), ("AES256", "N/A", "False")),
        ((StubRule("aws:fsx"),), ("aws:fsx", "N/A", "")),
        ((StubRule("aws:kms", bucket_key=True),), ("alias/aws/s3", "AWS", "True")),
        ((StubRule("aws:kms", "alias/aws/s3"),), ("alias/aws/s3", "AWS", "")),
        ((StubRule("aws:kms:dsse", "alias/app"),), ("alias/app", "CUSTOMER", "")),
        ((StubRule("aws:kms", FOREIGN.arn),), (FOREIGN.arn, "CUSTOMER", "")),
        ((StubRule("aws:kms", "nope"),), ("nope", "KeyNotFound", "")),
    ],
)
def test_an_account_knows_what_the_report_must_say(
    rules: tuple[StubRule, ...] | None, row: tuple[str, str, str]
) -> None:
    account = StubAccount(buckets=[StubBucket("x", rules=rules)], keys=ACCOUNT.keys, aliases=ACCOUNT.aliases)
    assert account.expected("x") == row


@pytest.mark.parametrize(("buckets", "keys", "regions"), [(500, 50, 8), (1000, 7, 3), (10, 30, 2), (40, 0, 1)])
def test_a_synthetic_account_uses_every_key(buckets: int, keys: int, regions: int) -> None:
    account = synthetic(buckets, keys, regions, unlisted_share=0.1, home_share=0.5)
    made = list(account.index)
    assert made == list(synthetic(buckets, keys, regions, unlisted_share=0.1, home_share=0.5).index)
    assert len(account.lookups()) == min(buckets, keys)
    assert [account.index.find(bucket.name) for bucket in made] == made
    assert [bucket.name for bucket in made] == sorted({bucket.name for bucket in made})
    assert len({bucket.region for bucket in made}) == min(regions, buckets)


def test_a_million_buckets_are_served(connect: Connect) -> None:
    with StubAws(synthetic(1_000_000, keys=100)) as stub:
        last = connect(stub).list_buckets(Prefix="synthetic-099999", MaxBuckets=100)
        assert names(last)[-1] == "synthetic-0999999"
        assert stub.account.index.find("synthetic-1000000") is None
        assert stub.account.index.find("synthetic-1") is None


def test_the_process_serves_the_account_that_its_options_name(connect: Connect) -> None:
    account = synthetic(30, 4, 2)
    with StubProcess(
        buckets=30, keys=4, regions=2, latency_ms=1, slow_region=["eu-west-1=2"], track_targets=True
    ) as stub:
        client = connect(stub)
        pages = client.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 20})
        assert [name for page in pages for name in names(page)] == [bucket.name for bucket in account.index]
        client.head_bucket(Bucket=account.index[0].name)
        stats = stub.stats()
        assert stats["calls"] == {"ListBuckets": 2, "HeadBucket": 1}
        assert stats["calls_by_region"] == {"ListBuckets/us-east-1": 2, "HeadBucket/us-east-1": 1}
        assert stub.asked("HeadBucket") == {account.index[0].name: 1}
        assert stub.reset_stats()["total"] == 0
        assert stub.asked("HeadBucket") == {}


def test_the_process_lets_a_region_be_dead_among_other_faults(connect: Connect) -> None:
    bucket = next(bucket for bucket in synthetic(30, 4, 2).index if bucket.region == "eu-west-1")
    with StubProcess(buckets=30, keys=4, regions=2, dead_region="eu-west-1", fault_share=1.0, spare_after=1) as stub:
        client = connect(stub, region="eu-west-1", read_timeout=0.2)
        with pytest.raises(ReadTimeoutError):
            client.get_bucket_encryption(Bucket=bucket.name)
        assert stub.stats()["faults"] == {"Hang": 1}
        assert stub.asked("GetBucketEncryption") == {bucket.name: 1}


def test_the_process_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "benchmarks.stub", "--fault-share", "0.5", "--s3-rate", "5"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().strip())
        connection = HTTPConnection(address.netloc)
        connection.request("GET", "/_stats")
        assert json.load(connection.getresponse())["total"] == 0
        connection.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_the_process_gives_from_memory_what_it_has_answered_once(connect: Connect) -> None:
    """To each page and bucket its own; not what is posted, whose answer depends on the body."""
    with StubProcess(buckets=30, keys=4, regions=1, kms_share=1.0, replay=True) as stub:
        s3, kms = connect(stub), connect(stub, "kms")
        key = next(iter(synthetic(30, 4, 1, kms_share=1.0).lookups()))[1]

        def ask() -> list[object]:
            pages = [s3.list_buckets(MaxBuckets=size)["Buckets"] for size in (20, 21)]
            rules = s3.get_bucket_encryption(Bucket=pages[0][0]["Name"])["ServerSideEncryptionConfiguration"]
            return [pages, rules, kms.describe_key(KeyId=key)["KeyMetadata"]]

        assert ask() == ask()
        assert stub.stats()["calls"] == {"ListBuckets": 2, "GetBucketEncryption": 1, "DescribeKey": 2}


def test_a_process_that_cannot_start_says_so() -> None:
    with pytest.raises(RuntimeError, match="exit status 2"):
        StubProcess(paging="nonsense").__enter__()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_flood_is_sent_no_faster_than_it_is_read(chunked: bool) -> None:
    with StubAws(StubAccount(), Behaviour(faults=lambda _: Flood(2**30, chunked))) as stub:
        connection = HTTPConnection(urlsplit(stub.url).netloc)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert len(answer.read(2**20)) == 2**20
        connection.close()
        answer.close()
        wait_until(lambda: not stub.stats.open_connections, what="the flood ended")
        assert 2**20 <= stub.stats.poured < 2**26


def test_a_flood_ends() -> None:
    with StubAws(StubAccount(), Behaviour(faults=lambda _: Flood(200_000, chunked=True, piece=b"ab"))) as stub:
        connection = HTTPConnection(urlsplit(stub.url).netloc)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ab" * 100_000
        connection.close()
        assert stub.stats.poured == 200_000


def test_an_issuer_counts_what_it_issues_and_refuses_what_has_ended() -> None:
    issuer = Issuer(uses=1, failures=[500])
    assert issuer.issue("sts") == 500
    issued = issuer.issue("sts")
    assert not isinstance(issued, int)
    request = Request("ListBuckets", access_key=issued.access_key)
    assert issuer.refusal(Request("ListBuckets", access_key="AKIAOFSOMEBODYELSE00")) is None
    assert issuer.refusal(request) is None
    refusal = issuer.refusal(request)
    assert refusal is not None
    assert refusal.code == "ExpiredToken"
    assert (issuer.asked, issuer.issued) == ({"sts": 2}, (issued,))


def test_an_issuer_refuses_what_it_revoked_or_whose_time_is_over() -> None:
    issuer = Issuer()
    issued = issuer.issue("sso")
    assert not isinstance(issued, int)
    request = Request("DescribeKey", "kms", access_key=issued.access_key)
    assert issuer.refusal(request) is None
    issuer.revoke()
    refusal = issuer.refusal(request)
    assert refusal is not None
    assert refusal.code == "ExpiredTokenException"
    late = Issuer(life=-1)
    over = late.issue("sso")
    assert not isinstance(over, int)
    assert late.refusal(Request("ListBuckets", access_key=over.access_key)) is not None
