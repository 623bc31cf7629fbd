"""What is known of a finding: there, not there, or nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async import classify
from s3audit_async.assessment import Assessment, State, assess, is_gone, was_read
from s3audit_async.demo.account import DemoBucket, plan
from s3audit_async.findings import Finding
from s3audit_async.model import Bucket, Encryption, Failure, Key, Operation, Row, SseC

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
REGION = "eu-west-1"
ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{ID}"
CUSTOMER = Key("CUSTOMER", arn=ARN, account=ACCOUNT, state="Enabled", spec="SYMMETRIC_DEFAULT")

UNREAD = {Finding.ENCRYPTION_UNREADABLE, Finding.BUCKET_NOT_AUDITED}
OF_KEY = {
    Finding.AWS_MANAGED_KEY,
    Finding.KEY_DISABLED,
    Finding.KEY_PENDING_DELETION,
    Finding.KEY_UNUSABLE,
    Finding.KEY_NOT_FOUND,
    Finding.KEY_NOT_SYMMETRIC,
}
OF_PLACE = {Finding.KEY_IN_OTHER_REGION, Finding.KEY_IN_OTHER_ACCOUNT}
OF_STATE = {Finding.KEY_DISABLED, Finding.KEY_PENDING_DELETION, Finding.KEY_UNUSABLE}


def kms(key: str | None = ARN, *, algorithm: str = "aws:kms", bucket_key: bool | None = True) -> Encryption:
    return Encryption(algorithm, key, bucket_key=bucket_key, sse_c=SseC.BLOCKED)


def read(
    found: Encryption, key: Key | Failure | None = None, *, account: str | None = ACCOUNT, region: str | None = REGION
) -> Row:
    return classify.row(Bucket("bucket", region), found, key, account=account, audited_at=NOW)


def unread(code: str) -> Row:
    failure = Failure(Operation.GET_BUCKET_ENCRYPTION, code)
    return classify.unread_row(Bucket("bucket", REGION), failure, account=ACCOUNT, audited_at=NOW)


def undescribed(code: str) -> Failure:
    return Failure(Operation.DESCRIBE_KEY, code)


def narrow(row: Row) -> Row:
    """The same row, read back from a report of four columns."""
    return Row(row.bucket, row.mode, row.key_type, row.bucket_key, findings=None)


def wide_and_narrow(row: Row) -> list[Row]:
    return [row, narrow(row)]


def test_the_three_states() -> None:
    assessment = Assessment(frozenset({"sse-s3-only"}), frozenset({"sse-c-not-blocked"}))
    assert assessment.state("sse-s3-only") is State.FOUND
    assert assessment.state("sse-c-not-blocked") is State.UNKNOWN
    assert assessment.state("key-disabled") is State.ABSENT


def test_a_wide_row_of_a_sound_bucket_leaves_nothing_open() -> None:
    assert assess(read(kms(), CUSTOMER)) == Assessment(frozenset(), frozenset())


def test_a_wide_row_leaves_nothing_open_beside_its_findings() -> None:
    row = read(kms("alias/mine", bucket_key=False), replace(CUSTOMER, state="Disabled"))
    assert assess(row) == Assessment(
        frozenset({Finding.BUCKET_KEY_OFF, Finding.KEY_DISABLED, Finding.KEY_BY_ALIAS}), frozenset()
    )


def test_four_columns_leave_open_what_a_customer_key_is_like() -> None:
    assert assess(narrow(read(kms(), CUSTOMER))) == Assessment(
        frozenset(), frozenset({Finding.SSE_C_NOT_BLOCKED, Finding.KEY_NOT_SYMMETRIC, *OF_STATE, *OF_PLACE})
    )


@pytest.mark.parametrize("algorithm", ["aws:kms", "aws:kms:dsse"])
@pytest.mark.parametrize("bucket_key", [False, None])
def test_four_columns_do_not_tell_a_bucket_key_that_is_off_from_one_that_cannot_be_on(
    algorithm: str, bucket_key: bool | None
) -> None:
    row = narrow(read(kms(algorithm=algorithm, bucket_key=bucket_key), CUSTOMER))
    assert assess(row).state(Finding.BUCKET_KEY_OFF) is State.UNKNOWN


@pytest.mark.parametrize(
    ("found", "finding"),
    [
        (Encryption("AES256", bucket_key=False), Finding.SSE_S3_ONLY),
        (Encryption(None), Finding.NO_DEFAULT_ENCRYPTION),
    ],
)
def test_four_columns_leave_open_only_sse_c_where_there_is_no_key(found: Encryption, finding: Finding) -> None:
    assert assess(read(found)).found == {finding, Finding.SSE_C_NOT_BLOCKED}
    assert assess(narrow(read(found))) == Assessment(frozenset({finding}), frozenset({Finding.SSE_C_NOT_BLOCKED}))


@pytest.mark.parametrize(
    ("code", "finding"),
    [("AccessDenied", Finding.ENCRYPTION_UNREADABLE), ("InternalError", Finding.BUCKET_NOT_AUDITED)],
)
def test_of_a_bucket_that_was_not_read_everything_is_unknown_but_that(code: str, finding: Finding) -> None:
    for row in wide_and_narrow(unread(code)):
        assert assess(row) == Assessment(frozenset({finding}), frozenset(set(Finding) - UNREAD))


def test_a_bucket_that_is_gone_has_nothing_and_leaves_nothing_open() -> None:
    for row in wide_and_narrow(unread("NoSuchBucket")):
        assert is_gone(row)
        assert assess(row) == Assessment(frozenset(), frozenset())


def test_a_bucket_whose_key_has_the_name_of_an_error_is_not_gone() -> None:
    assert not is_gone(read(kms("NoSuchBucket"), CUSTOMER))


@pytest.mark.parametrize("reference", [None, ARN, "alias/mine", "NoSuchBucket", "AccessDenied"])
@pytest.mark.parametrize("manager", [None, "CUSTOMER"])
def test_a_configuration_was_read_also_where_kms_does_not_name_the_keys_manager(
    reference: str | None, manager: str | None
) -> None:
    row = read(kms(reference), replace(CUSTOMER, manager=manager))
    assert was_read(row)
    assert not is_gone(row)


@pytest.mark.parametrize("reference", [ARN, "alias/mine"])
def test_four_columns_tell_a_key_without_a_manager_from_a_bucket_that_was_not_read(reference: str) -> None:
    assert was_read(narrow(read(kms(reference), replace(CUSTOMER, manager=None))))


@pytest.mark.parametrize("found", [Encryption("AES256"), Encryption(None), Encryption("aws:future"), kms()])
def test_what_was_read_was_read_whatever_it_says(found: Encryption) -> None:
    row = read(found, undescribed("AccessDeniedException") if found.uses_kms else None)
    assert [was_read(each) for each in wide_and_narrow(row)] == [True, True]


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "InternalError"])
def test_a_bucket_that_gave_no_configuration_was_not_read(code: str) -> None:
    assert [was_read(each) for each in wide_and_narrow(unread(code))] == [False, False]


def test_an_algorithm_that_is_not_known_leaves_everything_open_that_depends_on_it() -> None:
    row = read(Encryption("aws:future", sse_c=SseC.BLOCKED))
    told = {Finding.NO_DEFAULT_ENCRYPTION, Finding.SSE_C_NOT_BLOCKED, *UNREAD}
    assert assess(row) == Assessment(frozenset(), frozenset(set(Finding) - told))
    assert assess(narrow(row)).unknown == assess(row).unknown | {Finding.SSE_C_NOT_BLOCKED}


@pytest.mark.parametrize("code", ["AccessDeniedException", "KMSInternalException"])
def test_a_key_that_was_not_described_may_have_every_finding_of_a_key(code: str) -> None:
    row = read(kms(), undescribed(code))
    assert assess(row) == Assessment(frozenset({Finding.KEY_NOT_VERIFIED}), frozenset(OF_KEY))
    assert assess(narrow(row)).found == {Finding.KEY_NOT_VERIFIED}
    assert assess(narrow(row)).unknown > OF_KEY


def test_a_bare_alias_that_was_not_described_does_not_tell_where_its_key_is() -> None:
    row = read(kms("alias/mine"), undescribed("AccessDeniedException"))
    assert assess(row).unknown == OF_KEY | OF_PLACE
    assert assess(row).found == {Finding.KEY_BY_ALIAS, Finding.KEY_NOT_VERIFIED}


@pytest.mark.parametrize("reference", [ARN, ID, "alias/mine"])
def test_a_key_that_does_not_exist_has_no_state(reference: str) -> None:
    assessed = assess(read(kms(reference), undescribed("NotFoundException")))
    assert assessed.state(Finding.KEY_NOT_FOUND) is State.FOUND
    assert assessed.unknown == set()


@pytest.mark.parametrize("key", [CUSTOMER, undescribed("NotFoundException"), undescribed("AccessDeniedException")])
def test_without_the_auditors_account_nobody_can_tell_another(key: Key | Failure) -> None:
    row = read(kms(), key, account=None)
    assert assess(row).state(Finding.KEY_IN_OTHER_ACCOUNT) is State.UNKNOWN
    assert assess(row).state(Finding.KEY_IN_OTHER_REGION) is State.ABSENT


@pytest.mark.parametrize("key", [CUSTOMER, undescribed("NotFoundException"), undescribed("AccessDeniedException")])
def test_without_the_buckets_region_nobody_can_tell_another(key: Key | Failure) -> None:
    row = read(kms(), key, region=None)
    assert assess(row).state(Finding.KEY_IN_OTHER_REGION) is State.UNKNOWN
    assert assess(row).state(Finding.KEY_IN_OTHER_ACCOUNT) is State.ABSENT


@pytest.mark.parametrize("state", [None, "Resting"])
def test_a_state_that_is_not_known_is_neither_good_nor_bad(state: str | None) -> None:
    assert assess(read(kms(), replace(CUSTOMER, state=state))).unknown == OF_STATE


def test_a_manager_that_is_not_known_may_be_aws() -> None:
    for row in wide_and_narrow(read(kms(), replace(CUSTOMER, manager=None))):
        assert assess(row).state(Finding.AWS_MANAGED_KEY) is State.UNKNOWN
        assert assess(row).found == set()


@pytest.mark.parametrize("reference", [None, "alias/aws/s3"])
def test_the_key_of_aws_is_where_the_bucket_is_and_sound(reference: str | None) -> None:
    row = read(kms(reference), Key("AWS"))
    for region, account in ((REGION, ACCOUNT), (None, None)):
        placed = replace(row, region=region, account=account)
        assert assess(placed) == Assessment(frozenset({Finding.AWS_MANAGED_KEY}), frozenset())
    assert assess(narrow(row)) == Assessment(
        frozenset({Finding.AWS_MANAGED_KEY}), frozenset({Finding.SSE_C_NOT_BLOCKED})
    )


def test_findings_from_a_later_version_stay() -> None:
    row = replace(read(kms(), CUSTOMER), findings=("from-the-future",))
    assert assess(row).state("from-the-future") is State.FOUND


def demo_row(planned: DemoBucket) -> Row:
    """The row that an audit makes of one of the demo's buckets."""
    if planned.encryption is None and planned.mode != classify.NO_CONFIGURATION:
        return replace(unread(planned.mode), bucket=planned.name)
    there = planned.encryption
    blocked = there.blocked or () if there else ()
    found = Encryption(
        there.algorithm if there else None,
        there.key_reference if there else None,
        bucket_key=there.bucket_key_enabled if there else None,
        sse_c=SseC.BLOCKED if "SSE-C" in blocked else SseC.ALLOWED if "NONE" in blocked else None,
    )
    key: Key | Failure | None = None
    if planned.key_type in {"AWS", "CUSTOMER"}:
        key = Key("AWS")
        told = planned.key
        if told and not planned.mode.endswith("alias/aws/s3"):
            key = Key(planned.key_type, told.arn, told.account, told.state, spec="SYMMETRIC_DEFAULT")
    elif planned.key_type not in {"N/A", "Unknown"}:
        codes = {"AccessDenied": "AccessDeniedException", "KeyNotFound": "NotFoundException"}
        key = undescribed(codes.get(planned.key_type, planned.key_type))
    bucket = Bucket(planned.name, planned.region)
    row = classify.row(bucket, found, key, account=ACCOUNT, audited_at=NOW)
    assert (row.mode, row.key_type) == (planned.mode, planned.key_type)
    return row


def contradictions(wide: Row) -> list[str]:
    """Findings of which four columns claim to know something else, or more, than the wide row."""
    from_wide, from_narrow = assess(wide), assess(narrow(wide))
    return [
        finding for finding in Finding if from_narrow.state(finding) not in {State.UNKNOWN, from_wide.state(finding)}
    ]


@pytest.mark.parametrize("planned", plan(28), ids=lambda planned: planned.case)
def test_four_columns_never_contradict_the_wide_row_of_a_demo_bucket(planned: DemoBucket) -> None:
    assert contradictions(demo_row(planned)) == []


def test_nor_that_of_any_other_bucket_of_the_demo() -> None:
    others = plan()[28:]
    assert others
    assert {bucket.name: contradictions(demo_row(bucket)) for bucket in others} == {
        bucket.name: [] for bucket in others
    }


ENCRYPTIONS = st.builds(
    Encryption,
    st.sampled_from([None, "AES256", "aws:kms", "aws:kms:dsse", "aws:future"]),
    st.sampled_from(
        [
            *(None, ID, ARN, "alias/mine", "alias/aws/s3", f"arn:aws:kms::{ACCOUNT}:key/{ID}"),
            f"arn:aws:kms:us-east-1:{OTHER_ACCOUNT}:key/{ID}",
            f"arn:aws:kms:us-east-1:{OTHER_ACCOUNT}:alias/mine",
            f"arn:aws:kms:us-east-1:{OTHER_ACCOUNT}:alias/aws/s3",
        ]
    ),
    st.sampled_from([True, False, None]),
    st.sampled_from([None, *SseC]),
)
KEYS = st.builds(
    undescribed, st.sampled_from(["NotFoundException", "AccessDeniedException", "KMSInternalException"])
) | st.builds(
    Key,
    st.sampled_from(["AWS", "CUSTOMER"]),
    arn=st.just(ARN),
    account=st.just(ACCOUNT),
    state=st.sampled_from(["Enabled", "Disabled", "PendingDeletion", "Unavailable"]),
    spec=st.sampled_from(["SYMMETRIC_DEFAULT", "RSA_2048"]),
).filter(lambda key: key.manager == "CUSTOMER" or (key.state, key.spec) == ("Enabled", "SYMMETRIC_DEFAULT"))


def answered(found: Encryption, key: Key | Failure) -> Key | Failure | None:
    """What an audit knows of the key: keys of AWS are not asked about, and there is none without KMS."""
    if not found.uses_kms:
        return None
    return Key("AWS") if found.key is None or found.key.endswith("alias/aws/s3") else key


@settings(deadline=None)
@given(found=ENCRYPTIONS, key=KEYS)
def test_four_columns_never_contradict_a_wide_row(found: Encryption, key: Key | Failure) -> None:
    assert contradictions(read(found, answered(found, key))) == []


@settings(deadline=None)
@given(found=ENCRYPTIONS, key=KEYS, account=st.sampled_from([None, ACCOUNT]), region=st.sampled_from([None, REGION]))
def test_knowing_less_never_makes_a_finding_appear_or_go(
    found: Encryption, key: Key | Failure, account: str | None, region: str | None
) -> None:
    """A row that lacks the account or the region says `unknown` where they decide."""
    whole = assess(read(found, answered(found, key)))
    less = assess(read(found, answered(found, key), account=account, region=region))
    for finding in Finding:
        assert less.state(finding) in {State.UNKNOWN, whole.state(finding)}, finding
