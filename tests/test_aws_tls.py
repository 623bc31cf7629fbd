"""Who is believed to be AWS: the certificate has to be trusted and to name the host, through a proxy as well."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aioboto3
import pytest
from aiobotocore.config import AioConfig

import s3audit_async
from benchmarks.stub import StubAws, synthetic
from benchmarks.tls.authority import Authority
from benchmarks.tls.streams import HOST
from s3audit_async.errors import ListingError, RunError
from s3audit_async.options import Options
from tests.tls import Relay

if TYPE_CHECKING:
    from pathlib import Path

    from s3audit_async.model import Row

NAME = "s3.internal.example"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """A CA that is trusted."""
    trusted = Authority(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(trusted.bundle))
    return trusted


async def rows_over_tls(relay: Relay, host: str = HOST) -> list[Row]:
    """The rows of an account behind TLS."""
    options = Options(endpoint_url=f"https://{host}:{relay.port}", max_attempts=1, identify=False)
    found: list[Row] = []
    async with s3audit_async.audit(aioboto3.Session(), options) as rows:
        found.extend([row async for row in rows])
    return found


def behind_tls(stack: ExitStack, authority: Authority, *hosts: str) -> Relay:
    """A stub of three buckets, with TLS before it whose certificate names these hosts."""
    stub = stack.enter_context(StubAws(synthetic(buckets=3, keys=1, regions=2)))
    port = urlsplit(stub.url).port
    assert port is not None
    return stack.enter_context(Relay(port, context=authority.context_for(*hosts)))


async def test_a_certificate_of_a_trusted_ca_for_the_host_is_believed(authority: Authority) -> None:
    """AWS_CA_BUNDLE names the CA."""
    with ExitStack() as stack:
        assert len(await rows_over_tls(behind_tls(stack, authority, HOST))) == 3


async def test_a_certificate_for_another_host_is_not(authority: Authority) -> None:
    """Anybody can have a certificate for a host of their own."""
    with ExitStack() as stack:
        relay = behind_tls(stack, authority, "somebody-else.example")
        with pytest.raises(ListingError, match="TLSError"):
            await rows_over_tls(relay)


async def test_a_certificate_of_an_unknown_ca_is_not(authority: Authority, tmp_path: Path) -> None:
    """Whatever it says."""
    with ExitStack() as stack:
        relay = behind_tls(stack, Authority(tmp_path, "Unknown CA"), HOST)
        with pytest.raises(ListingError, match="TLSError"):
            await rows_over_tls(relay)


@pytest.mark.parametrize(
    ("named", "known"),
    [(NAME, True), ("somebody-else.example", True), (NAME, False)],
    ids=["right", "another host", "unknown CA"],
)
async def test_a_proxy_changes_nothing_about_who_is_believed(
    named: str, known: bool, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through its tunnel the certificate is looked at as without it."""
    with ExitStack() as stack:
        relay = behind_tls(stack, authority if known else Authority(tmp_path, "Unknown CA"), named)
        proxy = stack.enter_context(Relay(relay.port, proxy=True))
        monkeypatch.setenv("HTTPS_PROXY", f"http://{HOST}:{proxy.port}")
        if named == NAME and known:
            assert len(await rows_over_tls(relay, NAME)) == 3
        else:
            with pytest.raises(ListingError, match="TLSError"):
                await rows_over_tls(relay, NAME)
    assert proxy.connects
    assert all(line.startswith(f"CONNECT {NAME}:") for line in proxy.connects)


async def test_the_sts_that_a_role_is_assumed_at_has_to_show_its_name_too(
    authority: Authority, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK makes the clients that fetch credentials by itself."""
    config = isolated / "config"
    config.write_text(
        "[profile audit]\nrole_arn = arn:aws:iam::123456789012:role/audit\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base-secret-of-nobody\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with ExitStack() as stack:
        relay = behind_tls(stack, authority, "somebody-else.example")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"https://{HOST}:{relay.port}")
        session = aioboto3.Session(profile_name="audit")
        async with s3audit_async.audit(session, Options(max_attempts=1, identify=False)) as rows:
            with pytest.raises(RunError, match="certificate"):
                _ = [row async for row in rows]


async def test_a_configuration_that_the_session_has_already_changes_nothing(authority: Authority) -> None:
    """The SDK forgets our HTTP session where it merges two configurations."""
    session = aioboto3.Session()
    session._session.set_default_client_config(AioConfig(user_agent_extra="theirs"))
    with ExitStack() as stack:
        relay = behind_tls(stack, authority, "somebody-else.example")
        options = Options(endpoint_url=f"https://{HOST}:{relay.port}", max_attempts=1, identify=False)
        for _ in range(2):  # a session may serve several runs
            async with s3audit_async.audit(session, options) as rows:
                with pytest.raises(ListingError, match="TLSError"):
                    await anext(rows)
