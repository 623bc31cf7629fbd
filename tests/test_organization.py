"""The accounts of an organization: to the last page, below units, with tags, and what is said where there are none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from s3audit_async.engine.asking import Asker
from s3audit_async.errors import CredentialsError, ListingError, TransportCode, UsageError
from s3audit_async.fleet.choosing import Choice
from s3audit_async.fleet.organization import MOST_PAGES, SIDE_BY_SIDE, list_organization
from s3audit_async.model import AccountPage, Operation
from s3audit_async.options import Options
from s3audit_async.stats import RunStats
from tests import virtual_time
from tests.fake_organization import ROOT, FakeOrganization, member, unit
from tests.fakes import FakeGateway, error

if TYPE_CHECKING:
    from s3audit_async.fleet.choosing import Chosen
    from s3audit_async.ports import Observer

ACCOUNTS = Operation.LIST_ACCOUNTS
BELOW = Operation.LIST_ACCOUNTS_FOR_PARENT
UNITS = Operation.LIST_ORGANIZATIONAL_UNITS_FOR_PARENT
TAGS = Operation.LIST_TAGS_FOR_RESOURCE


def listed(
    organization: FakeOrganization,
    choice: Choice | None = None,
    *,
    gateway: FakeGateway | None = None,
    observer: Observer | None = None,
    **options: int,
) -> Chosen:
    """What is chosen of an organization."""

    async def main() -> Chosen:
        asker = Asker(gateway or FakeGateway(), Options(**options), observer or RunStats())  # type: ignore[arg-type]
        return await list_organization(organization, asker, choice or Choice())

    return virtual_time.run(main)


def ids(chosen: Chosen) -> list[int]:
    return [int(account.id or "") for account in chosen.audited]


def nested() -> FakeOrganization:
    """Account 1 in the root, 2 to 4 below one unit, 5 to 7 below another; 4 and 6 are one level deeper."""
    return FakeOrganization(
        {
            ROOT: [member(1)],
            unit(1): [member(2), member(3)],
            unit(2): [member(5), member(7, "SUSPENDED")],
            unit(11): [member(4)],
            unit(21): [member(6, "CLOSED")],
        },
        {ROOT: [unit(1), unit(2)], unit(1): [unit(11)], unit(2): [unit(21)], unit(11): [unit(111)]},
    )


@pytest.mark.parametrize("empty", [0, 1, 3])
def test_every_account_is_found_although_pages_are_empty(empty: int) -> None:
    organization = FakeOrganization({ROOT: [member(number) for number in range(1, 101)]}, page_size=7, empty=empty)
    chosen = listed(organization)
    assert ids(chosen) == list(range(1, 101))
    assert chosen.audited[0].name == "account 1"
    assert organization.calls == {ACCOUNTS: 15 * (1 + empty)}


def test_an_empty_last_page_is_an_end_like_any_other() -> None:
    class Trailing(FakeOrganization):
        async def list_accounts(self, token: str | None) -> AccountPage:
            if token == "last":
                return AccountPage(())
            page = await super().list_accounts(token)
            return replace(page, token=page.token or "last")

    assert ids(listed(Trailing({ROOT: [member(1), member(2)]}))) == [1, 2]


def test_accounts_that_are_not_active_are_told_of() -> None:
    chosen = listed(nested(), Choice(exclude=frozenset({f"{2:012d}"})))
    assert ids(chosen) == [1, 3, 4, 5]
    assert [(record.account.name, record.code) for record in chosen.skipped] == [
        ("account 6", "CLOSED"),
        ("account 7", "SUSPENDED"),
    ]


@pytest.mark.parametrize(
    ("ous", "expected"),
    [
        ((ROOT,), [1, 2, 3, 4, 5]),
        ((unit(1),), [2, 3, 4]),
        ((unit(11),), [4]),
        ((unit(11), unit(2)), [4, 5]),
        ((unit(1), unit(11), unit(1)), [2, 3, 4]),
    ],
)
def test_accounts_below_units_are_found_at_any_depth(ous: tuple[str, ...], expected: list[int]) -> None:
    """Nobody is asked about twice, and not about the whole organization."""
    organization = nested()
    assert ids(listed(organization, Choice(ous=ous))) == expected
    assert set(organization.calls) == {BELOW, UNITS}
    assert set(organization.asked.values()) == {1 + organization.empty}


def test_units_in_a_ring_come_to_an_end() -> None:
    organization = replace(nested(), units={unit(1): [unit(11), unit(1)], unit(11): [unit(1), unit(11)]})
    assert ids(listed(organization, Choice(ous=(unit(1),)))) == [2, 3, 4]


def test_tags_are_asked_for_of_the_remaining_accounts_only() -> None:
    organization = replace(
        nested(),
        tags={
            f"{number:012d}": {"stage": "prod" if number % 2 else "test", "n": str(number)} for number in range(1, 8)
        },
        page_size=1,
    )
    choice = Choice(tags=("stage=prod",), exclude=frozenset({f"{1:012d}"}))
    chosen = listed(organization, choice)
    assert ids(chosen) == [3, 5]
    assert [record.account.name for record in chosen.skipped] == ["account 7"]
    assert {target for operation, target in organization.asked if operation is TAGS} == {
        f"{number:012d}" for number in range(2, 8)
    }


def test_an_account_that_left_since_it_was_listed_has_no_tags() -> None:
    async def fault(operation: Operation, target: str, _nth: int) -> None:
        if operation is TAGS and target.endswith("2"):
            raise error(operation, target, "TargetNotFoundException", status=400)

    organization = replace(nested(), tags={f"{number:012d}": {"a": "b"} for number in range(1, 8)}, fault=fault)
    assert ids(listed(organization, Choice(tags=("a",)))) == [1, 3, 4, 5]


def test_questions_side_by_side_are_never_more_than_the_bound() -> None:
    many = {unit(number): [member(number)] for number in range(1, 101)}
    organization = FakeOrganization(many, {ROOT: list(many)}, {f"{n:012d}": {"a": ""} for n in range(1, 101)})
    assert len(listed(organization, Choice(ous=(ROOT,), tags=("a",))).audited) == 100
    assert organization.peak == SIDE_BY_SIDE

    narrow = replace(organization, latency=0.02)
    assert len(listed(narrow, Choice(ous=(ROOT,), tags=("a",)), max_concurrency=2).audited) == 100
    assert narrow.peak == 2


def test_throttles_and_faults_of_the_service_are_asked_again_and_counted() -> None:
    codes = iter(["TooManyRequestsException", "ServiceException", "ThrottlingException"])

    async def fault(operation: Operation, target: str, _nth: int) -> None:
        if code := next(codes, None):
            raise error(operation, target, code, status=400)

    stats = RunStats()
    organization = replace(nested(), fault=fault)
    assert ids(listed(organization, observer=stats)) == [1, 2, 3, 4, 5]
    assert (stats.calls[ACCOUNTS], organization.calls[ACCOUNTS]) == (5, 5)


@pytest.mark.parametrize(("rate", "burst"), [(2, 5), (10, 15)])
def test_questions_come_at_the_rate_that_the_service_takes(rate: float, burst: float) -> None:
    """Few are thrown away, and no account is lost to a throttle."""
    tokens, seen, refused = float(burst), 0.0, 0

    async def fault(operation: Operation, target: str, _nth: int) -> None:
        nonlocal tokens, seen, refused
        now = anyio.current_time()
        tokens, seen = min(burst, tokens + (now - seen) * rate), now
        if tokens < 1:
            refused += 1
            raise error(operation, target, "TooManyRequestsException", status=400)
        tokens -= 1

    named = [member(number) for number in range(1, 301)]
    organization = FakeOrganization(
        {ROOT: named}, tags={account.id: {"a": ""} for account in named}, empty=0, fault=fault
    )
    assert len(listed(organization, Choice(tags=("a",))).audited) == 300
    assert refused < 60
    assert seen < 1.2 * 300 / rate


def test_expired_credentials_are_renewed() -> None:
    async def fault(operation: Operation, target: str, nth: int) -> None:
        if nth == 1:
            raise error(operation, target, "ExpiredTokenException", status=400)

    gateway = FakeGateway(renewals=1)
    assert ids(listed(replace(nested(), fault=fault), gateway=gateway)) == [1, 2, 3, 4, 5]
    assert gateway.renewals == 0


class Stuck(FakeOrganization):
    """Sends one token for ever, or ever new ones."""

    ever_new = False

    async def list_accounts(self, token: str | None) -> AccountPage:
        await super().list_accounts(None)
        return AccountPage((member(1),), f"token {self.calls[ACCOUNTS]}" if self.ever_new else "the same")


def test_a_token_that_comes_again_is_an_error_and_not_the_end() -> None:
    with pytest.raises(ListingError, match="ListAccounts does not get on: the server sent the same token twice"):
        listed(Stuck({}))


def test_pages_without_end_are_an_error() -> None:
    organization = Stuck({}, latency=0.0)
    organization.ever_new = True
    with pytest.raises(ListingError, match=f"ListAccounts does not end: {MOST_PAGES:,} pages were read"):
        listed(organization)
    assert organization.calls[ACCOUNTS] == MOST_PAGES


@pytest.mark.parametrize(
    ("code", "ous", "said", "hint"),
    [
        ("AWSOrganizationsNotInUseException", (), "this account is in no organization (AWSOrg", "--accounts FILE"),
        ("AccessDeniedException", (), "may not list the organization's accounts (AccessDenied", "--organization"),
        ("AccessDeniedException", (unit(1),), f"may not list the accounts below {unit(1)} (Acc", "delegated admin"),
        ("InvalidInputException", (), "the organization's accounts cannot be listed (InvalidInput", "run again"),
        (
            "TooManyRequestsException",
            (),
            "cannot be listed: AWS Organizations takes too few requests (",
            "--max-attempts",
        ),
        (TransportCode.TLS, (), "no trusted connection to AWS Organizations (TLSError", "AWS_CA_BUNDLE"),
        (TransportCode.UNREACHABLE, (), "no connection to AWS Organizations (Endpoint", "check the network"),
    ],
)
def test_why_there_is_no_listing_is_one_line_with_a_hint(code: str, ous: tuple[str, ...], said: str, hint: str) -> None:
    async def fault(operation: Operation, target: str, _nth: int) -> None:
        raise error(operation, target, code, message="what AWS says", status=400)

    with pytest.raises(ListingError) as raised:
        listed(replace(nested(), fault=fault), Choice(ous=ous))
    assert said in str(raised.value)
    assert str(raised.value).endswith("what AWS says)")
    assert hint in raised.value.hint


def test_a_unit_that_is_not_there_ends_the_listing() -> None:
    """What was found below the others does not pass for all."""
    with pytest.raises(UsageError, match=f"there is no {unit(9)} in this organization"):
        listed(nested(), Choice(ous=(unit(1), unit(9))))


def test_the_tags_of_one_account_that_cannot_be_read_end_the_listing() -> None:
    async def fault(operation: Operation, target: str, _nth: int) -> None:
        if operation is TAGS and target == f"{3:012d}":
            raise error(operation, target, "AccessDeniedException", status=400)

    with pytest.raises(ListingError, match="may not list the tags of account 000000000003"):
        listed(replace(nested(), fault=fault), Choice(tags=("a",)))


def test_credentials_that_are_not_taken_are_said_so() -> None:
    async def fault(operation: Operation, target: str, _nth: int) -> None:
        raise error(operation, target, "UnrecognizedClientException", status=400)

    with pytest.raises(CredentialsError, match="AWS does not accept the credentials"):
        listed(replace(nested(), fault=fault))


def test_an_endpoint_that_is_not_there_is_waited_for_only_if_it_once_was() -> None:
    async def fault(operation: Operation, target: str, nth: int) -> None:
        if nth in unreachable:
            raise error(operation, target, TransportCode.UNREACHABLE)

    unreachable = range(1, 100)
    with pytest.raises(ListingError, match="no connection"):
        listed(organization := replace(nested(), fault=fault))
    assert organization.calls[ACCOUNTS] == 2

    unreachable = range(2, 5)
    assert ids(listed(organization := replace(nested(), fault=fault))) == [1, 2, 3, 4, 5]
    assert organization.calls[ACCOUNTS] == 5


def test_a_choice_that_leaves_nothing_is_the_users_to_mend() -> None:
    with pytest.raises(UsageError, match="account 000000000099 is included"):
        listed(nested(), Choice(include=frozenset({f"{99:012d}"})))
    with pytest.raises(UsageError, match="there is no account to audit"):
        listed(nested(), Choice(tags=("nowhere",)))
    with pytest.raises(UsageError, match="no account to audit: 1 are not active"):
        listed(nested(), Choice(ous=(unit(21),)))


def test_a_listing_that_is_cancelled_leaves_nothing_behind() -> None:
    """`virtual_time.run` finds tasks that are left."""
    organization = nested()

    async def fault(_operation: Operation, _target: str, _nth: int) -> None:
        await anyio.sleep_forever()

    async def main() -> bool:
        asker = Asker(FakeGateway(), Options(timeout=3600), RunStats())
        with anyio.move_on_after(5) as scope:
            await list_organization(replace(organization, fault=fault), asker, Choice(ous=(unit(1), unit(2))))
        return scope.cancelled_caught

    assert virtual_time.run(main)
    assert organization.in_flight == 0
