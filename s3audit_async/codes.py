"""Pure decisions: what an error code calls for, and what it says of a bucket.

Codes are matched as text, never as exception classes: KMS's AccessDeniedException and ThrottlingException are
not in its service model, and GetBucketEncryption models no error at all.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from s3audit_async.errors import TransportCode
from s3audit_async.model import Operation

if TYPE_CHECKING:
    from s3audit_async.errors import CallError

NO_SUCH_BUCKET = "NoSuchBucket"
KEY_DOES_NOT_EXIST = "NotFoundException"
_BUCKET_DOES_NOT_EXIST = "NotFoundException"  # as S3 Tables and S3 Vectors say it (botocore models)

# botocore/retries/standard.py lists these; 429 is left out there (botocore#2635) and added here by status.
_THROTTLES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    }
)
_TRANSIENTS = frozenset(
    {
        "ConcurrentModificationException",
        "DependencyTimeoutException",
        "InternalError",
        "InternalFailure",
        "KMSInternalException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceException",
        TransportCode.UNREACHABLE,
        TransportCode.READ_TIMEOUT,
        TransportCode.CLOSED,
        TransportCode.INVALID_RESPONSE,
    }
)
_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503  # how S3 throttles, by whatever code: SlowDown, ServiceUnavailable, or none in an answer to HEAD
_UNANSWERED = frozenset(
    {TransportCode.UNREACHABLE, TransportCode.READ_TIMEOUT, TransportCode.CLOSED, TransportCode.TLS}
)
_ARRIVED = frozenset({TransportCode.READ_TIMEOUT, TransportCode.CLOSED})
_SERVER_ERRORS = range(500, 600)
_NOT_IMPLEMENTED = 501  # an answer, and it will not change: S3-compatible stores send it

_DENIALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "Forbidden",
        "ForbiddenException",  # S3 Tables has both (botocore model of s3tables)
        "UnauthorizedAccess",
        "HTTP403",
    }
)
_NOT_OFFERED = frozenset(
    {
        "InvalidAction",
        "MethodNotAllowed",
        "NotImplemented",
        "UnknownOperation",
        "UnknownOperationException",
        TransportCode.NO_SUCH_HOST,
    }
)
_NOT_OFFERED_STATUS = frozenset({404, 405, 501})
_NOT_ENABLED = frozenset({"NotSignedUp", "OptInRequired", "SubscriptionRequiredException"})
_OF_OTHER_SERVICE = frozenset({"AuthorizationHeaderMalformed", "InvalidRequest", "MalformedXML"})
_WRONG_REGIONS = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "Redirect",
        "TemporaryRedirect",
    }
)
_REDIRECTS = frozenset({301, 302, 307, 308})
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "MissingAuthenticationToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)


class Reaction(Enum):
    """What a failed request calls for."""

    THROTTLED = auto()
    """Ask again, later, and ask less."""
    TRANSIENT = auto()
    """Ask again."""
    FINAL = auto()
    """It is an answer."""


class Verdict(Enum):
    """What a failed GetBucketEncryption says of the bucket."""

    UNCONFIGURED = auto()
    DENIED = auto()
    GONE = auto()
    ELSEWHERE = auto()
    """The bucket is in another region."""
    FAILED = auto()


def react(code: str, status: int | None) -> Reaction:
    """Tell whether a failed request is worth another attempt, by error code first and HTTP status second."""
    if code in _THROTTLES or status == _TOO_MANY_REQUESTS:
        return Reaction.THROTTLED
    if code in _TRANSIENTS:
        return Reaction.TRANSIENT
    if status == _UNAVAILABLE:
        return Reaction.THROTTLED
    if status in _SERVER_ERRORS and status != _NOT_IMPLEMENTED:
        return Reaction.TRANSIENT
    return Reaction.FINAL


def is_unanswered(code: str) -> bool:
    """Tell whether a code says that nobody was there to answer, as opposed to an answer that is of no use."""
    return code in _UNANSWERED


def may_have_arrived(code: str) -> bool:
    """Tell of a request without an answer whether there was a connection for it, so that it may have been read."""
    return code in _ARRIVED


def rejects_credentials(code: str) -> bool:
    """Tell whether a code says that the credentials themselves are not taken, as opposed to not enough."""
    return code in _BAD_CREDENTIALS


def is_expired(code: str) -> bool:
    """Tell whether a code says that the credentials were good once: that holds in every region."""
    return code in {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}


def is_denied(code: str) -> bool:
    """Tell whether a code says that the credentials are known and may not do this."""
    return code in _DENIALS


def is_not_offered(error: CallError, *, of_aws: bool) -> bool:
    """Tell of a listing that failed whether there is nothing to be listed: the service does not exist there.

    An endpoint that is not AWS's own (`of_aws`) may take the request for one of S3's, signed or written wrongly.
    """
    if error.code in _NOT_OFFERED or error.status in _NOT_OFFERED_STATUS:
        return True
    return not of_aws and error.code in _OF_OTHER_SERVICE


def is_not_enabled(code: str) -> bool:
    """Tell whether a code may say that a region is not enabled for the account."""
    return code in _NOT_ENABLED or rejects_credentials(code)


def is_gone(error: CallError) -> bool:
    """Tell whether a question about a bucket failed because there is none of that name."""
    if error.code == _BUCKET_DOES_NOT_EXIST:
        return error.operation in {Operation.GET_TABLE_BUCKET_ENCRYPTION, Operation.GET_VECTOR_BUCKET}
    return error.code == NO_SUCH_BUCKET


def verdict(error: CallError) -> Verdict:
    """Judge a question about a bucket's encryption that failed for good."""
    if error.code == "ServerSideEncryptionConfigurationNotFoundError":
        return Verdict.UNCONFIGURED
    if error.code in _WRONG_REGIONS or error.status in _REDIRECTS:
        return Verdict.ELSEWHERE
    if is_gone(error):
        return Verdict.GONE
    return Verdict.DENIED if is_denied(error.code) else Verdict.FAILED
