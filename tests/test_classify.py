from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.classify import encryption, failure, is_unresolved, location, row, unread_row
from s3audit_async.codes import Verdict, verdict
from s3audit_async.errors import CallError, TransportCode
from s3audit_async.model import Bucket, Encryption, Failure, Key, Operation, Row, Rule, SseC
from s3audit_async.sinks.columns import NARROW

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{ID}"
ALIAS_ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/mine"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CREATED = datetime(2019, 1, 2, 3, 4, 5, tzinfo=UTC)
BUCKET = Bucket("a-bucket", "eu-west-1", CREATED)

CUSTOMER = Key("CUSTOMER", arn=ARN, account=ACCOUNT, state="Enabled", origin="AWS_KMS", multi_region=False)
CUSTOMER_UNTOLD = Key("CUSTOMER")
AWS = Key("AWS")

KMS = ["aws:kms", "aws:kms:dsse"]
BUCKET_KEYS = [True, False, None]
ARN_LIKE = ["arn:aws:kms:eu-west-1:1:key/x", "arn:aws-cn:kms:cn-north-1:1:alias/mine"]
CONFIGURED_KEYS = [ID, ARN, "alias/mine", ALIAS_ARN, *ARN_LIKE, "mrk-1234", "not a key at all", "=cmd()"]

KEY_DENIALS = ["AccessDeniedException", "AccessDenied", "HTTP403"]
BUCKET_DENIALS = ["AccessDenied", "AllAccessDisabled", "HTTP403"]
OTHER_CODES = ["InternalError", "SlowDown", "InvalidToken", "HTTP404", "NotImplemented", *TransportCode]

codes = st.sampled_from([*KEY_DENIALS, *BUCKET_DENIALS, *OTHER_CODES, "NoSuchBucket", "NotFoundException"]) | (
    # As AWS forms them: capitalised, with a small letter, so never a word that this report uses for an answer.
    st.from_regex(r"[A-Z][a-z]{3,30}[A-Z][a-z]{3,30}", fullmatch=True)
)


def described(found: Encryption, key: Key | Failure | None) -> Row:
    return row(BUCKET, found, key, account=ACCOUNT, audited_at=NOW)


def unread(code: str) -> Row:
    error = CallError(Operation.GET_BUCKET_ENCRYPTION, BUCKET.name, "eu-west-1", code=code, message="said so")
    return unread_row(BUCKET, failure(error), account=ACCOUNT, audited_at=NOW)


def key_failure(code: str) -> Failure:
    return Failure(Operation.DESCRIBE_KEY, code, "said so")


def columns(of: Row) -> tuple[object, ...]:
    """The report's four columns without the first."""
    return tuple(column.value(of) for column in NARROW[1:])


# The report's table, row by row.


@pytest.mark.parametrize("bucket_key", BUCKET_KEYS)
def test_sse_s3(bucket_key: bool | None) -> None:
    found = encryption([Rule("AES256", bucket_key=bucket_key)])

    assert columns(described(found, None)) == ("AES256", "N/A", bucket_key)


@pytest.mark.parametrize("bucket_key", BUCKET_KEYS)
@pytest.mark.parametrize("manager", ["CUSTOMER", "AWS"])
@pytest.mark.parametrize("reference", CONFIGURED_KEYS)
@pytest.mark.parametrize("algorithm", KMS)
def test_kms_with_a_key_given(algorithm: str, reference: str, manager: str, bucket_key: bool | None) -> None:
    found = encryption([Rule(algorithm, reference, bucket_key)])

    assert columns(described(found, Key(manager))) == (reference, manager, bucket_key)


@pytest.mark.parametrize("bucket_key", BUCKET_KEYS)
@pytest.mark.parametrize("reference", [None, ""])
@pytest.mark.parametrize("algorithm", KMS)
def test_kms_with_no_key_given(algorithm: str, reference: str | None, bucket_key: bool | None) -> None:
    found = encryption([Rule(algorithm, reference, bucket_key)])

    assert found.key is None
    assert columns(described(found, AWS)) == ("alias/aws/s3", "AWS", bucket_key)


@pytest.mark.parametrize(
    "reference",
    [
        "alias/aws/s3",
        "arn:aws:kms:eu-west-1:1:alias/aws/s3",
        "arn:aws-cn:kms:cn-north-1:1:alias/aws/s3",
        "arn:aws-us-gov:kms:us-gov-west-1:1:alias/aws/s3",
    ],
)
def test_kms_with_a_predefined_alias_given_shows_it_as_configured(reference: str) -> None:
    found = encryption([Rule("aws:kms", reference, bucket_key=True)])

    assert columns(described(found, AWS)) == (reference, "AWS", True)


@pytest.mark.parametrize("bucket_key", BUCKET_KEYS)
@pytest.mark.parametrize("code", KEY_DENIALS)
@pytest.mark.parametrize("reference", CONFIGURED_KEYS)
@pytest.mark.parametrize("algorithm", KMS)
def test_kms_with_describe_key_denied(algorithm: str, reference: str, code: str, bucket_key: bool | None) -> None:
    found = encryption([Rule(algorithm, reference, bucket_key)])

    assert columns(described(found, key_failure(code))) == (reference, "AccessDenied", bucket_key)


@pytest.mark.parametrize("bucket_key", BUCKET_KEYS)
@pytest.mark.parametrize("reference", CONFIGURED_KEYS)
@pytest.mark.parametrize("algorithm", KMS)
def test_kms_with_a_key_that_does_not_exist(algorithm: str, reference: str, bucket_key: bool | None) -> None:
    found = encryption([Rule(algorithm, reference, bucket_key)])

    assert columns(described(found, key_failure("NotFoundException"))) == (reference, "KeyNotFound", bucket_key)


@pytest.mark.parametrize("bucket_key", BUCKET_KEYS)
@pytest.mark.parametrize("code", ["KMSInternalException", "InvalidArnException", *OTHER_CODES])
@pytest.mark.parametrize("algorithm", KMS)
def test_kms_with_describe_key_failing_otherwise(algorithm: str, code: str, bucket_key: bool | None) -> None:
    found = encryption([Rule(algorithm, ARN, bucket_key)])

    assert columns(described(found, key_failure(code))) == (ARN, code, bucket_key)


def test_no_configuration() -> None:
    refusal = CallError(
        Operation.GET_BUCKET_ENCRYPTION,
        BUCKET.name,
        "eu-west-1",
        code="ServerSideEncryptionConfigurationNotFoundError",
        status=404,
    )

    assert verdict(refusal) is Verdict.UNCONFIGURED
    assert columns(described(Encryption(None), None)) == ("SSEConfigNotFound", "N/A", None)


def test_a_bucket_key_without_an_algorithm_is_not_reported() -> None:
    assert columns(described(Encryption(None, bucket_key=True), None)) == ("SSEConfigNotFound", "N/A", None)


@pytest.mark.parametrize("code", BUCKET_DENIALS)
def test_get_bucket_encryption_denied(code: str) -> None:
    assert columns(unread(code)) == ("AccessDenied", "Unknown", None)


def test_bucket_gone() -> None:
    assert columns(unread("NoSuchBucket")) == ("NoSuchBucket", "Unknown", None)


@pytest.mark.parametrize("code", OTHER_CODES)
def test_any_other_failure(code: str) -> None:
    assert columns(unread(code)) == (code, "Unknown", None)


@pytest.mark.parametrize("bucket_key", BUCKET_KEYS)
@pytest.mark.parametrize("algorithm", ["aws:fsx", "aws:backup", "aws:future", "aws:kms:next", "AES512", "aes256"])
def test_an_algorithm_newer_than_this_program(algorithm: str, bucket_key: bool | None) -> None:
    found = encryption([Rule(algorithm, bucket_key=bucket_key)])

    assert columns(described(found, None)) == (algorithm, "N/A", bucket_key)


# Odd answers.


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([], Encryption(None), id="no rules"),
        pytest.param([Rule()], Encryption(None), id="an empty rule"),
        pytest.param([Rule(bucket_key=True)], Encryption(None), id="a rule with a bucket key only"),
        pytest.param([Rule(key=ARN)], Encryption(None), id="a rule with a key only"),
        pytest.param([Rule(algorithm="", key=ARN)], Encryption(None), id="an empty algorithm"),
        pytest.param([Rule(blocked=("SSE-C",))], Encryption(None, sse_c=SseC.BLOCKED), id="only SSE-C blocked"),
        pytest.param([Rule(blocked=("NONE",))], Encryption(None, sse_c=SseC.ALLOWED), id="only nothing blocked"),
        pytest.param([Rule("AES256", blocked=())], Encryption("AES256"), id="an empty list of blocked"),
        pytest.param([Rule("AES256", blocked=("NEW",))], Encryption("AES256"), id="something newer blocked"),
        pytest.param(
            [Rule("AES256", blocked=("NONE", "SSE-C"))], Encryption("AES256", sse_c=SseC.BLOCKED), id="both at once"
        ),
        pytest.param(
            [Rule("aws:kms:dsse", ARN, True)], Encryption("aws:kms:dsse", ARN, bucket_key=True), id="dsse, bucket key"
        ),
        pytest.param([Rule("aws:kms", "")], Encryption("aws:kms"), id="an empty key"),
        pytest.param(
            [Rule("AES256", bucket_key=False), Rule("aws:kms", ARN, True)],
            Encryption("AES256", bucket_key=False),
            id="two rules, the first decides",
        ),
        pytest.param(
            [Rule(bucket_key=True), Rule("aws:kms", ARN, False)],
            Encryption("aws:kms", ARN, bucket_key=False),
            id="an empty rule before one that decides",
        ),
        pytest.param(
            [Rule("AES256"), Rule(blocked=("SSE-C",))],
            Encryption("AES256", sse_c=SseC.BLOCKED),
            id="blocked by another rule than the one that decides",
        ),
        pytest.param(
            [Rule("AES256", blocked=("NONE",)), Rule(blocked=("SSE-C",))],
            Encryption("AES256", sse_c=SseC.BLOCKED),
            id="blocked by one rule, allowed by another",
        ),
    ],
)
def test_rules_boil_down_to_one_default_encryption(rules: list[Rule], expected: Encryption) -> None:
    assert encryption(rules) == expected


def test_a_rule_that_only_blocks_sse_c_makes_the_row_of_an_unconfigured_bucket() -> None:
    found = described(encryption([Rule(bucket_key=True, blocked=("SSE-C",))]), None)

    assert (*columns(found), found.sse_c) == ("SSEConfigNotFound", "N/A", None, SseC.BLOCKED)


@pytest.mark.parametrize(
    ("constraint", "region"),
    [(None, "us-east-1"), ("", "us-east-1"), ("EU", "eu-west-1"), ("eu-west-1", "eu-west-1"), ("eusc-x-1", "eusc-x-1")],
)
def test_a_location_constraint_names_a_region(constraint: str | None, region: str) -> None:
    assert location(constraint) == region


# What a row holds beside its four columns.


def test_a_row_holds_what_is_known_of_bucket_and_key() -> None:
    found = described(Encryption("aws:kms", "alias/mine", bucket_key=True, sse_c=SseC.BLOCKED), CUSTOMER)

    assert found == Row(
        bucket="a-bucket",
        mode="alias/mine",
        key_type="CUSTOMER",
        bucket_key=True,
        account=ACCOUNT,
        region="eu-west-1",
        algorithm="aws:kms",
        key_arn=ARN,
        key_state="Enabled",
        key_account=ACCOUNT,
        key_region="eu-west-1",
        key_origin="AWS_KMS",
        multi_region=False,
        sse_c=SseC.BLOCKED,
        findings=("key-by-alias",),
        error=None,
        created=CREATED,
        audited_at=NOW,
    )


def test_a_row_of_a_bucket_that_could_not_be_read_holds_the_reason_and_no_guess() -> None:
    assert unread("InternalError") == Row(
        bucket="a-bucket",
        mode="InternalError",
        key_type="Unknown",
        bucket_key=None,
        account=ACCOUNT,
        region="eu-west-1",
        findings=("bucket-not-audited",),
        error=Failure(Operation.GET_BUCKET_ENCRYPTION, "InternalError", "said so"),
        created=CREATED,
        audited_at=NOW,
    )


@pytest.mark.parametrize(
    ("reference", "arn", "account", "region"),
    [
        pytest.param(ARN, ARN, ACCOUNT, "eu-west-1", id="ARN"),
        pytest.param(
            f"arn:aws-us-gov:kms:us-gov-west-1:{OTHER_ACCOUNT}:key/x",
            f"arn:aws-us-gov:kms:us-gov-west-1:{OTHER_ACCOUNT}:key/x",
            OTHER_ACCOUNT,
            "us-gov-west-1",
            id="ARN of another partition",
        ),
        pytest.param(ID, None, None, None, id="bare id"),
        pytest.param("alias/mine", None, None, None, id="alias"),
        pytest.param("arn:aws:s3:::a-bucket", None, None, None, id="ARN of something else"),
        pytest.param("arn:aws:kms:eu-west-1:1:", None, None, None, id="ARN without its end"),
        pytest.param("arn:aws:kms:::key/x", "arn:aws:kms:::key/x", None, None, id="ARN with gaps"),
    ],
)
def test_where_kms_says_nothing_the_configured_arn_says_whose_key_it_is(
    reference: str, arn: str | None, account: str | None, region: str | None
) -> None:
    found = described(Encryption("aws:kms", reference), key_failure("AccessDeniedException"))

    assert (found.key_arn, found.key_account, found.key_region) == (arn, account, region)


@pytest.mark.parametrize("reference", [ALIAS_ARN, f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/aws/s3"])
def test_the_arn_of_an_alias_is_not_reported_as_the_arn_of_a_key(reference: str) -> None:
    found = described(Encryption("aws:kms", reference), key_failure("AccessDeniedException"))

    assert (found.key_arn, found.key_account, found.key_region) == (None, ACCOUNT, "eu-west-1")


def test_what_kms_says_of_a_key_goes_before_what_is_configured() -> None:
    found = described(Encryption("aws:kms", "arn:aws:kms:us-east-1:1:alias/mine"), CUSTOMER)

    assert (found.mode, found.key_arn, found.key_account) == ("arn:aws:kms:us-east-1:1:alias/mine", ARN, ACCOUNT)


def test_a_key_on_an_algorithm_that_is_not_kms_is_left_out() -> None:
    found = described(encryption([Rule("AES256", ARN)]), None)

    assert (found.mode, found.key_arn, found.key_region) == ("AES256", None, None)


def test_a_failed_key_lookup_stands_in_the_row_even_where_it_is_an_answer() -> None:
    why = key_failure("AccessDeniedException")

    assert described(Encryption("aws:kms", ARN), why).error is why


@pytest.mark.parametrize(
    ("reference", "key", "finding"),
    [
        pytest.param(ID, Key("CUSTOMER", state="Disabled"), "key-disabled", id="what KMS says of the key"),
        pytest.param(ID, key_failure("NotFoundException"), "key-not-found", id="why KMS says nothing"),
        pytest.param(ARN.replace("eu-west-1", "us-east-1"), CUSTOMER_UNTOLD, "key-in-other-region", id="region"),
        pytest.param(ARN.replace(ACCOUNT, OTHER_ACCOUNT), CUSTOMER_UNTOLD, "key-in-other-account", id="account"),
    ],
)
def test_a_rows_findings_are_told_from_its_key_and_where_the_bucket_is(
    reference: str, key: Key | Failure, finding: str
) -> None:
    found = described(Encryption("aws:kms", reference, bucket_key=True, sse_c=SseC.BLOCKED), key)

    assert found.findings == (finding,)


# Which rows hold an error, and so decide exit code 3.


@settings(deadline=None)
@given(code=codes)
def test_an_unread_bucket_is_unresolved_but_for_a_denial_and_a_bucket_that_is_gone(code: str) -> None:
    answers = {*BUCKET_DENIALS, *KEY_DENIALS, "NoSuchBucket"}
    found = unread(code)

    assert is_unresolved(found.mode, found.key_type) is (code not in answers)


@settings(deadline=None)
@given(code=codes, reference=st.sampled_from(CONFIGURED_KEYS) | st.text(min_size=1) | codes)
def test_a_key_that_was_not_described_is_unresolved_but_for_a_denial_and_a_missing_key(
    code: str, reference: str
) -> None:
    answers = {*BUCKET_DENIALS, *KEY_DENIALS, "NotFoundException"}
    found = described(Encryption("aws:kms", reference), key_failure(code))

    assert is_unresolved(found.mode, found.key_type) is (code not in answers)


@settings(deadline=None)
@given(
    algorithm=st.none() | st.sampled_from(["AES256", "aws:kms", "aws:kms:dsse", "aws:fsx", "AccessDenied"]),
    reference=st.none() | st.sampled_from(CONFIGURED_KEYS) | st.text() | codes,
    manager=st.sampled_from(["CUSTOMER", "AWS"]),
    bucket_key=st.sampled_from(BUCKET_KEYS),
)
def test_a_bucket_that_was_read_is_never_unresolved(
    algorithm: str | None, reference: str | None, manager: str, bucket_key: bool | None
) -> None:
    found = encryption([Rule(algorithm, reference, bucket_key)])
    made = described(found, Key(manager) if found.uses_kms else None)

    assert is_unresolved(made.mode, made.key_type) is False


def test_a_key_whose_manager_is_not_told_is_unresolved() -> None:
    found = described(Encryption("aws:kms", ARN), Key(manager=None))

    assert (found.key_type, is_unresolved(found.mode, found.key_type)) == ("Unknown", True)
