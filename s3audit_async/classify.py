"""Pure decisions: what an answer means, down to the cells of a report row. No I/O, nothing asynchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async import codes
from s3audit_async.findings import find
from s3audit_async.model import Encryption, Failure, Key, Row, SseC
from s3audit_async.references import parse_key_arn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from s3audit_async.errors import CallError
    from s3audit_async.model import Bucket, Rule

NO_CONFIGURATION = "SSEConfigNotFound"
ACCESS_DENIED = "AccessDenied"
KEY_NOT_FOUND = "KeyNotFound"
NOT_APPLICABLE = "N/A"
UNKNOWN = "Unknown"
AWS_MANAGED = "AWS"
CUSTOMER_MANAGED = "CUSTOMER"
AWS_S3_ALIAS = "alias/aws/s3"
"""The key that S3 uses where the configuration says `aws:kms` and names none (botocore model of s3)."""

_HISTORIC_LOCATIONS = {"": "us-east-1", "EU": "eu-west-1"}  # botocore model of s3, GetBucketLocation


def location(constraint: str | None) -> str:
    """Map a LocationConstraint to a region: null is us-east-1, `EU` eu-west-1, the others name themselves."""
    named = constraint or ""
    return _HISTORIC_LOCATIONS.get(named, named)


def encryption(rules: Sequence[Rule]) -> Encryption:
    """Boil an answer's rules down to one default encryption.

    The API returns a list and S3 keeps one rule in it. Should there be more, the first that names an algorithm
    decides, with its own Bucket Key; SSE-C is blocked where any rule blocks it.
    """
    blocked = [kind for rule in rules for kind in rule.blocked or ()]
    sse_c = SseC.BLOCKED if "SSE-C" in blocked else SseC.ALLOWED if "NONE" in blocked else None
    for rule in rules:
        if rule.algorithm:
            return Encryption(rule.algorithm, rule.key or None, rule.bucket_key, sse_c)
    return Encryption(None, sse_c=sse_c)


def failure(error: CallError) -> Failure:
    """Turn a request that failed for good into the unknown that a row holds."""
    return Failure(error.operation, codes.NO_SUCH_BUCKET if codes.is_gone(error) else error.code, error.message)


def is_unresolved(mode: str, key_type: str) -> bool:
    """Tell from a row's columns B and C whether it holds an error that retries could not clear.

    A denial, a bucket that is gone and a key that does not exist are answers.
    """
    if key_type == UNKNOWN:
        return mode not in {ACCESS_DENIED, codes.NO_SUCH_BUCKET}
    return key_type not in {CUSTOMER_MANAGED, AWS_MANAGED, NOT_APPLICABLE, ACCESS_DENIED, KEY_NOT_FOUND}


def unread_row(bucket: Bucket, why: Failure, *, account: str | None, audited_at: datetime) -> Row:
    """Make the row of a bucket whose encryption could not be read."""
    mode = ACCESS_DENIED if codes.is_denied(why.code) else why.code
    return Row(
        bucket=bucket.name,
        mode=mode,
        key_type=UNKNOWN,
        bucket_key=None,
        account=account,
        region=bucket.region,
        findings=find(why, None, bucket_region=bucket.region, account=account),
        error=why,
        created=bucket.created,
        audited_at=audited_at,
        kind=bucket.kind,
    )


def row(
    bucket: Bucket, found: Encryption, key: Key | Failure | None, *, account: str | None, audited_at: datetime
) -> Row:
    """Make the row of a bucket whose encryption is known. `key` is None where no KMS key is involved."""
    known = key if isinstance(key, Key) else Key(manager=None)
    parts = parse_key_arn(known.arn or (found.key if found.uses_kms and found.key else ""))
    configured = found.key if parts and not parts.resource.startswith("alias/") else None
    return Row(
        bucket=bucket.name,
        mode=_mode(found),
        key_type=_key_type(key),
        bucket_key=found.bucket_key if found.algorithm else None,
        account=account,
        region=bucket.region,
        algorithm=found.algorithm,
        key_arn=known.arn or configured,
        key_state=known.state,
        key_account=known.account or (parts.account or None if parts else None),
        key_region=parts.region or None if parts else None,
        key_origin=known.origin,
        multi_region=known.multi_region,
        sse_c=found.sse_c,
        findings=find(found, key, kind=bucket.kind, bucket_region=bucket.region, account=account, now=audited_at),
        error=key if isinstance(key, Failure) else None,
        created=bucket.created,
        audited_at=audited_at,
        key_spec=known.spec,
        key_deletion_date=known.deletion_date,
        key_valid_to=known.valid_to,
        kind=bucket.kind,
    )


def _mode(found: Encryption) -> str:
    if found.algorithm is None:
        return NO_CONFIGURATION
    if found.uses_kms:
        return found.key or AWS_S3_ALIAS
    return found.algorithm


def _key_type(key: Key | Failure | None) -> str:
    if key is None:
        return NOT_APPLICABLE
    if isinstance(key, Key):
        return key.manager or UNKNOWN
    if codes.is_denied(key.code):
        return ACCESS_DENIED
    return KEY_NOT_FOUND if key.code == codes.KEY_DOES_NOT_EXIST else key.code
