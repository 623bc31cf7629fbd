"""The error tree. What fails for one bucket is a row, so few of these ever reach a caller.

`UsageError` is the user's to mend before anything is asked of AWS; `RunError` ends a run; `CallError` is one
failed request and is turned into a retry, a `Failure` or a `RunError` by the engine.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from s3audit_async.model import Operation


class TransportCode(StrEnum):
    """Codes for failures that no server named, in the style of AWS's own."""

    UNREACHABLE = "EndpointUnreachable"
    """No connection: name look-up, connect, proxy, or connect timeout."""
    NO_SUCH_HOST = "NoSuchHost"
    """No host has that name, as that of a service has none in a region that does not offer it. Told of listings only:
    what has buckets has a host."""
    READ_TIMEOUT = "ReadTimeout"
    """Connected, but the answer did not come in time."""
    CLOSED = "ConnectionClosed"
    """The connection went away before the answer was whole."""
    INVALID_RESPONSE = "InvalidResponse"
    """An answer that is not what the API promises: truncated, not parsable, parts missing, or made to do harm."""
    TLS = "TLSError"
    """Certificate or handshake refused; asking again does not help."""
    TOO_MANY_REGIONS = "TooManyRegions"
    """Not asked: a key's ARN or a listing named yet another region, after more of them than AWS has."""
    UNEXPECTED = "UnexpectedError"
    """A defect of this program met by one bucket; the others are not made to suffer for it."""


class S3AuditError(Exception):
    """Base of every error raised on purpose. `hint` says what to do next, in one line."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would make it anew from its message alone, which most of these are not made from.
        return _unpickled, (type(self), self.args, self.__dict__)


class UsageError(S3AuditError):
    """Raised when options, files or the environment cannot be used. No bucket has been asked about yet."""


class RunError(S3AuditError):
    """Raised when a run cannot go on. Rows that were audited until then have been delivered."""


class CredentialsError(RunError):
    """Raised when there are no credentials, or AWS does not take them."""


class WrongAccountError(RunError):
    """Raised when the credentials belong to another account than the one that is to be audited."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"account {expected} is to be audited, the credentials belong to {found}",
            hint="use that account's credentials",
        )
        self.expected = expected
        self.found = found


class ConfigurationError(RunError):
    """Raised when the AWS configuration turns out to be of no use once a client is made from it."""


class ListingError(RunError):
    """Raised when the buckets cannot be listed, or not to the end."""


class OutputError(RunError):
    """Raised when the report cannot be written any further: disk full, pipe closed."""


class InterruptedRunError(RunError):
    """Raised when a run was asked to stop (SIGINT, SIGTERM) and did."""


class CallError(S3AuditError):
    """Raised when one request failed. Carries what was asked of whom, and what came back.

    `status` is the HTTP status, None where no answer came. `retry_after` is in seconds, as the server asked.
    `bucket_region` is where S3 says the bucket really is, if it said so. `seconds` is how long the attempt took.
    """

    def __init__(
        self,
        operation: Operation,
        target: str,
        region: str,
        *,
        code: str,
        message: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        bucket_region: str | None = None,
    ) -> None:
        super().__init__(f"{operation} {target} in {region}: {code}" + (f": {message}" if message else ""))
        self.operation = operation
        self.target = target
        self.region = region
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.bucket_region = bucket_region
        self.seconds = 0.0


class NotAskedError(CallError):
    """Raised when a request was not sent, because the service has given no answer in that region for a while."""


def _unpickled(kind: type[S3AuditError], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> S3AuditError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error
