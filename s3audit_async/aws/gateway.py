"""The Gateway of a real AWS account: each method one request, its answer taken out of the SDK's dicts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from s3audit_async.aws.errors import plain, translated
from s3audit_async.aws.session import BODY_NAMES_IT, Clients
from s3audit_async.classify import location
from s3audit_async.errors import CallError, ConfigurationError, CredentialsError, S3AuditError, TransportCode
from s3audit_async.model import Bucket, BucketPage, Identity, Key, Operation, Rule, Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import aioboto3

    from s3audit_async.options import Options

_ALL = "*"
_LONGEST_PREPARATION = 60.0
"""Seconds that making a client may take, getting credentials included."""


@asynccontextmanager
async def open_gateway(session: aioboto3.Session, options: Options, *, user_agent: str) -> AsyncIterator[AwsGateway]:
    """Give the gateway to the account that a session's credentials belong to, and close its connections after."""
    clients = Clients(session, options, user_agent=user_agent)
    try:
        yield AwsGateway(clients)
    finally:
        await clients.aclose()


class AwsGateway:
    """Asks S3, KMS and STS. See `s3audit_async.ports.Gateway`, which it fulfils, for what is asked and raised."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    @property
    def home_region(self) -> str:
        return self._clients.home_region

    async def prepare(self, operation: Operation, target: str, region: str) -> None:
        try:
            with translated(operation, target, region), anyio.fail_after(_LONGEST_PREPARATION):
                await self._clients.get(operation.service, region)
        except S3AuditError:
            raise
        except TimeoutError as error:
            raise CredentialsError(
                f"no credentials within {_LONGEST_PREPARATION:g} s", hint="check credential_process and the network"
            ) from error
        except Exception as error:  # settings that the SDK does not check: an endpoint without a scheme, a lost program
            raise ConfigurationError(
                f"the AWS configuration cannot be used: {plain(error) or type(error).__name__}",
                hint="check the AWS_* variables and ~/.aws/config",
            ) from error

    async def list_buckets(self, *, page_size: int, token: str | None, prefix: str | None) -> BucketPage:
        parameters: dict[str, Any] = {"MaxBuckets": page_size}  # brings BucketRegion with it
        if token is not None:
            parameters["ContinuationToken"] = token
        if prefix is not None:
            parameters["Prefix"] = prefix
        return await self._list_buckets(parameters)

    async def list_buckets_unpaged(self) -> BucketPage:
        return await self._list_buckets({})

    async def _list_buckets(self, parameters: Mapping[str, Any]) -> BucketPage:
        with translated(Operation.LIST_BUCKETS, _ALL, self.home_region):
            client = await self._clients.get(Service.S3, self.home_region)
            answer = await client.list_buckets(**parameters)
        buckets = _member(answer, "Buckets", Operation.LIST_BUCKETS, _ALL, self.home_region)
        return BucketPage(
            tuple(
                Bucket(entry["Name"], entry.get("BucketRegion") or None, entry.get("CreationDate")) for entry in buckets
            ),
            answer.get("ContinuationToken") or None,
        )

    async def get_bucket_location(self, bucket: str) -> str:
        with translated(Operation.GET_BUCKET_LOCATION, bucket, self.home_region):
            client = await self._clients.get(Service.S3, self.home_region)
            answer = await client.get_bucket_location(Bucket=bucket)
        return location(answer.get("LocationConstraint"))

    async def head_bucket(self, bucket: str) -> str | None:
        try:
            with translated(Operation.HEAD_BUCKET, bucket, self.home_region):
                client = await self._clients.get(Service.S3, self.home_region)
                answer = await client.head_bucket(Bucket=bucket)
        except CallError as error:
            if error.bucket_region is None:
                raise
            return error.bucket_region
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        return headers.get("x-amz-bucket-region") or answer.get("BucketRegion") or None

    async def get_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        with translated(Operation.GET_BUCKET_ENCRYPTION, bucket, region):
            client = await self._clients.get(Service.S3, region)
            answer = await client.get_bucket_encryption(Bucket=bucket)
        name = "ServerSideEncryptionConfiguration"
        told = answer if answer.get(BODY_NAMES_IT) else {}
        configuration = _member(told, name, Operation.GET_BUCKET_ENCRYPTION, bucket, region)
        return tuple(_rule(entry) for entry in configuration.get("Rules") or ())

    async def describe_key(self, reference: str, region: str) -> Key:
        with translated(Operation.DESCRIBE_KEY, reference, region):
            client = await self._clients.get(Service.KMS, region)
            answer = await client.describe_key(KeyId=reference)
        key = _member(answer, "KeyMetadata", Operation.DESCRIBE_KEY, reference, region)
        return Key(
            manager=key.get("KeyManager"),
            arn=key.get("Arn"),
            account=key.get("AWSAccountId"),
            state=key.get("KeyState"),
            origin=key.get("Origin"),
            multi_region=key.get("MultiRegion"),
            spec=key.get("KeySpec"),
            deletion_date=key.get("DeletionDate"),
            valid_to=key.get("ValidTo"),
        )

    async def get_caller_identity(self) -> Identity:
        with translated(Operation.GET_CALLER_IDENTITY, "self", self.home_region):
            client = await self._clients.get(Service.STS, self.home_region)
            answer = await client.get_caller_identity()
        account = _member(answer, "Account", Operation.GET_CALLER_IDENTITY, "self", self.home_region)
        return Identity(account, answer.get("Arn") or "")


def _rule(entry: Mapping[str, Any]) -> Rule:
    default = entry.get("ApplyServerSideEncryptionByDefault") or {}
    blocked = entry.get("BlockedEncryptionTypes")
    return Rule(
        algorithm=default.get("SSEAlgorithm"),
        key=default.get("KMSMasterKeyID"),
        bucket_key=entry.get("BucketKeyEnabled"),
        blocked=None if blocked is None else tuple(blocked.get("EncryptionType") or ()),
    )


def _member(answer: Mapping[str, Any], name: str, operation: Operation, target: str, region: str) -> Any:  # noqa: ANN401
    """Take a member that every good answer has. One without it is not an answer, and worth asking again."""
    value = answer.get(name)
    if value is None:
        message = f"the answer holds no {name}"
        raise CallError(operation, target, region, code=TransportCode.INVALID_RESPONSE, message=message)
    return value
