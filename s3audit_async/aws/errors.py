"""The one seam where SDK exceptions become s3audit's own.

Of an error answer only the code, the message and the retry and region headers are taken, never the request, its
headers or its URL; and what the message repeats of those is taken out of it (`s3audit_async.redaction`).
"""

from __future__ import annotations

import errno
import re
import ssl
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from s3audit_async.codes import Reaction, react
from s3audit_async.errors import CallError, ConfigurationError, CredentialsError, TransportCode
from s3audit_async.model import Operation
from s3audit_async.redaction import Secrets, plain
from s3audit_async.references import is_host_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SESSION = "CreateSession"
"""What the SDK asks of a directory bucket before anything else: a refusal is one of the bucket."""
_OTHERWISE: Mapping[Operation, str] = {Operation.GET_DIRECTORY_BUCKET_ENCRYPTION: "GetBucketEncryption"}
"""Operations that the SDK calls otherwise."""
_LONGEST_CODE = 128  # characters; AWS's longest has 46, and it becomes a cell of the report
NO_CREDENTIALS = (
    sdk.NoCredentialsError,
    sdk.PartialCredentialsError,
    sdk.CredentialRetrievalError,
    sdk.RefreshWithMFAUnsupportedError,
    sdk.InfiniteLoopConfigError,
    sdk.UnknownCredentialError,
    sdk.InvalidConfigError,
    sdk.ConfigNotFound,
    sdk.SSOError,
    sdk.TokenRetrievalError,
    sdk.MissingDependencyException,
)
_UNREACHABLE = (sdk.ConnectTimeoutError, sdk.ProxyConnectionError, sdk.EndpointConnectionError)
_UNREADABLE = (FileNotFoundError, PermissionError, IsADirectoryError)
_TRANSPORT_CODES = (  # the more particular before the more general
    (sdk.SSLError, TransportCode.TLS),
    (sdk.ReadTimeoutError, TransportCode.READ_TIMEOUT),
    ((ResponseParserError, sdk.ResponseStreamingError, sdk.IncompleteReadError), TransportCode.INVALID_RESPONSE),
    ((sdk.ConnectionClosedError, sdk.HTTPClientError), TransportCode.CLOSED),
)
_RESETS = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})


class UnusableAnswerError(Exception):
    """Raised when an answer is not what the API promises, or more than is read of one. Becomes `InvalidResponse`.

    `status` is the HTTP status that came with it, where that is known.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NotOfferedError(Exception):
    """Raised when an answer is good, and shows that what was asked for does not exist there. Becomes `NotImplemented`.

    That is what an endpoint says which knows the request and does not serve it.
    """


@contextmanager
def translated(operation: Operation, target: str, region: str, secrets: Secrets | None = None) -> Iterator[None]:
    """Raise s3audit's error for any that the SDK raises inside: `CallError`, or `CredentialsError`."""
    try:
        yield
    except sdk.ClientError as error:
        answer = _from_answer(error.response, operation, target, region, secrets)
        of_credentials = error.operation_name not in {_OTHERWISE.get(operation, operation), _SESSION}
        if of_credentials and react(answer.code, answer.status) is Reaction.FINAL:
            # Credentials are renewed within a call: sts:AssumeRole that is denied says nothing of the bucket.
            raise CredentialsError(
                f"the credentials cannot be had: {error.operation_name}: {answer.code}: {answer.message}",
                hint="sign in again, or check the role that the profile names; then go on with --resume",
            ) from error
        raise answer from error
    except NotOfferedError as error:
        raise CallError(operation, target, region, code="NotImplemented", message=plain(error, secrets)) from error
    except NO_CREDENTIALS as error:
        raise CredentialsError(
            f"no usable AWS credentials: {plain(error, secrets)}",
            hint="sign in ('aws sso login', 'aws configure') or name a profile with --profile",
        ) from error
    except (sdk.BotoCoreError, sdk.HTTPClientError, ResponseParserError, UnusableAnswerError) as error:
        # What is raised while an answer is read comes out of the SDK inside of an error of its own.
        inner = error.kwargs.get("error") if isinstance(error, sdk.HTTPClientError) else error
        if isinstance(inner, ValueError) and not isinstance(inner, UnicodeError | ResponseParserError):
            # Refused before it was sent: a proxy's URL, or a key or token with a line break, that no header may hold.
            raise ConfigurationError(
                f"the AWS configuration cannot be used: {plain(inner, secrets)}",
                hint="check the proxy variables, and the keys and tokens for line breaks",
            ) from error
        unusable = inner if isinstance(inner, UnusableAnswerError) else None
        code = TransportCode.INVALID_RESPONSE if unusable else _transport_code(error)
        said = plain(unusable or error, secrets)
        status = unusable.status if unusable else None
        raise CallError(operation, target, region, code=code, message=said, status=status) from error


def _from_answer(
    response: Mapping[str, Any], operation: Operation, target: str, region: str, secrets: Secrets | None
) -> CallError:
    error = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    headers = metadata.get("HTTPHeaders", {})
    status = metadata.get("HTTPStatusCode")
    code = plain(error.get("Code") or "", secrets)[:_LONGEST_CODE]
    if not code or code.isdecimal():  # an answer without a body, as HEAD's are: botocore puts the status there
        code = f"HTTP{status}"
    told = headers.get("x-amz-bucket-region") or error.get("Region")
    return CallError(
        operation,
        target,
        region,
        code=code,
        message=plain(error.get("Message") or "", secrets),
        status=status,
        retry_after=retry_after(headers),
        bucket_region=told if isinstance(told, str) and is_host_label(told) else None,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the seconds that a server asks to wait, 0 or more; None where it does not ask, or makes no sense.

    Retry-After is a number of seconds or a date (RFC 9110, 10.2.3), the latter by the server's own clock where it
    tells its time. x-amz-retry-after is in milliseconds (botocore 1.43, retries/standard.py).
    """
    for header, unit in (("retry-after", 1.0), ("x-amz-retry-after", 0.001)):
        value = headers.get(header, "")
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
            return float(value) * unit
    until = _date(headers.get("retry-after", ""))
    if until is None:
        return None
    return max(0.0, (until - (_date(headers.get("date", "")) or datetime.now(UTC))).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):  # it is text from outside: whatever it may be
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)  # `-0000` is UTC, of nowhere in particular


def _transport_code(error: Exception) -> str:
    if isinstance(error, _UNREACHABLE):
        # aiobotocore says EndpointConnectionError also of a connection that was reset while it was in use.
        cause = error.kwargs.get("error")
        reset = isinstance(cause, OSError) and cause.errno in _RESETS
        return TransportCode.CLOSED if reset else TransportCode.UNREACHABLE
    if isinstance(error, sdk.HTTPClientError) and isinstance(error.kwargs.get("error"), (*_UNREADABLE, ssl.SSLError)):
        return TransportCode.TLS  # the CA bundle or client certificate that the settings name
    return next((code for kind, code in _TRANSPORT_CODES if isinstance(error, kind)), type(error).__name__)
