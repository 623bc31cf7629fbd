from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from s3audit_async.analysis.selecting import FIELDS, Selection, parse
from s3audit_async.classify import row, unread_row
from s3audit_async.errors import UsageError
from s3audit_async.model import Bucket, Encryption, Failure, Key, Operation, Row, SseC
from s3audit_async.sinks.columns import WIDE

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"


def read(name: str, found: Encryption, key: Key | Failure | None = None, region: str = "eu-west-1") -> Row:
    return row(Bucket(name, region, NOW), found, key, account="111122223333", audited_at=NOW)


OURS = Key("CUSTOMER", arn=ARN, state="Enabled", account="111122223333", spec="SYMMETRIC_DEFAULT")
DENIED_KEY = Failure(Operation.DESCRIBE_KEY, "AccessDeniedException")

S3 = read("plain", Encryption("AES256", sse_c=SseC.BLOCKED), region="us-east-1")
KMS = read("kms", Encryption("aws:kms", ARN, bucket_key=True, sse_c=SseC.BLOCKED), OURS)
DSSE = read("dsse", Encryption("aws:kms:dsse", ARN), OURS)
OFF = read("off", Encryption("aws:kms", ARN, bucket_key=False), replace(OURS, state="Disabled"))
UNVERIFIED = read("unverified", Encryption("aws:kms", "alias/mine"), DENIED_KEY)
DENIED = unread_row(
    Bucket("denied"), Failure(Operation.GET_BUCKET_ENCRYPTION, "AccessDenied"), account="111122223333", audited_at=NOW
)
ROWS = [S3, KMS, DSSE, OFF, UNVERIFIED, DENIED]


def narrow(of: Row) -> Row:
    """The row as it is read back from a report of four columns."""
    return Row(of.bucket, of.mode, of.key_type, of.bucket_key, findings=None)


def chosen(*filters: str, rows: list[Row] = ROWS) -> tuple[list[str], int]:
    """The buckets that fit, and how many nobody can tell of."""
    selection = Selection(map(parse, filters))
    names = [each.bucket for each in selection.rows(rows)]
    assert selection.read == len(rows)
    return names, selection.undecided


def test_without_a_filter_every_row_is_chosen() -> None:
    assert chosen() == ([each.bucket for each in ROWS], 0)


def test_every_column_can_be_asked_about_and_so_can_mode_and_finding() -> None:
    names = {column.name for column in WIDE}

    assert set(FIELDS) == names - {"findings"} | {"mode", "finding"}
    for name in names - {"findings"}:
        found, undecided = chosen(f"{name}~*")
        assert found, name
        assert len(found) + undecided == len(ROWS), name


@pytest.mark.parametrize(
    ("text", "names", "undecided"),
    [
        ("bucket_name=kms", ["kms"], 0),
        ("bucket_name~*s*", ["kms", "dsse"], 0),
        ("bucket_name~[kp]*", ["plain", "kms"], 0),
        ("bucket_name!=kms", ["plain", "dsse", "off", "unverified", "denied"], 0),
        ("region=us-east-1", ["plain"], 1),
        ("region!=us-east-1", ["kms", "dsse", "off", "unverified"], 1),
        ("region=", ["denied"], 0),
        ("region!=", ["plain", "kms", "dsse", "off", "unverified"], 0),
        ("sse_kms_key_type=CUSTOMER", ["kms", "dsse", "off"], 2),
        ("sse_kms_key_type!=CUSTOMER", ["plain"], 2),
        ("sse_kms_key_type!=N/A", ["kms", "dsse", "off", "unverified"], 1),
        ("sse_kms_key_type=AccessDenied", ["unverified"], 1),
        ("sse_kms_key_type~[CU]*", ["kms", "dsse", "off", "denied"], 1),
        ("default_encryption_mode=AES256", ["plain"], 1),
        ("default_encryption_mode!=AES256", ["kms", "dsse", "off", "unverified"], 1),
        ("default_encryption_mode!=AccessDenied", ["plain", "kms", "dsse", "off", "unverified"], 0),
        ("bucket_key~[TF]*", ["kms", "off"], 1),
        ("bucket_key~t*", ["kms"], 1),
        ("bucket_key!=", ["kms", "off"], 0),
        ("bucket_key=True", ["kms"], 1),
        ("bucket_key=true", ["kms"], 1),
        ("bucket_key=FALSE", ["off"], 1),
        ("bucket_key!=True", ["plain", "dsse", "off", "unverified"], 1),
        ("key_state=Disabled", ["off"], 2),
        ("key_state!=Enabled", ["plain", "off"], 2),
        ("key_state=", ["plain", "unverified", "denied"], 0),
        ("key_deletion_date~2*", [], 2),
        ("sse_c!=blocked", ["dsse", "off", "unverified"], 1),
        ("error~DescribeKey*", ["unverified"], 0),
        ("error=", ["plain", "kms", "dsse", "off"], 0),
        ("audited_at~2026-11-*", ["plain", "kms", "dsse", "off", "unverified", "denied"], 0),
        ("mode=SSE-KMS", ["kms", "off", "unverified"], 1),
        ("mode=sse-s3", ["plain"], 1),
        ("mode!=SSE-S3", ["kms", "dsse", "off", "unverified"], 1),
        ("mode~*-kms", ["kms", "dsse", "off", "unverified"], 1),
        ("mode!=SSE-KMS", ["plain", "dsse"], 1),
        ("mode=AccessDenied", ["denied"], 0),
        ("mode!=AccessDenied", ["plain", "kms", "dsse", "off", "unverified"], 0),
        ("mode=InternalError", [], 1),
        ("mode=", [], 0),
        ("finding=bucket-key-off", ["off", "unverified"], 1),
        ("finding!=bucket-key-off", ["plain", "kms", "dsse"], 1),
        ("finding=key-disabled", ["off"], 2),
        ("finding!=key-disabled", ["plain", "kms", "dsse"], 2),
        ("finding~key-*", ["off", "unverified"], 1),
        ("finding=", ["kms"], 0),
        ("finding!=", ["plain", "dsse", "off", "unverified", "denied"], 0),
        ("findings=encryption-unreadable", ["denied"], 0),
        ("Bucket-Name = kms ", ["kms"], 0),
    ],
)
def test_a_filter_chooses_what_fits_and_counts_what_nobody_can_tell(
    text: str, names: list[str], undecided: int
) -> None:
    assert chosen(text) == (names, undecided)


def test_a_row_has_to_fit_all_filters_and_one_that_rules_it_out_decides() -> None:
    assert chosen("region=eu-west-1", "finding=key-disabled") == (["off"], 1 + 1)
    assert chosen("region=us-east-1", "finding=key-disabled", "bucket_name=plain") == ([], 0)


def test_what_four_columns_do_not_hold_is_undecided_even_whether_it_is_empty() -> None:
    rows = [narrow(each) for each in ROWS]

    for text in ("region=eu-west-1", "region!=eu-west-1", "region=", "key_state=Enabled", "error=", "account~*"):
        assert chosen(text, rows=rows) == ([], len(ROWS)), text
    assert chosen("bucket_key=True", rows=rows) == (["kms"], 1)
    assert chosen("finding=sse-s3-only", rows=rows) == (["plain"], 1)


def test_four_columns_tell_sse_kms_and_dsse_kms_together_only() -> None:
    rows = [narrow(each) for each in ROWS]

    assert chosen("mode=SSE-KMS", rows=rows) == chosen("mode!=DSSE-KMS", "mode~*kms", rows=rows) == ([], 5)
    assert chosen("mode~*KMS", rows=rows) == (["kms", "dsse", "off", "unverified"], 1)
    assert chosen("mode!=SSE-S3", rows=rows) == (["kms", "dsse", "off", "unverified"], 1)


@pytest.mark.parametrize("layout", [lambda row: row, narrow])
def test_a_bucket_that_was_gone_fits_neither_a_filter_nor_its_opposite(layout: Callable[[Row], Row]) -> None:
    vanished = Failure(Operation.GET_BUCKET_ENCRYPTION, "NoSuchBucket")
    rows = [layout(unread_row(Bucket("gone"), vanished, account=None, audited_at=NOW))]

    for text in ("mode=SSE-S3", "mode!=SSE-S3", "default_encryption_mode!=AES256", "sse_kms_key_type!=N/A"):
        assert chosen(text, rows=rows) == ([], 1), text
    assert chosen("mode=NoSuchBucket", rows=rows) == (["gone"], 0)


@pytest.mark.parametrize("layout", [lambda row: row, narrow])
def test_a_key_whose_manager_kms_did_not_name_was_read(layout: Callable[[Row], Row]) -> None:
    rows = [layout(read("unmanaged", Encryption("aws:kms", ARN), replace(OURS, manager=None)))]

    assert chosen("default_encryption_mode!=AES256", "mode!=SSE-S3", rows=rows) == (["unmanaged"], 0)
    assert chosen("bucket_key=", "bucket_key!=true", rows=rows) == (["unmanaged"], 0)
    assert chosen("sse_kms_key_type!=CUSTOMER", rows=rows) == ([], 1)


def test_a_selection_counts_anew_each_time_it_reads() -> None:
    selection = Selection([parse("finding=key-disabled")])

    for _ in range(2):
        assert len([*selection.rows(ROWS)]) == 1
        assert (selection.read, selection.undecided) == (len(ROWS), 2)


def test_a_finding_of_a_later_version_can_be_found_by_a_pattern() -> None:
    later = replace(KMS, findings=("a-later-one",))

    assert chosen("finding~a-later-one", rows=[KMS, later]) == (["kms"], 0)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("region", "no filter: 'region'", "FIELD=VALUE"),
        ("", "no filter: ''", "FIELD=VALUE"),
        ("=x", "no filter: '=x'", "FIELD=VALUE"),
        ("regoin=x", "no field 'regoin'", "did you mean region"),
        ("zzz=x", "no field 'zzz'", "there are bucket_name, default_encryption_mode"),
        ("finding=bucket-key", "no finding 'bucket-key'", "did you mean bucket-key-off"),
        ("finding!=zzz", "no finding 'zzz'", "finding~zzz"),
        ("bucket_key=yes", "a flag is never 'yes'", "true or false, or nothing"),
        ("Multi-Region!=1", "a flag is never '1'", "write FIELD=true"),
    ],
)
def test_a_bad_filter_is_told_with_what_there_is(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        parse(text)

    assert hint in raised.value.hint
