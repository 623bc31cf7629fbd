"""AssumeRole: who gets whose credentials, for how long, in which words it is refused, and when they end."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from benchmarks.stub.credentials import Issued
from benchmarks.stub.faults import ErrorAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.stub.organization import StubMember, StubOrganization
    from benchmarks.stub.request import Request

PREFIX = "ASIAORG"
"""How the access key ids begin that are issued here."""
SHORTEST = 900
LONGEST = 43_200
DEFAULT = 3600
LONGEST_CHAINED = 3600
"""Seconds (STS, AssumeRole.DurationSeconds)."""
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::(\d{12}):role/(.+)")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_EXPIRED = {"kms": (400, "ExpiredTokenException"), "s3": (400, "ExpiredToken"), "sts": (403, "ExpiredToken")}
_UNKNOWN_KEY = {"s3": (403, "InvalidAccessKeyId"), "sts": (403, "InvalidClientTokenId")}
_WRONG_TOKEN = {"s3": (400, "InvalidToken"), "sts": (403, "InvalidClientTokenId")}
_FORGED = {"s3": (403, "SignatureDoesNotMatch"), "sts": (403, "SignatureDoesNotMatch")}
_JSON_EXPIRED = 400, "ExpiredTokenException"
_JSON_UNRECOGNIZED = 400, "UnrecognizedClientException"


@dataclass(frozen=True, slots=True)
class RoleSession:
    """One set of credentials of a role."""

    member: StubMember
    name: str
    duration: int
    """Seconds that were asked for."""
    issued: Issued
    region: str
    """The region that AssumeRole was signed for."""

    @property
    def arn(self) -> str:
        """Who the credentials say that they are; a role's path is not in it."""
        account, role = self.member.account, self.member.role.rpartition("/")[2]
        return f"arn:{account.partition}:sts::{account.id}:assumed-role/{role}/{self.name}"


class Roles:
    """Issues the members' credentials, and refuses them when their time is over. Knobs hold from the next request on.

    `life`: seconds until they end, instead of what was asked for. `uses`: requests that a set is good for.
    `honest`: whether credentials are refused once their time is over. `verify`: whether the signature is looked at.
    """

    def __init__(self, organization: StubOrganization) -> None:
        self.life: float | None = None
        self.uses: int | None = None
        self.honest = True
        self.verify = False
        self._organization = organization
        self._lock = Lock()
        self._sessions: dict[str, RoleSession] = {}
        self._used: Counter[str] = Counter()
        self._revoked: set[str] = set()

    @property
    def sessions(self) -> tuple[RoleSession, ...]:
        """All that were issued so far, the oldest first."""
        with self._lock:
            return tuple(self._sessions.values())

    def revoke(self, account: str | None = None) -> None:
        """Refuse all that was issued so far, to one account or to all of them."""
        with self._lock:
            self._revoked |= {
                key for key, session in self._sessions.items() if account is None or session.member.id == account
            }

    def find(self, access_key: str) -> RoleSession | None:
        """Look up whose credentials these are."""
        return self._sessions.get(access_key)

    def refusal(self, request: Request) -> ErrorAnswer | None:
        """Refuse credentials that are over, that nobody issued, or that are put together of two sets."""
        key, service = request.access_key, request.service
        if not key.startswith(PREFIX):
            return None
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                status, code = _UNKNOWN_KEY.get(service, _JSON_UNRECOGNIZED)
                return ErrorAnswer(status, code, "The security token included in the request is invalid.")
            if request.session_token != session.issued.token:
                status, code = _WRONG_TOKEN.get(service, _JSON_UNRECOGNIZED)
                return ErrorAnswer(status, code, "The provided token is malformed or otherwise invalid.")
            if request.forged:
                status, code = _FORGED.get(request.service, (400, "InvalidSignatureException"))
                return ErrorAnswer(status, code, "The request signature we calculated does not match.")
            self._used[key] += 1
            spent = self.uses is not None and self._used[key] > self.uses
            over = self.honest and datetime.now(UTC) >= session.issued.expires
            if not (spent or over or key in self._revoked):
                return None
        status, code = _EXPIRED.get(service, _JSON_EXPIRED)
        return ErrorAnswer(status, code, "The provided token has expired.")

    def assume(self, request: Request, caller: str) -> RoleSession | ErrorAnswer:
        """Answer AssumeRole as STS would, for a caller with this ARN."""
        form = request.params
        invalid = _invalid(form)
        if invalid:
            return invalid
        duration = int(form.get("DurationSeconds", DEFAULT))
        member = self._organization.by_id.get(account_of(form["RoleArn"]))
        if (
            member is None
            or not member.lets_in
            or form["RoleArn"] != member.role_arn
            or member.external_id not in {"", form.get("ExternalId")}
        ):
            message = f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {form['RoleArn']}"
            return ErrorAnswer(403, "AccessDenied", message)
        if ":assumed-role/" in caller and duration > LONGEST_CHAINED:
            return _validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
        if duration > member.max_session:
            return _validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        return self._issue(request, member, duration)

    def _issue(self, request: Request, member: StubMember, duration: int) -> RoleSession:
        with self._lock:
            number = len(self._sessions) + 1
            life = duration if self.life is None else self.life
            issued = Issued(
                f"{PREFIX}{number:013d}",
                f"secret-{number:06d}-of-{member.id}",
                f"token-{number:06d}-of-{member.id}",
                datetime.now(UTC) + timedelta(seconds=life),
            )
            session = RoleSession(member, request.params["RoleSessionName"], duration, issued, request.region)
            self._sessions[issued.access_key] = session
            return session


def account_of(role_arn: str) -> str:
    """Read the account in a role's ARN; empty where it is none."""
    match = _ROLE_ARN.fullmatch(role_arn)
    return match[1] if match else ""


def _invalid(form: Mapping[str, str]) -> ErrorAnswer | None:
    """Check what STS checks before it looks at the role."""
    arn, name, duration = form.get("RoleArn", ""), form.get("RoleSessionName", ""), form.get("DurationSeconds", "")
    if not account_of(arn):
        return _validation(f"{arn} is invalid")
    if not _SESSION_NAME.fullmatch(name):
        return _constraint(name, "roleSessionName", r"satisfy regular expression pattern: [\w+=,.@-]*")
    if duration and not duration.isdecimal():
        return ErrorAnswer(400, "MalformedInput", "DurationSeconds is not a number")
    if duration and int(duration) < SHORTEST:
        return _constraint(duration, "durationSeconds", f"have value greater than or equal to {SHORTEST}")
    if duration and int(duration) > LONGEST:
        return _constraint(duration, "durationSeconds", f"have value less than or equal to {LONGEST}")
    return None


def _constraint(value: str, name: str, rule: str) -> ErrorAnswer:
    return _validation(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must {rule}"
    )


def _validation(message: str) -> ErrorAnswer:
    return ErrorAnswer(400, "ValidationError", message)
