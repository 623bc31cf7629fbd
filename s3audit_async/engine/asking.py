"""One question to AWS: a slot for each attempt, a bound on its time, the retry policy, and word to the observer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from s3audit_async.breaker import Breaker
from s3audit_async.codes import Reaction, is_expired, is_unanswered, may_have_arrived, react
from s3audit_async.errors import CallError, NotAskedError, S3AuditError, TransportCode
from s3audit_async.limiter import Gate, Slots
from s3audit_async.model import BreakerChange, Call, LimitChange, Notice, Operation, Retry, Service
from s3audit_async.redaction import plain
from s3audit_async.retry import RetryPolicy, ask_until_answered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from s3audit_async.options import Options
    from s3audit_async.ports import Gateway, Observer

T = TypeVar("T")

MOST_ENDPOINTS = 512
"""Services in regions that a run asks, each of which takes a client of some MiB. AWS has about 40 regions; whoever
configures keys, or answers as S3, may name any number of them."""
MOST_RENEWALS = 5
"""Times that credentials are renewed for one attempt, if the new ones are refused as expired every time."""
_SERVER_ERROR = 500
_LISTINGS = frozenset(
    {
        Operation.LIST_BUCKETS,
        Operation.LIST_DIRECTORY_BUCKETS,
        Operation.LIST_TABLE_BUCKETS,
        Operation.LIST_VECTOR_BUCKETS,
    }
)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """One service in one region: who may ask it, and whether it answers."""

    service: Service
    region: str
    gate: Gate
    breaker: Breaker


class Asker:
    """Asks questions of one account within the limits of a run.

    It may share the run's slots with those of other accounts, and what is known of services that give no answer: that
    is a matter of the network, whoever asks.
    """

    def __init__(
        self,
        gateway: Gateway,
        options: Options,
        observer: Observer,
        slots: Slots | None = None,
        breakers: dict[tuple[Service, str], Breaker] | None = None,
    ) -> None:
        self._gateway = gateway
        self.policy = RetryPolicy(max_attempts=options.max_attempts, max_time=options.retry_max_time)
        self._timeout = options.timeout
        self._observer = observer
        self._slots = slots or Slots(options.max_concurrency)
        self._breakers = {} if breakers is None else breakers
        self._endpoints: dict[tuple[Service, str], _Endpoint] = {}

    async def ask(
        self,
        operation: Operation,
        target: str,
        region: str,
        request: Callable[[], Awaitable[T]],
        *,
        unreachable_attempts: int | None = None,
    ) -> T:
        """Await `request()` until it is answered. Raises the last `CallError` when the policy gives up.

        Refused for credentials that have expired, it is made again with renewed ones, at once and without counting.

        Raises `NotAskedError`, at once, while the service gives no answer in the region; but a listing is always
        tried, as no run can do without. `unreachable_attempts` bounds the attempts at an endpoint that cannot be
        connected to or says nothing.
        """
        endpoint = self._endpoint(operation, target, region)

        async def attempt() -> T:
            for _ in range(1 + MOST_RENEWALS):
                self._check(endpoint, operation, target)
                await self._gateway.prepare(operation, target, region)
                async with endpoint.gate:
                    self._check(endpoint, operation, target)  # what was sent before may have come to nothing meanwhile
                    generation = self._gateway.credentials_generation
                    try:
                        return await self._attempt(endpoint, operation, target, request)
                    except CallError as error:
                        if not is_expired(error.code):
                            raise
                        refused = error
                if not await self._gateway.renew_credentials(generation):
                    break
                said = f"the credentials were refused ({refused.code}), asking again with new ones"
                self._observer.noticed(Notice(operation, region, target, said))
            raise refused

        def tell(error: CallError, attempts: int, wait: float) -> None:
            throttled = react(error.code, error.status) is Reaction.THROTTLED
            self._observer.retrying(Retry(operation, region, target, error.code, attempts, wait, throttled))

        policy = self.policy
        if unreachable_attempts is not None:
            policy = replace(policy, unreachable_attempts=unreachable_attempts)
        return await ask_until_answered(attempt, policy, before_wait=tell)

    @property
    def has_waiting(self) -> bool:
        """Whether anybody waits for a slot or the pace of a service."""
        return self._slots.has_waiting

    def _check(self, endpoint: _Endpoint, operation: Operation, target: str) -> None:
        if endpoint.breaker.is_open(_now()) and operation not in _LISTINGS:
            service, reason = endpoint.service.upper(), endpoint.breaker.reason
            said = f"not asked: {service} in {endpoint.region} gives no answer ({reason})"
            raise NotAskedError(operation, target, endpoint.region, code=TransportCode.UNREACHABLE, message=said)

    async def _attempt(
        self, endpoint: _Endpoint, operation: Operation, target: str, request: Callable[[], Awaitable[T]]
    ) -> T:
        region, gate = endpoint.region, endpoint.gate
        started = _now()
        in_flight = self._slots.in_flight
        cuts = gate.cuts
        endpoint.breaker.sent(started)
        try:
            try:
                # A third of what anyio's costs, and on asyncio only, as the limiter is.
                async with asyncio.timeout(self._timeout) as bound:
                    answer = await request()
            except TimeoutError as error:
                if not bound.expired():
                    raise _unexpected(error, operation, target, region) from error
                said = f"no answer within {self._timeout:g} s"
                raise CallError(operation, target, region, code=TransportCode.READ_TIMEOUT, message=said) from error
            except S3AuditError:
                raise
            except Exception as error:
                raise _unexpected(error, operation, target, region) from error
        except CallError as error:
            error.seconds = _now() - started
            throttled = react(error.code, error.status) is Reaction.THROTTLED
            if is_unanswered(error.code):
                self._unanswered(endpoint, started, error)
            elif throttled:
                self._throttled(endpoint, cuts, error)
            else:
                # The service coped; its own errors are no reason to ask it for more.
                self._answered(endpoint, error.seconds, coped=(error.status or _SERVER_ERROR) < _SERVER_ERROR)
            self._tell(endpoint, operation, error.seconds, in_flight, error.code, throttled=throttled)
            raise
        seconds = _now() - started
        self._answered(endpoint, seconds)
        self._tell(endpoint, operation, seconds, in_flight)
        return answer

    def _answered(self, endpoint: _Endpoint, seconds: float, *, coped: bool = True) -> None:
        gate = endpoint.gate
        before = gate.limit
        gate.answered(seconds, coped=coped)
        if gate.limit > before and (gate.limit & (gate.limit - 1) == 0 or gate.limit == self._slots.total):
            self._observer.limited(LimitChange(endpoint.service, endpoint.region, gate.limit, gate.rate))
        self._heard(endpoint)

    def _throttled(self, endpoint: _Endpoint, cuts: int, error: CallError) -> None:
        gate = endpoint.gate
        if gate.throttled(cuts, error.seconds):
            self._observer.limited(LimitChange(endpoint.service, endpoint.region, gate.limit, gate.rate, error.code))
        self._heard(endpoint)

    def _heard(self, endpoint: _Endpoint) -> None:
        if endpoint.breaker.answered(_now()):
            self._observer.breaker_changed(BreakerChange(endpoint.service, endpoint.region, open=False))

    def _unanswered(self, endpoint: _Endpoint, started: float, error: CallError) -> None:
        endpoint.gate.unanswered(error.seconds, sent=may_have_arrived(error.code))
        if endpoint.breaker.unanswered(started, _now(), error.code):
            change = BreakerChange(endpoint.service, endpoint.region, open=True, code=error.code)
            self._observer.breaker_changed(change)

    def _tell(
        self,
        endpoint: _Endpoint,
        operation: Operation,
        seconds: float,
        in_flight: int,
        code: str | None = None,
        *,
        throttled: bool = False,
    ) -> None:
        gate = endpoint.gate
        self._observer.called(
            Call(operation, endpoint.region, seconds, in_flight, code, throttled, gate.limit, gate.rate)
        )

    def _endpoint(self, operation: Operation, target: str, region: str) -> _Endpoint:
        service = operation.service
        endpoint = self._endpoints.get((service, region))
        if endpoint is None:
            if len(self._endpoints) >= MOST_ENDPOINTS:
                said = f"not asked: {MOST_ENDPOINTS} services in regions are asked already"
                raise CallError(operation, target, region, code=TransportCode.TOO_MANY_REGIONS, message=said)
            breaker = self._breakers.setdefault((service, region), Breaker())
            endpoint = self._endpoints[service, region] = _Endpoint(service, region, self._slots.gate(), breaker)
        return endpoint


def _unexpected(error: Exception, operation: Operation, target: str, region: str) -> CallError:
    said = plain(f"{type(error).__name__}: {error}")
    return CallError(operation, target, region, code=TransportCode.UNEXPECTED, message=said)


def _now() -> float:
    return asyncio.get_running_loop().time()
