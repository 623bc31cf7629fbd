"""What can go wrong with an answer, and hooks that make it go wrong in a repeatable way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from benchmarks.stub.request import Request


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error in the dialect of the service: XML of S3 and STS, JSON of KMS.

    `region` becomes the Region element of an S3 error. A `status` of 200 is an error dressed as success,
    which S3 does as well.
    """

    status: int
    code: str
    message: str = "Stubbed."
    headers: tuple[tuple[str, str], ...] = ()
    region: str = ""


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection ends before any answer: with a TCP reset, or in good order (FIN) when `clean`."""

    clean: bool = False


@dataclass(frozen=True, slots=True)
class Truncated:
    """The real answer, but the connection ends after `share` (0 to 1) of the announced bytes."""

    share: float = 0.5


@dataclass(frozen=True, slots=True)
class Garbage:
    """An answer whose body is not what the service speaks; a 200, unless `status` says otherwise."""

    body: bytes = b"<html>no such thing here"
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200


@dataclass(frozen=True, slots=True)
class Flood:
    """An answer of `size` bytes, which are `piece` over and over, made as fast as they are taken and no faster.

    Announced by Content-Length, or `chunked`.
    """

    size: int
    chunked: bool = False
    status: int = 200
    piece: bytes = b" " * 65536


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer for as long as the client keeps the connection."""


@dataclass(frozen=True, slots=True)
class Delay:
    """`seconds` more than the latency, then the real answer, or another fault."""

    seconds: float
    then: ErrorAnswer | Reset | Truncated | Garbage | Hang | None = None


Fault = ErrorAnswer | Reset | Truncated | Garbage | Flood | Hang | Delay
FaultHook = Callable[["Request"], Fault | None]

MIXED_KINDS = ("throttle", "internal", "reset", "truncated")
"""What `mixed` draws from."""
_TOO_FAST = {"kms": "ThrottlingException", "organizations": "TooManyRequestsException"}
_OF_A_REGION = frozenset({"GetBucketEncryption", "DescribeKey"})


def throttled(request: Request, *, retry_after: float | None = None) -> ErrorAnswer:
    """Refuse a request for its rate, in the words of its service. `retry_after` is in seconds."""
    headers = () if retry_after is None else (("Retry-After", f"{retry_after:g}"),)
    if request.service == "s3":
        return ErrorAnswer(503, "SlowDown", "Please reduce your request rate.", headers)
    code = _TOO_FAST.get(request.service, "Throttling")
    return ErrorAnswer(400, code, "Rate exceeded", headers)


def internal(request: Request) -> ErrorAnswer:
    """Fail on the server's side, in the words of the service."""
    code = "KMSInternalException" if request.service == "kms" else "InternalError"
    return ErrorAnswer(500, code, "We encountered an internal error. Please try again.")


def first(count: int, fault: Fault, *, operation: str = "", target: str = "") -> FaultHook:
    """Make a hook: the first `count` tries of each call fail; empty `operation` or `target` match any."""

    def hook(request: Request) -> Fault | None:
        matches = operation in {"", request.operation} and target in {"", request.target}
        return fault if matches and request.nth <= count else None

    return hook


def mixed(share: float, *, kinds: Sequence[str] = MIXED_KINDS, seed: int = 0, spare_after: int = 3) -> FaultHook:
    """Make a hook: `share` (0 to 1) of all requests fail, one way or another.

    Whether and how depends on nothing but the seed, the call and its `nth`, so that every run meets the same
    faults. After `spare_after` tries a call is left alone: whoever tries one time more gets every answer.
    """
    _check_kinds(kinds)

    def hook(request: Request) -> Fault | None:
        if request.nth > spare_after:
            return None
        text = f"{seed}/{request.service}/{request.operation}/{request.target}/{request.nth}"
        draw = crc32(text.encode())
        if (draw & 0xFFFF) >= share * 0x10000:
            return None
        match kinds[(draw >> 16) % len(kinds)]:
            case "throttle":
                return throttled(request)
            case "internal":
                return internal(request)
            case "reset":
                return Reset()
            case _:
                return Truncated()

    return hook


def dead(*regions: str) -> FaultHook:
    """Make a hook: nobody answers what is asked about buckets and keys in these regions.

    A listing is answered there: it may well be asked for in one of them, and a run without it is no run.
    """

    def hook(request: Request) -> Fault | None:
        return Hang() if request.operation in _OF_A_REGION and request.region in regions else None

    return hook


def either(*hooks: FaultHook) -> FaultHook:
    """Make a hook of several: the first one that has a fault for a request decides."""

    def hook(request: Request) -> Fault | None:
        return next((fault for each in hooks if (fault := each(request)) is not None), None)

    return hook


def _check_kinds(kinds: Collection[str]) -> None:
    unknown = set(kinds) - set(MIXED_KINDS)
    if unknown or not kinds:
        raise ValueError(f"kinds are some of {', '.join(MIXED_KINDS)}")
