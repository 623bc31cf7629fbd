"""Requests about the buckets that are not general purpose ones, and about regions: the gateway's other half.

Directory buckets are asked about with the SDK's client of S3, which turns to their control endpoint by itself
(botocore, endpoint rules of s3); it is a client of its own here, as it has limits and handlers of its own.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import UnknownRegionError

from s3audit_async.aws import answers
from s3audit_async.errors import CallError, TransportCode
from s3audit_async.model import Operation, Service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from s3audit_async.aws.session import Clients
    from s3audit_async.model import BucketPage, RegionPage, Rule

SDK_NAMES = {Service.S3_EXPRESS: "s3"}
"""Services that the SDK calls otherwise."""

_ALL = "*"
_REGIONS_A_PAGE = 50  # MaxResults, botocore model of account
_DIRECTORY_BUCKETS_A_PAGE = 1000  # MaxDirectoryBuckets, botocore model of s3
_TABLE_BUCKETS_A_PAGE = 1000  # maxBuckets, botocore model of s3tables
_VECTOR_BUCKETS_A_PAGE = 500  # maxResults, botocore model of s3vectors
_LONGEST_PREFIX = 63  # of the last two; no bucket of theirs has a longer name
_NO_SUCH_HOST = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
_LONGEST_CHAIN = 10
_GLOBAL = "-global"  # botocore's name for no region in particular, after the partition's


class OtherKinds(ABC):
    """What the gateway is asked about regions and the other kinds of buckets. See `s3audit_async.ports.Gateway`."""

    _clients: Clients

    @property
    def home_region(self) -> str:
        return self._clients.home_region

    async def known_regions(self) -> tuple[str, ...]:
        return await self._clients.known_regions()

    @abstractmethod
    def _asking(self, operation: Operation, target: str, region: str) -> AbstractContextManager[None]:
        """Give what a request is made within: its errors are translated, and it is signed for this account."""

    async def list_regions(self, *, token: str | None) -> RegionPage:
        parameters = _without_none(MaxResults=_REGIONS_A_PAGE, NextToken=token)
        with self._asking(Operation.LIST_REGIONS, _ALL, self.home_region):
            client = await self._clients.get(Service.ACCOUNT, self.home_region)
            return answers.region_page(await client.list_regions(**parameters))

    async def list_directory_buckets(self, region: str, *, token: str | None) -> BucketPage:
        parameters = _without_none(MaxDirectoryBuckets=_DIRECTORY_BUCKETS_A_PAGE, ContinuationToken=token)
        with self._listing(Operation.LIST_DIRECTORY_BUCKETS, region):
            client = await self._clients.get(Service.S3_EXPRESS, region)
            return answers.directory_page(await client.list_directory_buckets(**parameters), region, token)

    async def list_table_buckets(self, region: str, *, token: str | None, prefix: str | None) -> BucketPage:
        parameters = _without_none(maxBuckets=_TABLE_BUCKETS_A_PAGE, continuationToken=token, prefix=_sendable(prefix))
        with self._listing(Operation.LIST_TABLE_BUCKETS, region):
            client = await self._clients.get(Service.S3_TABLES, region)
            return answers.table_page(await client.list_table_buckets(**parameters))

    async def list_vector_buckets(self, region: str, *, token: str | None, prefix: str | None) -> BucketPage:
        parameters = _without_none(maxResults=_VECTOR_BUCKETS_A_PAGE, nextToken=token, prefix=_sendable(prefix))
        with self._listing(Operation.LIST_VECTOR_BUCKETS, region):
            client = await self._clients.get(Service.S3_VECTORS, region)
            return answers.vector_page(await client.list_vector_buckets(**parameters))

    async def get_directory_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        # Without ExpectedBucketOwner, which is answered with 501 there (botocore model of s3).
        with self._asking(Operation.GET_DIRECTORY_BUCKET_ENCRYPTION, bucket, region):
            client = await self._clients.get(Service.S3_EXPRESS, region)
            return answers.rules(await client.get_bucket_encryption(Bucket=bucket))

    async def get_table_bucket_encryption(self, arn: str, region: str) -> tuple[Rule, ...]:
        with self._asking(Operation.GET_TABLE_BUCKET_ENCRYPTION, arn, region):
            client = await self._clients.get(Service.S3_TABLES, region)
            return answers.table_rules(await client.get_table_bucket_encryption(tableBucketARN=arn))

    async def get_vector_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        with self._asking(Operation.GET_VECTOR_BUCKET, bucket, region):
            client = await self._clients.get(Service.S3_VECTORS, region)
            return answers.vector_rules(await client.get_vector_bucket(vectorBucketName=bucket))

    @contextmanager
    def _listing(self, operation: Operation, region: str) -> Iterator[None]:
        """Ask, and tell a host that does not exist from one that cannot be reached."""
        try:
            with self._asking(operation, _ALL, region):
                yield
        except CallError as error:
            if error.code == TransportCode.UNREACHABLE and names_no_host(error):
                raise CallError(
                    operation, _ALL, region, code=TransportCode.NO_SUCH_HOST, message=error.message
                ) from error
            raise


def names_no_host(error: BaseException) -> bool:
    """Tell whether a connection failed because the name look-up was answered: there is no such host."""
    cause: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if cause is None:
            break
        if isinstance(cause, socket.gaierror):
            return cause.errno in _NO_SUCH_HOST
        inner = getattr(cause, "os_error", None) or getattr(cause, "kwargs", {}).get("error")  # of aiohttp, botocore
        cause = inner if isinstance(inner, BaseException) else cause.__cause__ or cause.__context__
    return False


async def known_regions(session: Any, home: str) -> tuple[str, ...]:  # noqa: ANN401 - aiobotocore's session
    """Give the regions of a region's partition that the SDK knows; for one that it does not know, that one."""
    try:
        partition = session.get_partition_for_region(home)
    except UnknownRegionError:
        partition = home.removesuffix(_GLOBAL)
        if partition == home:
            return (home,)
    return tuple(await session.get_available_regions("s3", partition_name=partition)) or (home,)


def keep_to_control_endpoint(client: Any) -> None:  # noqa: ANN401 - untyped SDK object
    """Have a client ask about directory buckets with the run's credentials, at an endpoint of the user's own, too.

    There botocore takes every request for one about objects, and would have a session made for the bucket first
    (1.40.61, endpoint rules of s3: the control endpoint is looked at only where no endpoint is set).
    """

    def choose(signature_version: Any, **_: object) -> str | None:  # noqa: ANN401 - text, or botocore's UNSIGNED
        of_session = isinstance(signature_version, str) and signature_version.startswith("v4-s3express")
        return "s3v4" if of_session else None

    client.meta.events.register_first("choose-signer.s3", choose)


def _sendable(prefix: str | None) -> str | None:
    """Give the prefix to send: none where it is longer, or shorter, than the service takes; it is applied again."""
    return prefix if prefix and len(prefix) <= _LONGEST_PREFIX else None


def _without_none(**parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's arguments
    return {name: value for name, value in parameters.items() if value is not None}
