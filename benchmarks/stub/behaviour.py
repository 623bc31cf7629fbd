"""How the stub behaves beyond what the account holds: every knob, changeable while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmarks.stub.credentials import Issuer
    from benchmarks.stub.faults import FaultHook
    from benchmarks.stub.request import Request

ANY = "*"
"""Stands for every operation or region in a key of `Behaviour.latency` and `Behaviour.rate_limits`."""

Latency = float | Mapping[tuple[str, str], float] | Callable[["Request"], float]


class Paging(Enum):
    """How ListBuckets answers."""

    TOKENS = "tokens"
    """As AWS: pages with a token, BucketRegion once any parameter was sent."""
    CUT = "cut"
    """As moto 5.2: cut off at MaxBuckets without a token, never a BucketRegion."""


class WrongRegion(Enum):
    """How S3 answers a call that was signed for another region than the bucket's."""

    PERMANENT = "permanent"
    """301 PermanentRedirect with x-amz-bucket-region and, as S3 does it, without Location."""
    MALFORMED = "malformed"
    """400 AuthorizationHeaderMalformed with the right Region in the body."""
    ILLEGAL = "illegal"
    """400 IllegalLocationConstraintException, which does not say where the bucket is."""
    TEMPORARY = "temporary"
    """307 TemporaryRedirect with x-amz-bucket-region, without Location."""
    ANSWER = "answer"
    """Any region answers for every bucket, as S3-compatible stores do."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket: `rate` calls a second on average, `burst` of them at once.

    `retry_after`, in seconds, is sent along with every refusal.
    """

    rate: float
    burst: float = 1.0
    retry_after: float | None = None


@dataclass(slots=True)
class Behaviour:
    """Set any of these while requests are under way; the next request meets the new value.

    latency: seconds until an answer. A number for all of them; a mapping of (operation, region), either of
        them `ANY`, the most exact entry wins, none means at once; or a function of the request. The event
        loop's timer rounds up to the next millisecond.
    faults: asked once per request, in the thread of the server; None leaves the request alone.
    denied: operations, or (operation, region, target or account) pairs, that answer AccessDenied.
    rate_limits: by (region or `ANY`, service). With `ANY`, every region has a bucket of tokens of its own, and in any
        case every account of an organization.
    refuse_unpaginated: a bare listing is an error, as for accounts allowed more than 10,000 buckets.
    old_ireland: GetBucketLocation says `EU` instead of `eu-west-1`.
    issuer: where credentials can be had, and which refuses its own once they have ended.
    track_targets: remember how often each (operation, target) was asked, about 150 bytes for each of them.
        Without it `Request.nth` is always 1.
    """

    latency: Latency = 0.0
    paging: Paging = Paging.TOKENS
    wrong_region: WrongRegion = WrongRegion.PERMANENT
    faults: FaultHook | None = None
    denied: Collection[str | tuple[str, str]] = ()
    rate_limits: Mapping[tuple[str, str], RateLimit] = field(default_factory=dict)
    refuse_unpaginated: bool = False
    old_ireland: bool = False
    issuer: Issuer | None = None
    track_targets: bool = True

    def seconds(self, request: Request) -> float:
        """Latency of one request, in seconds."""
        latency = self.latency
        if isinstance(latency, Mapping):
            operation, region = request.operation, request.region
            for key in ((operation, region), (operation, ANY), (ANY, region), (ANY, ANY)):
                if key in latency:
                    return latency[key]
            return 0.0
        return latency(request) if callable(latency) else latency

    def denies(self, request: Request) -> bool:
        """Whether the caller lacks the permission."""
        denied = self.denied
        return bool(denied) and (
            request.operation in denied
            or (request.operation, request.region) in denied
            or (request.operation, request.target) in denied
            or (request.operation, request.account) in denied
        )

    def limit(self, request: Request) -> RateLimit | None:
        """Find the rate that holds for a request's region and service."""
        limits = self.rate_limits
        if not limits:
            return None
        return limits.get((request.region, request.service)) or limits.get((ANY, request.service))


class TokenBucket:
    """Tells calls that come within a `RateLimit` from those that come too fast. Times are in seconds."""

    __slots__ = ("_at", "_tokens", "limit")

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self._tokens = limit.burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take a token; False when there is none."""
        self._tokens = min(self.limit.burst, self._tokens + (now - self._at) * self.limit.rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
