"""Rows of every kind that a report can hold, for the tests of formats."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from s3audit_async.model import Failure, Operation, Row, SseC

ACCOUNT = "111122223333"
ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
HOSTILE = "</script><b>|`x`\n\r\t\x1b[31m\udc80 'é\U0001f511\" @team #1 [a](https://x) www.x.y ${IFS} $(id)"

SSE_S3 = Row(
    bucket="sse-s3",
    mode="AES256",
    key_type="N/A",
    bucket_key=False,
    account=ACCOUNT,
    region="eu-west-1",
    algorithm="AES256",
    findings=("sse-s3-only", "sse-c-not-blocked"),
    created=datetime(2019, 1, 2, 3, 4, 5, tzinfo=UTC),
    audited_at=datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC),
)
KMS = replace(
    SSE_S3,
    bucket="kms",
    mode=ARN,
    key_type="CUSTOMER",
    bucket_key=True,
    algorithm="aws:kms",
    key_arn=ARN,
    key_state="Enabled",
    key_account=ACCOUNT,
    key_region="eu-west-1",
    key_origin="AWS_KMS",
    multi_region=False,
    sse_c=SseC.BLOCKED,
    findings=(),
    key_spec="SYMMETRIC_DEFAULT",
)
DYING = replace(
    KMS,
    bucket="dying",
    key_state="PendingDeletion",
    findings=("key-pending-deletion",),
    key_deletion_date=datetime(2026, 12, 24, tzinfo=UTC),
    key_valid_to=datetime(2027, 1, 1, tzinfo=UTC),
)
UNVERIFIED = replace(
    KMS,
    bucket="unverified",
    key_type="AccessDenied",
    key_state=None,
    key_origin=None,
    multi_region=None,
    key_spec=None,
    findings=("key-not-verified",),
    error=Failure(Operation.DESCRIBE_KEY, "AccessDeniedException", "not for you"),
)
BARE = replace(
    SSE_S3,
    bucket="bare",
    mode="SSEConfigNotFound",
    bucket_key=None,
    algorithm=None,
    findings=("no-default-encryption",),
)
DENIED = Row(
    bucket="denied",
    mode="AccessDenied",
    key_type="Unknown",
    bucket_key=None,
    account=ACCOUNT,
    region=None,
    findings=("encryption-unreadable",),
    error=Failure(Operation.GET_BUCKET_ENCRYPTION, "AccessDenied"),
)
GONE = Row(bucket="gone", mode="NoSuchBucket", key_type="Unknown", bucket_key=None, account=ACCOUNT, findings=())
LATER = replace(
    KMS, bucket="later", algorithm="aws:fsx", mode="aws:fsx", key_type="N/A", findings=("of-a-later-version",)
)
NARROW = Row(bucket="narrow", mode="AES256", key_type="N/A", bucket_key=False, findings=None)
NASTY = replace(
    KMS,
    bucket=HOSTILE,
    mode=HOSTILE,
    key_arn=HOSTILE,
    region=HOSTILE,
    algorithm=HOSTILE,
    findings=("sse-s3-only", HOSTILE),
)
CHINESE = replace(SSE_S3, bucket="chinese", region="cn-north-1")

ALL = (SSE_S3, KMS, DYING, UNVERIFIED, BARE, DENIED, GONE, LATER, NASTY, CHINESE)
"""All that know their account."""
