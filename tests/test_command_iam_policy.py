"""`s3audit iam-policy --organization`: which documents it prints, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from s3audit_async.cli import main
from s3audit_async.cli.commands.iam_policy import DOCUMENTS
from s3audit_async.names import ROLE_NAME, principal
from s3audit_async.options import Options
from s3audit_async.organization_permissions import (
    Document,
    Entry,
    caller_policy,
    stack_set_template,
    trust_policy,
)
from s3audit_async.permissions import iam_policy
from tests.command import s3audit

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "123456789012"
CALLER = f"arn:aws-cn:iam::{ACCOUNT}:role/auditor"
CHOSEN = (
    *("--organization", "--partition", "aws-cn", "--prefix", "logs-", "--role-name", "audit/reader"),
    *("--external-id", "acme-42", "--ou", "ou-ab12-cd34ef56", "--account-tag", "env=prod"),
)
OPTIONS = Options(prefix="logs-")
ENTRY = Entry(role_name="audit/reader", external_id="acme-42", by_unit=True, by_tag=True)
TRUSTED = principal(CALLER, partition="aws-cn")
MADE = {
    Document.CALLER: caller_policy(OPTIONS, ENTRY, partition="aws-cn"),
    Document.MEMBER_ROLE: iam_policy(OPTIONS, partition="aws-cn"),
    Document.TRUST: trust_policy(ENTRY, TRUSTED),
    Document.STACK_SET: stack_set_template(OPTIONS, ENTRY, TRUSTED),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to run commands in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(*arguments: str, capsys: pytest.CaptureFixture[str]) -> object:
    assert main(["iam-policy", *arguments]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return json.loads(shown.out)


def test_all_documents_are_one_json_object_on_stdout() -> None:
    """Through the real command."""
    done = s3audit("iam-policy", *CHOSEN, "--caller", CALLER)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {document.replace("-", "_"): made for document, made in MADE.items()}


@pytest.mark.parametrize("document", Document)
def test_one_document_is_printed_as_the_aws_cli_takes_it(
    document: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (*CHOSEN, "--caller", CALLER, "--document", document.value)
    assert printed(*arguments, capsys=capsys) == MADE[document]


def test_every_document_can_be_asked_for_and_the_name_of_the_role_is_the_one_in_the_help() -> None:
    assert tuple(Document) == DOCUMENTS
    assert Entry().role_name == ROLE_NAME == "s3audit"


@pytest.mark.parametrize("document", [Document.CALLER, Document.MEMBER_ROLE])
def test_nobody_has_to_be_named_where_nobody_is_trusted(document: Document, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(*CHOSEN, "--document", document.value, capsys=capsys) == MADE[document]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nobody is named whom the member role is to trust"),
        (("--document", "trust"), "--caller with the account"),
        (("--document", "stack-set"), "--caller with the account"),
        (("--caller", "1"), "not one who can be trusted: '1'"),
        (("--document", "caller", "--caller", "1"), "not one who can be trusted"),
        (("--caller", f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/jo"), "give the role's ARN"),
        (("--caller", CALLER), "--partition aws-cn, if that is meant"),
        (("--caller", ACCOUNT, "--partition", "mars"), "not a partition"),
        (("--caller", ACCOUNT, "--role-name", "s3*"), "not the name of a role: 's3*'"),
        (("--caller", ACCOUNT, "--role-name", f"arn:aws:iam::{ACCOUNT}:role/s3audit"), "no ARN"),
        (("--caller", ACCOUNT, "--role-name", "a\nb"), r"'a\nb'"),
        (("--caller", ACCOUNT, "--external-id", "a b"), "not an external id"),
        (("--caller", ACCOUNT, "--ou", "prod"), "not the id of an organizational unit: 'prod'"),
        (("--caller", ACCOUNT, "--account-tag", "=prod"), "not a tag: '=prod'"),
        (("--document", "policy"), "'policy' is not one of"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["iam-policy", "--organization", *arguments]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--document", "caller"),
        ("--caller", ACCOUNT),
        ("--role-name", "s3audit"),
        ("--external-id", "acme-42"),
        ("--ou", "ou-ab12-cd34ef56"),
        ("--account-tag", "env"),
    ],
)
def test_what_is_typed_for_an_organization_says_that_none_was_meant(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["iam-policy", *arguments]) == 2
    assert capsys.readouterr().err == (
        f"s3audit: {arguments[0]} is for the accounts of an organization (add --organization, or leave it out)\n"
    )


def test_what_a_file_or_a_variable_says_of_an_organization_does_not_get_in_the_way_of_a_single_account(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3AUDIT_ROLE_NAME", "reader")
    monkeypatch.setenv("S3AUDIT_CALLER", "whoever")
    (here / "s3audit.toml").write_text("account-tag = 'env=prod'\nou = ['ou-ab12-cd34ef56']\n")

    assert main(["iam-policy"]) == 0
    assert json.loads(capsys.readouterr().out) == iam_policy(Options(), partition="aws")


def test_an_organization_can_be_set_up_in_a_file_but_whom_to_trust_only_in_one_that_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "s3audit.toml").write_text(
        f"organization = true\n[iam-policy]\ndocument = 'trust'\ncaller = '{ACCOUNT}'\nexternal-id = 'acme-42'\n"
    )

    assert main(["iam-policy"]) == 2
    assert "'caller' does not count in a file that was found" in capsys.readouterr().err
    assert main(["iam-policy", "--config", "s3audit.toml"]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("Options from s3audit.toml: ")
    assert json.loads(shown.out) == trust_policy(Entry(external_id="acme-42"), principal(ACCOUNT, partition="aws"))
