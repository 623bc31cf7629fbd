"""What is shown to mend a finding: the right call, with everything in it that is to stay, safe for a shell."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.findings import Finding
from s3audit_async.findings.mending import Plan, plan, steps
from s3audit_async.model import Row, SseC

ACCOUNT = "111122223333"
ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{ID}"
SOUND = Row(
    bucket="my-bucket",
    mode=ARN,
    key_type="CUSTOMER",
    bucket_key=True,
    account=ACCOUNT,
    region="eu-west-1",
    algorithm="aws:kms",
    key_arn=ARN,
    key_state="Enabled",
    key_account=ACCOUNT,
    key_region="eu-west-1",
    sse_c=SseC.BLOCKED,
)
SSE_S3 = replace(SOUND, mode="AES256", key_type="N/A", algorithm="AES256", bucket_key=False, key_arn=None)
NARROW = Row("my-bucket", ARN, "CUSTOMER", None, findings=None)
NARROW_ALIAS = replace(NARROW, mode="alias/mine")
NEW_KEY = [
    Finding.AWS_MANAGED_KEY,
    Finding.KEY_NOT_FOUND,
    Finding.KEY_IN_OTHER_REGION,
    Finding.KEY_IN_OTHER_ACCOUNT,
    Finding.KEY_NOT_SYMMETRIC,
]


def having(row: Row, *findings: str) -> Row:
    return replace(row, findings=findings)


def commands(lines: tuple[str, ...]) -> list[list[str]]:
    """The words of each command, as a shell hands them on."""
    return [shlex.split(line) for line in lines if not line.startswith("#")]


def rule_of(words: list[str]) -> dict[str, Any]:
    """The one rule that a call sets."""
    assert words[:3] == ["aws", "s3api", "put-bucket-encryption"]
    (rule,) = json.loads(words[words.index("--server-side-encryption-configuration") + 1])["Rules"]
    assert isinstance(rule, dict)
    return rule


def put(finding: str, row: Row) -> dict[str, Any]:
    (words,) = commands(steps(finding, having(row, finding)))
    return rule_of(words)


def rule(
    key: str | None = ARN, *, algorithm: str = "aws:kms", bucket_key: bool | None = True, blocked: str | None = "SSE-C"
) -> dict[str, Any]:
    made: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
    if key:
        made["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = key
    if bucket_key is not None:
        made["BucketKeyEnabled"] = bucket_key
    if blocked:
        made["BlockedEncryptionTypes"] = {"EncryptionType": [blocked]}
    return made


def test_a_call_names_the_bucket_and_its_region() -> None:
    (words,) = commands(steps(Finding.BUCKET_KEY_OFF, having(SOUND, Finding.BUCKET_KEY_OFF)))
    assert words[:-1] == [
        *("aws", "s3api", "put-bucket-encryption", "--bucket", "my-bucket", "--region", "eu-west-1"),
        "--server-side-encryption-configuration",
    ]


@pytest.mark.parametrize(
    ("said", "kept"), [(SseC.BLOCKED, "SSE-C"), (SseC.ALLOWED, "NONE"), (None, None)], ids=["blocked", "allowed", "-"]
)
def test_turning_the_bucket_key_on_leaves_the_rest_as_it_is(said: SseC | None, kept: str | None) -> None:
    assert put(Finding.BUCKET_KEY_OFF, replace(SOUND, bucket_key=False, sse_c=said)) == rule(blocked=kept)


@pytest.mark.parametrize("mode", [ARN, ID, "alias/mine", f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:alias/mine"])
def test_a_key_stays_as_it_is_configured(mode: str) -> None:
    assert put(Finding.BUCKET_KEY_OFF, replace(SOUND, mode=mode, bucket_key=None)) == rule(mode)


def test_the_key_of_aws_needs_no_name_to_stay() -> None:
    assert put(Finding.BUCKET_KEY_OFF, replace(SOUND, mode="alias/aws/s3", key_arn=None)) == rule(None)


@pytest.mark.parametrize("bucket_key", [True, False, None])
def test_blocking_sse_c_leaves_the_rest_as_it_is(bucket_key: bool | None) -> None:
    row = replace(SOUND, bucket_key=bucket_key, sse_c=SseC.ALLOWED)
    assert put(Finding.SSE_C_NOT_BLOCKED, row) == rule(bucket_key=bucket_key)


def test_blocking_sse_c_leaves_sse_s3_as_it_is() -> None:
    wanted = rule(None, algorithm="AES256", bucket_key=False)
    assert put(Finding.SSE_C_NOT_BLOCKED, replace(SSE_S3, sse_c=None)) == wanted


def test_blocking_sse_c_where_nothing_is_configured_says_aloud_what_s3_does() -> None:
    row = having(
        replace(SSE_S3, mode="SSEConfigNotFound", algorithm=None, bucket_key=None, sse_c=None),
        Finding.NO_DEFAULT_ENCRYPTION,
        Finding.SSE_C_NOT_BLOCKED,
    )
    (words,) = commands(steps(Finding.SSE_C_NOT_BLOCKED, row))
    assert rule_of(words) == rule(None, algorithm="AES256", bucket_key=None)


@pytest.mark.parametrize("finding", [Finding.SSE_C_NOT_BLOCKED, Finding.KEY_NOT_FOUND])
def test_dsse_stays_dsse_and_has_no_bucket_key(finding: Finding) -> None:
    made = put(finding, replace(SOUND, algorithm="aws:kms:dsse", bucket_key=False))
    assert made["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms:dsse"
    assert "BucketKeyEnabled" not in made


@pytest.mark.parametrize("finding", [Finding.SSE_S3_ONLY, Finding.NO_DEFAULT_ENCRYPTION])
def test_what_has_no_kms_key_gets_one_and_a_bucket_key(finding: Finding) -> None:
    assert put(finding, SSE_S3) == rule("KEY_ARN")


@pytest.mark.parametrize("finding", NEW_KEY)
def test_a_key_that_is_no_good_is_replaced_and_nothing_else(finding: Finding) -> None:
    row = replace(SOUND, bucket_key=False, sse_c=SseC.ALLOWED)
    assert put(finding, row) == rule("KEY_ARN", bucket_key=False, blocked="NONE")


@pytest.mark.parametrize("finding", [*NEW_KEY, Finding.SSE_S3_ONLY, Finding.NO_DEFAULT_ENCRYPTION])
def test_a_placeholder_is_explained_before_the_call(finding: Finding) -> None:
    lines = steps(finding, having(SOUND if finding in NEW_KEY else SSE_S3, finding))
    assert lines[0] == "# Put the ARN of a customer managed key of eu-west-1 for KEY_ARN."


def test_an_alias_gives_way_to_the_arn_of_its_key() -> None:
    assert put(Finding.KEY_BY_ALIAS, replace(SOUND, mode="alias/mine")) == rule(ARN)
    assert put(Finding.KEY_BY_ALIAS, replace(SOUND, mode="alias/mine", key_arn=None)) == rule("KEY_ARN")


def test_a_disabled_key_is_enabled_in_its_own_region() -> None:
    row = having(replace(SOUND, region="us-east-1"), Finding.KEY_DISABLED)
    assert steps(Finding.KEY_DISABLED, row) == (f"aws kms enable-key --key-id {ARN} --region eu-west-1",)


def test_a_key_that_is_saved_from_deletion_has_to_be_enabled_too() -> None:
    date = datetime(2026, 12, 24, tzinfo=UTC)
    lines = steps(Finding.KEY_PENDING_DELETION, replace(SOUND, key_deletion_date=date))
    assert lines == (
        "# KMS deletes the key at 2026-12-24T00:00:00+00:00.",
        f"aws kms cancel-key-deletion --key-id {ARN} --region eu-west-1",
        f"aws kms enable-key --key-id {ARN} --region eu-west-1",
    )


@pytest.mark.parametrize(
    ("state", "command"),
    [
        ("PendingImport", "import-key-material"),
        ("Enabled", "import-key-material"),  # and its material has expired
        ("Unavailable", "connect-custom-key-store"),
        ("Creating", "describe-key"),
    ],
)
def test_what_makes_a_key_usable_depends_on_its_state(state: str, command: str) -> None:
    done = commands(steps(Finding.KEY_UNUSABLE, replace(SOUND, key_state=state)))
    assert done[-1][:3] == ["aws", "kms", command]


def test_a_key_of_another_account_is_for_that_account_to_mend() -> None:
    row = having(replace(SOUND, account="444455556666"), Finding.KEY_DISABLED)
    assert steps(Finding.KEY_DISABLED, row)[0] == f"# With credentials of account {ACCOUNT}, which the key belongs to."


def test_no_alias_is_handed_to_calls_that_take_none() -> None:
    (words,) = commands(steps(Finding.KEY_DISABLED, replace(SOUND, mode="alias/mine", key_arn=None)))
    assert words == ["aws", "kms", "enable-key", "--key-id", "KEY_ID", "--region", "eu-west-1"]


@pytest.mark.parametrize("finding", [Finding.ENCRYPTION_UNREADABLE, Finding.KEY_NOT_VERIFIED])
def test_what_is_lacking_is_a_permission(finding: Finding) -> None:
    assert steps(finding, SOUND) == ("s3audit iam-policy",)
    there = replace(SOUND, mode=f"arn:aws-us-gov:kms:us-gov-west-1:{ACCOUNT}:key/{ID}")
    assert steps(finding, there) == ("s3audit iam-policy --partition aws-us-gov",)
    there = replace(SOUND, mode="AccessDenied", region="cn-north-1")
    assert steps(finding, there) == ("s3audit iam-policy --partition aws-cn",)
    assert steps(finding, replace(SOUND, mode="arn:$(reboot):kms:::key/x")) == ("s3audit iam-policy",)


def test_a_bucket_that_was_not_audited_is_to_be_asked_again() -> None:
    assert steps(Finding.BUCKET_NOT_AUDITED, SOUND) == ("s3audit run --bucket my-bucket",)


def test_an_id_that_is_not_known_has_no_steps() -> None:
    assert steps("from-the-future", SOUND) == ()


def test_an_algorithm_that_is_not_known_is_never_overwritten() -> None:
    row = having(replace(SOUND, algorithm="aws:future", mode="aws:future"), Finding.SSE_C_NOT_BLOCKED)
    (words,) = commands(steps(Finding.SSE_C_NOT_BLOCKED, row))
    assert words == ["aws", "s3api", "get-bucket-encryption", "--bucket", "my-bucket", "--region", "eu-west-1"]
    assert plan(row) is None


@pytest.mark.parametrize("finding", [Finding.KEY_BY_ALIAS, Finding.AWS_MANAGED_KEY, Finding.KEY_NOT_FOUND])
def test_four_columns_leave_open_what_they_do_not_hold(finding: Finding) -> None:
    """Region, SSE-C block and which of the KMS algorithms: said, not guessed."""
    lines = steps(finding, NARROW_ALIAS)
    look, change = commands(lines)
    assert look == ["aws", "s3api", "get-bucket-encryption", "--bucket", "my-bucket"]
    assert "--region" not in change
    assert rule_of(change) == rule("KEY_ARN", algorithm="ALGORITHM", bucket_key=None, blocked=None)
    remarks = " ".join(line for line in lines if line.startswith("#"))
    for unknown in ("--region", "SSE-C", "ALGORITHM", "KEY_ARN"):
        assert unknown in remarks


def test_four_columns_do_for_a_bucket_without_a_kms_key() -> None:
    *_, change = commands(steps(Finding.SSE_S3_ONLY, replace(NARROW, mode="AES256", key_type="N/A")))
    assert rule_of(change) == rule("KEY_ARN", blocked=None)


def test_four_columns_do_not_do_for_a_plan() -> None:
    assert plan(NARROW) is None


HOSTILE = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1).filter(lambda it: "://" not in it)


@settings(deadline=None, max_examples=50)
@given(bucket=HOSTILE, key=HOSTILE, region=HOSTILE)
def test_hostile_names_arrive_as_they_are(bucket: str, key: str, region: str) -> None:
    """Each in one argument, none as an option, whatever they hold."""
    row = having(replace(SOUND, bucket=bucket, mode=key, region=region), Finding.BUCKET_KEY_OFF)
    (line,) = steps(Finding.BUCKET_KEY_OFF, row)
    words = shlex.split(line)
    joined = [f"--bucket={bucket}"] if bucket.startswith("-") else ["--bucket", bucket]
    joined += [f"--region={region}"] if region.startswith("-") else ["--region", region]
    assert words[3:-2] == joined
    key_there = rule_of(words)["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")
    assert key_there == key


@pytest.mark.parametrize("value", ["file:///etc/passwd", "fileb://secret", "https://example.com/", "a\0b", "\ud800"])
def test_no_call_holds_what_cannot_be_handed_on_safely(value: str) -> None:
    for finding in Finding:
        for row in (replace(SOUND, bucket=value), replace(SOUND, key_arn=value, mode=value)):
            for words in commands(steps(finding, having(row, finding))):
                assert value not in words
    assert plan(having(replace(SOUND, bucket=value, sse_c=None), Finding.SSE_C_NOT_BLOCKED)) is None


@settings(deadline=None)
@given(finding=st.sampled_from(Finding), text=HOSTILE)
def test_a_remark_stays_one_line(finding: Finding, text: str) -> None:
    """What follows a comment is a command."""
    row = replace(SOUND, mode=f"alias/{text}", key_arn=None, key_account=text, key_region=None, region=text)
    for line in steps(finding, having(row, finding)):
        assert line.startswith(("aws ", "s3audit ")) or (line.startswith("# ") and "\n" not in line)


def planned(row: Row, *findings: str) -> Plan:
    made = plan(having(row, *findings))
    assert made is not None
    return made


def test_one_call_mends_all_there_is_to_mend_in_a_bucket() -> None:
    row = replace(SOUND, mode="alias/mine", bucket_key=False, sse_c=SseC.ALLOWED)
    made = planned(row, Finding.BUCKET_KEY_OFF, Finding.KEY_BY_ALIAS, Finding.SSE_C_NOT_BLOCKED)
    assert made.call
    assert rule_of(shlex.split(made.call)) == rule(ARN)
    assert made == Plan(made.call, (), None, ())


@pytest.mark.parametrize(
    "finding", sorted({*NEW_KEY, Finding.SSE_S3_ONLY, Finding.NO_DEFAULT_ENCRYPTION} - {Finding.KEY_IN_OTHER_ACCOUNT})
)
def test_a_new_key_is_that_of_the_buckets_region(finding: Finding) -> None:
    made = planned(SOUND if finding in NEW_KEY else SSE_S3, finding, Finding.SSE_C_NOT_BLOCKED)
    assert made.key_region == "eu-west-1"
    assert made.call
    assert '"$KEY_ARN_eu_west_1"' in made.call
    assert ARN not in made.call


def test_a_plan_keeps_dsse_and_leaves_its_bucket_key_alone() -> None:
    made = planned(replace(SOUND, algorithm="aws:kms:dsse", bucket_key=False, sse_c=None), Finding.SSE_C_NOT_BLOCKED)
    assert made.call
    assert rule_of(shlex.split(made.call)) == rule(ARN, algorithm="aws:kms:dsse", bucket_key=None)


def test_a_plan_needs_no_call_where_nothing_is_found() -> None:
    assert planned(SOUND) == Plan(None, (), None, ())


def test_a_plan_brings_the_key_back_for_what_is_encrypted_under_it() -> None:
    made = planned(SOUND, Finding.KEY_PENDING_DELETION)
    assert made == Plan(None, steps(Finding.KEY_PENDING_DELETION, SOUND), None, ())


def test_a_plan_leaves_to_people_what_no_call_can_do() -> None:
    assert planned(SOUND, Finding.KEY_UNUSABLE, "from-the-future") == Plan(
        None, (), None, (Finding.KEY_UNUSABLE, "from-the-future")
    )
    theirs = replace(SOUND, key_account="444455556666")
    made = planned(theirs, Finding.KEY_DISABLED, Finding.KEY_IN_OTHER_ACCOUNT)
    assert (made.call, made.key_calls) == (None, ())  # a central account for keys is a common design
    assert made.left == (Finding.KEY_DISABLED, Finding.KEY_IN_OTHER_ACCOUNT)


def test_a_plan_does_not_replace_a_key_only_because_it_could_not_be_looked_up() -> None:
    row = replace(SOUND, mode="alias/mine", key_arn=None, key_state=None, bucket_key=False)
    made = planned(row, Finding.BUCKET_KEY_OFF, Finding.KEY_BY_ALIAS, Finding.KEY_NOT_VERIFIED)
    assert made.call
    assert rule_of(shlex.split(made.call)) == rule("alias/mine")
    assert made.left == (Finding.KEY_BY_ALIAS, Finding.KEY_NOT_VERIFIED)


@pytest.mark.parametrize("region", [None, "", "eu west", "$(reboot)"])
def test_a_key_cannot_be_planned_for_a_region_that_is_none(region: str | None) -> None:
    assert plan(having(replace(SSE_S3, region=region), Finding.SSE_S3_ONLY)) is None
