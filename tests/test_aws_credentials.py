"""Credentials that end while a run goes on: refreshed in time, renewed when refused, or else the end of the run."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aiobotocore.credentials import AioCredentials, AioRefreshableCredentials

import s3audit_async
from benchmarks.stub import (
    CONTAINER_PATH,
    PROCESS_PATH,
    SSO_TOKEN,
    Behaviour,
    ErrorAnswer,
    Fault,
    Issuer,
    Request,
    StubAccount,
    StubAws,
    synthetic,
)
from s3audit_async.aws.credentials import RunCredentials
from s3audit_async.aws.session import open_session
from s3audit_async.errors import CredentialsError
from s3audit_async.options import Options
from s3audit_async.redaction import Secrets
from s3audit_async.stats import RunStats
from tests.command import s3audit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import aioboto3

ENCRYPTION = "GetBucketEncryption"
PROVIDERS = ("sts", "container", "imds", "process")
"""Those that can be had in this process: botocore settles where SSO's tokens are when it is imported."""

FETCH = """import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1]).read().decode())
except OSError as error:
    sys.exit(f"not now: {error}")
"""


@pytest.fixture
def session_of(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, StubAws], aioboto3.Session]:
    """Make a session whose credentials come from a provider of the stub."""

    def make(provider: str, stub: StubAws) -> aioboto3.Session:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        config = isolated / "config"
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        if provider == "container":
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", stub.url + CONTAINER_PATH)
            return open_session()
        if provider == "imds":
            monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", stub.url)
            return open_session()
        script = isolated / "fetch.py"
        script.write_text(FETCH)
        process = f"{sys.executable} {script} {stub.url}{PROCESS_PATH}"
        config.write_text(
            "[profile base]\naws_access_key_id = AKIABASEBASEBASEBASE\naws_secret_access_key = base-secret\n"
            "[profile sts]\nrole_arn = arn:aws:iam::123456789012:role/auditor\nsource_profile = base\n"
            f"[profile process]\ncredential_process = {process}\n"
        )
        return open_session(profile=provider, region="us-east-1")

    return make


def account(buckets: int = 120) -> StubAccount:
    """Some buckets, some of which have to be located, and some keys."""
    return synthetic(buckets, keys=10, regions=3, unlisted_share=0.2)


async def audit(
    stub: StubAws, session: aioboto3.Session, stats: RunStats | None = None, **options: object
) -> dict[str, tuple[str, str, str]]:
    """Columns B, C and D of the rows."""
    found = {}
    chosen = Options(endpoint_url=stub.url, **options)  # type: ignore[arg-type]
    async with s3audit_async.audit(session, chosen, observer=stats) as rows:
        async for row in rows:
            assert row.bucket not in found
            found[row.bucket] = (row.mode, row.key_type, "" if row.bucket_key is None else str(row.bucket_key))
    return found


def expected(account: StubAccount) -> dict[str, tuple[str, str, str]]:
    """What the rows have to say."""
    rows = {bucket.name: account.expected(bucket.name) for bucket in account.buckets}
    return {name: (row.mode, row.key_type, row.bucket_key) for name, row in rows.items()}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_credentials_that_are_refused_as_expired_are_renewed_and_no_row_is_lost(
    provider: str, session_of: Callable[[str, StubAws], aioboto3.Session]
) -> None:
    """Each set is good for 40 requests, of which a few are out when it ends, whatever its Expiration says."""
    issuer, owned = Issuer(uses=40), account()
    stats = RunStats()
    with StubAws(owned, Behaviour(issuer=issuer)) as stub:
        rows = await audit(stub, session_of(provider, stub), stats, max_concurrency=8)
        assert stub.stats.errors["ExpiredToken"] + stub.stats.errors["ExpiredTokenException"] > 0
    assert rows == expected(owned)
    assert set(issuer.asked) == {provider}
    assert 4 <= issuer.asked[provider] <= 8


@pytest.mark.parametrize("provider", ["sts", "container", "process"])
async def test_credentials_are_refreshed_before_they_end(
    provider: str, session_of: Callable[[str, StubAws], aioboto3.Session]
) -> None:
    """They live for two or three seconds, and are refused after that."""
    issuer, owned = Issuer(life=3.0), account(60)
    with StubAws(owned, Behaviour(issuer=issuer, latency=0.1)) as stub:
        rows = await audit(stub, session_of(provider, stub), max_concurrency=2)
    assert rows == expected(owned)
    assert issuer.asked[provider] >= 2


@pytest.mark.parametrize("life", [300, 800], ids=["mandatory", "advisory"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_credentials_that_never_live_long_are_not_refreshed_for_each_request(
    provider: str, life: float, session_of: Callable[[str, StubAws], aioboto3.Session]
) -> None:
    """Within botocore's windows from the start: it would ask for others each time it signs."""
    issuer, owned = Issuer(life=life), account(30)
    with StubAws(owned, Behaviour(issuer=issuer)) as stub:
        rows = await audit(stub, session_of(provider, stub))
    assert rows == expected(owned)
    assert issuer.asked[provider] <= 2  # a client is made with what the SDK has got, and refreshes that once itself


async def test_many_requests_refused_at_once_renew_the_credentials_once(
    session_of: Callable[[str, StubAws], aioboto3.Session],
) -> None:
    """Revoked while 64 requests are out: one of them asks for new credentials, all of them are made again."""
    issuer, owned = Issuer(), account(300)

    def revoking(request: Request) -> Fault | None:
        if request.operation == ENCRYPTION and stub.stats.calls[ENCRYPTION] == 100:
            issuer.revoke()
        return None

    with StubAws(owned, Behaviour(issuer=issuer, faults=revoking, latency=0.02)) as stub:
        rows = await audit(stub, session_of("container", stub))
        assert stub.stats.errors["ExpiredToken"] > 1
    assert rows == expected(owned)
    assert issuer.asked["container"] == 2


async def test_new_credentials_that_are_refused_as_well_end_the_run(
    session_of: Callable[[str, StubAws], aioboto3.Session],
) -> None:
    """A clock that is wrong is not mended by asking for more of them."""
    issuer = Issuer(uses=0)
    stubbed = StubAws(account(), Behaviour(issuer=issuer))
    with stubbed as stub, pytest.raises(CredentialsError, match="the credentials have expired"):
        await audit(stub, session_of("container", stub))
    assert issuer.asked["container"] == 2


async def test_a_credential_process_that_fails_once_costs_nothing(
    session_of: Callable[[str, StubAws], aioboto3.Session],
) -> None:
    """It had worked, so it is started again."""
    issuer, owned = Issuer(uses=60), account()
    failures = iter([500])

    def failing(request: Request) -> Fault | None:
        if request.operation == ENCRYPTION and stub.stats.calls[ENCRYPTION] == 30:
            issuer.failures.extend(failures)
        return None

    with StubAws(owned, Behaviour(issuer=issuer, faults=failing)) as stub:
        rows = await audit(stub, session_of("process", stub), max_concurrency=4)
    assert rows == expected(owned)
    assert issuer.asked["process"] >= 3


async def test_a_role_that_is_taken_away_ends_the_run(
    session_of: Callable[[str, StubAws], aioboto3.Session],
) -> None:
    """AccessDenied to AssumeRole is an answer, and not asked for five times."""
    issuer = Issuer(uses=20)

    def denying(request: Request) -> Fault | None:
        if request.operation == ENCRYPTION and not issuer.failures:
            issuer.failures.extend([403] * 5)
        return None

    stubbed = StubAws(account(), Behaviour(issuer=issuer, faults=denying))
    with stubbed as stub, pytest.raises(CredentialsError, match="AccessDenied"):
        await audit(stub, session_of("sts", stub))
    assert issuer.asked["sts"] == 2


def test_sso_credentials_are_renewed(isolated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the token that `aws sso login` left; in a process of its own, whose home this is."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    cache = isolated / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    (isolated / ".aws" / "config").write_text(
        "[sso-session stub]\nsso_start_url = https://stub.awsapps.com/start\nsso_region = us-east-1\n"
        "[profile sso]\nsso_session = stub\nsso_account_id = 123456789012\nsso_role_name = auditor\n"
    )
    token = {
        "startUrl": "https://stub.awsapps.com/start",
        "region": "us-east-1",
        "accessToken": SSO_TOKEN,
        "expiresAt": (datetime.now(UTC) + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    name = hashlib.sha1(b"stub", usedforsecurity=False).hexdigest()
    (cache / f"{name}.json").write_text(json.dumps(token))
    issuer, owned = Issuer(uses=40), account()
    with StubAws(owned, Behaviour(issuer=issuer)) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        report = tmp_path / "report.csv"
        done = s3audit("run", "--profile", "sso", "--max-concurrency", "8", "-o", report)
    assert done.returncode == 0, done.stderr
    with report.open(newline="") as lines:
        assert {row[0]: tuple(row[1:]) for row in list(csv.reader(lines))[1:]} == expected(owned)
    assert issuer.asked["sso"] >= 4


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("InvalidAccessKeyId", "AWS does not accept the credentials"),
        ("SignatureDoesNotMatch", "AWS does not accept the credentials"),
        ("RequestTimeTooSkewed", "this machine's clock is wrong"),
        ("ExpiredToken", "the credentials have expired"),
    ],
)
def test_keys_that_are_refused_under_way_end_the_run_and_what_is_there_is_kept(
    code: str, said: str, tmp_path: Path
) -> None:
    """One line that says what to do; those rows that were audited before are in the partial report."""

    def refusing(request: Request) -> Fault | None:
        return ErrorAnswer(403, code) if stub.stats.calls[ENCRYPTION] > 50 else None

    report = tmp_path / "report.csv"
    with StubAws(account(), Behaviour(faults=refusing)) as stub:
        done = s3audit("run", "-q", "--endpoint-url", stub.url, "--max-concurrency", "4", "-o", report)
    assert done.returncode == 4
    complaints = [line for line in done.stderr.splitlines() if line.startswith("s3audit: ")]
    assert len(complaints) == 1
    assert said in complaints[0]
    assert complaints[0].endswith(")")
    partial = tmp_path / "report.csv.partial"
    assert len(partial.read_text().splitlines()) > 40
    assert not report.exists()


class Source:
    """Plays where credentials come from: `answers` are lives in seconds, or errors; the last one stays."""

    def __init__(self, *answers: float | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.waits: list[float] = []

    async def ask(self) -> dict[str, Any]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await anyio.lowlevel.checkpoint()
        if isinstance(answer, Exception):
            raise answer
        expiry = (self.now + timedelta(seconds=answer)).isoformat()
        number = str(self.asked)
        return {"access_key": number, "secret_key": "s" * 20, "token": f"t{number}", "expiry_time": expiry}

    async def load(self) -> AioRefreshableCredentials:
        first = await self.ask()
        expiry = datetime.fromisoformat(first.pop("expiry_time"))
        return AioRefreshableCredentials(
            **first, expiry_time=expiry, refresh_using=self.ask, method="test", time_fetcher=lambda: self.now
        )

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def credentials(self) -> RunCredentials:
        return RunCredentials(self.load, Secrets(), sleep=self.wait)


async def token(credentials: RunCredentials) -> str:
    """The session token that a request would be signed with."""
    frozen = await credentials.get_frozen_credentials()
    return str(frozen.token)


async def test_signing_refreshes_nothing() -> None:
    """However close the end is: that is done before a request has its slot."""
    source = Source(3600.0)
    credentials = source.credentials()
    await credentials.fresh()
    source.pass_time(3500)
    assert await token(credentials) == "t1"
    await credentials.fresh()
    assert await token(credentials) == "t2"
    assert (source.asked, credentials.generation) == (2, 2)


async def test_an_early_refresh_that_fails_is_put_off() -> None:
    """There are other credentials yet, so nobody waits and nobody is told; not even of a refusal."""
    source = Source(3600.0, PermissionError("not now"), 3600.0)
    credentials = source.credentials()
    await credentials.fresh()
    source.pass_time(3000)
    for _ in range(10):
        await credentials.fresh()
    assert (source.asked, source.waits, await token(credentials)) == (2, [], "t1")


async def test_a_late_refresh_that_fails_is_tried_again_with_growing_pauses() -> None:
    """Everybody waits for it, and one does it."""
    source = Source(3600.0, TimeoutError("a"), OSError("b"), RuntimeError("c"), 3600.0)
    credentials = source.credentials()
    await credentials.fresh()
    source.pass_time(3550)
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(credentials.fresh)
    assert await token(credentials) == "t5"
    assert source.waits == [0.25, 0.5, 1.0]
    assert source.asked == 5


async def test_a_late_refresh_that_fails_for_good_is_a_credentials_error() -> None:
    """Also when what comes has ended already, which botocore calls a RuntimeError."""
    source = Source(3600.0, -1.0)
    credentials = source.credentials()
    await credentials.fresh()
    source.pass_time(3599)
    with pytest.raises(CredentialsError, match="still expired") as refused:
        await credentials.fresh()
    assert "--resume" in refused.value.hint
    assert source.asked == 6


async def test_what_was_refused_when_it_was_new_is_not_renewed_again() -> None:
    """Unless it has been taken in between."""
    source = Source(3600.0)
    credentials = source.credentials()
    await credentials.fresh()
    assert await credentials.renew(1)
    assert await credentials.renew(1)  # somebody else has done it
    assert not await credentials.renew(2)
    credentials.accepted(2)
    assert await credentials.renew(2)
    assert (source.asked, credentials.generation) == (3, 3)


async def test_what_somebody_else_refreshed_is_taken_over() -> None:
    """The session belongs to the caller, and may be in use."""
    source = Source(3600.0)
    loaded = await source.load()

    async def load() -> AioRefreshableCredentials:
        return loaded

    credentials = RunCredentials(load, Secrets())
    await credentials.fresh()
    source.pass_time(3590)
    await loaded.get_frozen_credentials()
    await credentials.fresh()
    assert await token(credentials) == "t2"
    assert source.asked == 2


async def test_keys_that_do_not_end_are_never_asked_for_again() -> None:
    """Static keys have nothing to be renewed from."""

    async def load() -> AioCredentials:
        return AioCredentials("AKIA", "secret-key", None)

    credentials = RunCredentials(load, Secrets())
    for _ in range(3):
        await credentials.fresh()
    assert credentials.generation == 1
    assert not await credentials.renew(1)
