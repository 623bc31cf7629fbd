"""What becomes of a request: account, knobs, faults and limits put together. Decides, and does no I/O."""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from benchmarks.stub import kinds, kms, s3, sts
from benchmarks.stub.account import names_predefined_alias
from benchmarks.stub.behaviour import TokenBucket
from benchmarks.stub.counters import Counters
from benchmarks.stub.faults import Delay, ErrorAnswer, Flood, Garbage, Hang, Reset, Truncated, throttled
from benchmarks.stub.members import Members
from benchmarks.stub.request import UNKNOWN, Request, identify
from benchmarks.stub.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.stub.account import StubAccount
    from benchmarks.stub.behaviour import Behaviour
    from benchmarks.stub.faults import Fault
    from benchmarks.stub.organization import StubOrganization
    from benchmarks.stub.wire import HttpRequest

_ASKED = "/_asked/"
_ANSWERS = {"s3": s3.answer, "kms": kms.answer, "sts": sts.answer, **dict.fromkeys(kinds.SERVICES, kinds.answer)}


class Ending(Enum):
    """How a request ends."""

    ANSWER = "answer"
    RESET = "reset"
    CLOSE = "close"
    TRUNCATE = "truncate"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one request: wait `delay` seconds, then end it so."""

    region: str
    reply: Reply
    delay: float = 0.0
    ending: Ending = Ending.ANSWER
    share: float = 1.0
    """Of the body's bytes, when truncating."""
    counted: bool = True
    """Whether it stands in the counters; the stub's own paths do not."""


class Service:
    """AWS, as far as one account sees it, or all of an organization. Its counters may be read by any thread."""

    def __init__(
        self,
        account: StubAccount,
        behaviour: Behaviour,
        organization: StubOrganization | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = account
        self.behaviour = behaviour
        self.members = None if organization is None else Members(organization)
        self.counters = Counters()
        self._clock = clock
        self._limits: dict[tuple[str, str, str], TokenBucket] = {}

    def decide(self, http: HttpRequest) -> Decision:
        """Say what becomes of a request, and count it in. `ended` has to be called once it is over."""
        if http.path.startswith("/_"):
            return self._own_path(http)
        issuer = self.behaviour.issuer
        if issuer is not None and (issue := issuer.answer(http)) is not None:
            return Decision("", issue, counted=False)
        request = identify(http)
        if self.members is not None:
            request = self.members.read(http, request)
        if self.behaviour.faults is not None:
            request = replace(request, sent=(http.head + http.body).decode("latin-1"))
        if self.behaviour.track_targets:
            nth = self.counters.ask(request.operation, request.target, request.account)
            if nth > 1:
                request = replace(request, nth=nth)
        self.counters.begin(request)
        try:
            reply, ending, extra, share = self._outcome(request)
        except BaseException:
            self.counters.end(request.region)
            raise
        if reply.code:
            self.counters.error(reply.code)
        return Decision(request.region, reply, self.behaviour.seconds(request) + extra, ending, share)

    def ended(self, decision: Decision) -> None:
        """Count a request out."""
        if decision.counted:
            self.counters.end(decision.region)

    def _outcome(self, request: Request) -> tuple[Reply, Ending, float, float]:
        if request.operation == UNKNOWN:
            self.counters.unknown(request.target)
            missing = ErrorAnswer(501, "NotImplemented", f"The stub does not speak this: {request.target}")
            return _error(request, missing), Ending.ANSWER, 0.0, 1.0
        if request.operation == "DescribeKey" and names_predefined_alias(request.target):
            self.counters.predefined_alias(request.target)
        unusable = self._unusable(request)
        if unusable is not None:
            return _error(request, unusable), Ending.ANSWER, 0.0, 1.0
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal, Ending.ANSWER, 0.0, 1.0
        hook = self.behaviour.faults
        fault = hook(request) if hook else None
        if fault is None:
            return self._true_answer(request), Ending.ANSWER, 0.0, 1.0
        self.counters.fault(type(fault).__name__)
        if isinstance(fault, Delay):
            reply, ending, share = self._spoiled(request, fault.then)
            return reply, ending, fault.seconds, share
        reply, ending, share = self._spoiled(request, fault)
        return reply, ending, 0.0, share

    def _spoiled(self, request: Request, fault: Fault | None) -> tuple[Reply, Ending, float]:
        match fault:
            case ErrorAnswer():
                return _error(request, fault), Ending.ANSWER, 1.0
            case Reset(clean=clean):
                return Reply(0), Ending.CLOSE if clean else Ending.RESET, 0.0
            case Truncated(share=share):
                return self._answer(request), Ending.TRUNCATE, share
            case Garbage() | Flood():
                return _foreign(fault), Ending.ANSWER, 1.0
            case Hang():
                return Reply(0), Ending.HANG, 0.0
            case _:
                return self._true_answer(request), Ending.ANSWER, 1.0

    def _true_answer(self, request: Request) -> Reply:
        reply = self._answer(request)
        if request.operation == "ListBuckets" and not reply.code:
            self.counters.list_page()
        return reply

    def _answer(self, request: Request) -> Reply:
        if not request.access_key:
            return _error(request, ErrorAnswer(403, "AccessDenied", "Access Denied"))
        account = self.account
        if self.members is not None:
            if (reply := self.members.answer(request, self.behaviour)) is not None:
                return reply
            account = self.members.account(request)
        return _ANSWERS[request.service](request, account, self.behaviour)

    def _unusable(self, request: Request) -> ErrorAnswer | None:
        """Refuse a request for the credentials that it was signed with."""
        issuer = self.behaviour.issuer
        refused = None if issuer is None else issuer.refusal(request)
        return refused or (None if self.members is None else self.members.refusal(request))

    def _refusal(self, request: Request) -> Reply | None:
        limit = self.behaviour.limit(request)
        if limit is None:
            return None
        whose = "" if request.operation == "AssumeRole" else request.account
        key = whose, request.region, request.service
        bucket = self._limits.get(key)
        if bucket is None or bucket.limit != limit:
            bucket = self._limits[key] = TokenBucket(limit, self._clock())
        if bucket.take(self._clock()):
            return None
        self.counters.throttle()
        return _error(request, throttled(request, retry_after=limit.retry_after))

    def _own_path(self, http: HttpRequest) -> Decision:
        if http.method == "GET" and http.path.startswith(_ASKED):
            asked = json.dumps(self.counters.targets(http.path.removeprefix(_ASKED)))
            return Decision("", Reply(200, asked.encode(), "application/json"), counted=False)
        if (http.method, http.path) == ("POST", "/_reset"):
            self.counters.reset()
        elif (http.method, http.path) != ("GET", "/_stats"):
            return Decision("", Reply(404, b"{}", "application/json"), counted=False)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        content = {
            **self.counters.stats().as_json(),
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            # ru_maxrss is in bytes on macOS and in KiB elsewhere.
            "max_rss_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        }
        return Decision("", Reply(200, json.dumps(content).encode(), "application/json"), counted=False)


def _foreign(fault: Garbage | Flood) -> Reply:
    if isinstance(fault, Flood):
        return Reply(fault.status, flood=fault)
    return Reply(fault.status, fault.body, "text/html", fault.headers)


def _error(request: Request, fault: ErrorAnswer) -> Reply:
    """Spell an error; a service that the stub does not know gets JSON, as the newer ones speak it."""
    if request.service in {"s3", "s3express"}:
        return s3.error(fault)
    return sts.error(fault) if request.service == "sts" else kms.error(fault)
