"""The plain aiobotocore loop: a gather over all buckets and a semaphore. The baseline of every ratio.

No more than it takes to be right and as fast as the SDK: one client for each service and region, path-style addressing
if not told otherwise, regions from the listing, a connection for each request in flight, one DescribeKey for each
distinct key. No retries but the SDK's, no backpressure: a task for every bucket, and all rows in memory until the end.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from benchmarks.contenders import rows
from benchmarks.contenders.assignment import perform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.contenders.assignment import Assignment

_PAGE = 1000


def audit(assignment: Assignment) -> None:
    """Audit all buckets at once, as far as the semaphore lets them."""
    rows.write(assignment.output, asyncio.run(_rows(assignment)))


async def _rows(assignment: Assignment) -> list[rows.Row]:
    async with AsyncExitStack() as opened:
        asking = _Asking(assignment, opened)
        listed = await asking.listed()
        return await asyncio.gather(*map(asking.row, listed[: assignment.first]))


class _Asking:
    """The clients, the keys that are known, and the questions that are asked."""

    def __init__(self, assignment: Assignment, opened: AsyncExitStack) -> None:
        self._endpoint_url = assignment.endpoint_url
        self._opened = opened
        self._session = get_session()
        self._config = AioConfig(
            max_pool_connections=assignment.concurrency, s3={"addressing_style": assignment.addressing_style}
        )
        self._semaphore = asyncio.Semaphore(assignment.concurrency)
        self._clients: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._managers: dict[tuple[str, str], asyncio.Task[str]] = {}

    async def listed(self) -> list[Mapping[str, Any]]:
        """List all buckets, with their regions."""
        s3 = await self._client("s3", self._session.get_config_variable("region"))
        pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": _PAGE})
        return [entry async for page in pages for entry in page["Buckets"]]

    async def row(self, entry: Mapping[str, Any]) -> rows.Row:
        """Audit one bucket."""
        name, region = entry["Name"], entry["BucketRegion"]
        found = await self._default(name, region)
        if found.key is None:
            return found.row(name)
        asked = rows.region_of_key(found.key, region), found.key
        if asked not in self._managers:
            self._managers[asked] = asyncio.create_task(self._manager(*asked))
        return found.row(name, await self._managers[asked])

    async def _default(self, bucket: str, region: str) -> rows.Default:
        s3 = await self._client("s3", region)
        try:
            async with self._semaphore:
                return rows.default_of(await s3.get_bucket_encryption(Bucket=bucket))
        except ClientError as error:
            if rows.code_of(error) != rows.NOT_CONFIGURED:
                raise
            return rows.UNCONFIGURED

    async def _manager(self, region: str, key: str) -> str:
        kms = await self._client("kms", region)
        try:
            async with self._semaphore:
                answer = await kms.describe_key(KeyId=key)
        except ClientError as error:
            if rows.code_of(error) != rows.NO_KEY:
                raise
            return rows.KEY_NOT_FOUND
        return str(answer["KeyMetadata"]["KeyManager"])

    async def _client(self, service: str, region: str) -> Any:  # noqa: ANN401 - SDK clients are made at run time
        if (service, region) not in self._clients:
            self._clients[service, region] = asyncio.create_task(self._open(service, region))
        return await self._clients[service, region]

    async def _open(self, service: str, region: str) -> Any:  # noqa: ANN401 - as above
        client = self._session.create_client(
            service, region_name=region, endpoint_url=self._endpoint_url, config=self._config
        )
        return await self._opened.enter_async_context(client)


if __name__ == "__main__":
    perform(audit)
