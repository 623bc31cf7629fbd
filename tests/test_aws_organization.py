"""The organization as AWS's API tells it: on moto, on the loopback stub, and with answers that are not AWS's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import aioboto3
import pytest
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer

from benchmarks.stub import (
    ErrorAnswer,
    Garbage,
    RateLimit,
    StubAccount,
    StubAws,
    StubMember,
    StubOrganization,
    StubUnit,
    first,
    synthetic_organization,
)
from s3audit_async.aws.answers import LONGEST_TOKEN, account_page, organizational_unit_page, tag_page
from s3audit_async.aws.errors import UnusableAnswerError
from s3audit_async.aws.roles import open_caller
from s3audit_async.engine.asking import Asker
from s3audit_async.errors import ListingError, UsageError
from s3audit_async.fleet.choosing import Choice
from s3audit_async.fleet.organization import list_organization
from s3audit_async.fleet.units import Account
from s3audit_async.model import MemberAccount, Service
from s3audit_async.options import Options
from s3audit_async.stats import RunStats
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3audit_async.fleet.choosing import Chosen

A, B = "000000000001", "111111111111"
OUTER, INNER = "ou-stub-outer000", "ou-stub-inner000"


async def listed(url: str, choice: Choice | None = None, *, stats: RunStats | None = None, **options: Any) -> Chosen:
    """What is chosen of the organization that is served at a URL."""
    chosen = Options(endpoint_url=url, **options)
    async with open_caller(aioboto3.Session(), chosen, user_agent="s3audit/test") as gateway:
        asker = Asker(gateway, chosen, stats or RunStats())
        return await list_organization(gateway.organization(), asker, choice or Choice())


async def refused(stub: StubAws, choice: Choice | None = None) -> str:
    """What is said of an organization that cannot be listed, with the hint."""
    with pytest.raises(ListingError) as raised:
        await listed(stub.url, choice, max_attempts=2)
    return f"{raised.value} ({raised.value.hint})"


def small(**settings: Any) -> StubOrganization:
    """An account in the root, one in a unit, two in a unit below that, of which one is closed."""
    members = (
        StubMember(StubAccount(B), "management"),
        StubMember(StubAccount(A), "low", parent=OUTER, tags={"stage": "prod"}),
        StubMember(StubAccount("222222222222"), "deep", parent=INNER, tags={"stage": "prod"}),
        StubMember(StubAccount("333333333333"), "gone", "PENDING_CLOSURE", INNER),
    )
    return StubOrganization(members, (StubUnit(OUTER, "Outer"), StubUnit(INNER, "Inner", OUTER)), **settings)


@pytest.fixture
def moto() -> Iterator[str]:
    """The URL of a moto server."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    server._server.server_close()  # type: ignore[union-attr]  # stop() leaves the listening socket open
    get_backend("organizations")[DEFAULT_ACCOUNT_ID].reset()


async def test_an_organization_of_moto_is_listed_with_its_units_tags_and_states(moto: str) -> None:
    """25 accounts, the management account among them: more than a page. Without an organization, moto lists none."""
    backend = get_backend("organizations")[DEFAULT_ACCOUNT_ID]["aws"]
    with pytest.raises(UsageError, match="there is no account to audit"):
        await listed(moto)
    backend.create_organization("us-east-1", FeatureSet="ALL")
    root = backend.list_roots()["Roots"][0]["Id"]
    outer = backend.create_organizational_unit(ParentId=root, Name="outer")["OrganizationalUnit"]["Id"]
    inner = backend.create_organizational_unit(ParentId=outer, Name="inner")["OrganizationalUnit"]["Id"]
    names = {}
    for number in range(24):
        name = f"member {number}"
        made = backend.create_account(AccountName=name, Email=f"{number}@example.com", Tags=[])
        names[made["CreateAccountStatus"]["AccountId"]] = name
    ids = list(names)
    for account in ids[:4]:
        backend.move_account(AccountId=account, SourceParentId=root, DestinationParentId=inner)
    backend.move_account(AccountId=ids[4], SourceParentId=root, DestinationParentId=outer)
    for account in ids[3:10]:
        backend.tag_resource(ResourceId=account, Tags=[{"Key": "stage", "Value": "prod"}])
    backend.close_account(AccountId=ids[3])
    names[DEFAULT_ACCOUNT_ID] = "master"

    everything = await listed(moto)
    assert [(account.id, account.name) for account in everything.audited] == sorted(
        item for item in names.items() if item[0] != ids[3]
    )
    assert [(record.account.id, record.code) for record in everything.skipped] == [(ids[3], "SUSPENDED")]

    below = await listed(moto, Choice(ous=(outer,)))
    assert {account.id for account in below.audited} == {*ids[:3], ids[4]}
    tagged = await listed(moto, Choice(ous=(root,), tags=("stage=prod",), exclude=frozenset({ids[9]})))
    assert {account.id for account in tagged.audited} == set(ids[4:9])
    assert [record.account.id for record in tagged.skipped] == [ids[3]]
    with pytest.raises(UsageError, match="there is no ou-ab12-cd34ef56 in this organization"):
        await listed(moto, Choice(ous=("ou-ab12-cd34ef56",)))


async def test_all_pages_are_read_and_every_request_is_counted() -> None:
    """Seven pages, each after an empty one; every connection is closed at the end."""
    stats = RunStats()
    with StubAws(organization=synthetic_organization(130, 1, 0, suspended=2)) as stub:
        chosen = await listed(stub.url, stats=stats)
        assert (len(chosen.audited), [record.code for record in chosen.skipped]) == (128, ["SUSPENDED"] * 2)
        assert dict(stub.stats.calls) == {"ListAccounts": 14}
        assert dict(stats.calls) == {"ListAccounts": 14}
        wait_until(lambda: not stub.stats.open_connections, what="all connections closed")


@pytest.mark.parametrize("fields", [("State",), ("Status",), ("State", "Status")])
async def test_a_state_is_read_from_whichever_field_tells_it(fields: tuple[str, ...]) -> None:
    with StubAws(organization=small(fields=fields)) as stub:
        chosen = await listed(stub.url)
    assert chosen.audited[0] == Account(A, "low")
    assert [record.code for record in chosen.skipped] == ["PENDING_CLOSURE"]


async def test_an_account_without_a_state_is_no_answer_to_go_by() -> None:
    with StubAws(organization=small(fields=())) as stub:
        assert f"InvalidResponse: the listing does not tell the state of account {B}" in await refused(stub)


async def test_units_and_tags_are_asked_for_at_a_rate_that_the_service_takes() -> None:
    """Throttled at 50 a second, nothing is lost."""
    with StubAws(organization=small(page_size=1)) as stub:
        stub.behaviour.rate_limits = {("*", "organizations"): RateLimit(50, 5)}
        chosen = await listed(stub.url, Choice(ous=(OUTER,), tags=("stage",)))
        assert [account.id for account in chosen.audited] == [A, "222222222222"]
        assert chosen.skipped == ()
        assert "ListAccounts" not in stub.stats.calls
        assert not stub.stats.unknown


async def test_a_throttle_is_asked_again() -> None:
    with StubAws(organization=small()) as stub:
        stub.behaviour.faults = first(1, ErrorAnswer(400, "TooManyRequestsException"))
        assert len((await listed(stub.url)).audited) == 3
        assert stub.stats.calls["ListAccounts"] == 4  # an empty page and one with them, each once refused


async def test_why_there_is_no_listing_is_told() -> None:
    with StubAws(organization=small(in_use=False)) as stub:
        assert "in no organization (AWSOrganizationsNotInUseException: Your account is not" in await refused(stub)
    with StubAws(organization=small()) as stub:
        stub.behaviour.denied = {"ListAccountsForParent"}
        told = await refused(stub, Choice(ous=(OUTER,)))
        assert f"may not list the accounts below {OUTER} (AccessDenied" in told
        assert "iam-policy --organization" in told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>a proxy's page",
        b"[]",
        b"{}",
        b'{"Accounts": {}, "NextToken": 1}',
        b'{"Accounts": [7]}',
        b'{"Accounts": [{"Id": 111111111111, "State": "ACTIVE"}]}',
        b"[" * 100_000,
    ],
)
async def test_a_body_that_is_no_answer_ends_the_listing(body: bytes) -> None:
    """Asked twice; an audit of nothing is no outcome."""
    with StubAws(organization=small()) as stub:
        stub.behaviour.faults = first(9, Garbage(body))
        assert "the organization's accounts cannot be listed (InvalidResponse" in await refused(stub)
        assert stub.stats.calls["ListAccounts"] == 2


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "an account whose id is none"),
        ({"Id": "1", "State": "ACTIVE"}, "an account whose id is none: 1"),
        ({"Id": f"{A}/../x", "State": "ACTIVE"}, "an account whose id is none"),
        ({"Id": A}, f"does not tell the state of account {A}"),
        ({"Id": A, "State": "", "Status": ""}, f"does not tell the state of account {A}"),
        ({"Id": A, "State": "\x1b[2J"}, "State has characters that cannot be printed"),
        ({"Id": A, "State": "ACTIVE", "Name": 7}, "Name is of the type int"),
    ],
)
def test_an_account_is_looked_at(entry: Mapping[str, Any], said: str) -> None:
    with pytest.raises(UnusableAnswerError, match=said):
        account_page({"Accounts": [entry]})


def test_what_an_account_may_lack_or_have_besides_is_no_matter() -> None:
    """State counts before Status; a name is what people gave it, without what a terminal would obey."""
    entries = [
        {"Id": A, "State": "CLOSED", "Status": "ACTIVE", "Name": "a\x1b[31m\n", "Paths": ["x"]},
        {"Id": B, "Status": "ACTIVE", "Name": None},
    ]
    page = account_page({"Accounts": entries, "NextToken": ""})
    assert page.accounts == (MemberAccount(A, "a [31m", "CLOSED"), MemberAccount(B, "", "ACTIVE"))
    assert page.token is None


def test_pages_without_their_list_or_with_a_boundless_token_are_refused() -> None:
    for read, name in (account_page, "Accounts"), (organizational_unit_page, "OrganizationalUnits"), (tag_page, "Tags"):
        with pytest.raises(UnusableAnswerError, match=f"the answer holds no {name}"):
            read({"NextToken": "more"})
        assert read({name: [], "NextToken": "x" * LONGEST_TOKEN}).token
        with pytest.raises(UnusableAnswerError, match="NextToken is longer"):
            read({name: [], "NextToken": "x" * (LONGEST_TOKEN + 1)})


def test_units_and_tags_are_looked_at() -> None:
    assert organizational_unit_page({"OrganizationalUnits": [{"Id": OUTER}]}).ids == (OUTER,)
    for unit in ({}, {"Id": "r-stub"}, {"Id": "ou-1"}, {"Id": f"{OUTER}\n"}):
        with pytest.raises(UnusableAnswerError):
            organizational_unit_page({"OrganizationalUnits": [unit]})
    assert tag_page({"Tags": [{"Key": "a", "Value": "b"}, {"Key": "c"}]}).tags == (("a", "b"), ("c", ""))
    for tag in ({}, {"Key": ""}, {"Key": "a", "Value": 1}):
        with pytest.raises(UnusableAnswerError):
            tag_page({"Tags": [tag]})


@pytest.mark.parametrize(
    ("region", "host"),
    [
        (None, "organizations.us-east-1.amazonaws.com"),
        ("eu-west-1", "organizations.us-east-1.amazonaws.com"),
        ("cn-north-1", "organizations.cn-northwest-1.amazonaws.com.cn"),
        ("us-gov-east-1", "organizations.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "organizations.eusc-de-east-1.amazonaws.eu"),
    ],
)
async def test_each_partition_has_one_endpoint_for_its_organizations(
    region: str | None, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    session = aioboto3.Session(region_name=region)
    async with open_caller(session, Options(), user_agent="s3audit/test") as gateway:
        client = await gateway._clients.get(Service.ORGANIZATIONS, gateway.organization().home_region)
        assert client.meta.endpoint_url == f"https://{host}"
