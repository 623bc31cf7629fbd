"""The ids of everything that can be found."""

from __future__ import annotations

from enum import StrEnum


class Finding(StrEnum):
    """Everything that can be found. The values are part of the report's format."""

    NO_DEFAULT_ENCRYPTION = "no-default-encryption"
    SSE_S3_ONLY = "sse-s3-only"
    AWS_MANAGED_KEY = "aws-managed-key"
    BUCKET_KEY_OFF = "bucket-key-off"
    KEY_DISABLED = "key-disabled"
    KEY_PENDING_DELETION = "key-pending-deletion"
    KEY_UNUSABLE = "key-unusable"
    KEY_NOT_FOUND = "key-not-found"
    KEY_IN_OTHER_REGION = "key-in-other-region"
    KEY_IN_OTHER_ACCOUNT = "key-in-other-account"
    KEY_BY_ALIAS = "key-by-alias"
    KEY_NOT_VERIFIED = "key-not-verified"
    KEY_NOT_SYMMETRIC = "key-not-symmetric"
    SSE_C_NOT_BLOCKED = "sse-c-not-blocked"
    ENCRYPTION_UNREADABLE = "encryption-unreadable"
    BUCKET_NOT_AUDITED = "bucket-not-audited"
