from __future__ import annotations

import re
from typing import TYPE_CHECKING

import botocore.session
import pytest

from s3audit_async import names
from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "123456789012"
LINE = re.compile(r"[^\n]+")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (names.check_partition, "aws"),
        (names.check_partition, "aws-iso-b"),
        (names.check_account_id, "000000000001"),
        (names.check_role_name, "s3audit"),
        (names.check_role_name, "A" * 64),
        (names.check_role_name, "_+=,.@-"),
        (names.check_role_name, "audit/security/s3audit"),
        (names.check_role_name, "a" * 509 + "/s3audit"),
        (names.check_session_name, "me"),
        (names.check_session_name, "someone@example.com"),
        (names.check_external_id, "x1"),
        (names.check_external_id, "urn:acme/audit=1,2.3@x_y+z-"),
        (names.check_external_id, "x" * 1224),
    ],
)
def test_what_aws_takes_passes_unchanged(check: Callable[[str], str], text: str) -> None:
    assert check(text) == text


@pytest.mark.parametrize(
    ("check", "text"),
    [
        *[(names.check_partition, text) for text in ("", "AWS", "aws:", "aws-", "gcp", "aws\n", "*")],
        *[(names.check_account_id, text) for text in ("", "1", ACCOUNT + "3", ACCOUNT + "\n", " " + ACCOUNT, "*")],
        (names.check_account_id, "\u0661" * 12),  # digits too, but Arabic ones
        *[(names.check_role_name, text) for text in ("", "A" * 65, "a b", "s3*", "s3?", "${aws:username}", "r\n", "é")],
        *[(names.check_role_name, text) for text in ("/s3audit", "a//b", "a/", "*/a", "a" * 510 + "/s3audit")],
        (names.check_role_name, f"arn:aws:iam::{ACCOUNT}:role/s3audit"),
        *[(names.check_session_name, text) for text in ("", "a", "a" * 65, "a b", "a/b", "aé", "ab\n")],
        *[(names.check_external_id, text) for text in ("", "a", "a" * 1225, "a b", "a*", "ab\n", "aé")],
    ],
)
def test_what_aws_would_not_take_is_one_line_with_what_to_do(check: Callable[[str], str], text: str) -> None:
    with pytest.raises(UsageError, match=r"^not an? |^not the ") as raised:
        check(text)
    assert LINE.fullmatch(str(raised.value))
    assert LINE.fullmatch(raised.value.hint)


@pytest.mark.parametrize("seconds", [900, 3600, 43200])
def test_a_session_lasts_from_15_minutes_to_12_hours(seconds: int) -> None:
    assert names.check_session_duration(seconds) == seconds


@pytest.mark.parametrize("seconds", [0, 899, 43201])
def test_no_session_lasts_shorter_or_longer(seconds: int) -> None:
    with pytest.raises(UsageError, match=f"cannot last {seconds} s"):
        names.check_session_duration(seconds)


def test_the_sdk_says_the_same_of_sessions_and_external_ids() -> None:
    sts = botocore.session.get_session().get_service_model("sts").operation_model("AssumeRole").input_shape.members
    words = sts["RoleSessionName"].metadata, sts["ExternalId"].metadata

    assert (sts["DurationSeconds"].metadata["min"], sts["DurationSeconds"].metadata["max"]) == (
        names.SHORTEST_SESSION,
        names.LONGEST_SESSION,
    )
    assert [(word["min"], word["max"], word["pattern"]) for word in words] == [
        (2, 64, r"[\w+=,.@-]*"),
        (2, 1224, r"[\w+=,.@:\/-]*"),
    ]


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"),
        (f"arn:aws:iam::{ACCOUNT}:root", None),
        (f"arn:aws:iam::{ACCOUNT}:role/auditor", None),
        (f"arn:aws:iam::{ACCOUNT}:user/teams/security/jo@example.com", None),
        (f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Audit_0123456789", None),
    ],
)
def test_an_account_a_role_or_a_user_can_be_trusted(text: str, arn: str | None) -> None:
    assert names.principal(text, partition="aws") == names.Principal(arn or text, "aws", ACCOUNT)


def test_an_account_id_is_of_the_partition_that_is_asked_for() -> None:
    assert names.principal(ACCOUNT, partition="aws-cn").arn == f"arn:aws-cn:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("*", "not one who can be trusted"),
        ("", "not one who can be trusted"),
        (f"arn:aws:iam::{ACCOUNT}:role/*", "not one who can be trusted"),
        (f"arn:aws:iam::{ACCOUNT}:group/auditors", "not one who can be trusted"),
        ("arn:aws:iam::*:role/auditor", "not one who can be trusted"),
        (f"arn:aws:iam::{ACCOUNT}:role/auditor\n", "not one who can be trusted"),
        ("ec2.amazonaws.com", "not one who can be trusted"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/jo", "is a session of a role"),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/auditor", "is not of the partition aws"),
    ],
)
def test_no_other_can_be_trusted(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        names.principal(text, partition="aws")
    assert LINE.fullmatch(raised.value.hint)
