"""boto3 in a pool of threads: what most people write when the sequential script takes too long.

One client for each service and region, shared by up to `WORKERS` threads. The listing brings the regions. Keys are not
remembered: every bucket that uses one costs a DescribeKey.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
import boto3.s3.inject  # which the first S3 client would import: imports are no part of the audit
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.contenders import rows
from benchmarks.contenders.assignment import perform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.contenders.assignment import Assignment

WORKERS = 16
"""Threads, and so requests in flight. The interpreter lock lets more of them add little but memory."""
_PAGE = 1000


def audit(assignment: Assignment) -> None:
    """Audit all buckets, each in one of the threads."""
    workers = min(WORKERS, assignment.concurrency)
    asking = _Asking(assignment, workers)
    with ThreadPoolExecutor(workers) as pool:
        rows.write(assignment.output, pool.map(asking.row, asking.listed()[: assignment.first]))


class _Asking:
    """The clients, and the questions that are asked with them."""

    def __init__(self, assignment: Assignment, workers: int) -> None:
        self._endpoint_url = assignment.endpoint_url
        self._session = boto3.Session()
        self._config = Config(max_pool_connections=workers, s3={"addressing_style": assignment.addressing_style})
        self._clients: dict[tuple[str, str], Any] = {}
        self._making = Lock()  # clients may be shared by threads, a session may not (boto3 guide, "Session")

    def listed(self) -> list[Mapping[str, Any]]:
        """List all buckets, with their regions."""
        pages = self._client("s3", self._session.region_name).get_paginator("list_buckets")
        return [entry for page in pages.paginate(PaginationConfig={"PageSize": _PAGE}) for entry in page["Buckets"]]

    def row(self, entry: Mapping[str, Any]) -> rows.Row:
        """Audit one bucket."""
        name, region = entry["Name"], entry["BucketRegion"]
        try:
            found = rows.default_of(self._client("s3", region).get_bucket_encryption(Bucket=name))
        except ClientError as error:
            if rows.code_of(error) != rows.NOT_CONFIGURED:
                raise
            found = rows.UNCONFIGURED
        if found.key is None:
            return found.row(name)
        return found.row(name, self._manager(found.key, rows.region_of_key(found.key, region)))

    def _manager(self, key: str, region: str) -> str:
        try:
            return str(self._client("kms", region).describe_key(KeyId=key)["KeyMetadata"]["KeyManager"])
        except ClientError as error:
            if rows.code_of(error) != rows.NO_KEY:
                raise
            return rows.KEY_NOT_FOUND

    def _client(self, service: str, region: str) -> Any:  # noqa: ANN401 - SDK clients are made at run time
        with self._making:
            client = self._clients.get((service, region))
            if client is None:
                client = self._clients[service, region] = self._session.client(
                    service, region_name=region, endpoint_url=self._endpoint_url, config=self._config
                )
            return client


if __name__ == "__main__":
    perform(audit)
