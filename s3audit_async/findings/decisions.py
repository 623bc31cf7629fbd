"""What there is to say of one bucket, from what S3 and KMS answered.

An unknown never makes a finding about the thing that is unknown; it makes one that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async import codes
from s3audit_async.findings.ids import Finding
from s3audit_async.model import AES256, Encryption, Failure, Key, Kind, SseC
from s3audit_async.references import is_alias, is_predefined_alias, parse_key_arn

if TYPE_CHECKING:
    from datetime import datetime


# Key states in which S3 cannot encrypt (botocore model of kms, KeyState).
_STATES = {
    "Disabled": Finding.KEY_DISABLED,
    "PendingDeletion": Finding.KEY_PENDING_DELETION,
    "PendingReplicaDeletion": Finding.KEY_PENDING_DELETION,
    "PendingImport": Finding.KEY_UNUSABLE,
    "Unavailable": Finding.KEY_UNUSABLE,
    "Creating": Finding.KEY_UNUSABLE,
}
_OF_GENERAL_ONLY = frozenset({Finding.BUCKET_KEY_OFF, Finding.SSE_C_NOT_BLOCKED})
"""Directory buckets always have a Bucket Key, the others none; and only general purpose buckets can be written to with
SSE-C (botocore model of s3, ServerSideEncryptionRule)."""
_NONE: frozenset[str] = frozenset()
_ORDER = {finding: place for place, finding in enumerate(Finding)}


def find(
    found: Encryption | Failure,
    key: Key | Failure | None,
    *,
    kind: Kind = Kind.GENERAL,
    bucket_region: str | None,
    account: str | None,
    now: datetime | None = None,
) -> tuple[str, ...]:
    """List what there is to say of one bucket, in the order of `Finding`. `now` tells expired key material."""
    if isinstance(found, Failure):
        if found.code == codes.NO_SUCH_BUCKET:
            return ()
        denied = codes.is_denied(found.code)
        return (Finding.ENCRYPTION_UNREADABLE if denied else Finding.BUCKET_NOT_AUDITED,)
    findings = set(_of_configuration(found))
    if isinstance(key, Failure):
        missing = key.code == codes.KEY_DOES_NOT_EXIST
        findings.add(Finding.KEY_NOT_FOUND if missing else Finding.KEY_NOT_VERIFIED)
    elif key is not None:
        findings.update(_of_key(key, now))
    if found.uses_kms and found.key:
        findings.update(_of_reference(found.key, key, bucket_region, account))
    findings -= inapplicable(kind)
    return tuple(sorted(findings, key=_ORDER.__getitem__))


def inapplicable(kind: Kind) -> frozenset[str]:
    """Name the findings that a kind of buckets cannot have."""
    return _NONE if kind is Kind.GENERAL else _OF_GENERAL_ONLY


def _of_configuration(found: Encryption) -> list[Finding]:
    findings = []
    if found.algorithm is None:
        findings.append(Finding.NO_DEFAULT_ENCRYPTION)
    if found.algorithm == AES256:
        findings.append(Finding.SSE_S3_ONLY)
    if found.algorithm == "aws:kms" and not found.bucket_key:  # DSSE-KMS has no Bucket Keys
        findings.append(Finding.BUCKET_KEY_OFF)
    if found.sse_c is not SseC.BLOCKED:
        findings.append(Finding.SSE_C_NOT_BLOCKED)
    return findings


def _of_key(key: Key, now: datetime | None) -> list[Finding]:
    findings = []
    if key.manager == "AWS":
        findings.append(Finding.AWS_MANAGED_KEY)
    if key.state in _STATES:
        findings.append(_STATES[key.state])
    if key.valid_to and now and key.valid_to <= now:
        findings.append(Finding.KEY_UNUSABLE)
    if key.spec not in {None, "SYMMETRIC_DEFAULT"}:
        findings.append(Finding.KEY_NOT_SYMMETRIC)
    return findings


def _of_reference(
    reference: str, key: Key | Failure | None, bucket_region: str | None, account: str | None
) -> list[Finding]:
    findings = []
    described = key if isinstance(key, Key) else Key(manager=None)
    arn = parse_key_arn(described.arn or reference)
    if arn and arn.region and bucket_region and arn.region != bucket_region:
        findings.append(Finding.KEY_IN_OTHER_REGION)
    owner = described.account or (arn.account if arn else "")
    if owner and account and owner != account:
        findings.append(Finding.KEY_IN_OTHER_ACCOUNT)
    if is_alias(reference) and not is_predefined_alias(reference):
        findings.append(Finding.KEY_BY_ALIAS)
    return findings
