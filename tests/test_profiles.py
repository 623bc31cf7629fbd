"""The accounts that `--profiles` names, and the profiles that the AWS configuration holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from s3audit_async.aws.profiles import profile_names
from s3audit_async.errors import UsageError
from s3audit_async.fleet.profiles import profiles_of
from s3audit_async.fleet.units import Account

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = ("default", "prod", "test", "two words")


def test_each_profile_is_an_account_once_in_the_order_given() -> None:
    assert profiles_of(" test,prod,,two words,test", KNOWN) == (
        Account(None, "test", profile="test"),
        Account(None, "prod", profile="prod"),
        Account(None, "two words", profile="two words"),
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "--profiles names no profile"),
        (" , ", "--profiles names no profile"),
        ("prod,tset", "there is no profile 'tset' (did you mean 'test'?)"),
        ("Q", "there is no profile 'Q' ('aws configure list-profiles' shows those there are)"),
        ("a\nb", "there is no profile 'a b'"),
    ],
)
def test_a_profile_that_is_not_there_is_one_line(value: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        profiles_of(value, KNOWN)
    assert said in f"{raised.value} ({raised.value.hint})"


def test_profiles_of_both_files_are_known(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever AWS_PROFILE says, which may be wrong while others are named."""
    folder = isolated / ".aws"
    assert profile_names() == ()
    folder.mkdir()
    (folder / "config").write_text("[default]\nregion = eu-west-1\n[profile prod]\nrole_arn = x\n[sso-session s]\n")
    (folder / "credentials").write_text("[test]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_PROFILE", "gone")
    assert sorted(profile_names()) == ["default", "prod", "test"]


def test_a_configuration_that_cannot_be_read_is_one_line(isolated: Path) -> None:
    (isolated / ".aws").mkdir()
    (isolated / ".aws" / "config").write_text("no section\n")
    with pytest.raises(UsageError, match="the AWS configuration cannot be used"):
        profile_names()
