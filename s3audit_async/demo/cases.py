"""The buckets as they can answer: each special case once, and the ordinary ones with how common they are.

Each is a template: its name and date are filled in by the plan. What the report must say is written out here
by hand, not worked out by the program that is being shown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3audit_async.demo.records import AWS_MANAGED_ALIAS, DemoBucket, DemoEncryption, DemoFault, DemoKey

if TYPE_CHECKING:
    from s3audit_async.demo.keyring import Keyring

_LATER = datetime(2006, 3, 14, tzinfo=UTC)  # a date that the plan replaces

_DENIED = DemoFault(403, "AccessDenied", "Access Denied")
_BROKEN = DemoFault(500, "InternalError", "We encountered an internal error. Please try again.")

_CELL = {True: "True", False: "False", None: ""}


def _sse_s3(
    case: str, region: str, *, bucket_key: bool | None = False, blocked: tuple[str, ...] | None = None
) -> DemoBucket:
    encryption = DemoEncryption("AES256", None, bucket_key, blocked)
    return DemoBucket("", region, _LATER, case, encryption, "AES256", "N/A", _CELL[bucket_key])


def _kms(
    case: str,
    region: str,
    reference: str,
    key: DemoKey | None,
    key_type: str = "CUSTOMER",
    *,
    bucket_key: bool | None = True,
    algorithm: str = "aws:kms",
) -> DemoBucket:
    encryption = DemoEncryption(algorithm, reference, bucket_key)
    return DemoBucket("", region, _LATER, case, encryption, reference, key_type, _CELL[bucket_key], key)


def _kms_without_key(case: str, region: str, *, bucket_key: bool | None) -> DemoBucket:
    encryption = DemoEncryption("aws:kms", None, bucket_key)
    return DemoBucket("", region, _LATER, case, encryption, AWS_MANAGED_ALIAS, "AWS", _CELL[bucket_key])


def _unreadable(
    case: str, region: str, mode: str, key_type: str, *, fault: DemoFault | None = None, vanished: bool = False
) -> DemoBucket:
    return DemoBucket("", region, _LATER, case, None, mode, key_type, "", fault=fault, vanished=vanished)


def special(keys: Keyring) -> tuple[DemoBucket, ...]:
    """Every case once: first the rows of the report's table, then the findings a wide report adds."""
    virginia, oregon, ireland, frankfurt, sydney, sao_paulo = keys.data.values()
    future = DemoEncryption("aws:future", None, bucket_key_enabled=False)
    return (
        _sse_s3("sse-s3", "us-east-1"),
        _sse_s3("sse-s3-bucket-key-absent", "eu-west-1", bucket_key=None),
        _kms("kms-key-arn", "us-east-1", virginia.arn, virginia),
        _kms("kms-key-arn-bucket-key-off", "us-west-2", oregon.arn, oregon, bucket_key=False),
        _kms("kms-key-arn-bucket-key-absent", "eu-west-1", ireland.arn, ireland, bucket_key=None),
        _kms("kms-alias-name", "eu-central-1", "alias/acme-data", frankfurt),
        _kms("kms-alias-arn", "ap-southeast-2", sydney.alias_arn, sydney, bucket_key=False),
        _kms("kms-key-id", "sa-east-1", sao_paulo.key_id, sao_paulo),
        _kms_without_key("kms-no-key", "us-east-1", bucket_key=False),
        _kms("aws-managed-alias", "us-west-2", AWS_MANAGED_ALIAS, keys.managed["us-west-2"], "AWS"),
        _kms(
            "aws-managed-alias-arn",
            "eu-west-1",
            keys.managed["eu-west-1"].alias_arn,
            keys.managed["eu-west-1"],
            "AWS",
            bucket_key=None,
        ),
        _kms("aws-managed-key-arn", "us-east-1", keys.managed["us-east-1"].arn, keys.managed["us-east-1"], "AWS"),
        _kms("kms-dsse", "us-west-2", oregon.arn, oregon, bucket_key=False, algorithm="aws:kms:dsse"),
        _kms("key-access-denied", "eu-central-1", keys.payroll.arn, keys.payroll, "AccessDenied"),
        _kms("key-not-found", "us-east-1", keys.missing_arn, None, "KeyNotFound", bucket_key=False),
        _kms("key-lookup-fails", "sa-east-1", keys.flaky.arn, keys.flaky, "KMSInternalException"),
        _unreadable("no-configuration", "us-west-2", "SSEConfigNotFound", "N/A"),
        _unreadable("bucket-access-denied", "eu-central-1", "AccessDenied", "Unknown", fault=_DENIED),
        _unreadable("bucket-vanished", "us-east-1", "NoSuchBucket", "Unknown", vanished=True),
        _unreadable("bucket-fails", "ap-southeast-2", "InternalError", "Unknown", fault=_BROKEN),
        DemoBucket("", "eu-west-1", _LATER, "future-algorithm", future, "aws:future", "N/A", "False"),
        _kms("key-disabled", "us-west-2", keys.retired.arn, keys.retired),
        _kms("key-pending-deletion", "eu-west-1", keys.condemned.arn, keys.condemned),
        _kms("key-of-another-region", "eu-central-1", oregon.arn, oregon),
        _kms("key-of-another-account", "us-east-1", keys.partner.arn, keys.partner),
        _kms(
            "key-of-another-account-denied",
            "eu-west-1",
            keys.partner_private.arn,
            keys.partner_private,
            "AccessDenied",
        ),
        _sse_s3("sse-c-blocked", "ap-southeast-2", blocked=("SSE-C",)),
        _sse_s3("sse-c-allowed", "us-east-1", blocked=("NONE",)),
    )


def ordinary(keys: Keyring, region: str) -> tuple[tuple[DemoBucket, ...], tuple[int, ...]]:
    """Return what most buckets of `region` look like, and how many in 100 look so, in the same order."""
    data, logs = keys.data[region], keys.logs[region]
    common = (
        (_sse_s3("sse-s3", region), 50),
        (_sse_s3("sse-s3-bucket-key-absent", region, bucket_key=None), 3),
        (_kms("kms-key-arn", region, data.arn, data), 17),
        (_kms("kms-key-arn", region, logs.arn, logs), 9),
        (_kms("kms-key-arn-bucket-key-off", region, data.arn, data, bucket_key=False), 6),
        (_kms("kms-key-arn-bucket-key-absent", region, logs.arn, logs, bucket_key=None), 3),
        (_kms("kms-alias-name", region, "alias/acme-logs", logs), 4),
        (_kms_without_key("kms-no-key", region, bucket_key=True), 5),
        (_kms_without_key("kms-no-key", region, bucket_key=False), 3),
    )
    return tuple(bucket for bucket, _ in common), tuple(weight for _, weight in common)
