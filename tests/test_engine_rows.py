"""Every listed bucket yields exactly one row, within the limits, whatever each call comes to."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.classify import is_unresolved
from s3audit_async.errors import CredentialsError, S3AuditError, TransportCode
from s3audit_async.model import Bucket, Key, Operation
from s3audit_async.options import Options
from s3audit_async.stats import RunStats
from tests import virtual_time
from tests.fakes import HOME, FakeGateway, arn, audited, error, kms, names, several, stream

ENCRYPTION = Operation.GET_BUCKET_ENCRYPTION

CODES = [
    None,
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationHeaderMalformed",
    "InternalError",
    "InvalidArnException",
    "MethodNotAllowed",
    "NoSuchBucket",
    "NotFoundException",
    "PermanentRedirect",
    "SlowDown",
    "ThrottlingException",
    "EndpointUnreachable",
    "InvalidResponse",
    "defect",
]


@given(data=st.data(), count=st.integers(0, 12), limit=st.integers(1, 6), attempts=st.integers(1, 3))
@settings(max_examples=120, deadline=None)
def test_any_outcome_of_any_call_gives_one_row_a_bucket_within_the_limit(
    data: st.DataObject, count: int, limit: int, attempts: int
) -> None:
    """Whatever each call comes to, each bucket has one row, and no more calls are out than allowed."""
    regions = st.sampled_from([None, HOME, "eu-west-1"])
    buckets = [Bucket(f"b-{number}", data.draw(regions)) for number in range(count)]
    outcomes = data.draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=40))
    asked = 0

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        nonlocal asked
        if operation is Operation.LIST_BUCKETS:
            return
        code = outcomes[asked % len(outcomes)]
        asked += 1
        if code == "defect":
            raise ZeroDivisionError("a defect")
        if code is not None:
            raise error(operation, target, code)

    gateway = FakeGateway(
        buckets,
        rules={bucket.name: kms(arn(index % 3, "eu-west-1")) for index, bucket in enumerate(buckets)},
        fault=fault,
    )
    options = Options(max_concurrency=limit, max_attempts=attempts, page_size=5)

    rows = virtual_time.run(lambda: audited(gateway, options))

    assert names(rows) == names(buckets)
    assert gateway.peak <= limit
    assert gateway.closed


def test_a_defect_met_by_one_bucket_is_its_row_and_nobody_elses() -> None:
    """An exception nobody foresaw becomes that bucket's UnexpectedError."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is ENCRYPTION and target == "bucket-00001":
            raise ZeroDivisionError("division by zero")

    rows = virtual_time.run(lambda: audited(FakeGateway(several(3), fault=fault)))

    modes = {row.bucket: row.mode for row in rows}
    assert modes == {"bucket-00000": "AES256", "bucket-00001": "UnexpectedError", "bucket-00002": "AES256"}
    assert all(is_unresolved(row.mode, row.key_type) == (row.bucket == "bucket-00001") for row in rows)


def test_calls_are_buckets_plus_distinct_keys_plus_pages() -> None:
    """One GetBucketEncryption a bucket, one DescribeKey a key, one ListBuckets a page, and no others."""
    buckets = [Bucket(f"b-{number:04d}", ["us-east-1", "eu-west-1"][number % 2]) for number in range(1000)]
    rules = {bucket.name: kms(arn(number % 7)) for number, bucket in enumerate(buckets)}
    gateway = FakeGateway(buckets, rules)

    rows = virtual_time.run(lambda: audited(gateway, Options(page_size=100, max_concurrency=8, identify=False)))

    assert len(rows) == 1000
    assert gateway.calls == {ENCRYPTION: 1000, Operation.DESCRIBE_KEY: 7, Operation.LIST_BUCKETS: 10}


def test_a_timeout_of_the_gateways_own_is_not_said_to_be_ours() -> None:
    """Nobody has waited for as long as that."""

    async def fault(operation: Operation, _target: str, _region: str, _nth: int) -> None:
        if operation is ENCRYPTION:
            raise TimeoutError("of a file system")

    gateway = FakeGateway(several(1), fault=fault)
    (row,) = virtual_time.run(lambda: audited(gateway, Options(max_attempts=1, identify=False)))
    assert row.mode == TransportCode.UNEXPECTED
    assert "of a file system" in str(row.error)


def test_a_key_named_by_id_is_not_asked_again_by_its_arn() -> None:
    """What DescribeKey says of an id answers for the ARN too."""

    async def later(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is ENCRYPTION and target == "bucket-00001":
            await anyio.sleep(1)

    rules = {"bucket-00000": kms("an-id"), "bucket-00001": kms(arn(1))}
    gateway = FakeGateway(several(2), rules, keys={"an-id": Key("CUSTOMER", arn(1))}, fault=later)

    rows = virtual_time.run(lambda: audited(gateway))

    assert [row.key_type for row in rows] == ["CUSTOMER", "CUSTOMER"]
    assert gateway.calls[Operation.DESCRIBE_KEY] == 1


def test_a_denied_key_is_remembered_and_a_throttled_one_asked_again() -> None:
    """A denial is an answer and cached; a throttle is not one."""

    async def fault(operation: Operation, target: str, _region: str, nth: int) -> None:
        if operation is Operation.DESCRIBE_KEY and target == arn(1):
            raise error(operation, target, "AccessDeniedException")
        if operation is Operation.DESCRIBE_KEY and nth < 3:
            raise error(operation, target, "ThrottlingException", status=400)

    rules = {f"bucket-{number:05d}": kms(arn(number % 2)) for number in range(20)}
    gateway = FakeGateway(several(20), rules, fault=fault)

    rows = virtual_time.run(lambda: audited(gateway))

    assert {(row.mode, row.key_type) for row in rows} == {(arn(0), "CUSTOMER"), (arn(1), "AccessDenied")}
    assert gateway.asked[Operation.DESCRIBE_KEY, arn(0)] == 3
    assert gateway.asked[Operation.DESCRIBE_KEY, arn(1)] == 1


@pytest.mark.parametrize(
    "reference", [None, "", "alias/aws/s3", "arn:aws-cn:kms:cn-north-1:1:alias/aws/s3", "alias/aws/x"]
)
def test_a_predefined_key_is_never_looked_up(reference: str | None) -> None:
    """KMS without a key, and alias/aws/*, are AWS-managed without a call: asking could create the key."""
    gateway = FakeGateway(several(1), {"bucket-00000": kms(reference)})

    (row,) = virtual_time.run(lambda: audited(gateway))

    assert (row.mode, row.key_type) == (reference or "alias/aws/s3", "AWS")
    assert gateway.calls[Operation.DESCRIBE_KEY] == 0


@pytest.mark.parametrize(
    ("reference", "asked_in"),
    [
        (arn(1, "ap-south-1"), "ap-south-1"),
        ("arn:aws-us-gov:kms:us-gov-west-1:1:key/x", "us-gov-west-1"),
        ("arn:aws:kms:mars-north-1:1:key/x", "mars-north-1"),
        ("12345678-0000-0000-0000-000000000000", "eu-west-1"),
        ("alias/mine", "eu-west-1"),
        ("arn:aws:kms:evil.example.com/:1:key/x", "eu-west-1"),
    ],
)
def test_a_key_is_asked_for_in_the_region_of_its_arn_else_the_buckets(reference: str, asked_in: str) -> None:
    """Whatever the partition or the age of the region; text that is no region never gets into a host name."""
    gateway = FakeGateway(several(1, "eu-west-1"), {"bucket-00000": kms(reference)})

    virtual_time.run(lambda: audited(gateway))

    assert (Operation.DESCRIBE_KEY, reference, asked_in) in gateway.asked_in


def test_no_such_bucket_is_believed_the_second_time() -> None:
    """A bucket that is gone once and there the next time has its row; one that stays gone says so."""

    async def fault(operation: Operation, target: str, _region: str, nth: int) -> None:
        if operation is ENCRYPTION and (target == "bucket-00000" or nth == 1):
            raise error(operation, target, "NoSuchBucket", status=404)

    gateway = FakeGateway(several(2), fault=fault)

    rows = virtual_time.run(lambda: audited(gateway))

    assert {row.bucket: (row.mode, row.key_type) for row in rows} == {
        "bucket-00000": ("NoSuchBucket", "Unknown"),
        "bucket-00001": ("AES256", "N/A"),
    }
    assert gateway.asked[ENCRYPTION, "bucket-00000"] == 2


def test_a_retry_waits_without_holding_a_slot() -> None:
    """With one slot, a bucket that has to wait a minute lets the others pass."""

    async def fault(operation: Operation, target: str, _region: str, nth: int) -> None:
        if target == "bucket-00000" and nth == 1:
            raise error(operation, target, "SlowDown", status=503, retry_after=60.0)

    rows = virtual_time.run(lambda: audited(FakeGateway(several(5), fault=fault), Options(max_concurrency=1)))

    assert rows[-1].bucket == "bucket-00000"
    assert len(rows) == 5


def test_attempts_are_bounded_and_the_last_code_is_the_answer() -> None:
    """After max_attempts the error code stands in the row."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is ENCRYPTION:
            raise error(operation, target, "InternalError", status=500)

    gateway = FakeGateway(several(1), fault=fault)
    stats = RunStats()

    (row,) = virtual_time.run(lambda: audited(gateway, Options(max_attempts=4), stats))

    assert (row.mode, row.key_type) == ("InternalError", "Unknown")
    assert gateway.calls[ENCRYPTION] == 4
    assert (stats.retries, stats.errors["InternalError"]) == (3, 4)


def test_an_attempt_that_hangs_is_given_up() -> None:
    """An answer that never comes is a ReadTimeout, however the transport behaves."""

    async def fault(operation: Operation, _target: str, _region: str, _nth: int) -> None:
        if operation is ENCRYPTION:
            await anyio.sleep_forever()

    gateway = FakeGateway(several(1), fault=fault)

    (row,) = virtual_time.run(lambda: audited(gateway, Options(max_attempts=2, timeout=7)))

    assert row.mode == "ReadTimeout"


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_credentials_that_stop_working_end_the_run_after_the_rows_that_are_ready(code: str) -> None:
    """Nobody's row can be had any more, so the run ends; what was audited is delivered first."""

    async def fault(operation: Operation, target: str, _region: str, _nth: int) -> None:
        worked = operation is Operation.LIST_BUCKETS and gateway.calls[ENCRYPTION] == 0
        if not worked and target >= "bucket-00003" and operation is not Operation.GET_CALLER_IDENTITY:
            raise error(operation, target, code, status=403)

    gateway = FakeGateway(several(6), fault=fault)
    gateway.latency = lambda operation, _region: 0.01 if operation is not Operation.LIST_BUCKETS else 0.0
    seen: list[str] = []

    async def main() -> None:
        async with stream(gateway, Options(max_concurrency=1)) as rows:
            async for row in rows:
                seen.append(row.bucket)  # noqa: PERF401 - the iteration raises

    async def home_refuses_too(operation: Operation, target: str, region: str, nth: int) -> None:
        if operation is Operation.LIST_BUCKETS and gateway.calls[ENCRYPTION]:
            raise error(operation, target, code, status=403)
        await fault(operation, target, region, nth)

    gateway.fault = home_refuses_too
    with pytest.raises(CredentialsError, match=code):
        virtual_time.run(main)
    assert seen == ["bucket-00000", "bucket-00001", "bucket-00002"]


def test_credentials_refused_by_one_region_only_are_that_buckets_row() -> None:
    """A region disabled in the account may say InvalidAccessKeyId; the others go on."""

    async def fault(operation: Operation, target: str, region: str, _nth: int) -> None:
        if region == "me-south-1":
            raise error(operation, target, "InvalidAccessKeyId", status=403)

    buckets = [*several(3), *several(3, "me-south-1", "far")]
    gateway = FakeGateway(buckets, fault=fault)

    rows = virtual_time.run(lambda: audited(gateway))

    assert {row.mode for row in rows if row.bucket.startswith("far")} == {"InvalidAccessKeyId"}
    assert names(rows) == names(buckets)
    assert gateway.calls[Operation.LIST_BUCKETS] == 2  # the listing, and one check for the region


def test_an_unknown_account_costs_a_cell_not_the_rows() -> None:
    """GetCallerIdentity may be denied or hang: the rows come, without an account."""

    async def hang(operation: Operation, _target: str, _region: str, _nth: int) -> None:
        if operation is Operation.GET_CALLER_IDENTITY:
            await anyio.sleep_forever()

    async def deny(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is Operation.GET_CALLER_IDENTITY:
            raise error(operation, target, "AccessDenied", status=403)

    for fault in (hang, deny):
        gateway = FakeGateway(several(3), fault=fault)
        rows = virtual_time.run(lambda gateway=gateway: audited(gateway))  # type: ignore[misc]
        assert [row.account for row in rows] == [None, None, None]


def test_errors_of_the_engine_are_of_one_tree() -> None:
    """A caller can catch S3AuditError and have caught everything raised on purpose."""
    assert issubclass(CredentialsError, S3AuditError)
