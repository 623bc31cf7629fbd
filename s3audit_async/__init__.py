"""Audit the default encryption of every S3 bucket an AWS account owns, and only read.

import aioboto3
import s3audit_async

async with s3audit_async.audit(aioboto3.Session()) as rows:
    async for row in rows:
        print(row.bucket, row.mode, row.key_type, row.bucket_key)
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes longer to import than all else here
if TYPE_CHECKING:
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
    from s3audit_async.model import Failure, Kind, Row, SseC, Unlisted
    from s3audit_async.options import Options
    from s3audit_async.ports import Observer
    from s3audit_async.recorded.to_file import FileAudit, audit_to_file

__version__ = "0.1.0"

__all__ = [
    "CredentialsError",
    "Failure",
    "FileAudit",
    "InterruptedRunError",
    "Kind",
    "ListingError",
    "Observer",
    "Options",
    "OutputError",
    "Row",
    "RunError",
    "S3AuditError",
    "SseC",
    "Unlisted",
    "UsageError",
    "WrongAccountError",
    "__version__",
    "audit",
    "audit_to_file",
]

_HOMES = {
    "audit": "api",
    "CredentialsError": "errors",
    "InterruptedRunError": "errors",
    "ListingError": "errors",
    "OutputError": "errors",
    "RunError": "errors",
    "S3AuditError": "errors",
    "UsageError": "errors",
    "WrongAccountError": "errors",
    "Failure": "model",
    "Kind": "model",
    "Row": "model",
    "SseC": "model",
    "Unlisted": "model",
    "Options": "options",
    "Observer": "ports",
    "FileAudit": "recorded.to_file",
    "audit_to_file": "recorded.to_file",
}
"""Where each name comes from. They are imported when they are first used: until then the command, which is a part of
this package, takes hardly any time to start, and Ctrl-C finds it ready."""


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - as `typing`

    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
