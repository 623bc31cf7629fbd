"""Whose request it is: an organization as the service asks it, one request at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from benchmarks.stub import directory, sts
from benchmarks.stub.faults import ErrorAnswer
from benchmarks.stub.request import UNKNOWN
from benchmarks.stub.roles import Roles, account_of
from benchmarks.stub.signature import is_signed_with

if TYPE_CHECKING:
    from benchmarks.stub.account import StubAccount
    from benchmarks.stub.behaviour import Behaviour
    from benchmarks.stub.organization import StubOrganization
    from benchmarks.stub.request import Request
    from benchmarks.stub.wire import HttpRequest, Reply

_OWN_KEY = "AKIA"


class Members:
    """Maps each request to the account that its access key belongs to."""

    def __init__(self, organization: StubOrganization) -> None:
        self.organization = organization
        self.roles = Roles(organization)

    def read(self, http: HttpRequest, request: Request) -> Request:
        """Add the account to a request, and what only an organization is asked."""
        if request.operation == UNKNOWN:
            request = _identify(http, request)
        account = self._caller(request.access_key).id
        if request.operation == "AssumeRole":
            account = account_of(request.target) or account
        session = self.roles.find(request.access_key) if self.roles.verify else None
        forged = session is not None and not is_signed_with(session.issued.secret_key, http)
        return replace(request, account=account, session_token=http.header(b"x-amz-security-token"), forged=forged)

    def account(self, request: Request) -> StubAccount:
        """Find the account whose credentials signed a request."""
        return self._caller(request.access_key)

    def refusal(self, request: Request) -> ErrorAnswer | None:
        """Refuse a request for its credentials."""
        return self.roles.refusal(request)

    def answer(self, request: Request, behaviour: Behaviour) -> Reply | None:
        """Answer what is about credentials and accounts; None for all that one account answers for itself."""
        if request.service == "organizations":
            caller = self._caller(request.access_key).id
            refused = directory.refusal(self.organization, caller, denied=behaviour.denies(request))
            return refused or directory.answer(self.organization, request.operation, _json(request.params["body"]))
        if request.service != "sts" or behaviour.denies(request):
            return None
        if request.operation == "GetCallerIdentity":
            return sts.identity(self._arn(request.access_key), self._caller(request.access_key).id)
        session = self.roles.assume(request, self._arn(request.access_key))
        if isinstance(session, ErrorAnswer):
            return sts.error(session)
        return sts.assumed_role(session.issued, session.arn)

    def _caller(self, access_key: str) -> StubAccount:
        session = self.roles.find(access_key)
        if session is not None:
            return session.member.account
        own = self.organization.by_id.get(access_key.removeprefix(_OWN_KEY))
        return (own or self.organization.management).account

    def _arn(self, access_key: str) -> str:
        session = self.roles.find(access_key)
        if session is not None:
            return session.arn
        account = self._caller(access_key)
        if self.organization.caller_is_role and account is self.organization.management.account:
            return f"arn:{account.partition}:sts::{account.id}:assumed-role/auditor/stub"
        return account.arn


def _identify(http: HttpRequest, request: Request) -> Request:
    """Read what a single account has no answer to: AssumeRole, with its role as target, and Organizations."""
    if request.service == "sts":
        form = dict(parse_qsl(http.body.decode("latin-1") or http.query))
        if form.get("Action") == "AssumeRole":
            return replace(request, operation="AssumeRole", target=form.get("RoleArn", ""), params=form, is_write=False)
    elif request.service == "organizations":
        name = http.header(b"x-amz-target").removeprefix(directory.TARGET)
        if name in directory.OPERATIONS:
            body = http.body.decode()
            content = _json(body)
            about = content.get("ResourceId") or content.get("ParentId") or ""
            target = "/".join(str(part) for part in (about, content.get("NextToken")) if part)
            return replace(request, operation=name, target=target, params={"body": body}, is_write=False)
    return request


def _json(body: str) -> dict[str, object]:
    try:
        content = json.loads(body or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
