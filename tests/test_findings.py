from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.findings import Finding, find
from s3audit_async.model import Encryption, Failure, Key, Operation, SseC

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{ID}"

BLOCKED = SseC.BLOCKED
SOUND = Encryption("aws:kms", ARN, bucket_key=True, sse_c=BLOCKED)
CUSTOMER = Key("CUSTOMER", arn=ARN, account=ACCOUNT, state="Enabled", spec="SYMMETRIC_DEFAULT")

Case = tuple[Encryption | Failure, Key | Failure | None, list[str]]


def kms(key: str | None, *, bucket_key: bool | None = True) -> Encryption:
    return Encryption("aws:kms", key, bucket_key=bucket_key, sse_c=BLOCKED)


def unread(code: str) -> Failure:
    return Failure(Operation.GET_BUCKET_ENCRYPTION, code)


def undescribed(code: str) -> Failure:
    return Failure(Operation.DESCRIBE_KEY, code)


CASES: dict[str, Case] = {
    "a sound bucket": (SOUND, CUSTOMER, []),
    "dsse has no bucket keys": (Encryption("aws:kms:dsse", ARN, sse_c=BLOCKED), CUSTOMER, []),
    "SSE-S3": (Encryption("AES256", sse_c=BLOCKED), None, ["sse-s3-only"]),
    "SSE-S3 needs no bucket key": (Encryption("AES256", bucket_key=False, sse_c=BLOCKED), None, ["sse-s3-only"]),
    "no configuration": (Encryption(None, sse_c=BLOCKED), None, ["no-default-encryption"]),
    "no configuration, SSE-C not blocked": (Encryption(None), None, ["no-default-encryption", "sse-c-not-blocked"]),
    "an algorithm unknown": (Encryption("aws:future", sse_c=BLOCKED), None, []),
    "SSE-C never mentioned": (Encryption("AES256"), None, ["sse-s3-only", "sse-c-not-blocked"]),
    "SSE-C allowed": (Encryption("AES256", sse_c=SseC.ALLOWED), None, ["sse-s3-only", "sse-c-not-blocked"]),
    "bucket key off": (kms(ARN, bucket_key=False), CUSTOMER, ["bucket-key-off"]),
    "bucket key never configured": (kms(ARN, bucket_key=None), CUSTOMER, ["bucket-key-off"]),
    "key of AWS by default": (kms(None), Key("AWS"), ["aws-managed-key"]),
    "key of AWS by alias is no alias of ours": (kms("alias/aws/s3"), Key("AWS"), ["aws-managed-key"]),
    "key of AWS by alias ARN": (
        kms(f"arn:aws-cn:kms:eu-west-1:{ACCOUNT}:alias/aws/s3"),
        Key("AWS"),
        ["aws-managed-key"],
    ),
    "key disabled": (SOUND, Key("CUSTOMER", state="Disabled"), ["key-disabled"]),
    "key to be deleted": (SOUND, Key("CUSTOMER", state="PendingDeletion"), ["key-pending-deletion"]),
    "replica to be deleted": (SOUND, Key("CUSTOMER", state="PendingReplicaDeletion"), ["key-pending-deletion"]),
    "key without material": (SOUND, Key("CUSTOMER", state="PendingImport"), ["key-unusable"]),
    "key store unavailable": (SOUND, Key("CUSTOMER", state="Unavailable"), ["key-unusable"]),
    "key not made yet": (SOUND, Key("CUSTOMER", state="Creating"), ["key-unusable"]),
    "key being updated still works": (SOUND, Key("CUSTOMER", state="Updating"), []),
    "key in a state unknown": (SOUND, Key("CUSTOMER", state="Resting"), []),
    "key of another account": (SOUND, Key("CUSTOMER", account=OTHER_ACCOUNT), ["key-in-other-account"]),
    "key for signing": (SOUND, Key("CUSTOMER", spec="RSA_2048"), ["key-not-symmetric"]),
    "key does not exist": (SOUND, undescribed("NotFoundException"), ["key-not-found"]),
    "key may not be described": (SOUND, undescribed("AccessDeniedException"), ["key-not-verified"]),
    "key could not be described": (SOUND, undescribed("KMSInternalException"), ["key-not-verified"]),
    "key in another region": (
        kms(f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{ID}"),
        Key("CUSTOMER"),
        ["key-in-other-region"],
    ),
    "key in a region that is none": (
        kms(f"arn:aws:kms:evil.example.com/:{ACCOUNT}:key/{ID}"),
        undescribed("NotFoundException"),
        ["key-not-found", "key-in-other-region"],
    ),
    "key by alias": (kms("alias/mine"), CUSTOMER, ["key-by-alias"]),
    "key by alias ARN": (kms(f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/mine"), CUSTOMER, ["key-by-alias"]),
    "key by bare id": (kms(ID), CUSTOMER, []),
    "where KMS says that the key is goes first": (
        kms("alias/mine"),
        Key("CUSTOMER", arn=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{ID}"),
        ["key-in-other-region", "key-by-alias"],
    ),
    "bucket may not be read": (unread("AccessDenied"), None, ["encryption-unreadable"]),
    "bucket could not be read": (unread("InternalError"), None, ["bucket-not-audited"]),
    "bucket is gone": (unread("NoSuchBucket"), None, []),
}


@pytest.mark.parametrize(("found", "key", "expected"), CASES.values(), ids=CASES)
def test_what_is_worth_saying(found: Encryption | Failure, key: Key | Failure | None, expected: list[str]) -> None:
    assert [*find(found, key, bucket_region="eu-west-1", account=ACCOUNT)] == expected


def test_there_is_a_case_for_every_finding() -> None:
    assert {finding for _, _, expected in CASES.values() for finding in expected} == {str(each) for each in Finding}


def test_a_bucket_whose_region_is_unknown_has_no_key_in_another() -> None:
    assert find(SOUND, CUSTOMER, bucket_region=None, account=ACCOUNT) == ()


@pytest.mark.parametrize("key", [CUSTOMER, Key("CUSTOMER", account=OTHER_ACCOUNT)])
def test_an_account_that_is_unknown_has_no_key_in_another(key: Key) -> None:
    assert find(SOUND, key, bucket_region="eu-west-1", account=None) == ()


@pytest.mark.parametrize(
    ("valid_to", "expected"),
    [
        (NOW - timedelta(seconds=1), (Finding.KEY_UNUSABLE,)),
        (NOW, (Finding.KEY_UNUSABLE,)),
        (NOW + timedelta(seconds=1), ()),
        (None, ()),
    ],
)
def test_a_key_whose_material_has_expired_is_unusable(valid_to: datetime | None, expected: tuple[Finding, ...]) -> None:
    key = replace(CUSTOMER, valid_to=valid_to)
    assert find(SOUND, key, bucket_region="eu-west-1", account=ACCOUNT, now=NOW) == expected


def test_without_the_time_nothing_has_expired() -> None:
    key = replace(CUSTOMER, valid_to=NOW)
    assert find(SOUND, key, bucket_region="eu-west-1", account=ACCOUNT) == ()


def test_a_key_that_is_unusable_twice_over_is_so_once() -> None:
    key = replace(CUSTOMER, state="PendingImport", valid_to=NOW)
    assert find(SOUND, key, bucket_region="eu-west-1", account=ACCOUNT, now=NOW) == (Finding.KEY_UNUSABLE,)


def test_an_arn_that_leaves_its_region_out_is_not_said_to_be_in_another() -> None:
    found = kms(f"arn:aws:kms::{ACCOUNT}:key/{ID}")

    assert find(found, undescribed("NotFoundException"), bucket_region="eu-west-1", account=ACCOUNT) == (
        Finding.KEY_NOT_FOUND,
    )


def test_an_arn_tells_the_other_account_of_a_key_that_may_not_be_described() -> None:
    found = kms(f"arn:aws:kms:eu-west-1:{OTHER_ACCOUNT}:key/{ID}")

    assert find(found, undescribed("AccessDeniedException"), bucket_region="eu-west-1", account=ACCOUNT) == (
        Finding.KEY_IN_OTHER_ACCOUNT,
        Finding.KEY_NOT_VERIFIED,
    )


@settings(deadline=None)
@given(
    found=st.builds(
        Encryption,
        st.sampled_from([None, "AES256", "aws:kms", "aws:kms:dsse", "aws:future"]),
        st.sampled_from([None, ID, ARN, "alias/mine", "alias/aws/s3", "arn:aws:kms:us-east-1:1:key/x"]),
        st.sampled_from([True, False, None]),
        st.sampled_from([None, *SseC]),
    ),
    key=st.none()
    | st.builds(undescribed, st.sampled_from(["NotFoundException", "AccessDeniedException", "Other"]))
    | st.builds(
        Key,
        st.sampled_from(["AWS", "CUSTOMER", None]),
        arn=st.sampled_from([None, ARN]),
        account=st.sampled_from([None, ACCOUNT, OTHER_ACCOUNT]),
        state=st.sampled_from([None, "Enabled", "Disabled", "PendingDeletion"]),
        spec=st.sampled_from([None, "SYMMETRIC_DEFAULT", "RSA_2048"]),
    ),
)
def test_findings_come_once_each_and_in_one_order(found: Encryption, key: Key | Failure | None) -> None:
    findings = find(found, key, bucket_region="eu-west-1", account=ACCOUNT)

    assert list(findings) == [finding for finding in Finding if finding in findings]


@pytest.mark.parametrize("code", ["NotFoundException", "AccessDeniedException", "KMSInternalException"])
def test_a_key_that_is_unknown_has_no_findings_of_its_own(code: str) -> None:
    of_the_key = {
        Finding.AWS_MANAGED_KEY,
        Finding.KEY_DISABLED,
        Finding.KEY_PENDING_DELETION,
        Finding.KEY_UNUSABLE,
        Finding.KEY_NOT_SYMMETRIC,
    }

    assert of_the_key.isdisjoint(find(SOUND, undescribed(code), bucket_region="eu-west-1", account=ACCOUNT))
