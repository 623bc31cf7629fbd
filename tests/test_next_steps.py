"""What a run says is to be done next."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from s3audit_async.analysis.summary import Summary
from s3audit_async.classify import row, unread_row
from s3audit_async.cli.next_steps import next_steps, print_next_steps
from s3audit_async.cli.outcome import use_log_format
from s3audit_async.model import Bucket, Encryption, Failure, Key, Operation, Row, SseC
from s3audit_async.options import Options

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
CLEAN = Encryption("aws:kms", ARN, bucket_key=True, sse_c=SseC.BLOCKED)


def denied(name: str, region: str = "eu-west-1") -> Row:
    why = Failure(Operation.GET_BUCKET_ENCRYPTION, "AccessDenied")
    return unread_row(Bucket(name, region), why, account=None, audited_at=NOW)


def silent(name: str, region: str) -> Row:
    why = Failure(Operation.GET_BUCKET_ENCRYPTION, "EndpointUnreachable")
    return unread_row(Bucket(name, region), why, account=None, audited_at=NOW)


def read(name: str, found: Encryption = CLEAN, key: Key | Failure | None = None, region: str = "eu-west-1") -> Row:
    made = key or Key("CUSTOMER", arn=ARN, account="111122223333", state="Enabled", spec="SYMMETRIC_DEFAULT")
    return row(Bucket(name, region), found, made, account="111122223333", audited_at=NOW)


def undescribed(name: str) -> Row:
    return read(name, key=Failure(Operation.DESCRIBE_KEY, "AccessDeniedException"))


def steps(*rows: Row, options: Options | None = None, place: str | None = None) -> list[str]:
    summary = Summary()
    for each in rows:
        summary.add(each)
    return [str(step) for step in next_steps(summary, options or Options(), place)]


def test_where_all_is_read_and_nothing_asked_for_nothing_is_said() -> None:
    assert steps(read("a"), read("b")) == []
    assert steps() == []


def test_denied_buckets_and_keys_call_for_the_policy_that_is_lacking() -> None:
    assert steps(denied("a"), read("b")) == ["1 bucket denied; the policy you lack is: s3audit iam-policy"]
    assert steps(denied("a"), denied("c"), undescribed("d"), read("b")) == [
        "2 buckets denied, 1 bucket with a key whose look-up was denied; the policy you lack is: s3audit iam-policy"
    ]
    assert steps(undescribed("d"), undescribed("e")) == [
        "2 buckets with a key whose look-up was denied; the policy you lack is: s3audit iam-policy"
    ]


@pytest.mark.parametrize(
    ("options", "region", "command"),
    [
        (Options(prefix="prod-"), "eu-west-1", "s3audit iam-policy --prefix prod-"),
        (Options(prefix="a b"), "eu-west-1", "s3audit iam-policy --prefix 'a b'"),
        (Options(buckets=("abc", "def")), "eu-west-1", "s3audit iam-policy --bucket abc --bucket def"),
        (Options(buckets=("aaa", "bbb", "ccc", "ddd")), "eu-west-1", "s3audit iam-policy"),
        (Options(), "cn-north-1", "s3audit iam-policy --partition aws-cn"),
        (Options(), "us-gov-west-1", "s3audit iam-policy --partition aws-us-gov"),
        (Options(), "us-isob-east-1", "s3audit iam-policy --partition aws-iso-b"),
    ],
)
def test_the_policy_is_the_one_for_what_was_audited(options: Options, region: str, command: str) -> None:
    assert steps(denied("a", region), read("b", region=region), options=options) == [
        f"1 bucket denied; the policy you lack is: {command}"
    ]


def test_a_region_that_is_denied_as_a_whole_calls_for_no_policy() -> None:
    """That is somebody's intention."""
    assert steps(denied("a", "ap-east-1"), denied("b", "ap-east-1"), read("c")) == []


def test_silent_regions_can_be_left_out() -> None:
    rows = (silent("a", "eu-b-1"), silent("b", "eu-a-1"), read("c"))
    assert steps(*rows) == [
        "Nothing is known of whole regions; to leave them out: --exclude-region eu-a-1 --exclude-region eu-b-1"
    ]


def test_findings_are_shown_by_report_and_explained() -> None:
    off = read("a", Encryption("aws:kms", ARN, bucket_key=False, sse_c=SseC.BLOCKED))
    assert steps(off, read("b"), place="r s.csv") == [
        "What was found: s3audit report 'r s.csv'",
        "bucket-key-off in 1 bucket; what it means: s3audit explain bucket-key-off",
    ]
    assert steps(off, place=None) == []
    assert steps(read("b"), place="r.csv") == []


def test_they_are_json_where_messages_are(capsys: pytest.CaptureFixture[str]) -> None:
    summary = Summary()
    summary.add(denied("a"))
    use_log_format("json")
    try:
        print_next_steps(summary, Options(), None)
    finally:
        use_log_format("plain")
    assert (
        '"event": "next_step", "message": "1 bucket denied; the policy you lack is", "command": "s3audit iam-policy"'
        in (capsys.readouterr().err)
    )
