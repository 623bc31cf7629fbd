"""Answers made to do harm: too long, too deep, of the wrong kind, or made of the caller's own secrets."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import aioboto3
import pytest

import s3audit_async
from benchmarks.stub import (
    Behaviour,
    ErrorAnswer,
    Fault,
    FaultHook,
    Flood,
    Garbage,
    Request,
    StubAccount,
    StubAws,
    StubBucket,
    StubKey,
    StubRule,
    first,
)
from s3audit_async.aws.answers import LONGEST_IDENTIFIER
from s3audit_async.aws.transport import LONGEST_ANSWER, LONGEST_LISTING
from s3audit_async.errors import ListingError, UsageError
from s3audit_async.options import Options
from tests.command import s3audit
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from s3audit_async.model import Row

GIB = 2**30
IN_SOCKETS = 16 * 2**20
"""Bytes that may be on their way when the connection is closed: in buffers of the system on both sides."""
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
ENCRYPTION = "GetBucketEncryption"
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a0 "ha">'
    + b"".join(b'<!ENTITY a%d "&a%d;&a%d;">' % (n, n - 1, n - 1) for n in range(1, 30))
    + b"]><ServerSideEncryptionConfiguration><Rule>&a29;</Rule></ServerSideEncryptionConfiguration>"
)
SECRET_KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYxx"
ACCESS_KEY = "AKIAQQQQQQQQQQQQQQQQ"
TOKEN = "IQoJb3JpZ2luX2VjEPr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="


def account(key: str | None = KEY, *, listed_region: bool = True) -> StubAccount:
    """One bucket, encrypted with a KMS key."""
    bucket = StubBucket("only", "eu-west-1", rules=(StubRule("aws:kms", key),), listed_region=listed_region)
    return StubAccount(buckets=[bucket], keys=[StubKey(KEY)])


async def audit(stub: StubAws, **options: object) -> tuple[list[Row], int]:
    """The rows of a stub account, asked twice at most, and the bytes that were read."""
    chosen = Options(endpoint_url=stub.url, max_attempts=2, **options)  # type: ignore[arg-type]
    async with s3audit_async.audit(aioboto3.Session(), chosen) as rows:
        found = [row async for row in rows]
    wait_until(lambda: not stub.stats.open_connections, what="all connections closed")
    return found, rows.bytes_received


def always(fault: Fault, operation: str) -> Behaviour:
    """Every request of an operation meets a fault."""
    return Behaviour(faults=first(99, fault, operation=operation))


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("status", [200, 503])
async def test_an_answer_of_a_gibibyte_is_not_read(status: int, chunked: bool) -> None:
    """Announced or endless, answer or error: the connection is closed, and the row says why."""
    with StubAws(account(), always(Flood(GIB, chunked, status), ENCRYPTION)) as stub:
        (row,), received = await audit(stub)
        assert stub.stats.poured < 2 * (LONGEST_ANSWER + IN_SOCKETS)
        assert stub.stats.calls[ENCRYPTION] == 2
    assert (row.mode, row.key_type) == ("InvalidResponse", "Unknown")
    assert row.error is not None
    assert "1,048,576" in row.error.message
    assert received < 2 * LONGEST_ANSWER + 2**20


@pytest.mark.parametrize("operation", ["DescribeKey", "GetBucketLocation", "HeadBucket", "GetCallerIdentity"])
async def test_no_operation_reads_an_answer_of_a_gibibyte(operation: str) -> None:
    """The other operations have the same limit, HeadBucket's answer no body at all."""
    behaviour = always(Flood(GIB, chunked=True), operation)
    if operation == "HeadBucket":
        behaviour.denied = {"GetBucketLocation"}
        behaviour.faults = first(99, Garbage(b"", (("x-amz-bucket-region", "eu-west-1"),)), operation=operation)
    with StubAws(account(listed_region=operation not in {"GetBucketLocation", "HeadBucket"}), behaviour) as stub:
        (row,), _ = await audit(stub)
        assert stub.stats.poured < 2 * (LONGEST_ANSWER + IN_SOCKETS)
    assert row.key_type == ("InvalidResponse" if operation == "DescribeKey" else "CUSTOMER")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_listing_of_a_gibibyte_ends_the_run(chunked: bool) -> None:
    """It is read further than other answers, as it may be long, but not to its end."""
    with StubAws(account(), always(Flood(GIB, chunked), "ListBuckets")) as stub:
        with pytest.raises(ListingError, match="InvalidResponse"):
            await audit(stub)
        assert stub.stats.poured < 2 * (LONGEST_LISTING + IN_SOCKETS)


async def test_a_listing_may_be_longer_than_other_answers() -> None:
    """Ten thousand buckets in one page are no attack."""
    long = [StubBucket(f"{'a' * 50}-{number:05d}", "eu-west-1") for number in range(10_000)]
    with StubAws(StubAccount(buckets=long)) as stub:
        rows, received = await audit(stub, page_size=10_000, include_regions=frozenset({"us-east-1"}))
    assert rows == []
    assert received > LONGEST_ANSWER


async def test_the_bytes_of_answers_are_counted() -> None:
    """None before the run, and as many as the bodies had after it."""
    with StubAws(account(), always(Garbage(b"x" * 10_000), ENCRYPTION)) as stub:
        options = Options(endpoint_url=stub.url, max_attempts=2, identify=False)
        stream = s3audit_async.audit(aioboto3.Session(), options)
        assert stream.bytes_received == 0
        async with stream:
            assert len([row async for row in stream]) == 1
    assert 20_000 < stream.bytes_received < 21_000


async def test_a_compressed_answer_is_not_unpacked() -> None:
    """A kibibyte that becomes a gibibyte stays a kibibyte, and is no answer."""
    packed = gzip.compress(b" " * 2**24)
    fault = Garbage(packed, (("Content-Encoding", "gzip"),))
    with StubAws(account(), always(fault, "DescribeKey")) as stub:
        (row,), received = await audit(stub)
    assert row.key_type == "InvalidResponse"
    assert received < 3 * len(packed)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    "body",
    [BOMB, BOMB.decode().encode("utf-16"), BOMB.decode().encode("utf-16-be"), b'<!DOCTYPE a SYSTEM "file:///x"><a/>'],
    ids=["bomb", "utf-16", "utf-16-be", "file"],
)
@pytest.mark.parametrize("operation", [ENCRYPTION, "ListBuckets", "GetBucketLocation", "GetCallerIdentity"])
async def test_a_document_type_is_refused_before_it_is_parsed(operation: str, body: bytes, status: int) -> None:
    """Entities that grow a thousand millionfold, or name a file, are not looked at, whatever expat does with them."""
    behaviour = always(Garbage(body, status=status), operation)
    with StubAws(account(listed_region=operation != "GetBucketLocation"), behaviour) as stub:
        if operation == "ListBuckets":
            with pytest.raises(ListingError, match="InvalidResponse: the answer has a document type"):
                await audit(stub)
            return
        (row,), _ = await audit(stub)
        assert stub.stats.calls[operation] == 2
    assert row.mode == ("InvalidResponse" if operation == ENCRYPTION else KEY)


async def test_json_nested_too_deep_is_no_answer() -> None:
    """Python's own limit is met inside of the parser, and nowhere else."""
    deep = b'{"KeyMetadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with StubAws(account(), always(Garbage(deep), "DescribeKey")) as stub:
        (row,), _ = await audit(stub)
    assert row.key_type == "InvalidResponse"


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("operation", [ENCRYPTION, "GetCallerIdentity"])
async def test_xml_nested_too_deep_does_no_harm(operation: str, closed: bool) -> None:
    """A mebibyte of `<a>`, with and without its ends."""
    deep = b"<a>" * 149_000 + b"</a>" * 149_000 if closed else b"<a>" * 349_000
    with StubAws(account(), always(Garbage(deep), operation)) as stub:
        (row,), _ = await audit(stub)
    # An answer that is no XML counts as S3's "500 dressed as 200" in botocore.
    assert row.mode in ({"InvalidResponse", "HTTP500"} if operation == ENCRYPTION else {KEY})


GOOD_KEY = {"KeyManager": "CUSTOMER", "Arn": KEY, "AWSAccountId": "123456789012", "KeyState": "Enabled"}


@pytest.mark.parametrize(
    "answer",
    [
        {"KeyMetadata": {**GOOD_KEY, "KeyManager": 5}},
        {"KeyMetadata": {**GOOD_KEY, "Arn": [KEY]}},
        {"KeyMetadata": {**GOOD_KEY, "Arn": {"a": 1}}},
        {"KeyMetadata": {**GOOD_KEY, "MultiRegion": "yes"}},
        {"KeyMetadata": {**GOOD_KEY, "DeletionDate": "soon"}},
        {"KeyMetadata": {**GOOD_KEY, "DeletionDate": 1e300}},
        {"KeyMetadata": {**GOOD_KEY, "KeyState": "\x1b[31mEnabled"}},
        {"KeyMetadata": {**GOOD_KEY, "KeyState": "\u202eEnabled"}},
        {"KeyMetadata": {**GOOD_KEY, "Origin": "x" * (LONGEST_IDENTIFIER + 1)}},
        {"KeyMetadata": [GOOD_KEY]},
        {"KeyMetadata": "Enabled"},
        {"KeyMetadata": None},
        {},
        [],
        5,
        None,
    ],
    ids=str,
)
async def test_a_key_told_in_the_wrong_types_is_no_answer(answer: object) -> None:
    """It is asked again, and in the end is the row's error: no traceback, and no defect of this program."""
    with StubAws(account(), always(Garbage(json.dumps(answer).encode()), "DescribeKey")) as stub:
        (row,), _ = await audit(stub)
        assert stub.stats.calls["DescribeKey"] == 2
    assert (row.mode, row.key_type) == (KEY, "InvalidResponse")


@pytest.mark.parametrize(
    "answer",
    [{"__type": 5}, {"__type": ["a"]}, {"__type": {"a": 1}}, [], "x", {"__type": "A", "message": [1]}],
    ids=str,
)
async def test_an_error_told_in_the_wrong_types_does_no_harm(answer: object) -> None:
    """Neither does one of KMS's errors."""
    with StubAws(account(), always(Garbage(json.dumps(answer).encode(), status=400), "DescribeKey")) as stub:
        (row,), _ = await audit(stub)
    assert row.key_type in {"InvalidResponse", "A"}


def listing(entries: str) -> Garbage:
    """A page of a listing."""
    return Garbage(f"<ListAllMyBucketsResult><Buckets>{entries}</Buckets></ListAllMyBucketsResult>".encode())


@pytest.mark.parametrize(
    "entries",
    [
        "<Bucket/>",
        "<Bucket><Name/></Bucket>",
        "<Bucket><Name><b>x</b></Name></Bucket>",
        "<Bucket><Name>a</Name><Name>b</Name></Bucket>",
        "<Bucket>text</Bucket>",
        f"<Bucket><Name>{'a' * (LONGEST_IDENTIFIER + 1)}</Name></Bucket>",
        "<Bucket><Name>a&#x202e;b</Name></Bucket>",
        "<Bucket><Name>a&#x9b;31mb</Name></Bucket>",
        "<Bucket><Name>aaa</Name><BucketRegion>evil.example.com/</BucketRegion></Bucket>",
        "<Bucket><Name>aaa</Name><CreationDate>yesterday</CreationDate></Bucket>",
    ],
)
async def test_a_listing_with_odd_entries_is_no_listing(entries: str) -> None:
    """Better no report than one that leaves a bucket out, or shows a name that is none."""
    with StubAws(account(), always(listing(entries), "ListBuckets")) as stub:
        with pytest.raises(ListingError, match="InvalidResponse"):
            await audit(stub)
        assert stub.stats.calls["ListBuckets"] == 2


@pytest.mark.parametrize("region", ["evil.example.com", "a/b", "x" * 100, "-a", "1234", "\u202ea"])
async def test_a_location_that_is_no_region_is_not_gone_to(region: str) -> None:
    """It would become part of a host name."""
    body = f"<LocationConstraint>{region}</LocationConstraint>".encode()
    with StubAws(account(listed_region=False), always(Garbage(body), "GetBucketLocation")) as stub:
        (row,), _ = await audit(stub)
        assert stub.stats.calls["HeadBucket"] == 1
    assert (row.mode, row.region) == (KEY, "eu-west-1")


async def test_a_region_in_a_header_that_is_none_is_not_gone_to() -> None:
    """The same holds for what a redirect says."""
    headers = (("x-amz-bucket-region", "evil.example.com"),)
    fault = first(99, ErrorAnswer(301, "PermanentRedirect", headers=headers), operation=ENCRYPTION)
    with StubAws(account(), Behaviour(faults=fault)) as stub:
        (row,), _ = await audit(stub)
        assert {region for _, region in stub.stats.calls_by_region} <= {"us-east-1", "eu-west-1"}
    assert row.mode == "PermanentRedirect"


@pytest.mark.parametrize(
    ("key", "mode"),
    [
        ("\u202egpj.yek", "\u202egpj.yek"),
        ("k" * LONGEST_IDENTIFIER, "k" * LONGEST_IDENTIFIER),
        ("k" * (LONGEST_IDENTIFIER + 1), "InvalidResponse"),
    ],
    ids=["bidi", "longest", "too-long"],
)
async def test_a_key_is_reported_as_it_is_configured_within_bounds(key: str, mode: str) -> None:
    """S3 checks it as little as we do; but KMS knows none that is longer than it can name."""
    with StubAws(account(key)) as stub:
        (row,), _ = await audit(stub)
    assert row.mode == mode


@pytest.mark.parametrize("algorithm", ["a" * (LONGEST_IDENTIFIER + 1), "aws&#x200b;:kms"])
async def test_an_algorithm_that_cannot_be_one_is_no_answer(algorithm: str) -> None:
    """It is a cell of the report."""
    body = (
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
        f"<SSEAlgorithm>{algorithm}</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
        "</ServerSideEncryptionConfiguration>"
    )
    with StubAws(account(), always(Garbage(body.encode()), ENCRYPTION)) as stub:
        (row,), _ = await audit(stub)
    assert row.mode == "InvalidResponse"


async def test_codes_and_messages_are_cleaned_and_bounded() -> None:
    """They are shown, so nothing stays in them that a terminal would obey."""
    fault = ErrorAnswer(400, "Odd\u202eCode" + "x" * 1000, "\u2066a\u200bmessage\n" + "y" * 1000)
    with StubAws(account(), always(fault, ENCRYPTION)) as stub:
        (row,), _ = await audit(stub)
    assert row.error is not None
    assert row.mode.isprintable()
    assert row.error.message.isprintable()
    assert (len(row.mode), len(row.error.message)) == (128, 500)


def echoing(code: str, operation: str) -> FaultHook:
    """Make a hook: an operation is refused with all that came, and all that is secret."""

    def hook(request: Request) -> Fault | None:
        if request.operation != operation:
            return None
        everything = f"{request.sent} {SECRET_KEY} {TOKEN} {ACCESS_KEY}"
        url = f"https://u:{SECRET_KEY}@host/?X-Amz-Security-Token={TOKEN}"
        return ErrorAnswer(400, code, f"{url}\n{everything[-180:]}\n{everything}")

    return hook


@pytest.mark.parametrize("form", [("--wide",), ("--format", "jsonl")], ids=["wide", "jsonl"])
@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("ListBuckets", "OddError"),
        ("ListBuckets", "SignatureDoesNotMatch"),
        (ENCRYPTION, "OddError"),
        (ENCRYPTION, "SlowDown"),
        (ENCRYPTION, "InvalidAccessKeyId"),
        (ENCRYPTION, "PermanentRedirect"),
        ("DescribeKey", "InvalidSignatureException"),
        ("GetBucketLocation", "OddError"),
        ("HeadBucket", "OddError"),
        ("GetCallerIdentity", "OddError"),
    ],
)
def test_nothing_that_is_written_holds_a_secret(
    operation: str, code: str, form: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that repeats the request, and knows more than it can, has nothing of it repeated by us."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    report, figures = tmp_path / "report", tmp_path / "figures"
    behaviour = Behaviour(faults=echoing(code, operation))
    if operation == "HeadBucket":
        behaviour.denied = {"GetBucketLocation"}
    listed = operation not in {"GetBucketLocation", "HeadBucket"}
    with StubAws(account(listed_region=listed), behaviour) as stub:
        arguments = ("--endpoint-url", stub.url, "-v", "--max-attempts", "2", "--stats", figures, "-o", report)
        done = s3audit("run", *arguments, *form)
        assert stub.stats.calls[operation] >= 1
    assert "Traceback" not in done.stderr
    written = [done.stdout, done.stderr, *(path.read_text() for path in tmp_path.iterdir())]
    if operation in {"ListBuckets", "DescribeKey"}:
        assert any("[redacted]" in text for text in written)  # something of the message has come through
    for text in written:
        for secret in (SECRET_KEY, TOKEN, TOKEN[:20], ACCESS_KEY, "Signature=0", "Credential=AKIA"):
            assert secret not in text
        assert not [
            word for word in text.replace("=", " ").split() if len(word) == 64 and set(word) <= set("0123456789abcdef")
        ]


@pytest.mark.parametrize("url", ["http://user:pa55word@127.0.0.1:9", "https://pa55word@localhost", "//u:pa55word@h"])
def test_an_endpoint_url_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    """Before anything is sent anywhere."""
    done = s3audit("run", "--endpoint-url", url)
    assert done.returncode == 2
    assert "pa55word" not in done.stderr + done.stdout
    assert "endpoint URL" in done.stderr
    with pytest.raises(UsageError) as refused:
        Options(endpoint_url=url)
    assert "pa55word" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY"])
def test_the_password_of_a_proxy_is_not_shown(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there, and the error says so without it."""
    monkeypatch.setenv(variable, "http://user:pa55word@127.0.0.1:9")
    endpoint = "http://127.0.0.2:9" if variable == "HTTP_PROXY" else "https://127.0.0.2:9"
    arguments = ("--endpoint-url", endpoint, "-v", "--max-attempts", "2", "-o", tmp_path / "report.csv")
    done = s3audit("run", *arguments)
    assert done.returncode == 4
    assert "no connection" in done.stderr
    assert "pa55word" not in done.stderr + done.stdout


def test_the_password_in_an_endpoint_of_the_environment_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK reads that one by itself, and names it in its errors."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:pa55word@127.0.0.1:9")
    done = s3audit("run", "-v", "--max-attempts", "2", "-o", tmp_path / "report.csv")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "pa55word" not in done.stderr + done.stdout
