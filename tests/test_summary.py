from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from s3audit_async.analysis.summary import NAMED, Summary
from s3audit_async.classify import row, unread_row
from s3audit_async.model import Bucket, Encryption, Failure, Key, Operation, Row

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def read(name: str, found: Encryption, key: Key | Failure | None = None, region: str | None = "eu-west-1") -> Row:
    return row(Bucket(name, region), found, key, account=None, audited_at=NOW)


def unread(name: str, code: str, region: str | None = "eu-west-1") -> Row:
    why = Failure(Operation.GET_BUCKET_ENCRYPTION, code)
    return unread_row(Bucket(name, region), why, account=None, audited_at=NOW)


def undescribed(code: str) -> Failure:
    return Failure(Operation.DESCRIBE_KEY, code)


def narrow(of: Row) -> Row:
    """The row as it is read back from a report of four columns."""
    return Row(of.bucket, of.mode, of.key_type, of.bucket_key, findings=None)


ROWS = [
    read("s3-a", Encryption("AES256", bucket_key=False)),
    read("s3-b", Encryption("AES256"), region="us-east-1"),
    read("kms-own", Encryption("aws:kms", ARN, bucket_key=True), Key("CUSTOMER")),
    read("kms-default", Encryption("aws:kms", bucket_key=False), Key("AWS")),
    read("dsse", Encryption("aws:kms:dsse", ARN), Key("CUSTOMER")),
    read("kms-denied", Encryption("aws:kms", ARN, bucket_key=True), undescribed("AccessDeniedException")),
    read("kms-missing", Encryption("aws:kms", ARN, bucket_key=True), undescribed("NotFoundException")),
    read("kms-broken", Encryption("aws:kms", ARN, bucket_key=True), undescribed("KMSInternalException")),
    read("bare", Encryption(None), region="us-east-1"),
    read("new", Encryption("aws:future", bucket_key=True)),
    unread("denied", "AccessDenied", region="us-east-1"),
    unread("gone", "NoSuchBucket"),
    unread("broken", "InternalError", region=None),
]


def summed_up(rows: list[Row]) -> Summary:
    summary = Summary()
    for each in rows:
        summary.add(each)
    return summary


def test_every_row_is_counted_once_in_every_way() -> None:
    summary = summed_up(ROWS)

    assert summary.rows == 13
    assert summary.modes == {
        "SSE-S3": 2,
        "SSE-KMS": 5,
        "DSSE-KMS": 1,
        "SSEConfigNotFound": 1,
        "aws:future": 1,
        "AccessDenied": 1,
        "NoSuchBucket": 1,
        "InternalError": 1,
    }
    assert summary.key_types == {
        "N/A": 4,
        "CUSTOMER": 2,
        "AWS": 1,
        "AccessDenied": 1,
        "KeyNotFound": 1,
        "KMSInternalException": 1,
        "Unknown": 3,
    }
    assert summary.regions == {"eu-west-1": 9, "us-east-1": 3, "unknown": 1}


def test_bucket_keys_are_counted_of_kms_only() -> None:
    assert summed_up(ROWS).bucket_keys == {"on": 4, "off": 1, "not configured": 1}


def test_denied_buckets_are_told_from_denied_keys() -> None:
    denied = summed_up(ROWS).denied

    assert (denied.count, denied.first) == (1, ["denied"])


def test_rows_with_an_error_are_named_with_it() -> None:
    failed = summed_up(ROWS).failed

    assert (failed.count, failed.first) == (2, ["kms-broken (KMSInternalException)", "broken (InternalError)"])


def test_only_the_first_are_named_and_all_are_counted() -> None:
    failed = summed_up([unread(f"b{number}", "InternalError") for number in range(NAMED + 5)]).failed

    assert (failed.count, len(failed.first), failed.first[-1]) == (NAMED + 5, NAMED, f"b{NAMED - 1} (InternalError)")


def test_a_narrow_report_sums_up_alike_but_for_what_it_has_no_column_for() -> None:
    wide, short = summed_up(ROWS), summed_up([narrow(each) for each in ROWS])

    assert (short.rows, short.key_types, short.bucket_keys) == (wide.rows, wide.key_types, wide.bucket_keys)
    assert (short.denied, short.failed) == (wide.denied, wide.failed)
    assert short.modes == wide.modes - Counter({"DSSE-KMS": 1}) + Counter({"SSE-KMS": 1})
    assert short.regions == {"unknown": 13}


def test_buckets_are_counted_by_account_and_those_without_one_as_unknown() -> None:
    summary = summed_up([*(replace(each, account="111122223333") for each in ROWS[:4]), *ROWS[4:]])

    assert summary.accounts == summary.as_dict()["accounts"] == {"111122223333": 4, "unknown": 9}


def test_keys_are_counted_by_arn_where_it_is_known_and_as_configured_elsewhere() -> None:
    by_alias = read("by-alias", Encryption("aws:kms", "alias/mine", bucket_key=True), Key("CUSTOMER", arn=ARN))

    assert summed_up([*ROWS, by_alias]).keys == {ARN: 6, "alias/aws/s3": 1}
    assert summed_up([narrow(by_alias)]).keys == {"alias/mine": 1}


def test_findings_are_counted_by_bucket_apart_from_those_nobody_can_tell() -> None:
    summary = summed_up(ROWS)

    assert {finding: summary.findings[finding] for finding in ("sse-s3-only", "bucket-key-off", "key-not-found")} == {
        "sse-s3-only": 2,
        "bucket-key-off": 1,
        "key-not-found": 1,
    }
    # Of `denied` and `broken` nothing is known, nor of the algorithm that this version does not know.
    assert summary.unknown["bucket-key-off"] == 3
    assert summary.unknown["sse-c-not-blocked"] == 2
    assert summary.unknown["encryption-unreadable"] == 0


def test_what_four_columns_leave_open_is_unknown_and_the_rows_are_counted() -> None:
    wide, short = summed_up(ROWS), summed_up([narrow(each) for each in ROWS])

    assert (wide.four_columns, short.four_columns) == (0, len(ROWS))
    assert short.findings["sse-c-not-blocked"] == 0
    assert short.unknown["sse-c-not-blocked"] == 12, "all but the one that is gone"


def test_findings_of_a_later_version_are_counted_and_come_last() -> None:
    made = replace(ROWS[0], findings=("a-later-one", "sse-s3-only"))

    assert list(summed_up([made]).as_dict()["findings"]) == ["sse-s3-only", "a-later-one"]


@pytest.mark.parametrize("reference", [ARN, "alias/mine", "AccessDenied", "NoSuchBucket"])
def test_a_key_whose_manager_is_not_named_was_read_all_the_same(reference: str) -> None:
    made = read("unnamed", Encryption("aws:kms", reference, bucket_key=True), Key(None))
    summary = summed_up([made])

    assert (summary.unread, summary.denied.count) == (0, 0)
    assert (summary.modes, summary.bucket_keys, summary.keys.total()) == ({"SSE-KMS": 1}, {"on": 1}, 1)


def test_nor_is_such_a_key_in_a_report_of_four_columns_taken_for_an_error() -> None:
    made = narrow(read("unnamed", Encryption("aws:kms", ARN, bucket_key=True), Key(None)))
    summary = summed_up([made])

    assert (summary.unread, summary.failed.count) == (0, 1)  # it is asked again, as an error
    assert (summary.modes, summary.bucket_keys, summary.keys) == ({"SSE-KMS": 1}, {"on": 1}, {ARN: 1})


def test_buckets_that_were_not_read_are_counted() -> None:
    assert summed_up(ROWS).unread == summed_up([narrow(each) for each in ROWS]).unread == 3


@pytest.mark.parametrize("reference", ["AES256", "AccessDenied", "aws:kms:dsse"])
def test_a_key_with_a_misleading_name_is_counted_as_the_key_it_is(reference: str) -> None:
    made = read("odd", Encryption("aws:kms", reference), Key("CUSTOMER"))

    assert [summed_up([each]).modes for each in (made, narrow(made))] == [{"SSE-KMS": 1}, {"SSE-KMS": 1}]


def test_nothing_sums_up_to_nothing() -> None:
    assert summed_up([]) == Summary()
