"""How an account is entered: by a role of its own, by a profile of its own, or with what the caller has already."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from s3audit_async.codes import rejects_credentials
from s3audit_async.engine.asking import Asker
from s3audit_async.engine.listing import refused_credentials
from s3audit_async.errors import CallError, CredentialsError, UsageError
from s3audit_async.fleet.access import DURATION
from s3audit_async.model import Notice, Operation, Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from s3audit_async.fleet.access import Access
    from s3audit_async.fleet.units import Account
    from s3audit_async.limiter import Slots
    from s3audit_async.model import Identity
    from s3audit_async.options import Options
    from s3audit_async.ports import CallerGateway, Gateway, Observer

FIRST_CONTACT_ATTEMPTS = 2
"""Attempts at an endpoint that is not there, before anything has been answered."""
_INVALID = "ValidationError"
"""What STS says of a duration that is longer than the role allows, or than role chaining does."""
_OF_A_ROLE = ":assumed-role/"


@dataclass(frozen=True, slots=True)
class Entered:
    """An account whose buckets can be asked about; `account` has its id."""

    account: Account
    gateway: Gateway


class Entrance(Protocol):
    """The way into accounts."""

    @property
    def bytes_received(self) -> int:
        """Bytes of answer bodies that were read so far, all accounts together."""
        ...

    def enter(self, account: Account) -> AbstractAsyncContextManager[Entered]:
        """Enter an account for as long as the block lasts.

        Raises `CallError` or `CredentialsError` if that is not possible, and `RunError` if it is not for any account.
        """
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever runs the audit: known to AWS, and able to ask."""

    gateway: CallerGateway
    asker: Asker
    identity: Identity

    @property
    def partition(self) -> str:
        """Of the caller's own account, which its ARN names."""
        return self.identity.arn.split(":")[1]

    @property
    def is_role(self) -> bool:
        """Whether the credentials are those of a role, so that assuming another one is role chaining."""
        return _OF_A_ROLE in self.identity.arn


async def known_caller(gateway: CallerGateway, options: Options, observer: Observer, slots: Slots) -> Caller:
    """Ask whose credentials these are. Raises `CredentialsError` if that is not told."""
    asker = Asker(gateway, options, observer, slots)
    return Caller(gateway, asker, await _identity(gateway, asker))


async def _identity(gateway: Gateway, asker: Asker) -> Identity:
    try:
        identity = await asker.ask(
            Operation.GET_CALLER_IDENTITY,
            "self",
            gateway.home_region,
            gateway.get_caller_identity,
            unreachable_attempts=FIRST_CONTACT_ATTEMPTS,
        )
    except CallError as error:
        if rejects_credentials(error.code):
            raise refused_credentials(error) from error
        said = f"{error.code}: {error.message}" if error.message else error.code
        raise CredentialsError(
            f"AWS does not say whose the credentials are ({said})",
            hint="STS has to be reached in the region, and answer GetCallerIdentity, which needs no permission",
        ) from error
    if not identity.account.isdecimal() or identity.arn.count(":") < 5:  # noqa: PLR2004 - the parts of an ARN
        raise CredentialsError(
            f"STS answers with an identity that is none of AWS's: {identity.arn!r}", hint="check the endpoint URL"
        )
    return identity


class RoleEntrance:
    """Enters the caller's own account with the credentials that are there, and all others by the role of one name."""

    def __init__(self, caller: Caller, access: Access, observer: Observer) -> None:
        """Check that the partitions are one. Raises `UsageError` if they are not: credentials never cross them."""
        if access.partition not in {None, caller.partition}:
            raise UsageError(
                f"the credentials are of the partition {caller.partition}, and cannot enter accounts of "
                f"{access.partition}",
                hint="use credentials of that partition",
            )
        self._caller = caller
        self._access = access
        self._observer = observer

    @property
    def bytes_received(self) -> int:
        return self._caller.gateway.bytes_received  # the accounts ask by the same connections

    @asynccontextmanager
    async def enter(self, account: Account) -> AsyncIterator[Entered]:
        if account.id == self._caller.identity.account:
            yield Entered(account, self._caller.gateway)
            return
        role = self._role(account)
        try:
            gateway = await self._assume(role)
        except CallError as error:
            # Of a member's role that is no answer: AWS does not let these credentials assume anything.
            if rejects_credentials(error.code):
                raise refused_credentials(error) from error
            if error.code != _INVALID or role.duration <= DURATION:
                raise
            self._notice(error, f"{role.duration} s are not allowed there, asking for {DURATION}")
            role = replace(role, duration=DURATION)
            gateway = await self._assume(role)
        yield Entered(account, gateway)

    def _role(self, account: Account) -> Role:
        access = self._access
        if access.role_name is None:
            raise CredentialsError(
                f"account {account.label} is not the caller's own, and no role is named", hint="name it by --role-name"
            )
        duration = min(access.duration, DURATION) if self._caller.is_role else access.duration
        arn = f"arn:{self._caller.partition}:iam::{account.id}:role/{access.role_name}"
        return Role(arn, access.session_name, duration, access.external_id)

    async def _assume(self, role: Role) -> Gateway:
        gateway = self._caller.gateway
        request = partial(gateway.assume_role, role)
        return await self._caller.asker.ask(Operation.ASSUME_ROLE, role.arn, gateway.sts_region, request)

    def _notice(self, error: CallError, text: str) -> None:
        self._observer.noticed(Notice(error.operation, error.region, error.target, text))


class ProfileEntrance:
    """Enters each account with the credentials of its profile."""

    def __init__(
        self,
        open_profile: Callable[[str], AbstractAsyncContextManager[Gateway]],
        options: Options,
        observer: Observer,
        slots: Slots,
    ) -> None:
        self._open_profile = open_profile
        self._options = options
        self._observer = observer
        self._slots = slots
        self._taken: dict[str, str] = {}
        self._received = 0
        self._open: list[Gateway] = []

    @property
    def bytes_received(self) -> int:
        return self._received + sum(gateway.bytes_received for gateway in self._open)

    @asynccontextmanager
    async def enter(self, account: Account) -> AsyncIterator[Entered]:
        """Enter; raises `SameAccountError` where another profile has led into that account already."""
        profile = account.profile or account.name
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(self._open_profile(profile))
            self._open.append(gateway)
            stack.callback(self._leave, gateway)
            asker = Asker(gateway, self._options, self._observer, self._slots)
            identity = await _identity(gateway, asker)
            first = self._taken.setdefault(identity.account, profile)
            entered = replace(account, id=identity.account)
            if first != profile:
                raise SameAccountError(entered, first)
            yield Entered(entered, gateway)

    def _leave(self, gateway: Gateway) -> None:
        self._open.remove(gateway)
        self._received += gateway.bytes_received


class SameAccountError(CredentialsError):
    """Raised when a profile leads into an account that is audited by another one already."""

    def __init__(self, account: Account, first: str) -> None:
        super().__init__(
            f"{account.name} leads into account {account.id}, as {first} does", hint="name one of the two profiles"
        )
        self.account = account
        self.first = first
