"""What each fault of each call comes to: the data of a test, and of the page `docs/faults.md`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.stub import (
    ErrorAnswer,
    Fault,
    Flood,
    Garbage,
    Hang,
    Request,
    Reset,
    Truncated,
    internal,
    throttled,
)
from s3audit_async.model import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path(__file__).parents[1] / "docs" / "faults.md"

ATTEMPTS = 3
TIMES = {"first": 1, "repeated": ATTEMPTS - 1, "permanent": 99}
"""How often a call fails before it is answered. All but the last are within the attempts that a call has."""

_BOMB = b"""<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><bomb>&d;</bomb>"""


OPERATIONS = (
    Operation.LIST_BUCKETS,
    Operation.GET_BUCKET_LOCATION,
    Operation.HEAD_BUCKET,
    Operation.GET_BUCKET_ENCRYPTION,
    Operation.DESCRIBE_KEY,
    Operation.GET_CALLER_IDENTITY,
)
"""All that an audit of one account's general purpose buckets calls."""


class Family(Enum):
    """Faults that come to the same."""

    PASSING = "may pass"
    SILENT = "no answer"
    DENIED = "denied"
    GONE = "not there"
    EXPIRED = "expired"
    REFUSED = "credentials refused"
    FINAL = "an error of its own"


class Outcome(Enum):
    """What a run comes to: its exit code, and what its report says."""

    RIGHT = 0, "answered in the end: the row is right"
    NOT_NEEDED = 0, "the row is right: there is another way, or it costs the Account column only"
    DENIED_BUCKET = 0, "column B says `AccessDenied`, column C `Unknown`"
    DENIED_KEY = 0, "column C says `AccessDenied`"
    GONE_BUCKET = 0, "column B says `NoSuchBucket`, column C `Unknown`"
    GONE_KEY = 0, "column C says `KeyNotFound`"
    FAILED_BUCKET = 3, "column B says the error code, column C `Unknown`"
    FAILED_KEY = 3, "column C says the error code"
    ENDED = 4, "the run ends; what was audited is kept"

    @property
    def exit_code(self) -> int:
        """Of the command."""
        return self.value[0]

    @property
    def text(self) -> str:
        """For the page."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. `codes` are what the report calls it for S3 (of a call with a body) and for KMS."""

    name: str
    family: Family
    make: Callable[[Request], Fault]
    codes: tuple[str, str]


def _errors(status: int, s3: str, kms: str, sts: str) -> Callable[[Request], Fault]:
    return lambda request: ErrorAnswer(status, {"s3": s3, "kms": kms}.get(request.service, sts))


def _same(fault: Fault) -> Callable[[Request], Fault]:
    return lambda _request: fault


def _nested(request: Request) -> Fault:
    return Garbage(b'{"KeyMetadata":' + b"[" * 100_000) if request.service == "kms" else Garbage(b"<a>" * 10_000)


KINDS = (
    Kind("throttled", Family.PASSING, throttled, ("SlowDown", "ThrottlingException")),
    Kind("429", Family.PASSING, _same(ErrorAnswer(429, "TooManyRequests")), ("TooManyRequests", "TooManyRequests")),
    Kind(
        "503",
        Family.PASSING,
        _same(ErrorAnswer(503, "ServiceUnavailable")),
        ("ServiceUnavailable", "ServiceUnavailable"),
    ),
    Kind("internal error", Family.PASSING, internal, ("InternalError", "KMSInternalException")),
    Kind(
        "internal error dressed as 200",
        Family.PASSING,
        lambda request: ErrorAnswer(200 if request.service == "s3" else 500, "InternalError"),
        ("InternalError", "InternalError"),
    ),
    Kind("a proxy's 502", Family.PASSING, _same(Garbage(b"<html>bad", status=502)), ("HTTP502", "HTTP502")),
    Kind("request timeout", Family.PASSING, _same(ErrorAnswer(400, "RequestTimeout")), ("RequestTimeout",) * 2),
    Kind("connection reset", Family.PASSING, _same(Reset()), ("ConnectionClosed",) * 2),
    Kind("connection closed", Family.PASSING, _same(Reset(clean=True)), ("ConnectionClosed",) * 2),
    Kind("answer cut off", Family.PASSING, _same(Truncated()), ("ConnectionClosed",) * 2),
    Kind("somebody else's page", Family.PASSING, _same(Garbage(b"<html/>")), ("InvalidResponse",) * 2),
    Kind("empty answer", Family.PASSING, _same(Garbage(b"")), ("InvalidResponse",) * 2),
    Kind("1 GB answer", Family.PASSING, _same(Flood(1 << 30)), ("InvalidResponse",) * 2),
    Kind("XML entity bomb", Family.PASSING, _same(Garbage(_BOMB)), ("InvalidResponse",) * 2),
    Kind("deeply nested answer", Family.PASSING, _nested, ("InvalidResponse",) * 2),
    Kind("no answer", Family.SILENT, _same(Hang()), ("ReadTimeout",) * 2),
    Kind(
        "denied",
        Family.DENIED,
        _errors(403, "AccessDenied", "AccessDeniedException", "AccessDenied"),
        ("AccessDenied",) * 2,
    ),
    Kind(
        "not there",
        Family.GONE,
        _errors(404, "NoSuchBucket", "NotFoundException", "NotFound"),
        ("NoSuchBucket", "KeyNotFound"),
    ),
    Kind(
        "expired token",
        Family.EXPIRED,
        _errors(400, "ExpiredToken", "ExpiredTokenException", "ExpiredToken"),
        ("ExpiredToken", "ExpiredTokenException"),
    ),
    Kind(
        "unknown access key",
        Family.REFUSED,
        _errors(403, "InvalidAccessKeyId", "UnrecognizedClientException", "InvalidClientTokenId"),
        ("InvalidAccessKeyId", "UnrecognizedClientException"),
    ),
    Kind(
        "wrong signature",
        Family.REFUSED,
        _errors(403, "SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch"),
        ("SignatureDoesNotMatch", "InvalidSignatureException"),
    ),
    Kind("wrong clock", Family.REFUSED, _same(ErrorAnswer(403, "RequestTimeTooSkewed")), ("RequestTimeTooSkewed",) * 2),
    Kind("not implemented", Family.FINAL, _same(ErrorAnswer(501, "NotImplemented")), ("NotImplemented",) * 2),
    Kind("an error nobody knows", Family.FINAL, _same(ErrorAnswer(400, "NewThisYear")), ("NewThisYear",) * 2),
)

EXPECTED: dict[tuple[Family, Operation], tuple[Outcome, Outcome, Outcome]] = {
    (Family.PASSING, Operation.LIST_BUCKETS): (Outcome.RIGHT, Outcome.RIGHT, Outcome.ENDED),
    (Family.PASSING, Operation.GET_BUCKET_ENCRYPTION): (Outcome.RIGHT, Outcome.RIGHT, Outcome.FAILED_BUCKET),
    (Family.PASSING, Operation.DESCRIBE_KEY): (Outcome.RIGHT, Outcome.RIGHT, Outcome.FAILED_KEY),
    (Family.SILENT, Operation.LIST_BUCKETS): (Outcome.RIGHT, Outcome.ENDED, Outcome.ENDED),
    (Family.SILENT, Operation.GET_BUCKET_ENCRYPTION): (Outcome.RIGHT, Outcome.RIGHT, Outcome.FAILED_BUCKET),
    (Family.SILENT, Operation.DESCRIBE_KEY): (Outcome.RIGHT, Outcome.RIGHT, Outcome.FAILED_KEY),
    (Family.DENIED, Operation.GET_BUCKET_ENCRYPTION): (Outcome.DENIED_BUCKET,) * 3,
    (Family.DENIED, Operation.DESCRIBE_KEY): (Outcome.DENIED_KEY,) * 3,
    (Family.GONE, Operation.GET_BUCKET_ENCRYPTION): (Outcome.RIGHT, Outcome.GONE_BUCKET, Outcome.GONE_BUCKET),
    (Family.GONE, Operation.DESCRIBE_KEY): (Outcome.GONE_KEY,) * 3,
    (Family.EXPIRED, Operation.GET_BUCKET_ENCRYPTION): (Outcome.ENDED,) * 3,
    (Family.EXPIRED, Operation.DESCRIBE_KEY): (Outcome.ENDED,) * 3,
    **{
        (family, Operation.LIST_BUCKETS): (Outcome.ENDED,) * 3
        for family in (Family.DENIED, Family.GONE, Family.EXPIRED, Family.REFUSED, Family.FINAL)
    },
    **{
        (family, Operation.GET_BUCKET_ENCRYPTION): (Outcome.FAILED_BUCKET,) * 3
        for family in (Family.REFUSED, Family.FINAL)
    },
    **{(family, Operation.DESCRIBE_KEY): (Outcome.FAILED_KEY,) * 3 for family in (Family.REFUSED, Family.FINAL)},
    **{
        (family, operation): (Outcome.NOT_NEEDED,) * 3
        for family in Family
        for operation in (Operation.GET_BUCKET_LOCATION, Operation.HEAD_BUCKET, Operation.GET_CALLER_IDENTITY)
    },
}
"""What is to come of it when a call fails once, until its last attempt, and for good."""


@dataclass(frozen=True, slots=True)
class Case:
    """One cell of the matrix."""

    kind: Kind
    operation: Operation
    times: str
    outcome: Outcome

    def __str__(self) -> str:
        return f"{self.kind.name}-{self.operation}-{self.times}"


def cases() -> Iterator[Case]:
    """Give every kind of fault of every operation, once, repeatedly and for good."""
    for kind, operation in product(KINDS, OPERATIONS):
        outcomes = EXPECTED[kind.family, operation]
        for times, outcome in zip(TIMES, outcomes, strict=True):
            yield Case(kind, operation, times, outcome)


def page() -> str:
    """Write the page."""
    lines = [
        "# What becomes of a fault",
        "",
        "Written from the data of a test that brings each of these about (`python -m tests.fault_matrix --write`). The",
        "number is the exit code. Where a cell has three parts, they say what becomes of a call that fails *once*,",
        "*until its last attempt*, and *for good*.",
        "",
    ]
    for family in Family:
        kinds = [kind for kind in KINDS if kind.family is family]
        lines += [
            f"## {family.value.capitalize()}",
            "",
            "| fault | code for S3 | code for KMS |",
            "| --- | --- | --- |",
        ]
        lines += [f"| {kind.name} | `{kind.codes[0]}` | `{kind.codes[1]}` |" for kind in kinds]
        lines += ["", "| call | what becomes of it |", "| --- | --- |"]
        lines += [f"| {operation} | {_cell(EXPECTED[family, operation])} |" for operation in OPERATIONS]
        lines.append("")
    lines += [
        "`HeadBucket` is asked only where `GetBucketLocation` does not say, and a bucket that neither locates is asked",
        "for in the home region, which sends it where it belongs. Credentials that are refused in one place only are",
        "that bucket's row; where the home region refuses them too, the run ends with exit code 4. A listing that",
        "nobody answers is given up after two attempts, before any bucket is known.",
        "",
    ]
    return "\n".join(lines)


def _cell(outcomes: tuple[Outcome, ...]) -> str:
    shown = outcomes[:1] if len(set(outcomes)) == 1 else outcomes
    return " / ".join(f"{outcome.exit_code}: {outcome.text}" for outcome in shown)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    PAGE.write_text(page())
