"""Pure decisions: the AWS CLI calls that mend a finding in one bucket. They are shown, never run.

PutBucketEncryption replaces the whole configuration (botocore model of s3), so each call repeats what the row says of
the rest. Names come from whoever made the bucket or the key: every one is quoted for a POSIX shell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from s3audit_async.findings.calls import (
    KEY_ARN,
    Configuration,
    audit_call,
    comment,
    get_configuration,
    policy_call,
    put_configuration,
)
from s3audit_async.findings.ids import Finding
from s3audit_async.findings.key_calls import REVIVED, key_steps, revival
from s3audit_async.model import AES256, KMS_ALGORITHMS, Kind, SseC
from s3audit_async.references import is_host_label

if TYPE_CHECKING:
    from collections.abc import Collection

    from s3audit_async.model import Row

ALGORITHM = "ALGORITHM"
"""Stands in a call for what a report of four columns does not hold: aws:kms or aws:kms:dsse."""

_FRESH = frozenset({Finding.NO_DEFAULT_ENCRYPTION, Finding.SSE_S3_ONLY})
"""No KMS key stands there yet."""
_OTHER_KEY = frozenset(
    {
        Finding.AWS_MANAGED_KEY,
        Finding.KEY_NOT_FOUND,
        Finding.KEY_IN_OTHER_REGION,
        Finding.KEY_IN_OTHER_ACCOUNT,
        Finding.KEY_NOT_SYMMETRIC,
    }
)
_REPLACED = _OTHER_KEY - {Finding.KEY_IN_OTHER_ACCOUNT}
"""A plan leaves a key of another account to a person: one account that keeps the keys of all is a common design."""
_OF_CONFIGURATION = _FRESH | _OTHER_KEY | {Finding.BUCKET_KEY_OFF, Finding.KEY_BY_ALIAS, Finding.SSE_C_NOT_BLOCKED}
_REMAKE = {
    Kind.DIRECTORY: comment("A directory bucket keeps the first KMS key that it is given: make another bucket."),
    Kind.VECTOR: comment("A vector bucket keeps the encryption that it is made with: make another bucket."),
}
"""What there is to say where no call can replace a configuration (botocore models of s3 and s3vectors)."""
_OF_KEY = frozenset({Finding.KEY_DISABLED, Finding.KEY_PENDING_DELETION, Finding.KEY_UNUSABLE})


@dataclass(frozen=True, slots=True)
class Plan:
    """What mends all of one bucket's findings together, as far as calls can."""

    call: str | None
    """The put-bucket-encryption call; None where the configuration needs no change."""
    key_calls: tuple[str, ...]
    """Calls that bring its key back. Buckets may share a key: they must be made once only."""
    key_region: str | None
    """The region of which `call` needs a key, in the shell variable `variable(region)`; None if it needs none."""
    left: tuple[str, ...]
    """Findings that need a person."""


def variable(region: str) -> str:
    """Name the shell variable that holds the ARN of the key to use in a region."""
    return "KEY_ARN_" + region.replace("-", "_")


def steps(finding: str, row: Row) -> tuple[str, ...]:
    """Give the shell commands that mend one finding in one bucket; comments (`# ...`) stand for what a row lacks.

    `KEY_ARN` stands for the ARN of a key that is yet to be chosen, `ALGORITHM` for what four columns do not hold.
    Empty where no command helps.
    """
    if finding in {Finding.ENCRYPTION_UNREADABLE, Finding.KEY_NOT_VERIFIED}:
        return (policy_call(row),)
    if finding == Finding.BUCKET_NOT_AUDITED:
        return audit_call(row)
    if finding in _OF_KEY:
        return key_steps(finding, row)
    if finding not in _OF_CONFIGURATION:
        return ()
    if not _is_replaceable(row, {finding}):
        return (_REMAKE[row.kind], *get_configuration(row))
    return _replacement(finding, row)


def _is_replaceable(row: Row, found: Collection[str]) -> bool:
    """Tell whether the configuration of a bucket in which this was found can be replaced at all."""
    if row.kind is Kind.DIRECTORY:
        return not _FRESH.isdisjoint(found)
    return row.kind is not Kind.VECTOR


def _replacement(finding: str, row: Row) -> tuple[str, ...]:
    """Give the call that replaces the configuration, after comments on what it takes."""
    there = _configuration(finding, row)
    wanted = _mended(finding, row, there) if there else None
    lines = []
    if not row.region:
        lines.append(comment("The report does not hold the bucket's region: add --region to the calls."))
    if wanted is None or row.findings is None:
        lines.append(comment("The report does not hold the whole configuration, and a call replaces it. Look first:"))
        lines.extend(get_configuration(row))
    if wanted is None:
        return tuple(lines)
    if row.findings is None:
        lines.append(comment("If SSE-C is blocked, add BlockedEncryptionTypes to the next call."))
    if wanted.algorithm == ALGORITHM:
        lines.append(
            comment("Put aws:kms or aws:kms:dsse for ALGORITHM; with aws:kms:dsse leave BucketKeyEnabled out.")
        )
    if wanted.key == KEY_ARN:
        where = f"of {row.region}" if row.region else "of the bucket's region"
        lines.append(comment(f"Put the ARN of a customer managed key {where} for KEY_ARN."))
    return (*lines, *put_configuration(row, wanted))


def plan(row: Row) -> Plan | None:
    """Plan a bucket of a wide report: SSE-KMS with a customer managed key, Bucket Key on, SSE-C blocked.

    DSSE-KMS stays that; a key that nothing is wrong with stays. None where the row does not hold what a call needs.
    """
    there = _configuration("", row) if row.findings is not None else None
    if there is None:
        return None
    found = frozenset(row.findings or ())
    key_calls = revival(row) if found & REVIVED else ()
    replaced = _OF_CONFIGURATION if _is_replaceable(row, found) else frozenset()
    left = found - (replaced - {Finding.KEY_IN_OTHER_ACCOUNT}) - (REVIVED if key_calls else frozenset())
    call, key_region = None, None
    if found & replaced:
        needs_key = bool(found & (_FRESH | _REPLACED)) or there.algorithm == AES256
        if needs_key and not (row.region and is_host_label(row.region)):
            return None
        if not row.key_arn and not needs_key:
            left |= found & {Finding.KEY_BY_ALIAS}  # which key it is, nobody can tell
        wanted = _target(row, there)
        if needs_key or wanted != there:
            key_region = row.region if needs_key else None
            (call,) = put_configuration(row, wanted, key_variable=variable(key_region) if key_region else None)
            if call.startswith("#"):
                return None
    return Plan(call, key_calls, key_region, tuple(finding for finding in row.findings or () if finding in left))


def _target(row: Row, there: Configuration) -> Configuration:
    algorithm = there.algorithm if there.algorithm in KMS_ALGORITHMS else "aws:kms"
    if row.kind is not Kind.GENERAL:  # the others have neither Bucket Keys to be switched, nor SSE-C
        return Configuration(algorithm, row.key_arn or there.key, None, None)
    bucket_key = True if algorithm == "aws:kms" else there.bucket_key  # which no call repeats: DSSE-KMS has none
    return Configuration(algorithm, row.key_arn or there.key, bucket_key, SseC.BLOCKED)


def _configuration(finding: str, row: Row) -> Configuration | None:
    """Tell what stands there, as far as the row does; None where a call could not repeat it."""
    if row.kind is not Kind.GENERAL:
        row = replace(row, bucket_key=None, sse_c=None)
    found = row.findings
    if found is None:
        if finding in _FRESH:
            return Configuration(AES256, None, row.bucket_key, None)
        kms = finding in _OF_CONFIGURATION and finding != Finding.SSE_C_NOT_BLOCKED
        return Configuration(ALGORITHM, _reference(row), row.bucket_key, None) if kms else None
    if row.algorithm in KMS_ALGORITHMS:
        return Configuration(row.algorithm, _reference(row), row.bucket_key, row.sse_c)
    if row.algorithm == AES256 or (row.algorithm is None and Finding.NO_DEFAULT_ENCRYPTION in found):
        return Configuration(AES256, None, row.bucket_key, row.sse_c)
    return None  # not read, or an algorithm of which nobody knows what belongs to it


def _reference(row: Row) -> str | None:
    return None if row.mode == "alias/aws/s3" else row.mode  # S3 uses that one where none is named


def _mended(finding: str, row: Row, there: Configuration) -> Configuration:
    if finding in _FRESH:
        bucket_key = True if row.kind is Kind.GENERAL else None
        return replace(there, algorithm="aws:kms", key=KEY_ARN, bucket_key=bucket_key)
    if finding in _OTHER_KEY:
        return replace(there, key=KEY_ARN)
    if finding == Finding.KEY_BY_ALIAS:
        return replace(there, key=row.key_arn or KEY_ARN)
    if finding == Finding.BUCKET_KEY_OFF:
        return replace(there, bucket_key=True)
    return replace(there, sse_c=SseC.BLOCKED)
