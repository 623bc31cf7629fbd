"""An organization that moto holds, in a process of its own: `python -m tests.moto_organization --accounts 25`.

Accounts, roles, buckets and keys are moto's. Before it stands the demo's front, one for each account, for what moto
leaves out of a listing; and before those one that refuses the role of a denied account, which moto never does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from benchmarks.moto_target.account import seeds
from benchmarks.moto_target.counting import Counting
from benchmarks.stub import ROOT, sts, synthetic_organization
from benchmarks.stub.account import EPOCH
from benchmarks.stub.faults import ErrorAnswer
from benchmarks.stub.process import ServingProcess
from s3audit_async.demo.records import DemoFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from benchmarks.stub import StubMember, StubOrganization
    from s3audit_async.demo.records import DemoBucket

ACCOUNTS, BUCKETS, KEYS, REGIONS = 25, 200, 8, 4
PAGE = 10
"""Accounts on a page where nobody says how many: moto would give all of them at once."""
_NOWHERE = "http://127.0.0.1:9"
_HIDDEN = DemoFault(400, "AccessDeniedException", "no resource-based policy allows the kms:DescribeKey action")


class MotoOrganization(ServingProcess):
    """The process, while a `with` block lasts. `organization` tells what it holds, and every row that is expected."""

    module = "tests.moto_organization"

    def __init__(self, accounts: int = ACCOUNTS, buckets: int = BUCKETS, keys: int = KEYS) -> None:
        super().__init__(accounts=accounts, buckets=buckets, keys=keys)
        self.organization = planned(accounts, buckets, keys)


def planned(accounts: int, buckets: int, keys: int) -> StubOrganization:
    """Make the organization that the process serves: one account is denied, the last one SUSPENDED."""
    return synthetic_organization(accounts, buckets, keys, REGIONS, denied=1, suspended=1)


class Entrance:
    """Finds the account that a request is for, by its access key, and hands it to the front of that account."""

    def __init__(self, organization: StubOrganization, fronts: dict[str, WSGIApplication]) -> None:
        self._organization = organization
        self._fronts = fronts
        self._accounts: dict[str, str] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target.startswith("AWSOrganizations"):
            self._keep_pages_small(environ)
        elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            refused = self._refused(environ)
            if refused is not None:
                start_response("403 Forbidden", [("Content-Type", "text/xml"), ("Content-Length", str(len(refused)))])
                return [refused]
        return self._fronts[self._account(environ.get("HTTP_AUTHORIZATION", ""))](environ, start_response)

    def _account(self, authorization: str) -> str:
        """Ask moto whose access key it is, once: it walks through all accounts for that."""
        from moto.iam.models import get_account_id_from  # noqa: PLC0415 - takes a second, and a test needs it not

        key = authorization.partition("Credential=")[2].partition("/")[0]
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = str(get_account_id_from(key))
        return account

    def _refused(self, environ: WSGIEnvironment) -> bytes | None:
        form = parse_qs(_body(environ).decode())
        role = form.get("RoleArn", [""])[0]
        member = next((each for each in self._organization.members if each.role_arn == role), None)
        if form.get("Action") != ["AssumeRole"] or (member is not None and member.lets_in):
            return None
        message = f"User: the caller is not authorized to perform: sts:AssumeRole on resource: {role}"
        return sts.error(ErrorAnswer(403, "AccessDenied", message)).body

    def _keep_pages_small(self, environ: WSGIEnvironment) -> None:
        content = {"MaxResults": PAGE, **json.loads(_body(environ) or b"{}")}
        body = json.dumps(content).encode()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))


def _body(environ: WSGIEnvironment) -> bytes:
    """Read a request's body, and let moto read it again."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    return body


def _buckets(member: StubMember) -> Iterator[DemoBucket]:
    """Give a member's buckets in the form that the demo fills moto from."""
    for bucket in seeds(member.account):
        hidden = bucket.key is not None and bucket.key.arn in member.account.hidden
        yield replace(bucket, key=replace(bucket.key, fault=_HIDDEN)) if bucket.key and hidden else bucket


def _found(organization: StubOrganization) -> None:
    """Create the organization in moto, with the ids and the units of the plan."""
    from moto.organizations.models import organizations_backends  # noqa: PLC0415

    management = organization.management
    moto: Any = organizations_backends[management.id]["aws"]
    moto.create_organization("us-east-1")
    parents = {ROOT: moto.org.root_id}
    for unit in organization.units:
        made = moto.create_organizational_unit(Name=unit.name, ParentId=parents[unit.parent])
        parents[unit.id] = made["OrganizationalUnit"]["Id"]
    for number, member in enumerate(organization.members):
        if member is management:
            account = moto.accounts[0]
        else:
            moto.create_account(AccountName=member.name, Email=f"{member.id}@example.com")
            account = moto.accounts[-1]
            # moto draws the ids of accounts.
            organizations_backends.master_accounts[member.id] = organizations_backends.master_accounts.pop(account.id)
            account.id = member.id
        account.name, account.tags, account.parent_id = member.name, dict(member.tags), parents[member.parent]
        account.create_time = (EPOCH + timedelta(days=number)).replace(tzinfo=None)
        if member.state == "SUSPENDED":
            moto.close_account(AccountId=member.id)


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.moto_organization", description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--buckets", type=int, default=BUCKETS)
    parser.add_argument("--keys", type=int, default=KEYS)
    options = parser.parse_args()
    # Here and not above: a test that starts the process needs neither moto nor a server.
    from moto.moto_server.werkzeug_app import create_backend_app  # noqa: PLC0415

    from s3audit_async.demo import backend  # noqa: PLC0415
    from s3audit_async.demo.environment import isolated_environment  # noqa: PLC0415
    from s3audit_async.demo.front import Front  # noqa: PLC0415
    from s3audit_async.demo.serving import LoopbackServer  # noqa: PLC0415

    organization = planned(options.accounts, options.buckets, options.keys)
    with isolated_environment(_NOWHERE):  # moto asks the SDK which regions there are
        applications, other = backend.applications()
        applications["organizations"] = create_backend_app("organizations")
        fronts: dict[str, WSGIApplication] = {}
        for member in organization.members:
            buckets = list(_buckets(member))
            backend.seed(buckets, member.id)
            fronts[member.id] = Front(applications, other, buckets, account=member.id)
        backend.warm_up(applications, buckets[0])
        _found(organization)
    server = LoopbackServer(Counting(Entrance(organization, fronts), lambda: 0))
    server.start()
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    while os.read(0, 4096):
        pass
    server.stop()


if __name__ == "__main__":
    main()
