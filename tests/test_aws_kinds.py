"""Directory, table and vector buckets against the loopback stub: what is asked on the wire, and what becomes of it."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aioboto3
import pytest
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, EndpointConnectionError

import s3audit_async
from benchmarks.stub import (
    Behaviour,
    ErrorAnswer,
    Fault,
    Garbage,
    Request,
    Reset,
    StubAccount,
    StubAws,
    StubBucket,
    StubKey,
    StubOther,
    StubRule,
    Truncated,
    internal,
)
from benchmarks.stub.others import ENABLED
from s3audit_async.aws.gateway import open_gateway
from s3audit_async.aws.kinds import known_regions, names_no_host
from s3audit_async.errors import CallError, CredentialsError, ListingError
from s3audit_async.model import Kind, Notice, Operation, Unlisted
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from s3audit_async.model import Row

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
ALL = frozenset(Kind)
OTHERS = (
    StubOther("directory", "fast--use1-az4--x-s3", algorithm="aws:kms", key=KEY),
    StubOther("directory", "plain--euw1-az1--x-s3", "eu-west-1"),
    StubOther("table", "tables", algorithm="aws:kms", key=KEY),
    StubOther("table", "tables", "eu-west-1"),
    StubOther("vector", "vectors", "eu-west-1", algorithm=None),
    StubOther("vector", "vectors", algorithm="aws:kms", key=KEY),
)
ACCOUNT = StubAccount(
    buckets=[StubBucket("tables", rules=(StubRule("aws:kms", KEY, bucket_key=True),))],
    keys=[StubKey(KEY)],
    others=OTHERS,
)


class Told(Observer):
    """Keeps what is told of listings."""

    def __init__(self) -> None:
        self.missing: list[Unlisted] = []
        self.texts: list[str] = []

    def unlisted(self, unlisted: Unlisted) -> None:
        self.missing.append(unlisted)

    def noticed(self, notice: Notice) -> None:
        self.texts.append(f"{notice.operation} in {notice.region}: {notice.text}")


async def audit(stub: StubAws, observer: Observer | None = None, **options: object) -> list[Row]:
    """Audit a stub account, after checking that nothing but reads was asked, and nothing that it does not speak."""
    chosen = Options(endpoint_url=stub.url, **{"kinds": ALL, **options})  # type: ignore[arg-type]
    async with s3audit_async.audit(aioboto3.Session(), chosen, observer=observer) as stream:
        rows = [row async for row in stream]
    assert (stub.stats.writes, stub.stats.unknown, stub.stats.predefined_aliases) == (0, 0, ())
    wait_until(lambda: not stub.stats.open_connections, what="all connections closed")
    return rows


def told_of(rows: list[Row]) -> list[tuple[str, str, str | None, str, str, bool | None]]:
    return sorted((row.kind.value, row.bucket, row.region, row.mode, row.key_type, row.bucket_key) for row in rows)


async def test_every_bucket_of_every_kind_has_one_row_and_a_shared_key_is_asked_once() -> None:
    with StubAws(ACCOUNT) as stub:
        rows = await audit(stub)
        calls = dict(stub.stats.calls)

    assert told_of(rows) == [
        ("directory", "fast--use1-az4--x-s3", "us-east-1", KEY, "CUSTOMER", True),
        ("directory", "plain--euw1-az1--x-s3", "eu-west-1", "AES256", "N/A", True),
        ("general", "tables", "us-east-1", KEY, "CUSTOMER", True),
        ("table", "tables", "eu-west-1", "AES256", "N/A", None),
        ("table", "tables", "us-east-1", KEY, "CUSTOMER", None),
        ("vector", "vectors", "eu-west-1", "AES256", "N/A", None),
        ("vector", "vectors", "us-east-1", KEY, "CUSTOMER", None),
    ]
    assert calls == {
        "ListBuckets": 1,
        "ListRegions": 1,
        "ListDirectoryBuckets": 2,
        "ListTableBuckets": 2,
        "ListVectorBuckets": 2,
        "GetBucketEncryption": 1,
        "GetDirectoryBucketEncryption": 2,
        "GetTableBucketEncryption": 2,
        "GetVectorBucket": 2,
        "DescribeKey": 1,
        "GetCallerIdentity": 1,
    }


async def test_pages_are_followed_to_the_end() -> None:
    """Of regions, too, of which there are two pages here."""
    others = [StubOther("vector", f"vectors-{number:03d}") for number in range(501)]
    regions = {f"as-test-{number}": "DISABLED" for number in range(50)} | {"us-east-1": "ENABLED"}
    with StubAws(StubAccount(others=others, regions=regions)) as stub:
        rows = await audit(stub, kinds={Kind.VECTOR})
        assert sorted(row.bucket for row in rows) == [each.name for each in others]
        assert (stub.stats.calls["ListVectorBuckets"], stub.stats.calls["ListRegions"]) == (2, 2)


async def test_only_enabled_regions_are_asked() -> None:
    regions = {"us-east-1": ENABLED, "eu-west-1": "ENABLED", "ap-east-1": "DISABLED", "me-south-1": "DISABLING"}
    with StubAws(replace(ACCOUNT, regions=regions)) as stub:
        await audit(stub, kinds={Kind.TABLE}, exclude_regions=frozenset({"eu-west-1"}))
        assert stub.stats.calls["ListTableBuckets"] == 1


async def test_a_prefix_is_sent_where_it_can_be_and_applied_everywhere() -> None:
    with StubAws(ACCOUNT) as stub:
        rows = await audit(stub, prefix="ta")
    assert {(row.kind, row.bucket) for row in rows} == {(Kind.GENERAL, "tables"), (Kind.TABLE, "tables")}


async def test_general_purpose_buckets_alone_are_asked_about_as_ever() -> None:
    with StubAws(ACCOUNT) as stub:
        await audit(stub, kinds={Kind.GENERAL}, identify=False)
        assert dict(stub.stats.calls) == {"ListBuckets": 1, "GetBucketEncryption": 1, "DescribeKey": 1}


@pytest.mark.parametrize(
    "fault",
    [
        ErrorAnswer(501, "NotImplemented", "no"),
        ErrorAnswer(404, "UnknownOperationException", ""),
        ErrorAnswer(405, "MethodNotAllowed", ""),
        ErrorAnswer(400, "InvalidAction", ""),
        ErrorAnswer(404, "NoSuchBucket", "buckets"),
        ErrorAnswer(400, "AuthorizationHeaderMalformed", "incorrect service"),
    ],
    ids=lambda fault: fault.code,
)
async def test_a_kind_that_is_not_offered_is_a_notice(fault: ErrorAnswer) -> None:
    def hook(request: Request) -> Fault | None:
        return fault if request.operation == "ListTableBuckets" else None

    told = Told()
    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        rows = await audit(stub, told)
    assert {row.kind for row in rows} == {Kind.GENERAL, Kind.DIRECTORY, Kind.VECTOR}
    assert told.missing == []
    assert sorted(told.texts) == [
        f"ListTableBuckets in {region}: no table buckets there ({fault.code})" for region in ("eu-west-1", "us-east-1")
    ]


@pytest.mark.parametrize(
    "fault",
    [
        ErrorAnswer(301, "PermanentRedirect", headers=(("x-amz-bucket-region", "eu-west-1"),)),
        ErrorAnswer(400, "AuthorizationHeaderMalformed", region="eu-west-1"),
        ErrorAnswer(400, "IllegalLocationConstraintException"),
    ],
    ids=lambda fault: fault.code,
)
async def test_no_redirect_of_directory_buckets_is_followed_unseen(fault: ErrorAnswer) -> None:
    """The SDK would ask once more within a call, at another region's endpoint, or stumble over a listing."""

    def hook(request: Request) -> Fault | None:
        return fault

    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        async with open_gateway(aioboto3.Session(), Options(endpoint_url=stub.url), user_agent="test") as gateway:
            with pytest.raises(CallError) as listed:
                await gateway.list_directory_buckets("us-east-1", token=None)
            with pytest.raises(CallError) as read:
                await gateway.get_directory_bucket_encryption("fast--use1-az4--x-s3", "us-east-1")
            assert (listed.value.code, read.value.code) == (fault.code, fault.code)
            assert stub.stats.calls.total() == 2


async def test_a_store_that_lists_its_usual_buckets_has_no_directory_buckets() -> None:
    def hook(request: Request) -> Fault | None:
        body = (
            b"<ListAllMyBucketsResult><Buckets><Bucket><Name>usual</Name></Bucket></Buckets></ListAllMyBucketsResult>"
        )
        return Garbage(body) if request.operation == "ListDirectoryBuckets" else None

    told = Told()
    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        rows = await audit(stub, told, kinds={Kind.GENERAL, Kind.DIRECTORY})
    assert [row.bucket for row in rows] == ["tables"]
    assert len(told.texts) == 2
    assert told.missing == []


@pytest.mark.parametrize("operation", ["ListDirectoryBuckets", "ListTableBuckets", "ListVectorBuckets"])
async def test_a_listing_that_is_denied_is_told_and_all_else_has_its_rows(operation: str) -> None:
    told = Told()
    with StubAws(ACCOUNT, Behaviour(denied={(operation, "eu-west-1")})) as stub:
        rows = await audit(stub, told)
    (missing,) = told.missing
    assert missing.region == "eu-west-1"
    assert missing.code in {"AccessDenied", "AccessDeniedException"}
    assert len(rows) == len(OTHERS)
    assert (missing.kind, "eu-west-1") not in {(row.kind, row.region) for row in rows}


async def test_a_kind_that_may_be_listed_nowhere_ends_the_run() -> None:
    with (
        StubAws(ACCOUNT, Behaviour(denied={"ListTableBuckets"})) as stub,
        pytest.raises(ListingError, match="may not list the account's table buckets in any region") as raised,
    ):
        await audit(stub, kinds={Kind.TABLE})
    assert "--kinds table" in raised.value.hint


async def test_where_regions_are_not_told_those_of_the_partition_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of China's, as it has but two."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
    told = Told()
    chinese = StubAccount(partition="aws-cn", others=[StubOther("vector", "vectors", "cn-northwest-1")])
    with StubAws(chinese, Behaviour(denied={"ListRegions"})) as stub:
        rows = await audit(stub, told, kinds={Kind.VECTOR})
        assert stub.stats.calls["ListVectorBuckets"] == 2
    assert [(row.bucket, row.region) for row in rows] == [("vectors", "cn-northwest-1")]
    assert told.missing == []
    assert "asking the 2 that are known" in told.texts[0]


async def test_a_region_that_takes_no_such_credentials_is_not_enabled_if_nobody_said_it_is() -> None:
    def hook(request: Request) -> Fault | None:
        refused = request.operation == "ListVectorBuckets" and request.region == "eu-west-1"
        return ErrorAnswer(403, "UnrecognizedClientException", "no") if refused else None

    told = Told()
    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        await audit(stub, told, kinds={Kind.VECTOR}, include_regions=frozenset({"us-east-1", "eu-west-1"}))
        assert told.missing == []
        await audit(stub, told, kinds={Kind.VECTOR})
    assert [(each.region, each.code) for each in told.missing] == [("eu-west-1", "UnrecognizedClientException")]


async def test_credentials_that_nobody_takes_end_the_run() -> None:
    def hook(_request: Request) -> Fault | None:
        return ErrorAnswer(403, "InvalidClientTokenId", "no")

    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub, pytest.raises(CredentialsError):
        await audit(stub, kinds={Kind.TABLE})


async def test_faults_cost_no_bucket_its_row() -> None:
    def hook(request: Request) -> Fault | None:
        return None if request.operation == "GetCallerIdentity" or request.nth > 2 else internal(request)

    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        rows = await audit(stub)
    assert len(told_of(rows)) == len(OTHERS) + 1
    assert not [row for row in rows if row.error]


@pytest.mark.parametrize("name", ["tables", "vectors"])
async def test_a_bucket_that_is_gone_since_is_asked_for_twice(name: str) -> None:
    def hook(request: Request) -> Fault | None:
        gone = name[:-1] in request.operation.lower() and request.operation.startswith("Get")
        return ErrorAnswer(404, "NotFoundException", "no") if gone else None

    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        rows = await audit(stub, kinds={Kind.TABLE, Kind.VECTOR})
    gone = [row for row in rows if row.bucket == name]
    assert {(row.mode, row.key_type, row.findings) for row in gone} == {("NoSuchBucket", "Unknown", ())}


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"tableBuckets": ["x"]}',
        b'{"tableBuckets": [{"name": "x"}]}',
        b'{"tableBuckets": [{"name": "x", "arn": "arn:aws:s3tables:us-east-1:123456789012:bucket/y"}]}',
        b'{"tableBuckets": [{"name": "x", "arn": "arn:aws:s3tables:a.b:123456789012:bucket/x"}]}',
        b'{"tableBuckets": [{"name": 1, "arn": 2}]}',
        b'{"tableBuckets": [{"name": "x\\u001b", "arn": "arn:aws:s3tables:us-east-1:123456789012:bucket/x\\u001b"}]}',
        b'{"tableBuckets": [], "continuationToken": ' + b'"' + b"x" * 3000 + b'"}',
        b"<html>",
    ],
)
async def test_a_listing_that_is_none_is_told_as_not_listed(body: bytes) -> None:
    def hook(request: Request) -> Fault | None:
        return Garbage(body) if request.operation == "ListTableBuckets" else None

    told = Told()
    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        await audit(stub, told, kinds={Kind.GENERAL, Kind.TABLE}, max_attempts=1, include_regions={"us-east-1"})
    assert [each.code for each in told.missing] == ["InvalidResponse"]


async def test_a_server_that_repeats_a_token_is_told_as_not_listed() -> None:
    def hook(request: Request) -> Fault | None:
        again = b'{"tableBuckets": [], "continuationToken": "dGFi"}'
        return Garbage(again) if request.operation == "ListTableBuckets" else None

    told = Told()
    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        await audit(stub, told, kinds={Kind.TABLE}, include_regions={"us-east-1"})
    assert [each.code for each in told.missing] == ["ContinuationTokenRepeated"]


async def test_a_directory_listing_that_repeats_what_was_sent_is_at_its_end() -> None:
    """The model says that the token of the request comes back with the answer."""

    def hook(request: Request) -> Fault | None:
        tag = "ListAllMyDirectoryBucketsResult"
        page = f"<{tag}><Buckets/><ContinuationToken>a</ContinuationToken></{tag}>".encode()
        return Garbage(page) if request.operation == "ListDirectoryBuckets" else None

    told = Told()
    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        await audit(stub, told, kinds={Kind.DIRECTORY}, include_regions={"us-east-1"})
        assert stub.stats.calls["ListDirectoryBuckets"] == 2
    assert told.missing == []


async def test_an_endpoint_that_stands_for_all_regions_has_each_bucket_once() -> None:
    page = b'{"tableBuckets": [{"name": "one", "arn": "arn:aws:s3tables:us-east-1:123456789012:bucket/one"}, '
    page += b'{"name": "two", "arn": "arn:aws:s3tables:local:123456789012:bucket/two"}]}'

    def hook(request: Request) -> Fault | None:
        return Garbage(page) if request.operation == "ListTableBuckets" else None

    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        rows = await audit(stub, kinds={Kind.TABLE})
    assert sorted((row.bucket, row.region) for row in rows) == [("one", "us-east-1"), ("two", "local")]


async def test_a_named_directory_bucket_is_asked_about_as_one_in_the_region_of_its_zone() -> None:
    with StubAws(ACCOUNT) as stub:
        rows = await audit(stub, kinds={Kind.GENERAL}, buckets=("tables", "plain--euw1-az1--x-s3"))
        assert stub.stats.calls["GetDirectoryBucketEncryption"] == 1
        assert stub.asked("GetBucketLocation", "plain--euw1-az1--x-s3") == 0
    assert [row[:3] for row in told_of(rows)] == [
        ("directory", "plain--euw1-az1--x-s3", "eu-west-1"),
        ("general", "tables", "us-east-1"),
    ]


def test_a_host_that_does_not_exist_is_told_from_one_that_cannot_be_reached() -> None:
    def failed(errno: int) -> CallError:
        error = CallError(Operation.LIST_TABLE_BUCKETS, "*", "eu-west-1", code="EndpointUnreachable")
        error.__cause__ = EndpointConnectionError(endpoint_url="x", error=socket.gaierror(errno, "no"))
        return error

    assert names_no_host(failed(socket.EAI_NONAME))
    assert not names_no_host(failed(socket.EAI_AGAIN))
    assert not names_no_host(CallError(Operation.LIST_TABLE_BUCKETS, "*", "r", code="EndpointUnreachable"))


@pytest.mark.parametrize(
    ("errno", "code"), [(socket.EAI_NONAME, "NoSuchHost"), (socket.EAI_AGAIN, "EndpointUnreachable")]
)
async def test_what_the_name_look_up_says_comes_through_the_sdk(
    errno: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(errno, "no")

    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    async with open_gateway(aioboto3.Session(), Options(), user_agent="test") as gateway:
        for ask in (
            gateway.list_directory_buckets("eu-west-1", token=None),
            gateway.list_table_buckets("eu-west-1", token=None, prefix=None),
            gateway.list_vector_buckets("eu-west-1", token=None, prefix=None),
        ):
            with pytest.raises(CallError) as raised:
                await ask
            assert raised.value.code == code


async def test_the_regions_of_a_partition_are_known_and_a_region_of_nobody_stands_alone() -> None:
    session = AioSession()
    assert {"us-east-1", "eu-west-1"} <= set(await known_regions(session, "us-east-1"))
    assert "us-east-1" in await known_regions(session, "aws-global")
    assert set(await known_regions(session, "cn-north-1")) == {"cn-north-1", "cn-northwest-1"}
    assert await known_regions(session, "RegionOne") == ("RegionOne",)


@pytest.mark.parametrize("operation", ["GetDirectoryBucketEncryption", "GetTableBucketEncryption", "GetVectorBucket"])
@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        (ErrorAnswer(403, "AccessDeniedException", "no"), "AccessDenied"),
        (ErrorAnswer(500, "InternalServerException", "no"), "InternalServerException"),
        (ErrorAnswer(400, "NewThisYear", "no"), "NewThisYear"),
        (Reset(), "ConnectionClosed"),
        (Truncated(), "ConnectionClosed"),
        (Garbage(b"<html>"), "InvalidResponse"),
        (Garbage(b"{}"), "InvalidResponse"),
        (Garbage(b'{"encryptionConfiguration": {}, "vectorBucket": []}'), "InvalidResponse"),
        (
            Garbage(b'{"encryptionConfiguration": {"sseAlgorithm": "aws:kms"}, "vectorBucket": {"x": 1, '
                    b'"encryptionConfiguration": {"sseType": "aws:kms"}}}'),
            "InvalidResponse",
        ),
    ],
)  # fmt: skip
async def test_a_bucket_that_cannot_be_read_has_its_row(operation: str, fault: Fault, mode: str) -> None:
    def hook(request: Request) -> Fault | None:
        return fault if request.operation == operation else None

    with StubAws(ACCOUNT, Behaviour(faults=hook)) as stub:
        rows = await audit(stub, max_attempts=2, include_regions={"us-east-1"})
    assert len(rows) == 4
    failed = [row for row in rows if row.error]
    assert [(row.mode, row.key_type, row.bucket_key) for row in failed] == [(mode, "Unknown", None)]
    assert failed[0].error is not None
    assert failed[0].error.operation == operation


class _NotSentError(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """Raised in the place of sending."""


@pytest.mark.parametrize(("home", "ending"), [("eu-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")])
@pytest.mark.parametrize("style", ["path", "virtual"])
async def test_each_kind_is_asked_about_at_its_own_host(
    home: str, ending: str, style: str, monkeypatch: pytest.MonkeyPatch, isolated: Path
) -> None:
    """With the run's own credentials, no session for a bucket, and no owner expected, which is 501 there."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    config = isolated / ".aws" / "config"
    config.parent.mkdir()
    config.write_text(f"[default]\ns3 =\n  addressing_style = {style}\n")
    sent: list[tuple[str, str]] = []

    def stop(request: Any, **_: object) -> None:
        assert not {"x-amz-expected-bucket-owner", "x-amz-s3session-token"} & {name.lower() for name in request.headers}
        service = request.headers["Authorization"].decode().split("/")[3]
        sent.append((service, request.url.partition("?")[0]))
        raise _NotSentError

    session = aioboto3.Session(region_name=home)
    session._session.get_component("event_emitter").register("before-send", stop)
    async with open_gateway(session, Options(), user_agent="test") as gateway:
        arn = f"arn:aws:s3tables:{home}:123456789012:bucket/tables"
        for ask in (
            gateway.list_directory_buckets(home, token=None),
            gateway.get_directory_bucket_encryption("fast--use1-az4--x-s3", home),
            gateway.list_table_buckets(home, token=None, prefix="x"),
            gateway.get_table_bucket_encryption(arn, home),
            gateway.list_vector_buckets(home, token=None, prefix=""),
            gateway.get_vector_bucket_encryption("vectors", home),
            gateway.list_regions(token=None),
        ):
            with pytest.raises(CallError):
                await ask
    quoted = arn.replace(":", "%3A").replace("/", "%2F")
    control, tables = f"https://s3express-control.{home}.{ending}", f"https://s3tables.{home}.{ending}"
    vectors = f"https://s3vectors.{home}.api.{'aws' if ending == 'amazonaws.com' else 'amazonwebservices.com.cn'}"
    assert sent[:6] == [
        ("s3express", f"{control}/"),
        ("s3express", f"{control}/fast--use1-az4--x-s3"),
        ("s3tables", f"{tables}/buckets"),
        ("s3tables", f"{tables}/buckets/{quoted}/encryption"),
        ("s3vectors", f"{vectors}/ListVectorBuckets"),
        ("s3vectors", f"{vectors}/GetVectorBucket"),
    ]
    assert sent[6][0] == "account"
