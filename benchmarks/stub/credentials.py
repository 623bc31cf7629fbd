"""Where the stub's short-lived credentials come from: STS, a container's endpoint, IMDSv2, SSO; and when they end."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from benchmarks.stub import sts
from benchmarks.stub.faults import ErrorAnswer
from benchmarks.stub.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.stub.request import Request
    from benchmarks.stub.wire import HttpRequest

CONTAINER_PATH = "/credentials/container"
"""Path for AWS_CONTAINER_CREDENTIALS_FULL_URI."""
PROCESS_PATH = "/credentials/process"
"""Path where a credential_process of a test gets what it prints."""
SSO_TOKEN = "sso-access-token-of-the-stub"
"""What GetRoleCredentials has to be asked with."""
_IMDS_TOKEN = "imds-token-of-the-stub"
_IMDS_ROLES = "/latest/meta-data/iam/security-credentials/"
_IMDS_ROLE = "auditor"


@dataclass(frozen=True, slots=True)
class Issued:
    """One set of credentials."""

    access_key: str
    secret_key: str
    token: str
    expires: datetime

    @property
    def expiration(self) -> str:
        """The end, in ISO 8601."""
        return self.expires.strftime("%Y-%m-%dT%H:%M:%SZ")


class Issuer:
    """Issues credentials, each set good for `uses` requests and until `life` seconds are over.

    `honest` is whether they are refused once their time is over, too. `failures` are HTTP statuses with which the next
    requests for credentials are answered instead, first come first served.
    """

    def __init__(
        self, *, life: float = 3600.0, uses: int | None = None, honest: bool = True, failures: Iterable[int] = ()
    ) -> None:
        self.life = life
        self.uses = uses
        self.honest = honest
        self.failures = deque(failures)
        self._lock = Lock()
        self._issued: dict[str, Issued] = {}
        self._used: Counter[str] = Counter()
        self._revoked: set[str] = set()
        self._asked: Counter[str] = Counter()

    @property
    def issued(self) -> tuple[Issued, ...]:
        """All sets so far, the oldest first."""
        with self._lock:
            return tuple(self._issued.values())

    @property
    def asked(self) -> Counter[str]:
        """How often credentials were asked for, by provider: `sts`, `container`, `imds`, `sso`, `process`."""
        with self._lock:
            return Counter(self._asked)

    def revoke(self) -> None:
        """Refuse all that was issued so far."""
        with self._lock:
            self._revoked |= self._issued.keys()

    def issue(self, provider: str) -> Issued | int:
        """Make a set of credentials, or give the HTTP status to fail with."""
        with self._lock:
            self._asked[provider] += 1
            if self.failures:
                return self.failures.popleft()
            number = len(self._issued) + 1
            issued = Issued(
                f"ASIASTUB{number:012d}",
                f"secret-{number:04d}-of-the-stub",
                f"token-{number:04d}-of-the-stub",
                datetime.now(UTC) + timedelta(seconds=self.life),
            )
            self._issued[issued.access_key] = issued
            return issued

    def refusal(self, request: Request) -> ErrorAnswer | None:
        """Refuse a request that was signed with credentials of this issuer whose time, or number of uses, is over."""
        with self._lock:
            issued = self._issued.get(request.access_key)
            if issued is None:
                return None
            self._used[issued.access_key] += 1
            spent = self.uses is not None and self._used[issued.access_key] > self.uses
            over = self.honest and datetime.now(UTC) >= issued.expires
            if not (spent or over or issued.access_key in self._revoked):
                return None
        code = "ExpiredTokenException" if request.service == "kms" else "ExpiredToken"
        return ErrorAnswer(400, code, "The provided token has expired.")

    def answer(self, http: HttpRequest) -> Reply | None:
        """Answer a request for credentials; None for any other request."""
        if http.path in {CONTAINER_PATH, PROCESS_PATH}:
            return self._as_json(http.path.rpartition("/")[2])
        if http.path.startswith("/latest/"):
            return self._metadata(http)
        if http.path == "/federation/credentials":
            return self._sso(http)
        if http.method == "POST" and dict(parse_qsl(http.body.decode("latin-1"))).get("Action") == "AssumeRole":
            return self._assume_role()
        return None

    def _metadata(self, http: HttpRequest) -> Reply:
        if http.method == "PUT" and http.path == "/latest/api/token":
            return Reply(200, _IMDS_TOKEN.encode(), "text/plain")
        if http.header(b"x-aws-ec2-metadata-token") != _IMDS_TOKEN:
            return Reply(401)
        if http.path == _IMDS_ROLES:
            return Reply(200, _IMDS_ROLE.encode(), "text/plain")
        return self._as_json("imds") if http.path == _IMDS_ROLES + _IMDS_ROLE else Reply(404)

    def _as_json(self, provider: str) -> Reply:
        issued = self.issue(provider)
        if isinstance(issued, int):
            return Reply(issued, b"not now", "text/plain")
        content = {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": issued.access_key,
            "SecretAccessKey": issued.secret_key,
            "Token": issued.token,
            "SessionToken": issued.token,
            "Version": 1,
            "Expiration": issued.expiration,
        }
        return Reply(200, json.dumps(content).encode(), "application/json")

    def _sso(self, http: HttpRequest) -> Reply:
        if http.header(b"x-amz-sso_bearer_token") != SSO_TOKEN:
            return _sso_error(401, "UnauthorizedException")
        issued = self.issue("sso")
        if isinstance(issued, int):
            return _sso_error(issued, "TooManyRequestsException" if issued == 429 else "InternalServerError")
        content = {
            "roleCredentials": {
                "accessKeyId": issued.access_key,
                "secretAccessKey": issued.secret_key,
                "sessionToken": issued.token,
                "expiration": int(issued.expires.timestamp() * 1000),
            }
        }
        return Reply(200, json.dumps(content).encode(), "application/json")

    def _assume_role(self) -> Reply:
        issued = self.issue("sts")
        if isinstance(issued, int):
            return sts.error(ErrorAnswer(issued, "AccessDenied" if issued == 403 else "InternalFailure"))
        return sts.assumed_role(issued)


def _sso_error(status: int, code: str) -> Reply:
    body = json.dumps({"message": "Stubbed."}).encode()
    return Reply(status, body, "application/json", (("x-amzn-ErrorType", code),))
