"""docs/organization.md on permissions: each of its commands can be typed, and does what the page says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore import xform_name
from moto import mock_aws

from s3audit_async.cli.app import app
from s3audit_async.organization_permissions import Document
from tests import shown_commands

if TYPE_CHECKING:
    import pytest
    from botocore.model import Shape

PAGE = (Path(__file__).parents[1] / "docs" / "organization.md").read_text(encoding="utf-8")
PERMISSIONS = PAGE.split("\n## Permissions\n")[1].split("\n## ")[0]


def first_column(heading: str) -> list[str]:
    """What stands first in each line of the table below a heading."""
    section = PAGE.split(f" {heading}\n")[1].split("\n#")[0]
    return [
        name for cell in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall("`(.*?)`", cell)
    ]


def test_the_tables_name_every_document_and_every_option() -> None:
    options = [option.opts[0] for option in app.commands["iam-policy"].params if option.opts[0] != "--config"]

    assert first_column("Permissions") == ["--document", *(document.value for document in Document)]
    assert {*first_column("What is chosen"), "--organization", "--document"} == {*options}


def parsed(shape: Shape, words: list[str], folder: Path) -> Any:
    """What the AWS CLI makes of the words after an option: a file's content, a list, a structure in its shorthand."""
    if shape.type_name == "list":
        return [parsed(shape.member, [part], folder) for word in words for part in word.split(",")]
    (word,) = words
    if shape.type_name == "structure":
        parts = dict(part.split("=", 1) for part in word.split(","))
        return {name: parsed(shape.members[name], [part], folder) for name, part in parts.items()}
    if shape.type_name == "boolean":
        return {"true": True, "false": False}[word]
    return (folder / word.removeprefix("file://")).read_text() if word.startswith("file://") else word


def call(line: str, folder: Path) -> None:
    """Do what a line of the AWS CLI does; the SDK refuses parameters that there are not."""
    _, service, command, *rest = shlex.split(line)
    client = boto3.client(service)
    method = command.replace("-", "_")
    members = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape.members
    by_option = {f"--{xform_name(name, '-')}": name for name in members}
    given: dict[str, list[str]] = {}
    for word in rest:
        if word.startswith("--"):
            latest = given.setdefault(by_option[word], [])
        else:
            latest.append(word)
    getattr(client, method)(**{name: parsed(members[name], words, folder) for name, words in given.items()})


def test_the_commands_make_the_policies_the_role_and_the_stack_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the page, those of the AWS CLI against moto; each stack is undone before the next role."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    shell = shown_commands.install(tmp_path / "bin")
    with mock_aws():
        iam, cloudformation = boto3.client("iam"), boto3.client("cloudformation")
        boto3.client("organizations").create_organization(FeatureSet="ALL")
        lines = shown_commands.commands(PERMISSIONS, every=True)
        for line in lines:
            if line.startswith("s3audit "):
                done = shown_commands.type_in(line, tmp_path, shell)
                assert (done.returncode, done.stderr) == (0, ""), line
            else:
                call(line, tmp_path)
            if " create-stack " in line:
                assert "123456789012:role/auditor" in json.dumps(iam.get_role(RoleName="s3audit"), default=str)
                cloudformation.delete_stack(StackName="s3audit")

        assert iam.get_policy(PolicyArn="arn:aws:iam::123456789012:policy/s3audit-caller")
        assert iam.get_role(RoleName="s3audit")["Role"]["AssumeRolePolicyDocument"] == json.loads(
            (tmp_path / "trust.json").read_text()
        )
        assert iam.get_role_policy(RoleName="s3audit", PolicyName="s3audit")["PolicyDocument"] == json.loads(
            (tmp_path / "member-role.json").read_text()
        )
        stack_set = cloudformation.describe_stack_set(StackSetName="s3audit")["StackSet"]
    assert (stack_set["PermissionModel"], stack_set["Status"]) == ("SERVICE_MANAGED", "ACTIVE")
    assert json.loads(stack_set["TemplateBody"]) == json.loads((tmp_path / "role.json").read_text())
    assert len(lines) == 10
