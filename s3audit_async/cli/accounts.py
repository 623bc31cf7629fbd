"""What the options of a run say of accounts: whether that goes together, and what it amounts to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from s3audit_async.errors import UsageError
from s3audit_async.fleet.access import DURATION, SESSION_NAME, Access
from s3audit_async.fleet.accounts_file import STDIN
from s3audit_async.fleet.choosing import ACTIVE, Choice
from s3audit_async.names import ROLE_NAME
from s3audit_async.resume import ONE_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Self

    from s3audit_async.fleet.run import Plan
    from s3audit_async.output import FleetState


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptions:
    """What the options say of accounts, as it was given; `fleet` is the part that a report remembers.

    `elsewhere` names options that were not typed, but stand in a file or a variable, as for another command.
    """

    fleet: FleetState = ONE_ACCOUNT
    external_id: str | None = None
    session_name: str = SESSION_NAME
    duration: int = DURATION
    elsewhere: Collection[str] = ()

    def __post_init__(self) -> None:
        """Raise `UsageError` for what excludes each other, or AWS would refuse."""
        fleet = self.fleet
        sources = [
            name
            for name, given in (
                ("--accounts", fleet.accounts),
                ("--organization", fleet.organization),
                ("--profiles", fleet.profiles),
            )
            if given
        ]
        if len(sources) > 1:
            raise UsageError(f"{' and '.join(sources)} exclude each other", hint="choose accounts in one way")
        self.access(None, None)
        self.choice()

    def of_accounts(self, fleet: FleetState) -> Self:
        """Pass over how roles are assumed where none of these accounts has one, and it was not typed for this run."""
        if _by_role(fleet):
            return self
        own = self.fleet
        return replace(
            self,
            fleet=replace(
                own,
                role_name="" if "--role-name" in self.elsewhere else own.role_name,
                partition="" if "--partition" in self.elsewhere else own.partition,
            ),
            external_id=None if "--external-id" in self.elsewhere else self.external_id,
            session_name=SESSION_NAME if "--role-session-name" in self.elsewhere else self.session_name,
            duration=DURATION if "--role-duration" in self.elsewhere else self.duration,
        )

    def check_buckets(self, named: object) -> None:
        """Raise `UsageError` for buckets that are named: each account would be asked for those of all others."""
        if self.fleet.many and named:
            raise UsageError(
                "--bucket and --buckets-from name buckets of one account, and many are audited",
                hint="choose by --prefix, --include-region or --kinds, or leave the accounts out",
            )

    def check_profile(self, profile: str | None) -> None:
        """Raise `UsageError` for a profile beside those of the accounts: it would not be asked for anything."""
        if profile is not None and self.fleet.profiles:
            raise UsageError("--profile and --profiles exclude each other", hint="leave --profile out")

    def check_whole(self) -> None:
        """Raise `UsageError` for an option without the one that it goes with, be it given or restored."""
        fleet = self.fleet
        self._check(bool(fleet.organization), "--organization", (("--ou", fleet.ous), ("--account-tag", fleet.tags)))
        self._check(
            _by_role(fleet),
            "--accounts or --organization",
            (
                ("--include-account", fleet.include),
                ("--exclude-account", fleet.exclude),
                ("--role-name", fleet.role_name),
                ("--partition", fleet.partition),
                *self.not_remembered,
            ),
        )
        self._check(fleet.many, "--accounts, --organization or --profiles", (("--split", fleet.split),))

    def lasting(self, plan: Plan) -> Self:
        """Name accounts that were piped by their ids: whoever goes on with the report has no such pipe."""
        if self.fleet.accounts != STDIN:
            return self
        active = [account.id or "" for account in plan.accounts or () if account.state == ACTIVE]
        return replace(self, fleet=replace(self.fleet, accounts=",".join(active) or STDIN))

    @property
    def not_remembered(self) -> tuple[tuple[str, str | None], ...]:
        """What a report does not remember of how its accounts are entered: the options, None for what was not given."""
        return (
            ("--external-id", self.external_id),
            ("--role-session-name", None if self.session_name == SESSION_NAME else self.session_name),
            ("--role-duration", None if self.duration == DURATION else str(self.duration)),
        )

    @property
    def role(self) -> tuple[str, ...]:
        """The options by which `s3audit iam-policy` makes the role that accounts are entered by."""
        given = (("--role-name", self.fleet.role_name), ("--external-id", self.external_id))
        return tuple(part for name, value in given if value for part in (name, value))

    @staticmethod
    def _check(there: bool, needed: str, given: tuple[tuple[str, object], ...]) -> None:
        for name, value in given:
            if value and not there:
                raise UsageError(f"{name} goes with {needed}", hint=f"add {needed}, or leave {name} out")

    def access(self, profile: str | None, region: str | None) -> Access:
        """Say how accounts are entered by whoever has this profile and region."""
        return Access(
            role_name=self.fleet.role_name or ROLE_NAME,
            external_id=self.external_id,
            session_name=self.session_name,
            duration=self.duration,
            partition=self.fleet.partition or None,
            profile=profile,
            region=region,
        )

    def choice(self) -> Choice:
        """Say which accounts are wanted."""
        fleet = self.fleet
        return Choice(
            include=frozenset(fleet.include), exclude=frozenset(fleet.exclude), ous=fleet.ous, tags=fleet.tags
        )

    def plan(self, profile: str | None, region: str | None) -> Plan:
        """Read which accounts are named. Raises `UsageError` for a file or profile that cannot be used."""
        from s3audit_async.fleet.run import Plan  # noqa: PLC0415 - it brings the engine

        accounts = None
        if self.fleet.profiles:
            from s3audit_async.aws.profiles import profile_names  # noqa: PLC0415 - half a second of SDK
            from s3audit_async.fleet.profiles import profiles_of  # noqa: PLC0415

            accounts = profiles_of(",".join(self.fleet.profiles), profile_names())
        elif self.fleet.accounts:
            from s3audit_async.fleet.accounts_file import accounts_of  # noqa: PLC0415 - for this option only

            accounts = accounts_of(self.fleet.accounts)
        return Plan(access=self.access(profile, region), accounts=accounts, choice=self.choice())


def _by_role(fleet: FleetState) -> bool:
    return bool(fleet.accounts or fleet.organization)
