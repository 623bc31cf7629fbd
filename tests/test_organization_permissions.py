from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from s3audit_async.engine.asking import Asker
from s3audit_async.errors import UsageError
from s3audit_async.fleet.choosing import Choice
from s3audit_async.fleet.organization import list_organization
from s3audit_async.model import AccountPage, Kind, MemberAccount, Operation, OrganizationalUnitPage, Service, TagPage
from s3audit_async.names import principal
from s3audit_async.options import Options
from s3audit_async.organization_permissions import Entry, caller_policy, stack_set_template, trust_policy
from s3audit_async.permissions import iam_policy
from s3audit_async.ports import Observer
from tests.fakes import FakeGateway

if TYPE_CHECKING:
    from s3audit_async.names import Principal

ACCOUNT = "123456789012"
AUDITOR = f"arn:aws:iam::{ACCOUNT}:user/auditor"
EVERYTHING = Options(kinds=frozenset(Kind))
PARTITIONS = ["aws", "aws-cn", "aws-us-gov", "aws-iso-b"]
PLAIN = Entry()
CHOOSY = Entry(role_name="audit/security/reader", external_id="acme:audit/42", by_unit=True, by_tag=True)


def trusted(text: str = AUDITOR, partition: str = "aws") -> Principal:
    return principal(text, partition=partition)


def statements(policy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The statements of a policy by their ids."""
    by_id = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert len(by_id) == len(policy["Statement"])
    assert all(sid.isalnum() for sid in by_id)
    assert policy["Version"] == "2012-10-17"
    assert {statement["Effect"] for statement in by_id.values()} == {"Allow"}
    return by_id


def actions(policy: dict[str, Any]) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize("options", [Options(), EVERYTHING, Options(prefix="logs-"), Options(buckets=("one", "two"))])
def test_the_caller_reads_its_own_account_as_the_role_does_the_others(options: Options) -> None:
    policy, own = caller_policy(options, CHOOSY, partition="aws"), iam_policy(options, partition="aws")

    assert [each for each in policy["Statement"] if each in own["Statement"]] == own["Statement"]
    assert statements(policy)


@dataclass
class Organization:
    """One account below one unit, which keeps what it was asked."""

    asked: set[Operation] = field(default_factory=set)
    home_region: str = "us-east-1"

    async def list_accounts(self, token: str | None) -> AccountPage:
        self.asked.add(Operation.LIST_ACCOUNTS)
        return AccountPage((MemberAccount(ACCOUNT, "one", "ACTIVE"),))

    async def list_accounts_for_parent(self, parent: str, token: str | None) -> AccountPage:
        self.asked.add(Operation.LIST_ACCOUNTS_FOR_PARENT)
        return AccountPage((MemberAccount(ACCOUNT, "one", "ACTIVE"),))

    async def list_organizational_units_for_parent(self, parent: str, token: str | None) -> OrganizationalUnitPage:
        self.asked.add(Operation.LIST_ORGANIZATIONAL_UNITS_FOR_PARENT)
        return OrganizationalUnitPage(())

    async def list_tags(self, account: str, token: str | None) -> TagPage:
        self.asked.add(Operation.LIST_TAGS_FOR_RESOURCE)
        return TagPage((("env", "prod"),))


async def asked_by_a_listing(entry: Entry) -> set[Operation]:
    """What is asked to find the accounts of an organization."""
    organization = Organization()
    choice = Choice(ous=("ou-ab12-cd34ef56",) if entry.by_unit else (), tags=("env",) if entry.by_tag else ())
    await list_organization(organization, Asker(FakeGateway(), Options(), Observer()), choice)
    return organization.asked


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        (PLAIN, {Operation.LIST_ACCOUNTS}),
        (Entry(by_tag=True), {Operation.LIST_ACCOUNTS, Operation.LIST_TAGS_FOR_RESOURCE}),
        (
            Entry(by_unit=True),
            {Operation.LIST_ACCOUNTS_FOR_PARENT, Operation.LIST_ORGANIZATIONAL_UNITS_FOR_PARENT},
        ),
        (CHOOSY, {each for each in Operation if each.service is Service.ORGANIZATIONS} - {Operation.LIST_ACCOUNTS}),
    ],
)
async def test_the_caller_may_ask_an_organization_what_the_listing_asks_and_nothing_else(
    entry: Entry, asked: set[Operation]
) -> None:
    allowed = actions(caller_policy(Options(), entry, partition="aws"))

    assert await asked_by_a_listing(entry) == asked
    assert allowed - actions(iam_policy(Options(), partition="aws")) == {
        *(f"organizations:{operation}" for operation in asked),
        "sts:AssumeRole",
    }


@pytest.mark.parametrize("partition", PARTITIONS)
def test_only_the_one_role_is_assumed_and_only_in_the_callers_own_organization(partition: str) -> None:
    assert statements(caller_policy(Options(), CHOOSY, partition=partition))["EnterAccounts"] == {
        "Sid": "EnterAccounts",
        "Effect": "Allow",
        "Action": ["sts:AssumeRole"],
        "Resource": f"arn:{partition}:iam::*:role/audit/security/reader",
        "Condition": {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}},
    }


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_arn_is_of_the_partition_asked_for(partition: str) -> None:
    text = json.dumps(caller_policy(EVERYTHING, CHOOSY, partition=partition))

    assert set(re.findall(r"arn:([^:]*):", text)) == {partition}


def test_the_role_trusts_the_caller_alone() -> None:
    assert trust_policy(PLAIN, trusted()) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "EnterForAudit", "Effect": "Allow", "Principal": {"AWS": AUDITOR}, "Action": "sts:AssumeRole"}
        ],
    }


def test_the_role_asks_for_the_external_id_if_there_is_one() -> None:
    (statement,) = trust_policy(CHOOSY, trusted(ACCOUNT, "aws-cn"))["Statement"]

    assert statement["Principal"] == {"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "acme:audit/42"}}


@pytest.mark.parametrize("settings", [{"role_name": "a*"}, {"role_name": ""}, {"external_id": ""}])
def test_what_aws_would_not_take_is_in_no_document(settings: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="not "):
        Entry(**settings)  # type: ignore[arg-type]  # the flags are not among them


def deployed(template: dict[str, Any], partition: str, **given: str) -> Any:
    """The role's properties, as CloudFormation would make them of a template."""
    values = {name: parameter["Default"] for name, parameter in template["Parameters"].items()} | given
    nothing = object()

    def made(value: Any) -> Any:  # noqa: PLR0911 - one for each thing that CloudFormation does
        match value:
            case {"Ref": "AWS::NoValue"}:
                return nothing
            case {"Ref": name}:
                return values[name]
            case {"Fn::Sub": text}:
                assert set(re.findall(r"\$\{([^!}]*)\}", text)) == {"AWS::Partition"}
                return text.replace("${AWS::Partition}", partition).replace("${!", "${")
            case {"Fn::Equals": [one, other]}:
                return made(one) == made(other)
            case {"Fn::Not": [condition]}:
                return not made(condition)
            case {"Fn::If": [condition, then, otherwise]}:
                return made(then) if made(template["Conditions"][condition]) else made(otherwise)
            case dict():
                return {key: each for key, item in value.items() if (each := made(item)) is not nothing}
            case list():
                return [made(each) for each in value]
        return value

    return made(template["Resources"]["Role"]["Properties"])


@pytest.mark.parametrize("options", [EVERYTHING, Options(prefix="logs-"), Options(buckets=("one", "two"))])
@pytest.mark.parametrize("entry", [PLAIN, CHOOSY])
@pytest.mark.parametrize("partition", PARTITIONS)
def test_the_template_makes_the_role_that_the_documents_describe(
    options: Options, entry: Entry, partition: str
) -> None:
    caller = trusted(f"arn:{partition}:iam::{ACCOUNT}:role/audit/runner", partition)
    role = deployed(stack_set_template(options, entry, caller), partition)

    assert (role["Path"] + role["RoleName"]).removeprefix("/") == entry.role_name
    assert role["AssumeRolePolicyDocument"] == trust_policy(entry, caller)
    assert [policy["PolicyDocument"] for policy in role["Policies"]] == [iam_policy(options, partition=partition)]
    assert role["MaxSessionDuration"] == 3600


def test_the_template_is_good_in_any_partition_where_an_account_is_trusted() -> None:
    template = stack_set_template(EVERYTHING, PLAIN, trusted(ACCOUNT))
    role = deployed(template, "aws-us-gov")

    assert "arn:aws:" not in json.dumps(template)
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": ACCOUNT}
    assert role["Policies"][0]["PolicyDocument"] == iam_policy(EVERYTHING, partition="aws-us-gov")


def test_what_was_chosen_can_be_chosen_anew_where_the_template_is_used() -> None:
    given = {"RoleName": "other", "RolePath": "/", "Caller": "210987654321", "ExternalId": ""}
    role = deployed(stack_set_template(Options(), CHOOSY, trusted()), "aws", **given)

    assert (role["RoleName"], role["Path"]) == ("other", "/")
    assert role["AssumeRolePolicyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [{**trust_policy(PLAIN, trusted())["Statement"][0], "Principal": {"AWS": "210987654321"}}],
    }


def test_text_that_cloudformation_would_fill_in_stays_as_it_is() -> None:
    odd = Options(prefix="${aws:username}-${!x}-")
    role = deployed(stack_set_template(odd, PLAIN, trusted()), "aws")

    assert role["Policies"][0]["PolicyDocument"] == iam_policy(odd, partition="aws")


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("RoleName", ["s3audit", "_+=,.@-", "A" * 64], ["", "a/b", "A" * 65, "a*", "a b"]),
        ("RolePath", ["/", "/audit/", "/a/b=c/"], ["", "audit/", "/audit", "//", "/*/"]),
        (
            "Caller",
            [ACCOUNT, AUDITOR, f"arn:aws-cn:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/a/b"],
            ["", "*", ACCOUNT + "3", "arn:aws:iam::*:root", f"arn:aws:iam::{ACCOUNT}:role/*", "ec2.amazonaws.com"],
        ),
        ("ExternalId", ["", "x1", "urn:acme/audit=1,2.3@x_y+z-", "x" * 1224], ["x", "x" * 1225, "a b", "a*"]),
    ],
)
def test_parameters_are_held_to_what_iam_takes(parameter: str, good: list[str], bad: list[str]) -> None:
    pattern = re.compile(stack_set_template(Options(), PLAIN, trusted())["Parameters"][parameter]["AllowedPattern"])

    assert [text for text in good if not pattern.search(text)] == []
    assert [text for text in bad if pattern.search(text)] == []


def as_templates(options: Options, entry: Entry) -> dict[str, dict[str, Any]]:
    """The stack set's template, and the other documents in one of their own: cfn-lint knows policies, too."""
    role = {"AssumeRolePolicyDocument": trust_policy(entry, trusted())}
    caller = {"PolicyDocument": caller_policy(options, entry, partition="aws")}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Caller": {"Type": "AWS::IAM::ManagedPolicy", "Properties": caller},
    }
    return {
        "stack-set": stack_set_template(options, entry, trusted()),
        "others": {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources},
    }


def linted(*files: Path) -> list[tuple[str, str, str]]:
    """What cfn-lint has to say, down to remarks: actions and resources that are not in IAM's reference are some."""
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--include-checks", "I", "--format", "json", "--", *files],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    return [(Path(each["Filename"]).stem, each["Rule"]["Id"], each["Message"]) for each in json.loads(done.stdout)]


def test_cfn_lint_has_nothing_to_say_of_any_document_but_of_a_mistake(tmp_path: Path) -> None:
    """In one go, as its start takes a second."""
    templates = {
        f"{name}-{number}": template
        for number, entry in enumerate((PLAIN, CHOOSY))
        for name, template in as_templates(EVERYTHING, entry).items()
    }
    mistaken = as_templates(Options(), PLAIN)["stack-set"]
    statement = mistaken["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]
    statement["Action"] = ["s3:ListAllMyBucket"]
    templates["mistaken"] = mistaken
    files = [tmp_path / f"{name}.json" for name in templates]
    for file, template in zip(files, templates.values(), strict=True):
        file.write_text(json.dumps(template))

    assert {(file, rule) for file, rule, _ in linted(*files)} == {("mistaken", "W3037")}


def test_a_template_fits_into_a_request() -> None:
    """51,200 bytes: botocore model of cloudformation, TemplateBody."""
    assert len(json.dumps(stack_set_template(EVERYTHING, CHOOSY, trusted()), indent=2)) < 51_200 / 2


def entered(user: dict[str, str], external_id: str) -> str:
    """The role that a user gets into, or the code of the refusal."""
    sts = boto3.client("sts", aws_access_key_id=user["AccessKeyId"], aws_secret_access_key=user["SecretAccessKey"])
    try:
        made = sts.assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{CHOOSY.role_name}",
            RoleSessionName="s3audit",
            ExternalId=external_id,
        )
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return str(made["AssumedRoleUser"]["Arn"])


def test_the_stack_makes_a_role_that_only_the_caller_gets_into_with_the_external_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As moto enforces it, which knows of no organization, and looks at an external id only where one is named."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    template = json.dumps(stack_set_template(Options(), CHOOSY, trusted()))
    policy = caller_policy(Options(), CHOOSY, partition="aws")
    set_up = 8  # calls that are made before moto begins to enforce

    @set_initial_no_auth_action_count(set_up)
    def enforced() -> dict[str, str]:
        iam, cloudformation = boto3.client("iam"), boto3.client("cloudformation")
        arn = iam.create_policy(PolicyName="caller", PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
        keys = {}
        for name in ("auditor", "other"):
            iam.create_user(UserName=name)
            iam.attach_user_policy(UserName=name, PolicyArn=arn)
            keys[name] = iam.create_access_key(UserName=name)["AccessKey"]
        cloudformation.create_stack(StackName="s3audit", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
        return {
            "auditor": entered(keys["auditor"], "acme:audit/42"),
            "auditor, wrong id": entered(keys["auditor"], "acme:audit/43"),
            "other": entered(keys["other"], "acme:audit/42"),
        }

    with mock_aws():
        assert enforced() == {
            "auditor": f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/s3audit",
            "auditor, wrong id": "AccessDenied",
            "other": "AccessDenied",
        }
