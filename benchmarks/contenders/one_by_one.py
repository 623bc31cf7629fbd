"""An organization's accounts one after the other, each audited by s3audit's engine: what one writes who has no fleet.

`python -m benchmarks.contenders.one_by_one --endpoint-url URL --output FILE --concurrency N ROLE_ARN...`
"""

from __future__ import annotations

import argparse
import asyncio
import csv
from pathlib import Path
from typing import TYPE_CHECKING

import aioboto3

from benchmarks.contenders.rows import HEADER
from s3audit_async import Options, audit

if TYPE_CHECKING:
    from collections.abc import Sequence


async def audit_all(roles: Sequence[str], url: str, output: Path, concurrency: int) -> None:
    """Enter each account when the one before is done, and write the rows of all into one file."""
    options = Options(endpoint_url=url, max_concurrency=concurrency, identify=False)
    with output.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        async with aioboto3.Session().client("sts", endpoint_url=url) as sts:
            for role in roles:
                entered = await sts.assume_role(RoleArn=role, RoleSessionName="one-by-one")
                credentials = entered["Credentials"]
                session = aioboto3.Session(
                    aws_access_key_id=credentials["AccessKeyId"],
                    aws_secret_access_key=credentials["SecretAccessKey"],
                    aws_session_token=credentials["SessionToken"],
                )
                async with audit(session, options) as rows:
                    async for row in rows:
                        bucket_key = "" if row.bucket_key is None else str(row.bucket_key)
                        writer.writerow((row.bucket, row.mode, row.key_type, bucket_key))


def main() -> None:
    """Audit as the command line says."""
    parser = argparse.ArgumentParser(description="Audit the accounts of some roles, one after the other.")
    parser.add_argument("--endpoint-url", metavar="URL", required=True)
    parser.add_argument("--output", type=Path, metavar="FILE", required=True)
    parser.add_argument("--concurrency", type=int, metavar="N", required=True, help="requests in flight at most")
    parser.add_argument("roles", nargs="+", metavar="ROLE_ARN")
    told = parser.parse_args()
    asyncio.run(audit_all(told.roles, told.endpoint_url, told.output, told.concurrency))


if __name__ == "__main__":
    main()
