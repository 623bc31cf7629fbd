"""Sessions and clients: settings, addressing, partitions, credentials, and one client for each service and region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aioboto3
import anyio
import pytest

import s3audit_async
from benchmarks.stub import Behaviour, ErrorAnswer, StubAccount, StubAws, StubBucket, first
from s3audit_async.aws.gateway import AwsGateway
from s3audit_async.aws.session import ClientPool, Clients, open_session
from s3audit_async.errors import CallError, CredentialsError, UsageError
from s3audit_async.model import Service
from s3audit_async.options import Options

if TYPE_CHECKING:
    from pathlib import Path

    from s3audit_async.engine import RowStream


class SeenError(Exception):
    """Raised instead of sending a request."""


async def url_of(clients: Clients, service: Service, region: str, operation: str, **parameters: Any) -> str:
    """The URL that a call would go to."""
    client = await clients.get(service, region)
    urls: list[str] = []

    def look(request: Any, **_: object) -> None:
        urls.append(request.url)
        raise SeenError

    client.meta.events.register("before-send", look)
    with pytest.raises(SeenError), clients.signing():
        await getattr(client, operation)(**parameters)
    return urls[0]


async def exhaust(stream: RowStream) -> None:
    """Read a run to its end."""
    async with stream as rows:
        async for _ in rows:
            pass


@pytest.mark.parametrize(
    ("region", "s3_host", "kms_host"),
    [
        ("eu-central-1", "s3.eu-central-1.amazonaws.com", "kms.eu-central-1.amazonaws.com"),
        ("cn-northwest-1", "s3.cn-northwest-1.amazonaws.com.cn", "kms.cn-northwest-1.amazonaws.com.cn"),
        ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com", "kms.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu", "kms.eusc-de-east-1.amazonaws.eu"),
        ("xx-future-9", "s3.xx-future-9.amazonaws.com", "kms.xx-future-9.amazonaws.com"),
    ],
)
@pytest.mark.parametrize("bucket", ["plain-name", "name.with.dots", "Old_Capitals"])
async def test_each_partition_has_its_own_endpoints_and_path_style(
    region: str, s3_host: str, kms_host: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One host for all buckets of a region, in every partition, for regions younger than the SDK too."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")  # requests are looked at and never sent
    clients = ClientPool(aioboto3.Session(region_name=region), Options(), user_agent="s3audit/test").of_session()
    try:
        s3 = await url_of(clients, Service.S3, region, "get_bucket_encryption", Bucket=bucket)
        kms = await url_of(clients, Service.KMS, region, "describe_key", KeyId="x")
    finally:
        await clients.pool.aclose()
    assert s3 == f"https://{s3_host}/{bucket}?encryption"
    assert kms == f"https://{kms_host}/"


async def test_the_users_own_addressing_style_wins(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`s3 = addressing_style` of the profile is not overruled."""
    config = isolated / "config"
    monkeypatch.delenv("AWS_ENDPOINT_URL")  # requests are looked at and never sent
    config.write_text("[default]\ns3 =\n  addressing_style = virtual\n  use_accelerate_endpoint = true\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    clients = ClientPool(aioboto3.Session(region_name="eu-west-1"), Options(), user_agent="s3audit/test").of_session()
    try:
        url = await url_of(clients, Service.S3, "eu-west-1", "get_bucket_encryption", Bucket="mine")
    finally:
        await clients.pool.aclose()
    assert url == "https://mine.s3.eu-west-1.amazonaws.com/?encryption"


async def test_a_session_without_a_region_lists_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to name a region to list the buckets of all."""
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    account = StubAccount(buckets=[StubBucket("a", "eu-west-1"), StubBucket("b", listed_region=False)])
    with StubAws(account) as stub:
        async with s3audit_async.audit(options=Options(endpoint_url=stub.url)) as rows:
            found = {row.bucket: (row.region, row.mode, row.account) async for row in rows}
    assert found == {
        "a": ("eu-west-1", "AES256", "123456789012"),
        "b": ("us-east-1", "AES256", "123456789012"),
    }


async def test_a_client_is_made_once_however_many_ask_at_once() -> None:
    """One S3 and one KMS client a region."""
    clients = ClientPool(aioboto3.Session(), Options(), user_agent="s3audit/test").of_session()
    made = []

    async def ask(service: Service, region: str) -> None:
        made.append((service, region, await clients.get(service, region)))

    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                for service in (Service.S3, Service.KMS):
                    for region in ("eu-west-1", "us-east-1"):
                        tasks.start_soon(ask, service, region)
    finally:
        await clients.pool.aclose()
    assert len(made) == 80
    assert len({id(client) for _, _, client in made}) == 4
    assert {client.meta.region_name for _, region, client in made if region == "eu-west-1"} == {"eu-west-1"}


async def test_the_sdk_makes_one_attempt_and_follows_nothing() -> None:
    """One call of the gateway is one request, whatever the answer."""
    account = StubAccount(buckets=[StubBucket("far", "eu-west-1")])
    with StubAws(account, Behaviour(faults=first(1, ErrorAnswer(503, "SlowDown")))) as stub:
        clients = ClientPool(aioboto3.Session(), Options(endpoint_url=stub.url), user_agent="s3audit/test").of_session()
        gateway = AwsGateway(clients)
        try:
            with pytest.raises(CallError, match="SlowDown"):
                await gateway.get_bucket_encryption("far", "us-east-1")
            with pytest.raises(CallError, match="PermanentRedirect") as sent_away:
                await gateway.get_bucket_encryption("far", "us-east-1")
        finally:
            await clients.pool.aclose()
        assert stub.stats.total == 2
    assert (sent_away.value.bucket_region, sent_away.value.status) == ("eu-west-1", 301)
    assert (sent_away.value.operation, sent_away.value.target) == ("GetBucketEncryption", "far")


async def test_the_requests_say_who_asks() -> None:
    """The user agent names s3audit, so that CloudTrail does."""
    clients = ClientPool(aioboto3.Session(), Options(), user_agent="s3audit/1.2.3").of_session()
    try:
        client = await clients.get(Service.S3, "eu-west-1")
        assert "s3audit/1.2.3" in client.meta.config.user_agent_extra
    finally:
        await clients.pool.aclose()


async def test_no_credentials_end_the_run_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked; the error says what to do."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with StubAws(StubAccount()) as stub:
        with pytest.raises(CredentialsError, match="no usable AWS credentials") as caught:
            await exhaust(s3audit_async.audit(options=Options(endpoint_url=stub.url)))
        assert stub.stats.total == 0
    assert "--profile" in caught.value.hint


async def test_a_role_that_may_not_be_assumed_ends_the_run(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal of sts:AssumeRole is not taken for the bucket's, or the listing's."""
    config = isolated / "config"
    config.write_text(
        "[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = x\n"
        "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/auditor\nsource_profile = base\nregion = us-east-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with StubAws(StubAccount(buckets=[StubBucket("b")])) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        with pytest.raises(CredentialsError, match="AssumeRole"):
            await exhaust(s3audit_async.audit(open_session(profile="role"), Options(endpoint_url=stub.url)))
        assert stub.stats.calls["ListBuckets"] == 0


def test_aws_region_is_honoured_and_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the AWS CLI."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert open_session().region_name == "eu-central-1"
    assert open_session(region="sa-east-1").region_name == "sa-east-1"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert open_session().region_name == "eu-central-1"


async def test_a_credential_process_that_fails_ends_the_run(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that cannot be had are no credentials."""
    config = isolated / "config"
    config.write_text("[profile broken]\ncredential_process = false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with StubAws(StubAccount()) as stub, pytest.raises(CredentialsError, match="no usable AWS credentials"):
        await exhaust(s3audit_async.audit(open_session(profile="broken"), Options(endpoint_url=stub.url)))


def test_a_profile_that_does_not_exist_is_a_usage_error() -> None:
    """Before anything is asked."""
    with pytest.raises(UsageError, match="nobody"):
        open_session(profile="nobody")


def test_a_broken_configuration_is_a_usage_error(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be parsed is the user's to mend."""
    config = isolated / "config"
    config.write_text("[profile\nno")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(UsageError, match="config"):
        open_session(profile="any")


@pytest.mark.parametrize("message", ["two\nlines", "a bell \x07 and a colour \x1b[31m", "x" * 5000])
async def test_messages_from_outside_are_one_bounded_printable_line(message: str) -> None:
    """Control characters and length are taken off at the seam."""
    fault = ErrorAnswer(403, "AccessDenied", message.replace("\x07", "").replace("\x1b", "\t"))
    with StubAws(StubAccount(buckets=[StubBucket("b")]), Behaviour(faults=first(1, fault))) as stub:
        clients = ClientPool(aioboto3.Session(), Options(endpoint_url=stub.url), user_agent="s3audit/test").of_session()
        try:
            with pytest.raises(CallError) as caught:
                await AwsGateway(clients).get_bucket_encryption("b", "us-east-1")
        finally:
            await clients.pool.aclose()
    assert caught.value.message.isprintable()
    assert 0 < len(caught.value.message) <= 500
