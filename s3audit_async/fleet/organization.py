"""The accounts of an organization: its listing to the last page, and units and tags where those are asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio

from s3audit_async.codes import is_denied, rejects_credentials
from s3audit_async.engine.listing import refused_credentials
from s3audit_async.errors import CallError, ListingError, S3AuditError, TransportCode, UsageError
from s3audit_async.fleet.choosing import choose, with_tags
from s3audit_async.fleet.units import Account
from s3audit_async.model import Operation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from s3audit_async.engine.asking import Asker
    from s3audit_async.errors import CredentialsError
    from s3audit_async.fleet.choosing import Choice, Chosen, Tags
    from s3audit_async.model import AccountPage, MemberAccount
    from s3audit_async.ports import OrganizationGateway

SIDE_BY_SIDE = 8
"""Questions about units and accounts at a time: AWS answers few a second, and throttles what is above that."""
MOST_PAGES = 10_000
"""Pages of one listing, some of which are empty; 500 of them are as many accounts as an organization may have."""

_ALL = "*"  # what a listing is about, where an account's id would stand
_FIRST_CONTACT_ATTEMPTS = 2  # an endpoint that is not there at the start is not worth a long wait

_GONE = "TargetNotFoundException"
_NO_PARENT = "ParentNotFoundException"
"""What was asked for is not there: an option names it."""
_REASONS = {
    "AWSOrganizationsNotInUseException": (
        "this account is in no organization",
        "name the accounts: --accounts FILE, or --accounts ID,ID",
    ),
    _NO_PARENT: (
        "there is no {target} in this organization",
        "'aws organizations list-organizational-units-for-parent' shows the units there are",
    ),
    "TooManyRequestsException": (
        "{what} cannot be listed: AWS Organizations takes too few requests",
        "run again, with a higher --max-attempts",
    ),
    TransportCode.UNREACHABLE: (
        "no connection to AWS Organizations",
        "check the network, the proxy and the endpoint URL",
    ),
    TransportCode.TLS: (
        "no trusted connection to AWS Organizations",
        "AWS_CA_BUNDLE has to name a file of the CA's certificates",
    ),
}
"""What is said of an error by its code, and what to do."""
_DENIED = (
    "these credentials may not list {what}",
    (
        "use the management account or a delegated administrator, and what "
        "'s3audit iam-policy --organization --document caller' prints"
    ),
)
_OTHERWISE = ("{what} cannot be listed", "run again; -v shows each attempt")
_WHAT = {
    Operation.LIST_ACCOUNTS_FOR_PARENT: "the accounts below {}",
    Operation.LIST_ORGANIZATIONAL_UNITS_FOR_PARENT: "the units below {}",
    Operation.LIST_TAGS_FOR_RESOURCE: "the tags of account {}",
}

T = TypeVar("T")
A = TypeVar("A")


class _Page(Protocol):
    @property
    def token(self) -> str | None: ...


P = TypeVar("P", bound=_Page)


async def list_organization(gateway: OrganizationGateway, asker: Asker, choice: Choice) -> Chosen:
    """Give the accounts of an organization that are chosen, by id, and those left out because they are not active.

    All it asks goes through `asker`, whose limits, retries and observer count. Raises `CredentialsError` or
    `ListingError` when a page cannot be had, as a part of the accounts must not pass for all of them; `UsageError` for
    an included account that is not there, and if no account is left.
    """
    try:
        return await _Listing(gateway, asker).chosen(choice)
    except CallError as error:
        raise explain(error) from error


def explain(error: CallError) -> CredentialsError | ListingError | UsageError:
    """Say why there is no listing, and what to do."""
    said = f"{error.code}: {error.message}" if error.message else error.code
    if rejects_credentials(error.code):
        return refused_credentials(error)
    text, hint = _DENIED if is_denied(error.code) else _REASONS.get(error.code, _OTHERWISE)
    what = _WHAT.get(error.operation, "the organization's accounts").format(error.target)
    said = f"{text.format(what=what, target=error.target)} ({said})"
    return (UsageError if error.code == _NO_PARENT else ListingError)(said, hint=hint)


class _Listing:
    def __init__(self, gateway: OrganizationGateway, asker: Asker) -> None:
        self._gateway = gateway
        self._asker = asker
        self._heard = False

    async def chosen(self, choice: Choice) -> Chosen:
        members = await (self._below(choice.ous) if choice.ous else self._all())
        chosen = choose((Account(member.id, member.name, member.state) for member in members), choice)
        if not choice.tags:
            return chosen
        accounts = (*chosen.audited, *(record.account for record in chosen.skipped))
        ids = [account.id or "" for account in accounts]
        return with_tags(chosen, dict(zip(ids, await _side_by_side(ids, self._tags), strict=True)), choice)

    async def _all(self) -> list[MemberAccount]:
        pages = await self._pages(Operation.LIST_ACCOUNTS, _ALL, self._gateway.list_accounts)
        return _accounts(pages)

    async def _below(self, units: Iterable[str]) -> list[MemberAccount]:
        """Go down from units, one level after the other; a unit that is met again is passed over."""
        found: list[MemberAccount] = []
        seen: set[str] = set()
        level = list(dict.fromkeys(units))
        while level:
            seen.update(level)
            below: list[str] = []
            for accounts, children in await _side_by_side(level, self._right_below):
                found += accounts
                below += children
            level = [unit for unit in dict.fromkeys(below) if unit not in seen]
        return found

    async def _right_below(self, unit: str) -> tuple[list[MemberAccount], list[str]]:
        gateway = self._gateway
        accounts = await self._pages(
            Operation.LIST_ACCOUNTS_FOR_PARENT, unit, partial(gateway.list_accounts_for_parent, unit)
        )
        units = await self._pages(
            Operation.LIST_ORGANIZATIONAL_UNITS_FOR_PARENT,
            unit,
            partial(gateway.list_organizational_units_for_parent, unit),
        )
        return _accounts(accounts), [child for page in units for child in page.ids]

    async def _tags(self, account: str) -> Tags:
        request = partial(self._gateway.list_tags, account)
        try:
            pages = await self._pages(Operation.LIST_TAGS_FOR_RESOURCE, account, request)
        except CallError as error:
            if error.code != _GONE:
                raise
            return ()  # it has left since it was listed
        return tuple(tag for page in pages for tag in page.tags)

    async def _pages(self, operation: Operation, target: str, request: Callable[[str | None], Awaitable[P]]) -> list[P]:
        """Ask until a page bears no token, and only then: AWS sends empty pages before the last."""
        pages: list[P] = []
        tokens: set[str] = set()
        token: str | None = None
        while len(pages) < MOST_PAGES:
            page = await self._ask(operation, target, partial(request, token))
            pages.append(page)
            token = page.token
            if token is None:
                return pages
            if token in tokens:
                raise ListingError(
                    f"{operation} does not get on: the server sent the same token twice",
                    hint="this is a fault of the endpoint",
                )
            tokens.add(token)
        raise ListingError(
            f"{operation} does not end: {MOST_PAGES:,} pages were read", hint="this is a fault of the endpoint"
        )

    async def _ask(self, operation: Operation, target: str, request: Callable[[], Awaitable[T]]) -> T:
        patience = None if self._heard else _FIRST_CONTACT_ATTEMPTS
        answer = await self._asker.ask(
            operation, target, self._gateway.home_region, request, unreachable_attempts=patience
        )
        self._heard = True
        return answer


def _accounts(pages: Iterable[AccountPage]) -> list[MemberAccount]:
    return [account for page in pages for account in page.accounts]


async def _side_by_side(items: Sequence[A], ask: Callable[[A], Awaitable[T]]) -> list[T]:
    """Ask about each item, `SIDE_BY_SIDE` at a time; the answers in the order of the items. Raises the first error."""
    answers: dict[int, T] = {}
    failed: list[S3AuditError] = []
    waiting = iter(enumerate(items))

    async def work() -> None:
        try:
            for number, item in waiting:
                answers[number] = await ask(item)
        except S3AuditError as error:  # a group of errors would come out of the task group instead
            failed.append(error)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for _ in range(min(SIDE_BY_SIDE, len(items))):
            tasks.start_soon(work)
    if failed:
        raise failed[0]
    return [answers[number] for number in range(len(items))]
