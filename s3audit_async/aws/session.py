"""The SDK session and its clients: one of each service for each region used, made when first needed.

A client is expensive (20 to 200 ms of CPU, a connection pool of its own), a request is not. So clients are shared
by all tasks, and live until the run ends.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aioboto3
import anyio
from aiobotocore.config import AioConfig
from botocore import exceptions as sdk
from botocore import handlers
from botocore.loaders import create_loader

from s3audit_async.aws.answers import BODY_NAMES_IT, GuardedParsers, names_encryption, status_of
from s3audit_async.aws.credentials import RunCredentials
from s3audit_async.aws.encryption import EncryptionReader, KnownAnswers, RequestTemplate, open_template
from s3audit_async.aws.errors import UnusableAnswerError
from s3audit_async.aws.kinds import SDK_NAMES, keep_to_control_endpoint, known_regions
from s3audit_async.aws.signing import sign_as_asked, signing_as
from s3audit_async.aws.transport import OneRequestSession, Traffic
from s3audit_async.errors import UsageError
from s3audit_async.model import Service
from s3audit_async.redaction import Secrets, plain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from s3audit_async.options import Options

NO_REGION = "aws-global"
"""botocore's name for "whatever signs without a region", where neither options nor environment name one."""

MOST_CLIENTS = 1_024
"""Clients of a run. AWS has about 40 regions; but whoever configures keys, or answers as S3, may name any number."""

_EXTRAS_TYPE = "s3audit"
_MODELS = Path(__file__).parent / "models"
_KEEPALIVE_SECONDS = 12.0  # aiobotocore's own default, which naming any connector argument would undo


def open_session(*, profile: str | None = None, region: str | None = None) -> aioboto3.Session:
    """Make a session from the standard environment and files. Raises `UsageError` for those that are wrong."""
    try:
        # botocore reads AWS_DEFAULT_REGION only; the AWS CLI, and so everybody, AWS_REGION too, and first.
        return aioboto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None)
    except sdk.ProfileNotFound as error:
        raise UsageError(f"{plain(error)}", hint="'aws configure list-profiles' shows those there are") from error
    except sdk.BotoCoreError as error:
        raise UsageError(f"the AWS configuration cannot be used: {plain(error)}", hint="mend ~/.aws/config") from error


class ClientPool:
    """All SDK clients of one session: one of each service for each region, whichever account is asked through it.

    A client takes 20 to 200 ms of CPU and some MiB, and has connections of its own. So a run of 1,000 accounts in 17
    regions has as many clients as a run of one account; each request is signed with the credentials of whoever asks
    (`Clients`).
    """

    def __init__(self, session: aioboto3.Session, options: Options, *, user_agent: str) -> None:
        self._session = session
        self._options = options
        self._user_agent = user_agent
        self._clients: dict[tuple[Service, str], Any] = {}
        self._templates: dict[str, RequestTemplate | None] = {}
        self._known = KnownAnswers()
        self._opening = anyio.Lock()
        self._opened = AsyncExitStack()
        self.home_region: str = session.region_name or NO_REGION
        self.traffic = Traffic()
        _use_own_connections(session, self.traffic)
        _use_regional_sts(session)
        _guard_parsers(session)
        _teach_blocked_encryption_types(session)

    def of_session(self) -> Clients:
        """Give the clients as the owner of the session's own credentials uses them."""
        return self.signing_with(_botocore_session(self._session).get_credentials)

    def signing_with(self, load: Callable[[], Awaitable[Any]]) -> Clients:
        """Give the clients as the owner of other credentials uses them, which `load` gets: the SDK's, or None."""
        return Clients(self, load)

    async def get(self, service: Service, region: str) -> Any:  # noqa: ANN401 - SDK clients are made at run time
        """Give the client of a service in a region. Raises `UnusableAnswerError` beyond `MOST_CLIENTS`."""
        client = self._clients.get((service, region))
        if client is not None:
            return client
        async with self._opening:
            if (service, region) not in self._clients:
                if len(self._clients) >= MOST_CLIENTS:
                    raise UnusableAnswerError(f"{MOST_CLIENTS} services in regions are asked already")
                self._clients[service, region] = await self._open(service, region)
        return self._clients[service, region]

    def has(self, service: Service, region: str) -> bool:
        """Tell whether a client is there."""
        return (service, region) in self._clients

    async def known_regions(self) -> tuple[str, ...]:
        """Give the regions of the home region's partition that the SDK knows."""
        return await known_regions(_botocore_session(self._session), self.home_region)

    async def template(self, region: str) -> RequestTemplate | None:
        """Give what the requests for the encryption of a region's buckets have in common; None where they differ."""
        await self.get(Service.S3, region)
        return self._templates[region]

    async def aclose(self) -> None:
        """Close all connections."""
        await self._opened.aclose()

    async def _open(self, service: Service, region: str) -> Any:  # noqa: ANN401 - as above
        client = await self._opened.enter_async_context(
            self._session.client(
                SDK_NAMES.get(service, service.value),
                region_name=region,
                endpoint_url=self._options.endpoint_url,
                config=self._config(service),
            )
        )
        sign_as_asked(client)
        if service is Service.S3:
            _report_redirects(client)
            _look_at_bodies(client)
            self._templates[region] = await open_template(client, region, self._known)
        if service is Service.S3_EXPRESS:
            _report_redirects(client)
            _look_at_bodies(client)
            keep_to_control_endpoint(client)
        return client

    def _config(self, service: Service) -> AioConfig:
        return AioConfig(
            retries={"total_max_attempts": 1, "mode": "standard"},  # tenacity is the only retry layer
            connect_timeout=self._options.connect_timeout,
            read_timeout=self._options.timeout,
            max_pool_connections=self._options.max_concurrency,
            connector_args={"keepalive_timeout": _KEEPALIVE_SECONDS},
            http_session_cls=OneRequestSession.counting(self.traffic),
            user_agent_extra=self._user_agent,
            use_dualstack_endpoint=False if service is Service.S3_EXPRESS else None,  # of which it has none
            s3=self._s3_settings() if SDK_NAMES.get(service, service) == Service.S3 else None,
        )

    def _s3_settings(self) -> dict[str, Any]:
        """Choose path-style addressing, unless the user's own configuration says otherwise.

        With virtual-hosted style every bucket is a host of its own: a name look-up, a connection and a TLS
        handshake for each. Transfer acceleration serves objects only and does not go with path style.
        """
        configured = _botocore_session(self._session).get_scoped_config().get("s3")
        style = configured.get("addressing_style") if isinstance(configured, dict) else None
        return {"addressing_style": style or "path", "use_accelerate_endpoint": False}


class Clients:
    """The clients of a pool as one account uses them: with its credentials, for its requests alone."""

    def __init__(self, pool: ClientPool, load: Callable[[], Awaitable[Any]]) -> None:
        """Take the clients. `load` gets the credentials when they are first needed, as the SDK has them."""
        self.pool = pool
        self.secrets = Secrets()
        self.credentials = RunCredentials(load, self.secrets)
        self._readers: dict[str, EncryptionReader | None] = {}

    @property
    def home_region(self) -> str:
        """Where to list, and to ask for what has no region of its own."""
        return self.pool.home_region

    @property
    def traffic(self) -> Traffic:
        """What the whole pool has read."""
        return self.pool.traffic

    async def known_regions(self) -> tuple[str, ...]:
        """Give the regions of the home region's partition that the SDK knows."""
        return await self.pool.known_regions()

    async def get(self, service: Service, region: str) -> Any:  # noqa: ANN401 - SDK clients are made at run time
        """Give the client of a service in a region. What is asked of it within `signing` is signed for this account."""
        return await self.pool.get(service, region)

    def is_ready(self, service: Service, region: str) -> bool:
        """Tell whether a client is there, and the credentials are good for some time."""
        return self.pool.has(service, region) and not self.credentials.is_due()

    def signing(self) -> AbstractContextManager[None]:
        """Have what this task asks of clients, while the block lasts, signed with this account's credentials."""
        return signing_as(self.credentials)

    async def encryption_reader(self, region: str) -> EncryptionReader | None:
        """Give what reads the encryption of a region's buckets, but for odd ones; None where the client has to."""
        if region not in self._readers:
            template = await self.pool.template(region)
            self._readers[region] = None if template is None else EncryptionReader(template, self.credentials)
        return self._readers[region]


def _botocore_session(session: aioboto3.Session) -> Any:  # noqa: ANN401 - untyped SDK object
    # aioboto3 has no public way to the session it wraps (15.5.0, aioboto3/session.py).
    return session._session  # noqa: SLF001


class _DefaultConfig(AioConfig):  # type: ignore[misc]  # aiobotocore has no types
    """A session's default configuration, whose HTTP session holds for every client that is made with it.

    `AioConfig.merge` knows nothing of HTTP sessions: what a default and a client's own configuration are merged into
    has the SDK's.
    """

    def merge(self, other_config: Any) -> Any:  # noqa: ANN401 - as the overridden method
        merged = super().merge(other_config)
        chosen = getattr(other_config, "http_session_cls", None)
        ours = isinstance(chosen, type) and issubclass(chosen, OneRequestSession)
        merged.http_session_cls = chosen if ours else self.http_session_cls
        merged.connector_args = getattr(other_config, "connector_args", None) or self.connector_args
        return merged


def _use_own_connections(session: aioboto3.Session, traffic: Traffic) -> None:
    """Have all of a session's clients use `OneRequestSession`; those that the SDK makes to fetch credentials, too."""
    inner = _botocore_session(session)
    before = inner.get_default_client_config()
    options = {} if before is None else before._user_provided_options  # noqa: SLF001 - as Config.merge reads them
    inner.set_default_client_config(
        _DefaultConfig(**{**options, "http_session_cls": OneRequestSession.counting(traffic)})
    )


def _use_regional_sts(session: aioboto3.Session) -> None:
    """Have STS asked in the region, whatever the configuration says of its one endpoint of old.

    Tokens of that are refused in regions that an account has to opt in to (IAM User Guide, AWS STS Regions).
    """
    _botocore_session(session).set_config_variable("sts_regional_endpoints", "regional")


def _guard_parsers(session: aioboto3.Session) -> None:
    """Have a session's clients made with parsers that fail in one way only; those that fetch credentials, too."""
    _botocore_session(session).register_component("response_parser_factory", GuardedParsers())


def _teach_blocked_encryption_types(session: aioboto3.Session) -> None:
    """Add BlockedEncryptionTypes to a session's S3 model, which botocore 1.40 drops from answers silently.

    The session is given another loader, as its own may have the model in its cache already.
    """
    inner = _botocore_session(session)
    inner.register_component("data_loader", _loader(inner.get_config_variable("data_path")))


@cache
def _loader(data_path: str | None) -> Any:  # noqa: ANN401 - untyped SDK object
    """Make the loader of all runs of this process: it keeps what it has parsed, 0.2 s for each service.

    The addition has an extras type of its own: a file of the type `sdk-extras` would replace botocore's own. Harmless
    where botocore knows the member itself (1.43).
    """
    loader = create_loader(data_path)
    loader.search_paths.append(str(_MODELS))
    loader.extras_types.append(_EXTRAS_TYPE)
    return loader


def _report_redirects(client: Any) -> None:  # noqa: ANN401 - untyped SDK object
    """Keep botocore from following S3's region redirects inside of one call.

    It would ask again (and, for some codes, send a HeadBucket) unseen by limits, counts and retries. It asks once
    at most, so it is told that it has; the error then comes out, and the engine asks in the right region itself.
    """

    def already_redirected(context: dict[str, Any], **_: object) -> None:
        context.setdefault("s3_redirect", {})["redirected"] = True

    client.meta.events.register_last("before-parameter-build.s3", already_redirected)


def _look_at_bodies(client: Any) -> None:  # noqa: ANN401 - untyped SDK object
    """Tell apart what a client's answers with a good status are, which botocore does not do as it should.

    It takes a body that is empty, or some proxy's page, for a configuration without rules, which would be "not
    configured" in the report; so of GetBucketEncryption it is noted whether the body is one. And what is no XML at all
    it takes for an error 500, after it has parsed the whole of each listing one time more to find out.
    """

    def look(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
        customized_response_dict[BODY_NAMES_IT] = names_encryption(response_dict["body"])

    def fail(response_dict: dict[str, Any], **_: object) -> None:
        response_dict["status_code"] = status_of(response_dict["status_code"], response_dict["body"])

    client.meta.events.unregister("before-parse.s3.*", handlers._handle_200_error)  # noqa: SLF001 - it has no other name
    client.meta.events.register("before-parse.s3.*", fail)
    client.meta.events.register("before-parse.s3.GetBucketEncryption", look)
