"""The stub as an organization, asked by plain boto3: AssumeRole, whose credentials see what, the list of accounts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.stub import (
    ACCOUNT_ID,
    ROOT,
    RateLimit,
    StubAccount,
    StubAws,
    StubBucket,
    StubKey,
    StubMember,
    StubOrganization,
    StubProcess,
    StubRule,
    StubUnit,
    synthetic_organization,
    throttled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME, OTHER, GONE, SHUT = ACCOUNT_ID, "000000001001", "700000001002", "000000001003"
KEY = StubKey(f"arn:aws:kms:us-east-1:{OTHER}:key/11111111-0000-4000-8000-000000000000")
UNITS = (StubUnit("ou-stub-a", "A"), StubUnit("ou-stub-b", "B", "ou-stub-a"))


def organization(**settings: Any) -> StubOrganization:
    """Four accounts: one to ask from, one to enter, one that is suspended, one that lets nobody in."""
    members = (
        StubMember(StubAccount(HOME, [StubBucket("home-logs")]), "home"),
        StubMember(
            StubAccount(
                OTHER,
                [StubBucket("other-logs", rules=(StubRule("aws:kms", "alias/app"),))],
                [KEY],
                {("us-east-1", "alias/app"): KEY.arn},
            ),
            "other",
            parent="ou-stub-a",
            tags={"stage": "prod"},
            external_id="orange",
            max_session=7200,
        ),
        StubMember(StubAccount(GONE), "gone", "SUSPENDED", "ou-stub-b"),
        StubMember(StubAccount(SHUT), "shut", "ACTIVE", "ou-stub-b", denied=True),
    )
    return StubOrganization(members, UNITS, **settings)


Connect = Callable[..., BaseClient]


@pytest.fixture(scope="module")
def session() -> Iterator[boto3.Session]:
    """One that has read the SDK's models, which is most of what making a client takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        yield boto3.Session()


@pytest.fixture
def connect(session: boto3.Session) -> Iterator[Connect]:
    """Make clients, with the management account's credentials unless others are given."""
    with ExitStack() as stack:

        def connect(
            url: str, service: str, credentials: dict[str, Any] | None = None, region: str = "us-east-1"
        ) -> BaseClient:
            own = credentials or {"AccessKeyId": "AKIDSTUB", "SecretAccessKey": "secret", "SessionToken": None}
            client = session.client(
                service,
                region,
                endpoint_url=url,
                config=Config(
                    retries={"total_max_attempts": 1}, parameter_validation=False, s3={"addressing_style": "path"}
                ),
                aws_access_key_id=own["AccessKeyId"],
                aws_secret_access_key=own["SecretAccessKey"],
                aws_session_token=own["SessionToken"],
            )
            stack.callback(client.close)
            return client

        yield connect


def role(account: str, name: str = "s3audit") -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def enter(sts: BaseClient, account: str = OTHER, **settings: Any) -> dict[str, Any]:
    """Assume the role of an account."""
    asked = {"RoleArn": role(account), "RoleSessionName": "audit", "ExternalId": "orange", **settings}
    credentials: dict[str, Any] = sts.assume_role(**asked)["Credentials"]
    return credentials


def refusal(call: Callable[..., object], *arguments: Any, **settings: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **settings)
    response = caught.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def pages(client: BaseClient, operation: str, name: str, **settings: Any) -> list[list[str]]:
    """Ids on each page."""
    return [[entry["Id"] for entry in page[name]] for page in client.get_paginator(operation).paginate(**settings)]


def test_a_role_s_credentials_see_its_account_and_nothing_else(connect: Connect) -> None:
    with StubAws(organization=organization()) as stub:
        credentials = enter(connect(stub.url, "sts", region="eu-west-1"))
        assert connect(stub.url, "sts", credentials).get_caller_identity()["Arn"] == (
            f"arn:aws:sts::{OTHER}:assumed-role/s3audit/audit"
        )
        s3 = connect(stub.url, "s3", credentials)
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["other-logs"]
        assert refusal(s3.get_bucket_encryption, Bucket="home-logs")[1] == "NoSuchBucket"
        kms = connect(stub.url, "kms", credentials)
        assert kms.describe_key(KeyId="alias/app")["KeyMetadata"]["Arn"] == KEY.arn
        home = connect(stub.url, "s3")
        assert [bucket["Name"] for bucket in home.list_buckets()["Buckets"]] == ["home-logs"]
        assert refusal(connect(stub.url, "kms").describe_key, KeyId="alias/app")[1] == "NotFoundException"
        stats = stub.stats
        assert stats.entered_by_region == {(OTHER, "eu-west-1"): 1}
        assert stats.calls_by_account["ListBuckets", OTHER] == stats.calls_by_account["ListBuckets", HOME] == 1
        assert stub.asked("DescribeKey", "alias/app") == 2
        assert stub.asked("DescribeKey", "alias/app", OTHER) == 1
        assert not stats.unknown


def test_a_member_s_own_key_is_its_user(connect: Connect) -> None:
    own = {"AccessKeyId": f"AKIA{OTHER}", "SecretAccessKey": "secret", "SessionToken": None}
    with StubAws(organization=organization()) as stub:
        assert connect(stub.url, "sts", own).get_caller_identity()["Arn"] == f"arn:aws:iam::{OTHER}:user/auditor"
        assert connect(stub.url, "s3", own).list_buckets()["Buckets"][0]["Name"] == "other-logs"


@pytest.mark.parametrize(
    ("account", "settings"),
    [
        (SHUT, {}),
        (GONE, {}),
        ("999999999999", {}),
        (OTHER, {"RoleArn": role(OTHER, "another")}),
        (OTHER, {"ExternalId": "lemon"}),
    ],
)
def test_who_may_not_enter_is_denied(connect: Connect, account: str, settings: dict[str, str]) -> None:
    with StubAws(organization=organization()) as stub:
        status, code, message = refusal(enter, connect(stub.url, "sts"), account, **settings)
        assert (status, code) == (403, "AccessDenied")
        assert f"not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::{account}:role/" in message


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (899, "greater than or equal to 900"),
        (43_201, "less than or equal to 43200"),
        (7201, "exceeds the MaxSessionDuration set for this role"),
    ],
)
def test_durations_are_refused_as_sts_does(connect: Connect, seconds: int, message: str) -> None:
    with StubAws(organization=organization()) as stub:
        status, code, said = refusal(enter, connect(stub.url, "sts"), DurationSeconds=seconds)
        assert (status, code) == (400, "ValidationError")
        assert message in said


def test_a_role_s_credentials_enter_another_role_for_an_hour_at_most(connect: Connect) -> None:
    with StubAws(organization=organization(caller_is_role=True)) as stub:
        sts = connect(stub.url, "sts")
        assert "1 hour session limit for roles assumed by role chaining" in refusal(enter, sts, DurationSeconds=3601)[2]
        inside = connect(stub.url, "sts", enter(sts, HOME, DurationSeconds=3600))
        assert refusal(enter, inside, DurationSeconds=7200)[1] == "ValidationError"
        enter(inside, DurationSeconds=3600)
        assert [session.member.id for session in stub.roles.sessions] == [HOME, OTHER]


def test_credentials_end(connect: Connect) -> None:
    with StubAws(organization=organization()) as stub:
        sts = connect(stub.url, "sts")
        credentials = enter(sts)
        stub.roles.life = -1.0
        over = enter(sts)
        assert over["Expiration"] < credentials["Expiration"]
        assert refusal(connect(stub.url, "s3", over).list_buckets)[:2] == (400, "ExpiredToken")
        assert refusal(connect(stub.url, "kms", over).describe_key, KeyId="x")[1] == "ExpiredTokenException"
        assert refusal(connect(stub.url, "sts", over).get_caller_identity)[:2] == (403, "ExpiredToken")
        stub.roles.uses = 1
        s3 = connect(stub.url, "s3", credentials)
        s3.list_buckets()
        assert refusal(s3.list_buckets)[1] == "ExpiredToken"
        stub.roles.life = stub.roles.uses = None
        fresh = connect(stub.url, "s3", enter(sts))
        fresh.list_buckets()
        stub.roles.revoke(OTHER)
        assert refusal(fresh.list_buckets)[1] == "ExpiredToken"


def test_credentials_put_together_of_two_sets_are_refused(connect: Connect) -> None:
    with StubAws(organization=organization()) as stub:
        sts = connect(stub.url, "sts")
        mixed = {**enter(sts), "SessionToken": enter(sts, HOME)["SessionToken"]}
        assert refusal(connect(stub.url, "s3", mixed).list_buckets)[:2] == (400, "InvalidToken")
        assert refusal(connect(stub.url, "kms", mixed).describe_key, KeyId="x")[1] == "UnrecognizedClientException"
        nobodys = {**mixed, "AccessKeyId": "ASIAORG9999999999999"}
        assert refusal(connect(stub.url, "s3", nobodys).list_buckets)[:2] == (403, "InvalidAccessKeyId")


def test_a_signature_with_another_secret_is_refused_where_it_is_looked_at(connect: Connect) -> None:
    with StubAws(organization=organization()) as stub:
        sts = connect(stub.url, "sts")
        credentials = enter(sts)
        forged = {**credentials, "SecretAccessKey": enter(sts, HOME)["SecretAccessKey"]}
        connect(stub.url, "s3", forged).list_buckets(MaxBuckets=1)
        stub.roles.verify = True
        s3, kms = connect(stub.url, "s3", credentials), connect(stub.url, "kms", credentials)
        s3.list_buckets(Prefix="other logs+/~", MaxBuckets=7)
        s3.get_bucket_encryption(Bucket="other-logs", ExpectedBucketOwner=OTHER)
        kms.describe_key(KeyId="alias/app")
        connect(stub.url, "sts", credentials).get_caller_identity()
        assert refusal(connect(stub.url, "s3", forged).list_buckets)[:2] == (403, "SignatureDoesNotMatch")
        assert refusal(connect(stub.url, "kms", forged).describe_key, KeyId="x")[1] == "InvalidSignatureException"


def test_sts_throttles_and_recovers(connect: Connect) -> None:
    with StubAws(organization=organization()) as stub:
        stub.behaviour.faults = lambda request: (
            throttled(request) if request.account == OTHER and request.nth == 1 else None
        )
        sts = connect(stub.url, "sts")
        assert refusal(enter, sts)[:2] == (400, "Throttling")
        enter(sts)
        stub.behaviour.faults = None
        stub.behaviour.rate_limits = {("us-east-1", "sts"): RateLimit(0.001, burst=1)}
        enter(sts)
        assert refusal(enter, sts, HOME)[1] == "Throttling"


def test_one_account_can_be_denied_what_the_others_may(connect: Connect) -> None:
    with StubAws(organization=organization()) as stub:
        stub.behaviour.denied = {("ListBuckets", OTHER)}
        assert refusal(connect(stub.url, "s3", enter(connect(stub.url, "sts"))).list_buckets)[1] == "AccessDenied"
        connect(stub.url, "s3").list_buckets()


def test_accounts_are_listed_in_pages_of_which_some_are_empty(connect: Connect) -> None:
    with StubAws(organization=organization(page_size=3)) as stub:
        client = connect(stub.url, "organizations")
        assert pages(client, "list_accounts", "Accounts") == [[], [HOME, OTHER, GONE], [], [SHUT]]
        accounts = [each for page in client.get_paginator("list_accounts").paginate() for each in page["Accounts"]]
        assert [(each["State"], each["Status"]) for each in accounts[1:3]] == [("ACTIVE",) * 2, ("SUSPENDED",) * 2]
        assert accounts[0]["Arn"] == f"arn:aws:organizations::{HOME}:account/o-stub000001/{HOME}"
        assert refusal(client.list_accounts, MaxResults=5, NextToken="nonsense")[1] == "InvalidInputException"
        assert not stub.stats.unknown


def test_pages_hold_20_accounts_at_most(connect: Connect) -> None:
    with StubAws(organization=synthetic_organization(45, 1, 0, suspended=1)) as stub:
        found = pages(connect(stub.url, "organizations"), "list_accounts", "Accounts")
        assert [len(page) for page in found] == [0, 20, 0, 20, 0, 5]
        assert len({each for page in found for each in page}) == 45


def test_units_their_accounts_and_tags_are_listed(connect: Connect) -> None:
    with StubAws(organization=organization(empty_pages=False)) as stub:
        client = connect(stub.url, "organizations")
        assert [each["Id"] for each in client.list_roots()["Roots"]] == [ROOT]
        units = "list_organizational_units_for_parent", "OrganizationalUnits"
        assert pages(client, *units, ParentId=ROOT) == [["ou-stub-a"]]
        assert pages(client, *units, ParentId="ou-stub-a") == [["ou-stub-b"]]
        accounts = "list_accounts_for_parent", "Accounts"
        assert pages(client, *accounts, ParentId=ROOT) == [[HOME]]
        assert pages(client, *accounts, ParentId="ou-stub-b") == [[GONE, SHUT]]
        assert client.list_tags_for_resource(ResourceId=OTHER)["Tags"] == [{"Key": "stage", "Value": "prod"}]
        assert refusal(client.list_accounts_for_parent, ParentId="ou-stub-z")[1] == "ParentNotFoundException"
        assert refusal(client.list_tags_for_resource, ResourceId="111111111111")[1] == "TargetNotFoundException"


def test_only_the_management_account_and_delegates_may_list(connect: Connect) -> None:
    shape = organization()
    for delegated, code in ((frozenset({OTHER}), ""), (frozenset[str](), "AccessDeniedException")):
        with StubAws(organization=organization(delegated=delegated)) as stub:
            client = connect(stub.url, "organizations", enter(connect(stub.url, "sts")))
            if code:
                assert refusal(client.list_accounts)[1] == code
            else:
                assert sum(map(len, pages(client, "list_accounts", "Accounts"))) == len(shape.members)
    with StubAws(organization=organization(in_use=False)) as stub:
        assert refusal(connect(stub.url, "organizations").list_accounts)[1] == "AWSOrganizationsNotInUseException"
    with StubAws(organization=shape) as stub:
        stub.behaviour.faults = throttled
        assert refusal(connect(stub.url, "organizations").list_accounts)[1] == "TooManyRequestsException"


def test_a_synthetic_organization_is_the_same_each_time_and_tells_its_accounts_apart() -> None:
    made, again = (synthetic_organization(12, 60, 8, denied=1, suspended=1) for _ in range(2))
    names = [[bucket.name for bucket in member.account.index] for member in made.members]
    assert len({name for own in names for name in own}) == 12 * 60
    for member, own in zip(made.members, names, strict=True):
        assert [made.expected(member.id, name) for name in own] == [again.expected(member.id, name) for name in own]
    assert [member.id for member in made.members if not member.lets_in] == [member.id for member in made.members[-2:]]
    shared = {region_and_key for member in made.members for region_and_key in member.account.lookups()} & (
        made.members[1].account.lookups()
    )
    assert len([each for each in shared if f":{ACCOUNT_ID}:" in each[1]]) == 3
    types = {
        made.expected(member.id, name).key_type
        for member, own in zip(made.members, names, strict=True)
        for name in own
        if made.expected(member.id, name).mode == "alias/synthetic-4"
    }
    assert types == {"CUSTOMER", "KeyNotFound"}
    assert any(made.expected(made.members[4].id, name).key_type == "AccessDenied" for name in names[4])


def test_the_process_serves_the_same_organization(connect: Connect) -> None:
    made = synthetic_organization(3, 4, 2, suspended=1)
    with StubProcess(accounts=3, buckets=4, keys=2, suspended_accounts=1) as stub:
        credentials = enter(connect(stub.url, "sts"), made.members[1].id)
        listed = connect(stub.url, "s3", credentials).list_buckets()["Buckets"]
        assert [bucket["Name"] for bucket in listed] == [bucket.name for bucket in made.members[1].account.index]
        stats = stub.stats()
        assert stats["calls_by_account"] == {
            f"AssumeRole/{made.members[1].id}": 1,
            f"ListBuckets/{made.members[1].id}": 1,
        }
        assert stats["peak_connections"] == 3  # that which asks for it is one of them
