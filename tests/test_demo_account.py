from __future__ import annotations

import http.client
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from s3audit_async.demo.account import plan
from s3audit_async.demo.environment import environment, isolated_environment
from s3audit_async.demo.records import ACCOUNT, REGIONS, DemoBucket
from s3audit_async.demo.server import DemoServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPECIAL = plan(28)
BUCKETS = 90

# The rows of the report's table, as (mode, key type) with what is not fixed left out.
ROWS: dict[str, Callable[[DemoBucket], bool]] = {
    "SSE-S3": lambda b: (b.mode, b.key_type) == ("AES256", "N/A"),
    "customer key by ARN": lambda b: b.mode.startswith("arn:") and b.key_type == "CUSTOMER",
    "AWS key by ARN": lambda b: b.mode.startswith("arn:") and b.key_type == "AWS",
    "key by alias": lambda b: b.mode.startswith("alias/") and b.key_type == "CUSTOMER",
    "key by id": lambda b: b.mode.count("-") == 4 and len(b.mode) == 36,
    "dsse": lambda b: b.encryption is not None and b.encryption.algorithm == "aws:kms:dsse",
    "KMS, no key": lambda b: (
        b.encryption is not None and b.encryption.key_reference is None and b.mode == "alias/aws/s3"
    ),
    "DescribeKey denied": lambda b: b.key_type == "AccessDenied",
    "key does not exist": lambda b: b.key_type == "KeyNotFound",
    "DescribeKey fails": lambda b: b.key_type == "KMSInternalException",
    "no configuration": lambda b: b.cells[1:] == ("SSEConfigNotFound", "N/A", ""),
    "GetBucketEncryption denied": lambda b: b.cells[1:] == ("AccessDenied", "Unknown", ""),
    "bucket gone": lambda b: b.cells[1:] == ("NoSuchBucket", "Unknown", ""),
    "other failure": lambda b: b.cells[1:] == ("InternalError", "Unknown", ""),
    "newer algorithm": lambda b: b.mode == "aws:future" and b.key_type == "N/A",
    "Bucket Key on": lambda b: b.bucket_key == "True",
    "Bucket Key off": lambda b: b.bucket_key == "False",
    "Bucket Key never configured": lambda b: b.bucket_key == "" and b.key_type in {"CUSTOMER", "AWS"},
}


class Account:
    """The account as boto3 sees it: one client for each service and region, one attempt for each call."""

    def __init__(self, server: DemoServer, stack: ExitStack) -> None:
        self.server = server
        session = boto3.session.Session()
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})

        @cache
        def client(service: str, region: str = REGIONS[0]) -> Any:
            made = session.client(service, region_name=region, config=config, endpoint_url=server.url)
            stack.callback(made.close)
            return made

        self.client = client

    def rule(self, bucket: DemoBucket) -> dict[str, Any]:
        answer = self.client("s3", bucket.region).get_bucket_encryption(Bucket=bucket.name)
        (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
        assert isinstance(rule, dict)
        return rule

    def describe_key(self, reference: str, region: str) -> dict[str, Any]:
        described = self.client("kms", region).describe_key(KeyId=reference)["KeyMetadata"]
        assert isinstance(described, dict)
        return described

    def cells(self, bucket: DemoBucket) -> tuple[str, str, str, str]:
        """Audit one bucket as plainly as can be."""
        try:
            rule = self.rule(bucket)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "SlowDown":
                return self.cells(bucket)
            if code == "ServerSideEncryptionConfigurationNotFoundError":
                return (bucket.name, "SSEConfigNotFound", "N/A", "")
            return (bucket.name, code, "Unknown", "")
        default = rule["ApplyServerSideEncryptionByDefault"]
        bucket_key = str(rule.get("BucketKeyEnabled", ""))
        if not default["SSEAlgorithm"].startswith("aws:kms"):
            return (bucket.name, default["SSEAlgorithm"], "N/A", bucket_key)
        reference = default.get("KMSMasterKeyID", "alias/aws/s3")
        return (bucket.name, reference, self.key_type(reference, bucket.region), bucket_key)

    def key_type(self, reference: str, region: str) -> str:
        if reference.endswith("alias/aws/s3"):
            return "AWS"
        try:
            described = self.describe_key(
                reference, reference.split(":")[3] if reference.startswith("arn:") else region
            )
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            return {"AccessDeniedException": "AccessDenied", "NotFoundException": "KeyNotFound"}.get(code, code)
        return str(described["KeyManager"])


@contextmanager
def started(buckets: int) -> Iterator[Account]:
    with ExitStack() as stack:
        server = stack.enter_context(DemoServer(buckets))
        stack.enter_context(isolated_environment(server.url))
        yield Account(server, stack)


@pytest.fixture(scope="class")
def account() -> Iterator[Account]:
    with started(BUCKETS) as running:
        yield running


def bucket_of(case: str) -> DemoBucket:
    return next(bucket for bucket in SPECIAL if bucket.case == case)


def ask(server: DemoServer, method: str, target: str, region: str = REGIONS[0]) -> tuple[int, str, Any]:
    """Send one S3 request as bare HTTP: status, body and headers, before an SDK makes something of them."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    scope = f"AWS4-HMAC-SHA256 Credential=AKIADEMO/20261123/{region}/s3/aws4_request, SignedHeaders=host"
    try:
        connection.request(method, target, headers={"Authorization": scope})
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers
    finally:
        connection.close()


def test_plan_is_identical_each_time() -> None:
    assert plan(200) == plan(200)


def test_smaller_plan_is_the_beginning_of_a_larger_one() -> None:
    assert plan(50) == plan(500)[:50]


def test_plan_needs_a_bucket() -> None:
    with pytest.raises(ValueError, match="at least one"):
        plan(0)


def test_one_bucket_is_a_plan() -> None:
    assert [bucket.case for bucket in plan(1)] == ["sse-s3"]


@pytest.mark.parametrize("row", ROWS)
def test_24_buckets_show_every_row_of_the_report(row: str) -> None:
    assert any(map(ROWS[row], plan(24)))


def test_28_buckets_show_every_case_once() -> None:
    assert len({bucket.case for bucket in SPECIAL}) == 28
    assert {bucket.case for bucket in plan(2_000)} == {bucket.case for bucket in SPECIAL}


def test_names_are_unique_and_valid() -> None:
    names = [bucket.name for bucket in plan(2_000)]
    assert len(set(names)) == len(names)
    assert all(3 <= len(name) <= 63 and name.replace("-", "").isalnum() and name.islower() for name in names)


def test_ordinary_buckets_use_every_region_and_share_few_keys() -> None:
    ordinary = plan(1_000)[28:]
    assert {bucket.region for bucket in ordinary} == set(REGIONS)
    assert len({bucket.key for bucket in ordinary if bucket.key is not None}) == 2 * len(REGIONS)


class TestListing:
    def test_pages_bring_every_bucket_once_with_its_region(self, account: Account) -> None:
        pages = list(account.client("s3").get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 7}))
        listed = [bucket for page in pages for bucket in page["Buckets"]]
        assert len(pages) == -(-BUCKETS // 7)
        assert {b["Name"]: (b["BucketRegion"], b["CreationDate"]) for b in listed} == {
            b.name: (b.region, b.created) for b in account.server.buckets
        }
        assert [b["Name"] for b in listed] == sorted(b.name for b in account.server.buckets)

    def test_page_that_holds_the_last_bucket_has_no_token(self, account: Account) -> None:
        assert "ContinuationToken" not in account.client("s3").list_buckets(MaxBuckets=BUCKETS)

    def test_listing_without_parameters_brings_all_buckets_and_no_region(self, account: Account) -> None:
        buckets = account.client("s3").list_buckets()["Buckets"]
        assert len(buckets) == BUCKETS
        assert not any("BucketRegion" in bucket for bucket in buckets)

    def test_prefix_and_region_narrow_the_listing(self, account: Account) -> None:
        answer = account.client("s3").list_buckets(Prefix="acme-b", BucketRegion="eu-west-1", MaxBuckets=1000)
        wanted = {b.name for b in account.server.buckets if b.name.startswith("acme-b") and b.region == "eu-west-1"}
        assert wanted
        assert {bucket["Name"] for bucket in answer["Buckets"]} == wanted
        assert answer["Prefix"] == "acme-b"

    @pytest.mark.parametrize("query", ["max-buckets=0", "max-buckets=10001", "max-buckets=x", "continuation-token=!"])
    def test_invalid_page_is_refused(self, account: Account, query: str) -> None:
        status, body, _ = ask(account.server, "GET", f"/?{query}")
        assert (status, "<Code>InvalidArgument</Code>" in body) == (400, True)


class TestAnswers:
    @pytest.mark.parametrize("bucket", SPECIAL, ids=lambda bucket: bucket.case)
    def test_special_case_answers_as_planned(self, account: Account, bucket: DemoBucket) -> None:
        assert account.cells(bucket) == bucket.cells

    def test_every_other_bucket_answers_as_planned(self, account: Account) -> None:
        ordinary = account.server.buckets[len(SPECIAL) :]
        assert [account.cells(bucket) for bucket in ordinary] == [bucket.cells for bucket in ordinary]

    def test_bucket_key_that_was_never_configured_is_absent(self, account: Account) -> None:
        assert "BucketKeyEnabled" not in account.rule(bucket_of("kms-key-arn-bucket-key-absent"))
        assert account.rule(bucket_of("sse-s3"))["BucketKeyEnabled"] is False

    @pytest.mark.parametrize(("case", "kind"), [("sse-c-blocked", "SSE-C"), ("sse-c-allowed", "NONE")])
    def test_blocked_encryption_types_are_sent(self, account: Account, case: str, kind: str) -> None:
        bucket = bucket_of(case)
        _, body, _ = ask(account.server, "GET", f"/{bucket.name}?encryption", bucket.region)
        assert f"<BlockedEncryptionTypes><EncryptionType>{kind}</EncryptionType></BlockedEncryptionTypes>" in body

    @pytest.mark.parametrize(
        ("case", "state"), [("key-disabled", "Disabled"), ("key-pending-deletion", "PendingDeletion")]
    )
    def test_key_state_is_described(self, account: Account, case: str, state: str) -> None:
        bucket = bucket_of(case)
        described = account.describe_key(bucket.mode, bucket.region)
        assert (described["KeyState"], described["KeyManager"]) == (state, "CUSTOMER")
        assert ("DeletionDate" in described) is (state == "PendingDeletion")

    @pytest.mark.parametrize("case", ["kms-alias-name", "kms-alias-arn", "kms-key-id", "aws-managed-key-arn"])
    def test_reference_resolves_to_the_planned_key(self, account: Account, case: str) -> None:
        bucket = bucket_of(case)
        assert bucket.key is not None
        described = account.describe_key(bucket.mode, bucket.region)
        assert (described["Arn"], described["KeySpec"]) == (bucket.key.arn, "SYMMETRIC_DEFAULT")

    def test_key_of_another_account_names_its_owner(self, account: Account) -> None:
        bucket = bucket_of("key-of-another-account")
        described = account.describe_key(bucket.mode, bucket.region)
        assert described["Arn"] == bucket.mode
        assert described["AWSAccountId"] == bucket.mode.split(":")[4] != ACCOUNT

    def test_key_is_not_found_outside_its_own_region(self, account: Account) -> None:
        bucket = bucket_of("key-of-another-region")
        with pytest.raises(ClientError) as caught:
            account.describe_key(bucket.mode, bucket.region)
        assert caught.value.response["Error"]["Code"] == "NotFoundException"

    def test_caller_is_the_demo_account(self, account: Account) -> None:
        assert account.client("sts").get_caller_identity()["Account"] == ACCOUNT


class TestRegionsAndHeaders:
    def test_wrong_region_is_redirected(self, account: Account) -> None:
        bucket = bucket_of("kms-alias-name")
        status, body, headers = ask(account.server, "GET", f"/{bucket.name}?encryption", "us-east-1")
        assert (status, headers["x-amz-bucket-region"]) == (301, bucket.region)
        assert "<Code>PermanentRedirect</Code>" in body
        answer = account.client("s3", "us-east-1").get_bucket_encryption(Bucket=bucket.name)
        assert answer["ServerSideEncryptionConfiguration"] == {"Rules": [account.rule(bucket)]}

    @pytest.mark.parametrize("asked_in", ["eu-central-1", "us-east-1"])
    def test_head_names_the_region(self, account: Account, asked_in: str) -> None:
        bucket = bucket_of("kms-alias-name")
        status, body, headers = ask(account.server, "HEAD", f"/{bucket.name}", asked_in)
        assert status == (200 if asked_in == bucket.region else 301)
        assert (body, headers["x-amz-bucket-region"]) == ("", bucket.region)

    def test_location_is_given_in_any_region(self, account: Account) -> None:
        client = account.client("s3", "us-east-1")
        assert client.get_bucket_location(Bucket=bucket_of("kms-dsse").name)["LocationConstraint"] == "us-west-2"
        assert client.get_bucket_location(Bucket=bucket_of("sse-s3").name)["LocationConstraint"] is None

    def test_vanished_bucket_is_gone_for_every_operation(self, account: Account) -> None:
        bucket = bucket_of("bucket-vanished")
        targets = [("GET", "?encryption"), ("GET", "?location"), ("HEAD", "")]
        assert [ask(account.server, how, f"/{bucket.name}{rest}")[0] for how, rest in targets] == [404, 404, 404]

    @pytest.mark.parametrize("case", ["sse-s3", "bucket-access-denied", "sse-s3-bucket-key-absent", "no-configuration"])
    def test_s3_answers_carry_s3_request_ids(self, account: Account, case: str) -> None:
        bucket = bucket_of(case)
        _, _, headers = ask(account.server, "GET", f"/{bucket.name}?encryption", bucket.region)
        assert headers["x-amz-request-id"]
        assert headers["x-amz-id-2"]

    def test_connection_is_kept_open_between_requests(self, account: Account) -> None:
        connection = http.client.HTTPConnection(urlsplit(account.server.url).netloc)
        connection.connect()
        first = connection.sock
        for _ in range(3):
            connection.request("GET", "/")
            assert connection.getresponse().read()
        assert connection.sock is first
        connection.close()

    def test_failure_inside_the_application_is_an_answer(self, account: Account) -> None:
        status, _, headers = ask(account.server, "PATCH", f"/{SPECIAL[0].name}")
        assert (status, headers["Connection"]) == (500, "close")


def test_throttled_bucket_answers_at_the_second_request() -> None:
    throttled = next(bucket for bucket in plan(BUCKETS) if bucket.throttled_once)
    with DemoServer(BUCKETS) as server:
        answers = [ask(server, "GET", f"/{throttled.name}?encryption", throttled.region) for _ in range(3)]
    assert [status for status, _, _ in answers] == [503, 200, 200]
    assert "<Code>SlowDown</Code>" in answers[0][1]


def test_latency_is_waited_for() -> None:
    with DemoServer(1, latency_ms=30) as server:
        began = time.perf_counter()
        assert ask(server, "GET", "/")[0] == 200
        assert time.perf_counter() - began >= 0.03


def test_stop_leaves_no_thread_no_socket_and_no_output(capfd: pytest.CaptureFixture[str]) -> None:
    before = set(threading.enumerate())
    with DemoServer(5) as server:
        address = urlsplit(server.url)
        idle = socket.create_connection((address.hostname, address.port))
        assert ask(server, "GET", "/")[0] == 200
    assert idle.recv(1) == b""
    idle.close()
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))
    with pytest.raises(RuntimeError, match="not been started"):
        _ = server.url
    assert capfd.readouterr() == ("", "")


def test_client_that_hangs_up_is_no_event(capfd: pytest.CaptureFixture[str]) -> None:
    with DemoServer(5, latency_ms=20) as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port)) as impatient:
            # A reset at once, where a plain close would let the first answer be sent into the void.
            impatient.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            impatient.sendall(b"GET / HTTP/1.1\r\nHost: demo\r\n\r\n" * 3)
        with socket.create_connection((address.hostname, address.port)) as half:
            half.sendall(b"POST / HTTP/1.1\r\nHost: demo\r\nContent-Length: 10\r\n\r\nhalf")
        assert ask(server, "GET", "/")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_nothing_of_one_account_is_left_in_the_next() -> None:
    last = plan(40)[-1]
    for buckets, status in ((40, 200), (39, 404), (40, 200)):
        with DemoServer(buckets) as server:
            assert ask(server, "GET", f"/{last.name}?location")[0] == status


def test_second_account_at_a_time_is_refused() -> None:
    with DemoServer(1), pytest.raises(RuntimeError, match="running"), DemoServer(1):
        pass


def test_profile_that_does_not_exist_is_not_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with started(1) as account:
        assert account.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert os.environ["AWS_PROFILE"] == "no-such-profile"


def test_isolated_environment_puts_back_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "mine")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    before = dict(os.environ)
    with isolated_environment("http://127.0.0.1:1"):
        assert {name: os.environ[name] for name in environment("http://127.0.0.1:1")} == environment(
            "http://127.0.0.1:1"
        )
        assert "AWS_SESSION_TOKEN" not in os.environ
    assert dict(os.environ) == before


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_needs_neither_moto_nor_werkzeug() -> None:
    done = run_python(
        "import sys, s3audit_async.demo, s3audit_async.demo.account\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('moto', 'werkzeug', 'botocore')])"
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_missing_moto_is_told_with_what_to_install() -> None:
    done = run_python(
        "import sys\nsys.modules['moto'] = None\n"
        "from s3audit_async.demo.server import DemoServer, DemoUnavailableError\n"
        "try:\n    DemoServer(1).__enter__()\n"
        "except DemoUnavailableError as error:\n    print(error)"
    )
    assert "pip install 's3audit-async[demo]'" in done.stdout
    assert done.stderr == ""
