"""An organization that moto holds, in a process of its own: `python -m tests.moto_organization --accounts 25`.

Accounts, roles, buckets and keys are moto's. Before it stands the demo's front, one for each account, for what moto
leaves out of a listing; and before those one that refuses the role of a denied account, which moto never does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from benchmarks.moto_target.account import seeds
from benchmarks.moto_target.counting import operation_of
from benchmarks.stub import (
    ROOT,
    Behaviour,
    ErrorAnswer,
    Listener,
    Request,
    Service,
    StubAccount,
    sts,
    synthetic_organization,
)
from benchmarks.stub.account import EPOCH
from benchmarks.stub.ending import until_told
from benchmarks.stub.process import ServingProcess
from benchmarks.stub.service import Decision
from benchmarks.stub.wire import Reply
from s3audit_async.demo.records import DemoFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from benchmarks.stub import StubMember, StubOrganization
    from benchmarks.stub.wire import HttpRequest
    from s3audit_async.demo.records import DemoBucket

ACCOUNTS, BUCKETS, KEYS, REGIONS = 25, 200, 8, 4
PAGE = 10
"""Accounts on a page where nobody says how many: moto would give all of them at once."""
_WRITTEN_BY_THE_SERVER = {"content-type", "content-length", "connection", "x-amz-request-id"}
_NOWHERE = "http://127.0.0.1:9"
_HIDDEN = DemoFault(400, "AccessDeniedException", "no resource-based policy allows the kms:DescribeKey action")


class MotoOrganization(ServingProcess):
    """The process, while a `with` block lasts. `organization` tells what it holds, and every row that is expected."""

    module = "tests.moto_organization"

    def __init__(
        self, accounts: int = ACCOUNTS, buckets: int = BUCKETS, keys: int = KEYS, latency_ms: float = 0.0
    ) -> None:
        super().__init__(accounts=accounts, buckets=buckets, keys=keys, latency_ms=latency_ms)
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
        return self._fronts[self.account(environ)](environ, start_response)

    def account(self, environ: WSGIEnvironment) -> str:
        """Ask moto whose access key it is, once: it walks through all accounts for that."""
        from moto.iam.models import get_account_id_from  # noqa: PLC0415 - takes a second, and a test needs it not

        key = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition("/")[0]
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


class MotoService(Service):
    """Answers with moto what the stub's server takes in: it parses HTTP in a tenth of the time that werkzeug takes.

    All in one thread, as moto computes for one request at a time in any case.
    """

    def __init__(self, entrance: Entrance, latency: float) -> None:
        super().__init__(StubAccount(), Behaviour(latency=latency))
        self._entrance = entrance

    def decide(self, http: HttpRequest) -> Decision:
        """Ask moto, and count it in."""
        if http.path.startswith("/_"):
            return self._own_path(http)
        environ = _environ(http)
        scope = http.header(b"authorization").partition("Credential=")[2].split("/")
        region = scope[2] if len(scope) > 2 else ""  # key, date, region
        request = Request(operation_of(environ), region=region, account=self._entrance.account(environ))
        self.counters.begin(request)
        answer: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _: object = None, /) -> Callable[[bytes], object]:
            answer.append((status, headers))
            return lambda _: None

        body = b"".join(self._entrance(environ, start))
        status, headers = answer[-1]
        kind = dict(headers).get("Content-Type", "application/xml")
        others = tuple((name, value) for name, value in headers if name.lower() not in _WRITTEN_BY_THE_SERVER)
        reply = Reply(int(status.partition(" ")[0]), body, kind, others)
        return Decision(request.region, reply, self.behaviour.seconds(request))


def _environ(http: HttpRequest) -> WSGIEnvironment:
    lines = (line.partition(":") for line in http.head.decode("latin-1").split("\r\n")[1:] if line)
    headers = {name.upper().replace("-", "_"): value.strip() for name, _, value in lines}
    return {
        **{f"HTTP_{name}": value for name, value in headers.items()},
        "REQUEST_METHOD": http.method,
        "PATH_INFO": unquote(http.path),
        "QUERY_STRING": http.query,
        "CONTENT_TYPE": headers.get("CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(http.body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": headers.get("HOST", "").rpartition(":")[2],
        "SERVER_PROTOCOL": http.version,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(http.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


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
    parser.add_argument("--latency-ms", type=float, default=0.0)
    options = parser.parse_args()
    # Here and not above: a test that starts the process needs neither moto nor a server.
    from moto.moto_server.werkzeug_app import create_backend_app  # noqa: PLC0415

    from s3audit_async.demo import backend  # noqa: PLC0415
    from s3audit_async.demo.environment import isolated_environment  # noqa: PLC0415
    from s3audit_async.demo.front import Front  # noqa: PLC0415

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
        asyncio.run(_serve(MotoService(Entrance(organization, fronts), options.latency_ms / 1000)))


async def _serve(service: MotoService) -> None:
    stop = until_told()
    async with Listener(service) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
