"""One question to AWS: a slot for each attempt, a bound on its time, the retry policy, and word to the observer."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import anyio

from s3audit_async.codes import Reaction, react
from s3audit_async.errors import CallError, S3AuditError, TransportCode
from s3audit_async.limiter import Gate, Slots
from s3audit_async.model import Call, Retry
from s3audit_async.retry import RetryPolicy, ask_until_answered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from s3audit_async.model import Operation, Service
    from s3audit_async.options import Options
    from s3audit_async.ports import Gateway, Observer

T = TypeVar("T")

_SERVER_ERROR = 500


class Asker:
    """Asks questions within the limits of a run."""

    def __init__(self, gateway: Gateway, options: Options, observer: Observer) -> None:
        self._gateway = gateway
        self.policy = RetryPolicy(max_attempts=options.max_attempts)
        self._timeout = options.timeout
        self._observer = observer
        self._slots = Slots(options.max_concurrency)
        self._gates: dict[tuple[Service, str], Gate] = {}

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

        `unreachable_attempts` bounds the attempts at an endpoint that cannot be connected to or says nothing.
        """
        gate = self._gate(operation.service, region)

        async def attempt() -> T:
            await self._gateway.prepare(operation, target, region)
            async with gate:
                return await self._attempt(gate, operation, target, region, request)

        def tell(error: CallError, attempts: int, wait: float) -> None:
            throttled = react(error.code, error.status) is Reaction.THROTTLED
            self._observer.retrying(Retry(operation, region, target, error.code, attempts, wait, throttled))

        policy = self.policy
        if unreachable_attempts is not None:
            policy = replace(policy, unreachable_attempts=unreachable_attempts)
        return await ask_until_answered(attempt, policy, before_wait=tell)

    async def _attempt(
        self, gate: Gate, operation: Operation, target: str, region: str, request: Callable[[], Awaitable[T]]
    ) -> T:
        started = monotonic()
        in_flight = self._slots.in_flight
        cuts = gate.cuts
        try:
            try:
                with anyio.fail_after(self._timeout):
                    answer = await request()
            except TimeoutError as error:
                said = f"no answer within {self._timeout:g} s"
                raise CallError(operation, target, region, code=TransportCode.READ_TIMEOUT, message=said) from error
            except S3AuditError:
                raise
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                raise CallError(operation, target, region, code=TransportCode.UNEXPECTED, message=said) from error
        except CallError as error:
            throttled = react(error.code, error.status) is Reaction.THROTTLED
            if throttled:
                gate.throttled(cuts)
            elif error.status is not None and error.status < _SERVER_ERROR:
                gate.succeeded()  # the service coped; silence and 5xx are no reason to ask it for more
            self._observer.called(Call(operation, region, monotonic() - started, in_flight, error.code, throttled))
            raise
        gate.succeeded()
        self._observer.called(Call(operation, region, monotonic() - started, in_flight))
        return answer

    def _gate(self, service: Service, region: str) -> Gate:
        gate = self._gates.get((service, region))
        if gate is None:
            gate = self._gates[service, region] = self._slots.gate()
        return gate
