from __future__ import annotations

import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from s3audit_async.codes import (
    Reaction,
    Verdict,
    is_denied,
    is_expired,
    is_unanswered,
    may_have_arrived,
    react,
    rejects_credentials,
    verdict,
)
from s3audit_async.errors import CallError, TransportCode
from s3audit_async.model import Operation

THROTTLES = [
    pytest.param("SlowDown", 503, id="S3"),
    pytest.param("HTTP503", 503, id="bare 503"),
    pytest.param("ThrottlingException", 400, id="KMS"),
    pytest.param("Throttling", 400, id="STS"),
    pytest.param("RequestLimitExceeded", 503, id="request limit"),
    pytest.param("TooManyRequestsException", 429, id="too many, by code and status"),
    pytest.param("SlowDown", 200, id="within an answer of status 200"),
    pytest.param("SlowDown", None, id="no status"),
    pytest.param("HTTP429", 429, id="a bare 429, which botocore leaves out"),
    pytest.param("SomethingElse", 429, id="429 with a code of its own"),
]
TRANSIENTS = [
    pytest.param("InternalError", 500, id="S3"),
    pytest.param("RequestTimeout", 400, id="S3 gave up reading, with status 400"),
    pytest.param("InternalError", 200, id="within an answer of status 200"),
    pytest.param("KMSInternalException", 500, id="KMS"),
    pytest.param("DependencyTimeoutException", 503, id="KMS dependency"),
    pytest.param("InternalFailure", 500, id="STS"),
    pytest.param("ServiceException", 400, id="Organizations"),
    pytest.param("ConcurrentModificationException", 400, id="Organizations, while it is changed"),
    pytest.param("HTTP500", 500, id="bare 500"),
    pytest.param("HTTP502", 502, id="bare 502"),
    pytest.param("HTTP504", 504, id="bare 504"),
    pytest.param("NewInThisYear", 500, id="unknown code of a server error"),
    pytest.param(TransportCode.UNREACHABLE, None, id="unreachable"),
    pytest.param(TransportCode.READ_TIMEOUT, None, id="timeout"),
    pytest.param(TransportCode.CLOSED, None, id="closed"),
    pytest.param(TransportCode.INVALID_RESPONSE, 200, id="truncated answer"),
]
FINALS = [
    pytest.param("AccessDenied", 403, id="denied by S3"),
    pytest.param("AccessDeniedException", 400, id="denied by KMS"),
    pytest.param("NoSuchBucket", 404, id="gone"),
    pytest.param("ServerSideEncryptionConfigurationNotFoundError", 404, id="not configured"),
    pytest.param("NotFoundException", 400, id="no such key"),
    pytest.param("PermanentRedirect", 301, id="elsewhere"),
    pytest.param("ExpiredToken", 400, id="expired"),
    pytest.param("NotImplemented", 501, id="a store that will never know"),
    pytest.param("HTTP501", 501, id="bare 501"),
    pytest.param("NewInThisYear", 400, id="unknown code of a client error"),
    pytest.param("NewInThisYear", None, id="unknown code without status"),
    pytest.param(TransportCode.TLS, None, id="certificate refused"),
    pytest.param(TransportCode.UNEXPECTED, None, id="our own defect"),
]
THROTTLES_OF_BOTOCORE = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
TRANSIENTS_OF_BOTOCORE = set(TransientRetryableChecker._TRANSIENT_ERROR_CODES)
OF_DYNAMODB = {"TransactionInProgressException"}
DENIALS = [
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "Forbidden",
    "ForbiddenException",
    "UnauthorizedAccess",
    "HTTP403",
]
EXPIRED = ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"]
BAD_CREDENTIALS = [
    *EXPIRED,
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "MissingAuthenticationToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
]


def refused(code: str, status: int | None = None) -> CallError:
    return CallError(Operation.GET_BUCKET_ENCRYPTION, "a-bucket", "eu-west-1", code=code, status=status)


@pytest.mark.parametrize(("code", "status"), THROTTLES)
def test_a_throttle_calls_for_asking_less(code: str, status: int | None) -> None:
    assert react(code, status) is Reaction.THROTTLED


@pytest.mark.parametrize(("code", "status"), TRANSIENTS)
def test_a_transient_failure_is_worth_another_attempt(code: str, status: int | None) -> None:
    assert react(code, status) is Reaction.TRANSIENT


@pytest.mark.parametrize("code", sorted(THROTTLES_OF_BOTOCORE - OF_DYNAMODB))
def test_what_botocore_takes_for_a_throttle_is_one_here_too(code: str) -> None:
    assert react(code, 400) is Reaction.THROTTLED


@pytest.mark.parametrize("code", sorted(TRANSIENTS_OF_BOTOCORE - THROTTLES_OF_BOTOCORE))
def test_what_botocore_takes_for_transient_is_so_here_too(code: str) -> None:
    assert react(code, 400) is Reaction.TRANSIENT


@pytest.mark.parametrize(("code", "status"), FINALS)
def test_an_answer_is_not_asked_for_again(code: str, status: int | None) -> None:
    assert react(code, status) is Reaction.FINAL


@pytest.mark.parametrize("code", DENIALS)
def test_a_denial_is_a_final_answer_and_no_fault_of_the_credentials(code: str) -> None:
    assert (is_denied(code), rejects_credentials(code), react(code, 403)) == (True, False, Reaction.FINAL)


@pytest.mark.parametrize("code", BAD_CREDENTIALS)
def test_credentials_that_are_not_taken_are_no_denial(code: str) -> None:
    assert (rejects_credentials(code), is_denied(code), react(code, 403)) == (True, False, Reaction.FINAL)


@pytest.mark.parametrize("code", BAD_CREDENTIALS)
def test_only_credentials_that_were_good_once_are_expired(code: str) -> None:
    """The others may yet be taken in another region."""
    assert is_expired(code) is (code in EXPIRED)


@pytest.mark.parametrize(
    "code", [TransportCode.UNREACHABLE, TransportCode.READ_TIMEOUT, TransportCode.CLOSED, TransportCode.TLS]
)
def test_where_no_connection_brings_an_answer_nobody_answered(code: str) -> None:
    assert is_unanswered(code)


@pytest.mark.parametrize(
    "code", [TransportCode.INVALID_RESPONSE, TransportCode.UNEXPECTED, "SlowDown", "InternalError", "HTTP503", ""]
)
def test_an_answer_that_is_of_no_use_is_an_answer(code: str) -> None:
    assert not is_unanswered(code)


@pytest.mark.parametrize("code", ["", "accessdenied", "NoSuchBucket", "NotFoundException", "SlowDown", "HTTP404"])
def test_other_codes_say_nothing_of_permissions_or_credentials(code: str) -> None:
    assert (is_denied(code), rejects_credentials(code)) == (False, False)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ServerSideEncryptionConfigurationNotFoundError", 404, Verdict.UNCONFIGURED),
        ("NoSuchBucket", 404, Verdict.GONE),
        ("AccessDenied", 403, Verdict.DENIED),
        ("HTTP403", 403, Verdict.DENIED),
        ("PermanentRedirect", 301, Verdict.ELSEWHERE),
        ("PermanentRedirect", None, Verdict.ELSEWHERE),
        ("TemporaryRedirect", None, Verdict.ELSEWHERE),
        ("Redirect", None, Verdict.ELSEWHERE),
        ("AuthorizationHeaderMalformed", 400, Verdict.ELSEWHERE),
        ("IllegalLocationConstraintException", 400, Verdict.ELSEWHERE),
        ("HTTP301", 301, Verdict.ELSEWHERE),
        ("HTTP302", 302, Verdict.ELSEWHERE),
        ("HTTP307", 307, Verdict.ELSEWHERE),
        ("HTTP308", 308, Verdict.ELSEWHERE),
        ("HTTP304", 304, Verdict.FAILED),
        ("HTTP404", 404, Verdict.FAILED),
        ("InternalError", 500, Verdict.FAILED),
        ("InvalidToken", 400, Verdict.FAILED),
        ("NotFoundException", 400, Verdict.FAILED),
        (TransportCode.READ_TIMEOUT, None, Verdict.FAILED),
    ],
)
def test_what_a_refused_question_says_of_the_bucket(code: str, status: int | None, expected: Verdict) -> None:
    assert verdict(refused(code, status)) is expected


def test_what_had_a_connection_may_have_arrived() -> None:
    """And so may have been counted against a rate; what had none cannot."""
    codes = (TransportCode.READ_TIMEOUT, TransportCode.CLOSED, TransportCode.UNREACHABLE, TransportCode.TLS)
    assert [may_have_arrived(code) for code in codes] == [True, True, False, False]
