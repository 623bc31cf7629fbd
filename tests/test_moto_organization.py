"""The organization that moto holds: what its roles let see, and that an audit with their credentials is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from s3audit_async import audit
from tests.moto_organization import MotoOrganization

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.stub import StubMember

ACCOUNTS, BUCKETS = 7, 60


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoOrganization]:
    with MotoOrganization(ACCOUNTS, BUCKETS) as served:
        yield served


def client(moto: MotoOrganization, service: str) -> Any:
    return boto3.client(service, "us-east-1", endpoint_url=moto.url)


def enter(moto: MotoOrganization, member: StubMember) -> dict[str, str]:
    """Assume a member's role; the credentials as the environment has them."""
    sts = client(moto, "sts")
    issued = sts.assume_role(RoleArn=member.role_arn, RoleSessionName="audit")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
        "AWS_SESSION_TOKEN": issued["SessionToken"],
        "AWS_ENDPOINT_URL": moto.url,
    }


@pytest.mark.parametrize("number", [0, 1, 2, 4], ids=["management", "member", "without-aliases", "without-shared-keys"])
async def test_an_audit_with_a_role_s_credentials_is_that_of_its_account(
    moto: MotoOrganization, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    member = moto.organization.members[number]
    for name, value in enter(moto, member).items():
        monkeypatch.setenv(name, value)
    async with audit() as stream:
        rows = [row async for row in stream]
    assert {(row.account, row.bucket) for row in rows} == {(member.id, each.name) for each in member.account.index}
    for row in rows:
        bucket_key = "" if row.bucket_key is None else str(row.bucket_key)
        expected = moto.organization.expected(member.id, row.bucket)
        assert (row.mode, row.key_type, bucket_key) == expected, row.bucket


def test_nobody_enters_the_account_that_is_denied_or_the_one_that_is_closed(moto: MotoOrganization) -> None:
    for member in moto.organization.members[-2:]:
        with pytest.raises(ClientError, match=f"AccessDenied.*{member.id}:role/s3audit"):
            enter(moto, member)


def test_accounts_are_listed_with_their_states_units_and_tags(moto: MotoOrganization) -> None:
    organizations = client(moto, "organizations")
    listed = [each for page in organizations.get_paginator("list_accounts").paginate() for each in page["Accounts"]]
    members = moto.organization.members
    assert [(each["Id"], each["Name"], each["State"]) for each in listed] == [
        (member.id, member.name, member.state) for member in members
    ]
    root = organizations.list_roots()["Roots"][0]["Id"]
    (unit,) = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    inside = organizations.list_accounts_for_parent(ParentId=unit["Id"])["Accounts"]
    assert {each["Id"] for each in inside} == {member.id for member in members if member.parent == "ou-stub-workloads"}
    tags = organizations.list_tags_for_resource(ResourceId=members[1].id)["Tags"]
    assert tags == [{"Key": "stage", "Value": "prod"}]
