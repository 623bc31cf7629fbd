"""Accounts entered by their roles, from the SDK to the rows, on the stub organization."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.stub import ACCOUNT_ID, ErrorAnswer, StubAccount, StubAws, StubBucket, StubMember, StubOrganization
from benchmarks.stub import synthetic_organization as synthetic
from s3audit_async.errors import CallError, CredentialsError, UsageError
from s3audit_async.fleet.access import Access
from s3audit_async.fleet.entering import RoleEntrance
from s3audit_async.fleet.opening import open_caller, profiles_of
from s3audit_async.fleet.stream import FleetStream
from s3audit_async.fleet.units import Account, AccountRecord, Status, Unit
from s3audit_async.limiter import Slots
from s3audit_async.model import Notice, Operation
from s3audit_async.options import Options
from s3audit_async.ports import Observer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3audit_async.model import Row

OTHER = "000000001001"


def two_accounts(**settings: Any) -> StubOrganization:
    """The caller's own, and one to enter."""
    member = settings.pop("member", {})
    return StubOrganization(
        (
            StubMember(StubAccount(ACCOUNT_ID, [StubBucket("home-logs")])),
            StubMember(StubAccount(OTHER, [StubBucket(f"other-{number:03d}") for number in range(30)]), **member),
        ),
        **settings,
    )


class Noted(Observer):
    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def noticed(self, notice: Notice) -> None:
        self.notices.append(notice)


class Found:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.records: list[AccountRecord] = []
        self.observer = Noted()
        self.error: BaseException | None = None

    def of(self, account: str) -> AccountRecord:
        return next(record for record in self.records if record.account.id == account)


async def audit(stub: StubAws, accounts: list[str], access: Access | None = None, **options: Any) -> Found:
    """The rows of accounts of the stub's organization."""
    found = Found()
    access = access or Access(role_name="s3audit")
    chosen = Options(endpoint_url=stub.url, **options)
    slots = Slots(chosen.max_concurrency)
    async with open_caller(access, chosen, found.observer, slots) as caller:
        entrance = RoleEntrance(caller, access, found.observer)
        units = [Unit(Account(number)) for number in accounts]
        stream = FleetStream(units, entrance, chosen, found.observer, slots, concluded=found.records.append)
        async with stream as rows:
            try:
                async for row in rows:
                    found.rows.append(row)
            except CredentialsError as error:
                found.error = error
    return found


@contextmanager
def serving(organization: StubOrganization) -> Iterator[StubAws]:
    with StubAws(organization=organization) as stub:
        yield stub


async def test_each_account_is_asked_with_credentials_of_its_own() -> None:
    """Shared clients notwithstanding; the rows are those that the account's own report has."""
    organization = synthetic(6, 40, 4, 3)
    with serving(organization) as stub:
        found = await audit(stub, [member.id for member in organization.members])
        calls = stub.stats.calls
    assert calls == {
        "GetCallerIdentity": 1,
        "AssumeRole": 5,
        "ListBuckets": 6,
        "GetBucketEncryption": 240,
        "DescribeKey": sum(len(member.account.lookups()) for member in organization.members),
    }
    rows = {(row.account, row.bucket): row for row in found.rows}
    assert len(rows) == len(found.rows) == 240
    for (account, bucket), row in rows.items():
        mode, key_type, _ = organization.expected(account or "", bucket)
        assert (row.mode, row.key_type) == (mode, key_type)
    assert all(record.status is Status.COMPLETE and record.rows == 40 for record in found.records)


async def test_the_callers_own_account_is_entered_as_it_is() -> None:
    """Its role need not even exist."""
    with serving(two_accounts()) as stub:
        found = await audit(stub, [ACCOUNT_ID, OTHER])
        assert [session.member.id for session in stub.roles.sessions] == [OTHER]
    assert len(found.rows) == 31


async def test_roles_are_assumed_at_the_regional_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is configured: the tokens of the global one are refused in opt-in regions."""
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with serving(two_accounts()) as stub:
        await audit(stub, [OTHER])
        assert [session.region for session in stub.roles.sessions] == ["eu-central-1"]


async def test_the_external_id_and_the_session_name_go_with_the_request() -> None:
    access = Access(role_name="audit/reader", external_id="orange", session_name="nightly")
    with serving(two_accounts(member={"external_id": "orange", "role": "audit/reader"})) as stub:
        found = await audit(stub, [OTHER], access)
        assert [session.name for session in stub.roles.sessions] == ["nightly"]
    assert len(found.rows) == 30


async def test_a_role_that_lets_nobody_in_is_told_and_the_others_go_on() -> None:
    with serving(two_accounts(member={"denied": True})) as stub:
        found = await audit(stub, [ACCOUNT_ID, OTHER])
    record = found.of(OTHER)
    assert (record.status, record.code) == (Status.NOT_ENTERED, "AccessDenied")
    assert "sts:AssumeRole" in record.message
    assert [row.account for row in found.rows] == [ACCOUNT_ID]


async def test_a_longer_session_is_had_where_the_role_allows_it() -> None:
    with serving(two_accounts(member={"max_session": 7200})) as stub:
        await audit(stub, [OTHER], Access(role_name="s3audit", duration=7200))
        assert [session.duration for session in stub.roles.sessions] == [7200]


async def test_a_session_longer_than_the_role_allows_is_asked_for_an_hour_and_said_so() -> None:
    with serving(two_accounts()) as stub:
        found = await audit(stub, [OTHER], Access(role_name="s3audit", duration=7200))
        assert [session.duration for session in stub.roles.sessions] == [3600]
    assert len(found.rows) == 30
    assert [notice.text for notice in found.observer.notices] == ["7200 s are not allowed there, asking for 3600"]


async def test_role_chaining_is_kept_within_its_hour_without_asking_in_vain() -> None:
    """AWS refuses more, whatever the role allows."""
    with serving(two_accounts(caller_is_role=True, member={"max_session": 43_200})) as stub:
        found = await audit(stub, [OTHER], Access(role_name="s3audit", duration=43_200))
        assert [session.duration for session in stub.roles.sessions] == [3600]
        assert stub.stats.calls["AssumeRole"] == 1
    assert len(found.rows) == 30


async def test_the_shortest_session_is_not_assumed_twice_at_once() -> None:
    """The SDK would refresh what ends within a quarter of an hour before it is used at all."""
    with serving(two_accounts()) as stub:
        found = await audit(stub, [OTHER], Access(role_name="s3audit", duration=900))
        assert stub.stats.calls["AssumeRole"] == 1
    assert len(found.rows) == 30


async def test_credentials_of_a_role_are_assumed_again_when_the_server_refuses_them() -> None:
    """In the middle of an account, and no bucket pays for it."""
    with serving(two_accounts()) as stub:
        stub.roles.uses = 11
        found = await audit(stub, [OTHER], max_concurrency=2)
        assert len(stub.roles.sessions) > 2
    assert len(found.rows) == 30
    assert {row.mode for row in found.rows} == {"AES256"}
    assert found.of(OTHER).status is Status.COMPLETE


async def test_credentials_of_a_role_are_renewed_before_they_end() -> None:
    """As those of a profile are: no request is signed with what is over."""
    with serving(two_accounts()) as stub:
        stub.roles.life = 3.0
        stub.behaviour.latency = 0.07
        found = await audit(stub, [OTHER], max_concurrency=1)
        assert len(stub.roles.sessions) > 1
        assert not stub.stats.errors
    assert len(found.rows) == 30


async def test_clients_are_shared_so_that_accounts_cost_no_sockets_of_their_own() -> None:
    """30 accounts in 3 regions ask over no more connections than calls may be in flight at each service."""
    organization = synthetic(30, 10, 2, 3)
    with serving(organization) as stub:
        found = await audit(stub, [member.id for member in organization.members], max_concurrency=8)
        assert stub.stats.peak_in_flight <= 8
        # S3 and KMS in three regions each, and STS.
        assert stub.stats.peak_connections <= 7 * 8
    assert len(found.rows) == 300


async def test_expired_credentials_of_the_caller_end_the_run() -> None:
    """That is no matter of one account."""
    with serving(two_accounts()) as stub:

        def fault(request: Any) -> Any:
            return ErrorAnswer(403, "ExpiredToken", "over") if request.operation == "AssumeRole" else None

        stub.behaviour.faults = fault
        found = await audit(stub, [ACCOUNT_ID, OTHER])
    assert isinstance(found.error, CredentialsError)
    assert "expired" in str(found.error)


async def test_accounts_of_another_partition_are_refused() -> None:
    """Credentials never cross partitions."""
    said = "of the partition aws, and cannot enter accounts of aws-cn"
    with serving(two_accounts()) as stub, pytest.raises(UsageError, match=said):
        await audit(stub, [OTHER], Access(role_name="s3audit", partition="aws-cn"))


async def test_nobody_to_ask_who_the_caller_is_ends_the_run_with_one_line() -> None:
    with pytest.raises(CredentialsError, match="does not say whose the credentials are"):
        async with open_caller(Access(), Options(endpoint_url="http://127.0.0.1:9"), Observer(), Slots(4)):
            pass


async def test_profiles_enter_their_accounts_and_one_account_is_audited_once(
    isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of two profiles is first."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (isolated / ".aws").mkdir()
    (isolated / ".aws/credentials").write_text(
        "".join(
            f"[{profile}]\naws_access_key_id = AKIA{account}\naws_secret_access_key = secret-of-{profile}\n"
            for profile, account in (("home", ACCOUNT_ID), ("other", OTHER), ("again", OTHER))
        )
    )
    found = Found()
    with serving(two_accounts()) as stub:
        options = Options(endpoint_url=stub.url)
        slots = Slots(8)
        entrance = profiles_of(Access(), options, found.observer, slots)
        units = [Unit(Account(None, profile, profile=profile)) for profile in ("home", "other", "again")]
        stream = FleetStream(
            units, entrance, options, found.observer, slots, concluded=found.records.append, side_by_side=1
        )
        async with stream as rows:
            found.rows.extend([row async for row in rows])
        assert stream.bytes_received > 0
    assert len(found.rows) == 31
    told = {record.account.name: record for record in found.records}
    assert (told["again"].status, told["again"].code) == (Status.SKIPPED, "SameAccount")
    assert told["other"].account.id == OTHER


def test_what_a_worker_is_told_shows_no_external_id() -> None:
    access = Access(role_name="s3audit", external_id="orange-17")
    assert "orange-17" not in repr(access)
    assert pickle.loads(pickle.dumps(access)) == access


def test_an_error_of_assume_role_names_the_role() -> None:
    error = CallError(Operation.ASSUME_ROLE, "arn:aws:iam::1:role/x", "us-east-1", code="AccessDenied")
    assert "AssumeRole arn:aws:iam::1:role/x" in str(error)
