"""The one seam where SDK exceptions become s3audit's own.

Secrets stay out by construction: of an error answer only the code, the message and the retry and region headers
are taken, never the request, its headers or its URL.
"""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from s3audit_async.codes import Reaction, react
from s3audit_async.errors import CallError, CredentialsError, TransportCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3audit_async.model import Operation

_LONGEST_MESSAGE = 500  # characters; it is text from outside and ends up in reports and on terminals
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]+")

_NO_CREDENTIALS = (
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


@contextmanager
def translated(operation: Operation, target: str, region: str) -> Iterator[None]:
    """Raise s3audit's error for any that the SDK raises inside: `CallError`, or `CredentialsError`."""
    try:
        yield
    except sdk.ClientError as error:
        answer = _from_answer(error.response, operation, target, region)
        if error.operation_name != operation and react(answer.code, answer.status) is Reaction.FINAL:
            # Credentials are renewed within a call: sts:AssumeRole that is denied says nothing of the bucket.
            raise CredentialsError(
                f"the credentials cannot be had: {error.operation_name}: {answer.code}: {answer.message}",
                hint="sign in again, or check the role that the profile names; then go on with --resume",
            ) from error
        raise answer from error
    except _NO_CREDENTIALS as error:
        raise CredentialsError(
            f"no usable AWS credentials: {plain(error)}",
            hint="sign in ('aws sso login', 'aws configure') or name a profile with --profile",
        ) from error
    except (sdk.BotoCoreError, sdk.HTTPClientError) as error:
        raise CallError(operation, target, region, code=_transport_code(error), message=plain(error)) from error


def plain(error: object) -> str:
    """Make a text of one printable line, of bounded length, out of whatever an error says."""
    return _UNPRINTABLE.sub(" ", str(error)).strip()[:_LONGEST_MESSAGE]


def _from_answer(response: Mapping[str, Any], operation: Operation, target: str, region: str) -> CallError:
    error = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    headers = metadata.get("HTTPHeaders", {})
    status = metadata.get("HTTPStatusCode")
    code = plain(error.get("Code") or "")
    if not code or code.isdecimal():  # an answer without a body, as HEAD's are: botocore puts the status there
        code = f"HTTP{status}"
    return CallError(
        operation,
        target,
        region,
        code=code,
        message=plain(error.get("Message") or ""),
        status=status,
        retry_after=_retry_after(headers),
        bucket_region=headers.get("x-amz-bucket-region") or error.get("Region") or None,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the seconds of Retry-After, or the milliseconds of x-amz-retry-after (botocore, retries/standard.py)."""
    for header, unit in (("retry-after", 1.0), ("x-amz-retry-after", 0.001)):
        value = headers.get(header, "")
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            return float(value) * unit
    return None


def _transport_code(error: Exception) -> str:
    if isinstance(error, _UNREACHABLE):
        # aiobotocore says EndpointConnectionError also of a connection that was reset while it was in use.
        cause = error.kwargs.get("error")
        reset = isinstance(cause, OSError) and cause.errno in _RESETS
        return TransportCode.CLOSED if reset else TransportCode.UNREACHABLE
    if isinstance(error, sdk.HTTPClientError) and isinstance(error.kwargs.get("error"), _UNREADABLE):
        return TransportCode.TLS  # the CA bundle or client certificate that the settings name
    return next((code for kind, code in _TRANSPORT_CODES if isinstance(error, kind)), type(error).__name__)
