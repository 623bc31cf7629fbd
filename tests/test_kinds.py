"""What a bucket's kind changes in findings, in the calls that mend them, in reports, and in what has to be allowed."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name
from botocore.session import Session
from botocore.validate import ParamValidator

from s3audit_async.analysis.drift.gathering import gather
from s3audit_async.analysis.finished import open_report
from s3audit_async.analysis.plan import write_plan
from s3audit_async.analysis.summary import Summary
from s3audit_async.assessment import assess
from s3audit_async.classify import failure, row, unread_row
from s3audit_async.codes import is_not_enabled, is_not_offered
from s3audit_async.errors import CallError, UsageError
from s3audit_async.findings import Finding, find
from s3audit_async.findings.mending import plan, steps
from s3audit_async.model import Bucket, Encryption, Failure, Key, Kind, Operation, Row, name_in, skip_key
from s3audit_async.options import Options
from s3audit_async.permissions import iam_policy
from s3audit_async.references import bucket_arn, region_of_zone
from s3audit_async.sinks import make_sink
from s3audit_async.sinks.columns import WIDE
from s3audit_async.sinks.subjects import identity, subject_of
from tests.rows import ARN, DENIED, KMS, SSE_S3

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OTHERS = (Kind.DIRECTORY, Kind.TABLE, Kind.VECTOR)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
DIRECTORY = replace(SSE_S3, bucket="fast--euw1-az1--x-s3", kind=Kind.DIRECTORY, bucket_key=True, findings=())
TABLE = replace(SSE_S3, bucket="tables", kind=Kind.TABLE, bucket_key=None, findings=())
VECTOR = replace(TABLE, bucket="vectors", kind=Kind.VECTOR)
BY_KIND = {Kind.DIRECTORY: DIRECTORY, Kind.TABLE: TABLE, Kind.VECTOR: VECTOR}


def on_key(shown: Row) -> Row:
    """The same bucket, encrypted with a key."""
    kept = {"bucket": shown.bucket, "kind": shown.kind, "bucket_key": shown.bucket_key, "sse_c": None}
    return replace(KMS, **kept)  # type: ignore[arg-type]


# Findings.


@pytest.mark.parametrize("kind", OTHERS)
def test_bucket_keys_and_sse_c_are_findings_of_general_purpose_buckets_only(kind: Kind) -> None:
    key = Key("CUSTOMER", ARN)
    found = Encryption("aws:kms", ARN, bucket_key=None)
    assert find(found, key, bucket_region="eu-west-1", account=None) == ("bucket-key-off", "sse-c-not-blocked")
    assert find(found, key, kind=kind, bucket_region="eu-west-1", account=None) == ()
    assert find(Encryption("AES256"), None, kind=kind, bucket_region=None, account=None) == ("sse-s3-only",)


@pytest.mark.parametrize("kind", OTHERS)
def test_what_a_kind_cannot_have_is_not_unknown_of_it_either(kind: Kind) -> None:
    unread = assess(replace(DENIED, kind=kind))
    assert Finding.SSE_S3_ONLY in unread.unknown
    assert not {Finding.BUCKET_KEY_OFF, Finding.SSE_C_NOT_BLOCKED} & unread.unknown
    assert {Finding.BUCKET_KEY_OFF, Finding.SSE_C_NOT_BLOCKED} < assess(DENIED).unknown


def test_rows_have_the_kind_of_their_bucket() -> None:
    bucket = Bucket("b", "eu-west-1", kind=Kind.TABLE)
    made = row(bucket, Encryption("AES256"), None, account=None, audited_at=NOW)
    assert (made.kind, made.bucket_key, made.mode) == (Kind.TABLE, None, "AES256")
    why = Failure(Operation.GET_TABLE_BUCKET_ENCRYPTION, "AccessDeniedException")
    assert unread_row(bucket, why, account=None, audited_at=NOW).kind is Kind.TABLE


def test_bucket_keys_are_not_counted_where_there_are_none() -> None:
    summary = Summary()
    for shown in (KMS, on_key(TABLE), on_key(VECTOR), on_key(DIRECTORY)):
        summary.add(shown)
    assert summary.bucket_keys == {"on": 2}
    assert summary.as_dict()["kinds"] == {"general": 1, "directory": 1, "table": 1, "vector": 1}


# Error codes.


def call_error(operation: Operation, code: str, status: int | None = None) -> CallError:
    return CallError(operation, "b", "eu-west-1", code=code, status=status)


def test_a_bucket_that_is_not_there_is_one_thing_in_the_words_of_every_service() -> None:
    for operation in (Operation.GET_TABLE_BUCKET_ENCRYPTION, Operation.GET_VECTOR_BUCKET):
        assert failure(call_error(operation, "NotFoundException", 404)).code == "NoSuchBucket"
    assert failure(call_error(Operation.DESCRIBE_KEY, "NotFoundException", 400)).code == "NotFoundException"


def test_what_s3_says_of_a_request_for_another_service_counts_at_endpoints_that_are_not_aws() -> None:
    odd = call_error(Operation.LIST_TABLE_BUCKETS, "AuthorizationHeaderMalformed", 400)
    assert (is_not_offered(odd, of_aws=False), is_not_offered(odd, of_aws=True)) == (True, False)
    denied = call_error(Operation.LIST_TABLE_BUCKETS, "AccessDeniedException", 403)
    assert not is_not_offered(denied, of_aws=False)
    assert is_not_enabled("UnrecognizedClientException")
    assert not is_not_enabled("AccessDeniedException")


# Names.


def test_names_tell_general_and_directory_buckets_apart_and_others_with_their_region() -> None:
    assert skip_key(Kind.GENERAL, "eu-west-1", "b") == skip_key(Kind.DIRECTORY, None, "b") == "b"
    assert skip_key(Kind.TABLE, "eu-west-1", "b") == "table:eu-west-1:b"
    for kind in Kind:
        assert name_in(skip_key(kind, "eu-west-1", "b:c"), kind) == "b:c"


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("use1-az4", "us-east-1"),
        ("usw2-az1", "us-west-2"),
        ("apne1-az4", "ap-northeast-1"),
        ("aps1-az1", "ap-south-1"),
        ("eun1-az1", "eu-north-1"),
        ("cac1-az2", "ca-central-1"),
        ("usw2-lax1-az1", "us-west-2"),
        ("nowhere", None),
        ("use1-az", None),
    ],
)
def test_the_zone_in_a_name_tells_the_region(zone: str, region: str | None) -> None:
    assert region_of_zone(f"my-bucket--{zone}--x-s3") == region
    assert region_of_zone(f"my-bucket--{zone}") is None


# Calls, as the SDK's own models have them.


def validated(line: str) -> tuple[str, dict[str, Any]]:
    """The operation and parameters of a command of the AWS CLI, after the SDK's model has let them pass."""
    program, service, command, *words = shlex.split(line)
    assert program == "aws"
    model = Session().get_service_model({"s3api": "s3"}.get(service, service))
    operation = next(name for name in model.operation_names if xform_name(name, "-") == command)
    shape = model.operation_model(operation).input_shape
    names = {f"--{xform_name(name, '-')}": name for name in shape.members}
    options = dict(zip(words[::2], words[1::2], strict=True))
    region = options.pop("--region")
    assert region == "eu-west-1"
    parameters = {names[option]: json.loads(text) if text.startswith("{") else text for option, text in options.items()}
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()
    return operation, parameters


def commands(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if not line.startswith("#")]


def test_a_table_bucket_is_mended_by_the_call_of_s3_tables() -> None:
    (line,) = commands(steps(Finding.SSE_S3_ONLY, replace(TABLE, findings=("sse-s3-only",))))
    assert validated(line) == (
        "PutTableBucketEncryption",
        {
            "tableBucketARN": "arn:aws:s3tables:eu-west-1:111122223333:bucket/tables",
            "encryptionConfiguration": {"sseAlgorithm": "aws:kms", "kmsKeyArn": "KEY_ARN"},
        },
    )
    made = plan(replace(TABLE, findings=("sse-s3-only",)))
    assert made is not None
    assert made.call is not None
    assert made.call.startswith("aws s3tables put-table-bucket-encryption ")
    assert '"$KEY_ARN_eu_west_1"' in made.call


def test_a_table_bucket_without_an_account_has_no_arn_to_be_called_by() -> None:
    unknown = replace(TABLE, account=None, findings=("sse-s3-only",))
    assert commands(steps(Finding.SSE_S3_ONLY, unknown)) == []
    assert plan(unknown) is None


def test_a_directory_bucket_gets_its_first_key_and_keeps_it() -> None:
    (line,) = commands(steps(Finding.SSE_S3_ONLY, replace(DIRECTORY, findings=("sse-s3-only",))))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "KEY_ARN"}}
    assert validated(line) == (
        "PutBucketEncryption",
        {"Bucket": DIRECTORY.bucket, "ServerSideEncryptionConfiguration": {"Rules": [rule]}},
    )
    keyed = replace(on_key(DIRECTORY), findings=("key-not-found",))
    said, *lines = steps(Finding.KEY_NOT_FOUND, keyed)
    assert "keeps the first KMS key" in said
    assert [validated(line)[0] for line in lines] == ["GetBucketEncryption"]
    made = plan(keyed)
    assert made is not None
    assert (made.call, made.left) == (None, ("key-not-found",))


def test_the_encryption_of_a_vector_bucket_is_said_to_stay() -> None:
    for shown, finding in ((VECTOR, Finding.SSE_S3_ONLY), (on_key(VECTOR), Finding.KEY_NOT_FOUND)):
        found = replace(shown, findings=(finding,))
        said, *lines = steps(finding, found)
        assert "keeps the encryption that it is made with" in said
        assert [validated(line)[0] for line in lines] == ["GetVectorBucket"]
        made = plan(found)
        assert made is not None
        assert (made.call, made.left) == (None, (finding,))


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("finding", list(Finding))
def test_no_bucket_is_shown_a_call_of_another_kind(kind: Kind, finding: Finding) -> None:
    for shown in (BY_KIND[kind], on_key(BY_KIND[kind])):
        found = replace(shown, findings=(finding,))
        made = plan(found)
        for line in [*commands(steps(finding, found)), *([made.call] if made and made.call else [])]:
            assert ("s3api" in line) <= (kind is Kind.DIRECTORY), line
            assert ("s3tables" in line) <= (kind is Kind.TABLE), line
            assert ("s3vectors" in line) <= (kind is Kind.VECTOR), line
            assert "BlockedEncryptionTypes" not in line
            assert "BucketKeyEnabled" not in line


def test_whoever_cannot_be_read_is_given_the_commands_of_its_kind() -> None:
    denied = replace(DENIED, kind=Kind.TABLE, region="eu-west-1")
    assert steps(Finding.ENCRYPTION_UNREADABLE, denied) == ("s3audit iam-policy --kinds table",)
    assert steps(Finding.BUCKET_NOT_AUDITED, denied) == (
        "s3audit run --kinds table --prefix denied --include-region eu-west-1",
    )
    assert steps(Finding.BUCKET_NOT_AUDITED, replace(DIRECTORY)) == (f"s3audit run --bucket {DIRECTORY.bucket}",)


def test_a_plan_of_all_kinds_counts_each_bucket_once() -> None:
    found = [replace(each, findings=("sse-s3-only",)) for each in BY_KIND.values()]
    script = StringIO()
    counted = write_plan(lambda: found, script)
    assert (counted.buckets, counted.planned, counted.left) == (3, 2, 1)
    assert script.getvalue().count("\naws ") == 2


# Reports.


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_kinds_come_back_from_a_report(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"r.{form}"
    rows = [SSE_S3, DIRECTORY, TABLE, replace(TABLE, region="us-east-1"), VECTOR]
    with path.open("wb") as file:
        sink = make_sink(form, file, wide=True)
        sink.begin()
        for each in rows:
            sink.write(each)
        sink.end()
    assert list(open_report(path).rows()) == rows


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_report_of_before_there_were_kinds_says_so_in_one_line(form: str, tmp_path: Path) -> None:
    out = BytesIO()
    sink = make_sink(form, out, wide=True)
    sink.begin()
    sink.write(SSE_S3)
    old = out.getvalue().replace(b",Kind", b"").replace(b",general", b"").replace(b', "kind": "general"', b"")
    path = tmp_path / f"old.{form}"
    path.write_bytes(old)
    with pytest.raises(UsageError) as raised:
        list(open_report(path).rows())
    assert "was written by another version" in raised.value.hint
    assert "ind" in raised.value.hint


def test_the_kind_is_the_last_column_and_not_known_of_four() -> None:
    assert (WIDE[-1].header, WIDE[-1].name) == ("Kind", "kind")
    assert WIDE[-1].value(replace(SSE_S3, findings=None)) is None


def test_each_kind_has_its_own_arn_and_findings_of_one_name_in_two_regions_are_two() -> None:
    assert subject_of(TABLE).arn == "arn:aws:s3tables:eu-west-1:111122223333:bucket/tables"
    assert subject_of(VECTOR).arn == "arn:aws:s3vectors:eu-west-1:111122223333:bucket/vectors"
    assert subject_of(DIRECTORY).arn == f"arn:aws:s3express:eu-west-1:111122223333:bucket/{DIRECTORY.bucket}"
    assert subject_of(SSE_S3).arn == "arn:aws:s3:::sse-s3"
    assert identity(TABLE, "f") != identity(replace(TABLE, region="us-east-1"), "f")
    assert bucket_arn("general", "b", partition="aws-cn", region="x", account="y") == "arn:aws-cn:s3:::b"


def test_security_hub_knows_general_purpose_buckets_only() -> None:
    out = BytesIO()
    sink = make_sink("asff", out, wide=True)
    sink.begin()
    for each in (SSE_S3, replace(TABLE, findings=("sse-s3-only",))):
        sink.write(each)
    sink.end()
    resources = [finding["Resources"][0] for finding in json.loads(out.getvalue())]
    assert {(each["Type"], "Details" in each) for each in resources} == {("AwsS3Bucket", True), ("Other", False)}


def test_buckets_of_one_name_are_told_apart_when_reports_are_compared() -> None:
    there = [replace(SSE_S3, bucket="tables"), TABLE, replace(TABLE, region="us-east-1")]
    later = [there[0], replace(on_key(TABLE), findings=()), there[2]]
    drift = gather(there, later, names=("old", "new"), by_account=True)
    assert [(change.bucket, change.new.kind) for change in drift.changed] == [("tables", Kind.TABLE)]
    assert (drift.added, drift.removed, drift.unchanged) == ([], [], 2)


# What has to be allowed.


def allowed(**options: Any) -> dict[str, object]:
    statements = iam_policy(Options(**options), partition="aws")["Statement"]
    assert len({statement["Sid"] for statement in statements}) == len(statements)
    return {action: statement["Resource"] for statement in statements for action in statement["Action"]}


def test_each_kind_needs_its_own_permissions_and_no_others() -> None:
    key = {"kms:DescribeKey": "arn:aws:kms:*:*:key/*"}
    regions = {"account:ListRegions": "arn:aws:account::*:account"}
    assert allowed(kinds={Kind.TABLE}) == {
        **regions,
        "s3tables:ListTableBuckets": "*",
        "s3tables:GetTableBucketEncryption": "arn:aws:s3tables:*:*:bucket/*",
        **key,
    }
    assert allowed(kinds={Kind.VECTOR}, prefix="a") == {
        **regions,
        "s3vectors:ListVectorBuckets": "*",
        "s3vectors:GetVectorBucket": "arn:aws:s3vectors:*:*:bucket/a*",
        **key,
    }
    assert allowed(kinds={Kind.DIRECTORY}, include_regions=frozenset({"eu-west-1"})) == {
        "s3express:ListAllMyDirectoryBuckets": "*",
        "s3express:GetEncryptionConfiguration": "arn:aws:s3express:*:*:bucket/*--x-s3",
        **key,
    }
    assert len(allowed(kinds=frozenset(Kind))) == 1 + 2 * len(Kind) + 1


def test_named_buckets_need_what_their_names_tell() -> None:
    assert allowed(buckets=("a-bucket", "fast--use1-az4--x-s3")) == {
        "s3:GetEncryptionConfiguration": "arn:aws:s3:::a-bucket",
        "s3:GetBucketLocation": "arn:aws:s3:::a-bucket",
        "s3express:GetEncryptionConfiguration": "arn:aws:s3express:*:*:bucket/fast--use1-az4--x-s3",
        "kms:DescribeKey": "arn:aws:kms:*:*:key/*",
    }
