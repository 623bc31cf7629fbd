"""The Gateway of a real AWS account: each method one request, its answer taken out of the SDK's dicts."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio

from s3audit_async.aws import answers
from s3audit_async.aws.encryption import is_plain
from s3audit_async.aws.errors import translated
from s3audit_async.aws.kinds import OtherKinds
from s3audit_async.aws.session import ClientPool, Clients
from s3audit_async.codes import rejects_credentials
from s3audit_async.errors import CallError, ConfigurationError, CredentialsError, S3AuditError, TransportCode
from s3audit_async.model import BucketPage, Identity, Key, Operation, Rule, Service
from s3audit_async.redaction import plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    import aioboto3

    from s3audit_async.options import Options

_ALL = "*"
_SERVER_ERROR = 500
_LONGEST_PREPARATION = 60.0
"""Seconds that making a client may take, getting credentials included."""


@asynccontextmanager
async def open_gateway(session: aioboto3.Session, options: Options, *, user_agent: str) -> AsyncIterator[AwsGateway]:
    """Give the gateway to the account that a session's credentials belong to, and close its connections after."""
    pool = ClientPool(session, options, user_agent=user_agent)
    try:
        yield AwsGateway(pool.of_session())
    finally:
        await pool.aclose()


class AwsGateway(OtherKinds):
    """Asks S3, KMS and STS. See `s3audit_async.ports.Gateway`, which it fulfils, for what is asked and raised."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    @property
    def bytes_received(self) -> int:
        return self._clients.traffic.received

    @property
    def credentials_generation(self) -> int:
        return self._clients.credentials.generation

    async def renew_credentials(self, generation: int) -> bool:
        try:
            with anyio.fail_after(_LONGEST_PREPARATION):
                return await self._clients.credentials.renew(generation)
        except TimeoutError as error:
            raise _too_late() from error
        except S3AuditError:
            raise
        except Exception as error:
            raise CredentialsError(
                f"the credentials cannot be renewed: {plain(error, self._clients.secrets) or type(error).__name__}",
                hint="sign in again, then go on with --resume",
            ) from error

    async def prepare(self, operation: Operation, target: str, region: str) -> None:
        if self._clients.is_ready(operation.service, region):
            return
        secrets = self._clients.secrets
        try:
            with translated(operation, target, region, secrets), anyio.fail_after(_LONGEST_PREPARATION):
                await self._clients.get(operation.service, region)
                await self._clients.credentials.fresh()
        except S3AuditError:
            raise
        except TimeoutError as error:
            raise _too_late() from error
        except Exception as error:  # settings that the SDK does not check: an endpoint without a scheme, a lost program
            raise ConfigurationError(
                f"the AWS configuration cannot be used: {plain(error, secrets) or type(error).__name__}",
                hint="check the AWS_* variables and ~/.aws/config",
            ) from error

    async def list_buckets(
        self, *, page_size: int, token: str | None, prefix: str | None, region: str | None = None
    ) -> BucketPage:
        parameters: dict[str, Any] = {"MaxBuckets": page_size}  # brings BucketRegion with it
        if region is not None:
            parameters["BucketRegion"] = region
        if token is not None:
            parameters["ContinuationToken"] = token
        if prefix is not None:
            parameters["Prefix"] = prefix
        return await self._list_buckets(parameters, region or self.home_region)

    async def list_buckets_unpaged(self) -> BucketPage:
        return await self._list_buckets({}, self.home_region)

    async def _list_buckets(self, parameters: Mapping[str, Any], region: str) -> BucketPage:
        with self._asking(Operation.LIST_BUCKETS, _ALL, region):
            client = await self._clients.get(Service.S3, region)
            return answers.bucket_page(await client.list_buckets(**parameters))

    async def get_bucket_location(self, bucket: str) -> str:
        with self._asking(Operation.GET_BUCKET_LOCATION, bucket, self.home_region):
            client = await self._clients.get(Service.S3, self.home_region)
            return answers.bucket_location(await client.get_bucket_location(Bucket=bucket))

    async def head_bucket(self, bucket: str) -> str | None:
        try:
            with self._asking(Operation.HEAD_BUCKET, bucket, self.home_region):
                client = await self._clients.get(Service.S3, self.home_region)
                return answers.bucket_region(await client.head_bucket(Bucket=bucket))
        except CallError as error:
            if error.bucket_region is None:
                raise
            return error.bucket_region

    async def get_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        with self._asking(Operation.GET_BUCKET_ENCRYPTION, bucket, region):
            reader = await self._clients.encryption_reader(region)
            if reader is not None and is_plain(bucket):
                return await reader.read(bucket)
            client = await self._clients.get(Service.S3, region)
            return answers.rules(await client.get_bucket_encryption(Bucket=bucket))

    async def describe_key(self, reference: str, region: str) -> Key:
        with self._asking(Operation.DESCRIBE_KEY, reference, region):
            client = await self._clients.get(Service.KMS, region)
            return answers.key(await client.describe_key(KeyId=reference))

    async def get_caller_identity(self) -> Identity:
        with self._asking(Operation.GET_CALLER_IDENTITY, "self", self.home_region):
            client = await self._clients.get(Service.STS, self.home_region)
            return answers.identity(await client.get_caller_identity())

    @contextmanager
    def _asking(self, operation: Operation, target: str, region: str) -> Iterator[None]:
        """Translate errors, and learn from answers whether the credentials are taken."""
        generation = self.credentials_generation
        secrets = self._clients.secrets
        try:
            with translated(operation, target, region, secrets), self._clients.signing():
                yield
        except CallError as error:
            if error.status is not None and error.status < _SERVER_ERROR and not rejects_credentials(error.code):
                self._clients.credentials.accepted(generation)
            raise
        except S3AuditError:
            raise
        except Exception as error:
            said = plain(f"{type(error).__name__}: {error}", secrets)
            raise CallError(operation, target, region, code=TransportCode.UNEXPECTED, message=said) from error
        self._clients.credentials.accepted(generation)


def _too_late() -> CredentialsError:
    return CredentialsError(
        f"no credentials within {_LONGEST_PREPARATION:g} s", hint="check credential_process and the network"
    )
