"""The error tree: what a worker process raises arrives as it was."""

from __future__ import annotations

import pickle

import pytest

from s3audit_async import errors
from s3audit_async.errors import CallError, NotAskedError, S3AuditError, WrongAccountError
from s3audit_async.fleet.entering import SameAccountError
from s3audit_async.fleet.units import Account
from s3audit_async.model import Operation

CALL = {"code": "SlowDown", "message": "Please", "status": 503, "retry_after": 2.5, "bucket_region": "eu-west-1"}


def made(kind: type[S3AuditError]) -> S3AuditError:
    """One of a kind, with all that it can have."""
    if issubclass(kind, CallError):
        return kind(Operation.HEAD_BUCKET, "logs", "us-east-1", **CALL)  # type: ignore[arg-type]
    if kind is WrongAccountError:
        return WrongAccountError("111122223333", "444455556666")
    if kind is SameAccountError:
        return SameAccountError(Account("111122223333", "one", profile="one"), "two")
    return kind("that is wrong", hint="do this")


def kinds(kind: type[S3AuditError] = S3AuditError) -> list[type[S3AuditError]]:
    return [kind, *(one for below in kind.__subclasses__() for one in kinds(below))]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_every_error_comes_through_pickling_whole(kind: type[S3AuditError], protocol: int) -> None:
    """Its kind, its text and all that it carries."""
    error = made(kind)
    if isinstance(error, CallError):
        error.seconds = 1.5

    back = pickle.loads(pickle.dumps(error, protocol))

    assert type(back) is kind
    assert (str(back), back.args, vars(back)) == (str(error), error.args, vars(error))


def test_all_errors_are_tried() -> None:
    """Those of the module, at least."""
    assert {NotAskedError, WrongAccountError, SameAccountError, errors.OutputError} <= set(kinds())
