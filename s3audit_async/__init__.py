"""Audit the default encryption of every S3 bucket an AWS account owns, and only read.

import aioboto3
import s3audit_async

async with s3audit_async.audit(aioboto3.Session()) as rows:
    async for row in rows:
        print(row.bucket, row.mode, row.key_type, row.bucket_key)
"""

from s3audit_async.api import audit
from s3audit_async.errors import (
    CredentialsError,
    InterruptedRunError,
    ListingError,
    OutputError,
    RunError,
    S3AuditError,
    UsageError,
    WrongAccountError,
)
from s3audit_async.model import Failure, Row, SseC
from s3audit_async.options import Options
from s3audit_async.ports import Observer

__version__ = "0.1.0"

__all__ = [
    "CredentialsError",
    "Failure",
    "InterruptedRunError",
    "ListingError",
    "Observer",
    "Options",
    "OutputError",
    "Row",
    "RunError",
    "S3AuditError",
    "SseC",
    "UsageError",
    "WrongAccountError",
    "__version__",
    "audit",
]
