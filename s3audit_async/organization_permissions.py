"""What an audit of an organization's accounts has to be allowed: the caller's policy, the member role, its template."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from s3audit_async import permissions
from s3audit_async.names import ROLE_NAME, check_external_id, check_role_name

if TYPE_CHECKING:
    from s3audit_async.names import Principal
    from s3audit_async.options import Options

_PARAMETERS: dict[str, dict[str, Any]] = {
    "RoleName": {
        "Type": "String",
        "Description": "Name of the role, as given to s3audit: --role-name.",
        "AllowedPattern": "^[A-Za-z0-9_+=,.@-]{1,64}$",
    },
    "RolePath": {
        "Type": "String",
        "Description": "Path of the role. One other than / stands before the name in --role-name, too.",
        "AllowedPattern": "^/([A-Za-z0-9_+=,.@-]+/)*$",
    },
    "Caller": {
        "Type": "String",
        "Description": "Who runs s3audit: an account id, or the ARN of a role or user, which must exist already.",
        "AllowedPattern": "^([0-9]{12}|arn:aws[a-z0-9-]*:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9_+=,.@/-]+))$",
    },
    "ExternalId": {
        "Type": "String",
        "Description": "What the caller has to name as well, as given to s3audit: --external-id. Empty for nothing.",
        "AllowedPattern": "^([A-Za-z0-9_+=,.@:/-]{2,1224})?$",
    },
    "MaxSessionDuration": {
        "Type": "Number",
        "Description": "Seconds that the role's credentials may last.",
        "Default": 3600,
        "MinValue": 3600,
        "MaxValue": 43200,
    },
}
_DESCRIPTION = "Read the default encryption of this account's S3 buckets: assumed by s3audit, which changes nothing."


class Document(StrEnum):
    """The documents, by the names that they are printed under."""

    CALLER = "caller"
    """Policy of whoever runs s3audit."""
    MEMBER_ROLE = "member-role"
    """Permissions policy of the role that is assumed in each account."""
    TRUST = "trust"
    """Trust policy of that role: who may assume it."""
    STACK_SET = "stack-set"
    """CloudFormation template that makes that role."""

    @property
    def key(self) -> str:
        """Where it stands in one JSON object with the others."""
        return self.value.replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How the accounts of an organization are entered. Raises `UsageError` for what AWS would not take.

    - `role_name`: of the role in each account, with its path before it if it has one.
    - `external_id`: what the caller has to name as well; None for nothing.
    - `by_unit`, `by_tag`: whether accounts are chosen by organizational unit, and whether by tag.
    """

    role_name: str = ROLE_NAME
    external_id: str | None = None
    by_unit: bool = False
    by_tag: bool = False

    def __post_init__(self) -> None:
        check_role_name(self.role_name)
        if self.external_id is not None:
            check_external_id(self.external_id)


def caller_policy(options: Options, entry: Entry, *, partition: str) -> dict[str, Any]:
    """Give the policy of whoever runs s3audit. Raises `UsageError` for what is not a partition's name.

    It has what the member role has, too: the account that the credentials belong to is read with those themselves. A
    role is assumed in accounts of the caller's own organization only, whoever else has one of that name (IAM User
    Guide, aws:ResourceOrgID).
    """
    own = permissions.iam_policy(options, partition=partition)
    of_organizations = f"arn:{partition}:organizations::*"
    if entry.by_unit:  # from the units down: then nobody asks for all accounts
        actions = ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"]
        below = [f"{of_organizations}:ou/*", f"{of_organizations}:root/*"]
        statements = [_allow("ListAccountsOfUnits", actions, below)]
    else:
        statements = [_allow("ListAccounts", ["organizations:ListAccounts"], "*")]
    if entry.by_tag:
        actions = ["organizations:ListTagsForResource"]
        statements.append(_allow("ReadTagsOfAccounts", actions, f"{of_organizations}:account/*"))
    role = f"arn:{partition}:iam::*:role/{entry.role_name}"
    same_organization = {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
    statements.append({**_allow("EnterAccounts", ["sts:AssumeRole"], role), "Condition": same_organization})
    return {**own, "Statement": [*statements, *own["Statement"]]}


def trust_policy(entry: Entry, caller: Principal) -> dict[str, Any]:
    """Give the trust policy of the member role: only the caller may assume it, with the external id if there is one."""
    statement = _trust(caller.arn)
    if entry.external_id is not None:
        statement["Condition"] = _external_id(entry.external_id)
    return _policy(statement)


def stack_set_template(options: Options, entry: Entry, caller: Principal) -> dict[str, Any]:
    """Give a CloudFormation template that makes the member role in an account, in any partition.

    What was chosen is the default of its parameters. Raises `UsageError` for what is not a partition's name.
    """
    path, _, name = entry.role_name.rpartition("/")
    defaults = {
        "RoleName": name,
        "RolePath": f"/{path}/" if path else "/",
        "Caller": caller.account if caller.is_account else caller.arn,  # an id is good in any partition
        "ExternalId": entry.external_id or "",
    }
    parameters = {
        name: {**parameter, "Default": defaults.get(name, parameter.get("Default"))}
        for name, parameter in _PARAMETERS.items()
    }
    trust = _trust({"Ref": "Caller"})
    trust["Condition"] = {"Fn::If": ["AsksForExternalId", _external_id({"Ref": "ExternalId"}), {"Ref": "AWS::NoValue"}]}
    policy = permissions.iam_policy(options, partition=caller.partition)
    role = {
        "RoleName": {"Ref": "RoleName"},
        "Path": {"Ref": "RolePath"},
        "Description": _DESCRIPTION,
        "MaxSessionDuration": {"Ref": "MaxSessionDuration"},
        "AssumeRolePolicyDocument": _policy(trust),
        "Policies": [{"PolicyName": "s3audit", "PolicyDocument": _in_any_partition(policy, caller.partition)}],
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that s3audit assumes in each account of an organization. It only reads.",
        "Parameters": parameters,
        "Conditions": {"AsksForExternalId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}},
        "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}},
        "Outputs": {"RoleArn": {"Description": "The role.", "Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }


def _allow(sid: str, actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _policy(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement]}


def _trust(principal: str | dict[str, str]) -> dict[str, Any]:
    return {"Sid": "EnterForAudit", "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}


def _external_id(value: str | dict[str, str]) -> dict[str, Any]:
    return {"StringEquals": {"sts:ExternalId": value}}


def _in_any_partition(value: Any, partition: str) -> Any:  # noqa: ANN401 - JSON
    """Let CloudFormation name the partition in each ARN of a document."""
    if isinstance(value, dict):
        return {key: _in_any_partition(each, partition) for key, each in value.items()}
    if isinstance(value, list):
        return [_in_any_partition(each, partition) for each in value]
    start = f"arn:{partition}:"
    if not isinstance(value, str) or not value.startswith(start):
        return value
    rest = value.removeprefix(start).replace("${", "${!")  # which stays as it is (CloudFormation User Guide, Fn::Sub)
    return {"Fn::Sub": "arn:${AWS::Partition}:" + rest}
