"""Rows for the tests of the page: of every kind, with hostile names, and very many."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3audit_async.analysis.summary import Summary
from s3audit_async.classify import row, unread_row
from s3audit_async.model import Bucket, Encryption, Failure, Key, Operation, Row, SseC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ACCOUNT = "111122223333"
MADE_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
CREATED = datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC)
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-2")


def arn(region: str, number: int = 1) -> str:
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/0000000{number}-aaaa-bbbb-cccc-000000000000"


def read(name: str, found: Encryption, key: Key | Failure | None = None, region: str = "eu-west-1") -> Row:
    return row(Bucket(name, region, CREATED), found, key, account=ACCOUNT, audited_at=MADE_AT)


def unread(name: str, code: str, region: str = "eu-west-1") -> Row:
    why = Failure(Operation.GET_BUCKET_ENCRYPTION, code, 'said "no", twice')
    return unread_row(Bucket(name, region, CREATED), why, account=ACCOUNT, audited_at=MADE_AT)


def with_key(name: str, region: str = "eu-west-1", state: str = "Enabled", *, bucket_key: bool | None = True) -> Row:
    key = Key("CUSTOMER", arn(region), ACCOUNT, state, "AWS_KMS", multi_region=False, spec="SYMMETRIC_DEFAULT")
    return read(name, Encryption("aws:kms", arn(region), bucket_key, SseC.BLOCKED), key, region)


def narrow(of: Row) -> Row:
    """The row as it is read back from a report of four columns."""
    return Row(of.bucket, of.mode, of.key_type, of.bucket_key, findings=None)


def summed_up(rows: Iterable[Row]) -> Summary:
    summary = Summary()
    for each in rows:
        summary.add(each)
    return summary


ROWS = [
    *(
        read(f"logs-{number}", Encryption("AES256", bucket_key=False), region=REGIONS[number % 3])
        for number in range(5)
    ),
    *(with_key(f"data-{number}", REGIONS[number % 2]) for number in range(4)),
    with_key("data-off", bucket_key=False),
    with_key("data-unset", "us-east-1", bucket_key=None),
    with_key("data-disabled", state="Disabled"),
    with_key("data-condemned", "us-east-1", state="PendingDeletion"),
    read("default-key", Encryption("aws:kms", bucket_key=False), Key("AWS")),
    read("dsse", Encryption("aws:kms:dsse", arn("eu-west-1")), Key("CUSTOMER", arn("eu-west-1"), ACCOUNT, "Enabled")),
    read(
        "by-alias",
        Encryption("aws:kms", "alias/data", bucket_key=True),
        Failure(Operation.DESCRIBE_KEY, "AccessDeniedException"),
    ),
    read("missing", Encryption("aws:kms", arn("eu-west-1", 9)), Failure(Operation.DESCRIBE_KEY, "NotFoundException")),
    read("bare", Encryption(None), region="us-east-1"),
    read("new", Encryption("aws:future", bucket_key=True)),
    unread("denied", "AccessDenied", "us-east-1"),
    unread("denied-too", "AccessDenied", "us-east-1"),
    unread("gone", "NoSuchBucket"),
    unread("broken", "InternalError"),
    read("data-unnamed", Encryption("aws:kms", arn("eu-west-1"), True, SseC.BLOCKED), Key(None, state="Enabled")),
]
"""Every kind of bucket there is."""

_NAMES = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "'\"><svg onload=document.title='owned'>",
    "<!--<script>",
    "]]>\u2028\u2029\x00\x1b[31m",
    "\u202egnp.exe",
    '=HYPERLINK("http://example.invalid")',
    "{{ 7 * 7 }}{% raw %}",
    "__proto__",
    "constructor",
    "x';echo INJECTED;'s3audit-stands-in-for-the-bucket",
    'alias/"s3audit-stands-in-for-the-bucket"',
    "x'\ue002;\ue000;\ue001",
    "$(touch /tmp/owned);`id`",
    "ends in a lone \udc80",
    "x" * 5000,
)

HOSTILE = [
    *(read(name, Encryption("AES256")) for name in _NAMES),
    *(
        read(
            f"key-{number}",
            Encryption("aws:kms", name, bucket_key=False),
            Failure(Operation.DESCRIBE_KEY, name, name),
            name,
        )
        for number, name in enumerate(_NAMES)
        if name != "__proto__"
    ),
    read("odd-algorithm", Encryption("constructor")),
    replace(read("odd-finding", Encryption("AES256")), findings=("constructor",)),
]
"""Names, keys, regions, codes and messages that would do harm, were they anything but text."""


def many(count: int) -> Iterator[Row]:
    """So many rows, of eleven kinds, one after the other."""
    kinds = ROWS[:22:2]
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield Row(
            f"bucket-{number:07}",
            kind.mode,
            kind.key_type,
            kind.bucket_key,
            kind.account,
            kind.region,
            kind.algorithm,
            kind.key_arn,
            kind.key_state,
            kind.key_account,
            kind.key_region,
            kind.key_origin,
            kind.multi_region,
            kind.sse_c,
            kind.findings,
            kind.error,
            kind.created,
            kind.audited_at,
            kind.key_spec,
        )
