"""Rows for the tests of what changed between two reports, made as the program makes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3audit_async import classify
from s3audit_async.model import Bucket, Encryption, Failure, Key, Operation, Row, SseC

if TYPE_CHECKING:
    from collections.abc import Sequence

ACCOUNT = "111122223333"
ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/00000000-12ab-34cd-56ef-1234567890ab"
DAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def key(state: str = "Enabled", arn: str = ARN) -> Key:
    """A customer's key that DescribeKey has answered for."""
    return Key("CUSTOMER", arn=arn, account=ACCOUNT, state=state, origin="AWS_KMS", spec="SYMMETRIC_DEFAULT")


def bucket(
    encryption: Encryption, of: Key | Failure | None = None, *, name: str = "b", account: str | None = ACCOUNT
) -> Row:
    """The row of a bucket whose encryption was read."""
    return classify.row(Bucket(name, "eu-west-1"), encryption, of, account=account, audited_at=DAY)


def unread(code: str, *, name: str = "b", message: str = "") -> Row:
    """The row of a bucket whose encryption could not be read."""
    failure = Failure(Operation.GET_BUCKET_ENCRYPTION, code, message)
    return classify.unread_row(Bucket(name, "eu-west-1"), failure, account=ACCOUNT, audited_at=DAY)


def kms(arn: str = ARN, *, bucket_key: bool = True, blocked: bool = True, algorithm: str = "aws:kms") -> Encryption:
    """Encryption by a key."""
    return Encryption(algorithm, arn, bucket_key, SseC.BLOCKED if blocked else None)


def narrow(row: Row) -> Row:
    """What a report of four columns says of it."""
    return Row(row.bucket, row.mode, row.key_type, row.bucket_key, findings=None)


def wide(row: Row) -> Row:
    """What a report of all columns says of it."""
    return row


def named(rows: Sequence[Row]) -> list[Row]:
    """The same rows, each of a bucket of its own."""
    return [replace(row, bucket=f"bucket-{number}") for number, row in enumerate(rows)]


DENIED_KEY = Failure(Operation.DESCRIBE_KEY, "AccessDeniedException", "request 1")
SOUND = bucket(kms(), key())
NO_BUCKET_KEY = bucket(kms(bucket_key=False), key())
OTHER_KEY = bucket(kms(OTHER_ARN), key(arn=OTHER_ARN))
DISABLED = bucket(kms(), key("Disabled"))
BEING_UPDATED = bucket(kms(), key("Updating"))
UNVERIFIED = bucket(kms(), DENIED_KEY)
UNVERIFIED_NO_BUCKET_KEY = bucket(kms(bucket_key=False), DENIED_KEY)
UNVERIFIED_OTHER = bucket(kms(OTHER_ARN), DENIED_KEY)
NOT_BLOCKED = bucket(kms(blocked=False), key())
SSE_S3 = bucket(Encryption("AES256", sse_c=SseC.BLOCKED))
UNCONFIGURED = bucket(Encryption(None, sse_c=SseC.BLOCKED))
AWS_MANAGED = bucket(Encryption("aws:kms", "alias/aws/s3", bucket_key=True, sse_c=SseC.BLOCKED), Key("AWS"))
FUTURE = bucket(Encryption("aws:future", sse_c=SseC.BLOCKED))
DENIED = unread("AccessDenied", message="request 1")
FAILED = unread("InternalError")
GONE = unread("NoSuchBucket")
KINDS = [
    SOUND,
    NO_BUCKET_KEY,
    OTHER_KEY,
    DISABLED,
    BEING_UPDATED,
    UNVERIFIED,
    UNVERIFIED_NO_BUCKET_KEY,
    UNVERIFIED_OTHER,
    NOT_BLOCKED,
    SSE_S3,
    UNCONFIGURED,
    AWS_MANAGED,
    FUTURE,
    DENIED,
    FAILED,
    GONE,
]
"""A bucket of every kind."""
