"""s3audit's own parts: all that it does for a bucket besides the request itself."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aioboto3

from benchmarks.parts.answers import BODY, BUCKET, HEADERS, KEY, REGION, RULES, row
from benchmarks.parts.part import Part
from s3audit_async.aws.session import ClientPool
from s3audit_async.engine.asking import Asker
from s3audit_async.keys import SingleFlight
from s3audit_async.limiter import Slots
from s3audit_async.model import Call, Operation
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from s3audit_async.sinks.csv import CsvSink
from s3audit_async.stats import Latencies, RunStats

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack

    from s3audit_async.model import Rule

_SECONDS = 0.02
"""What a call took, as far as anybody is told."""
_IN_FLIGHT = 64
_WHAT = Operation.GET_BUCKET_ENCRYPTION


class _Ready:
    """As much of a gateway as asking needs beside the request: everything is made, and the credentials are good."""

    home_region = REGION
    credentials_generation = 1

    async def prepare(self, operation: Operation, target: str, region: str) -> None:
        """Have it all already."""

    async def renew_credentials(self, generation: int) -> bool:  # noqa: ARG002 - as the gateway's
        return False


async def _ask(_: AsyncExitStack) -> Callable[[], Awaitable[Any]]:
    asker = Asker(_Ready(), Options(max_concurrency=_IN_FLIGHT), Observer())  # type: ignore[arg-type]  # as much as it needs

    async def request() -> tuple[Rule, ...]:
        return RULES

    return partial(asker.ask, _WHAT, BUCKET.name, REGION, request)


class _Connections:
    """The connections of a region, at which the answer is there at once."""

    status = 200
    headers = HEADERS

    async def get(self, request: Any) -> tuple[Any, bytes]:  # noqa: ANN401, ARG002 - as the session's
        return self, BODY


async def _read(stack: AsyncExitStack) -> Callable[[], Awaitable[Any]]:
    session = aioboto3.Session(aws_access_key_id="AKIABENCHMARKONLY", aws_secret_access_key="good-for-nothing")
    clients = ClientPool(
        session, Options(endpoint_url="http://127.0.0.1:9"), user_agent="s3audit/benchmark"
    ).of_session()
    stack.push_async_callback(clients.pool.aclose)
    reader = await clients.encryption_reader(REGION)
    if reader is None:
        raise RuntimeError("the hot path is not taken here: the configuration wants the SDK's client")
    reader._template.session = _Connections()  # noqa: SLF001 - nothing is to be sent
    return partial(reader.read, BUCKET.name)


async def _gate(_: AsyncExitStack) -> Callable[[], Awaitable[None]]:
    gate = Slots(_IN_FLIGHT).gate()

    async def pass_through() -> None:
        async with gate:
            gate.answered(_SECONDS)

    return pass_through


async def _known_key(_: AsyncExitStack) -> Callable[[], Awaitable[str]]:
    keys: SingleFlight[tuple[str, str], str] = SingleFlight()
    keys.put((REGION, KEY.arn), KEY.manager)

    async def fetch() -> str:
        raise AssertionError("the key is known")

    return partial(keys.get, (REGION, KEY.arn), fetch)


async def _classify(_: AsyncExitStack) -> Callable[[], object]:
    return row


async def _csv(stack: AsyncExitStack, *, wide: bool) -> Callable[[], None]:
    out = stack.enter_context(Path(os.devnull).open("wb"))  # noqa: ASYNC230, SIM115 - nothing waits; the stack closes it
    return partial(CsvSink(out, wide=wide).write, row())


async def _count(_: AsyncExitStack) -> Callable[[], None]:
    call = Call(_WHAT, REGION, _SECONDS, _IN_FLIGHT, limit=_IN_FLIGHT)
    return partial(RunStats().called, call)


async def _latency(_: AsyncExitStack) -> Callable[[], None]:
    return partial(Latencies().add, _SECONDS)


READ = Part("read", "GetBucketEncryption of s3audit, nothing sent: to compare with `sdk-call`", _read, awaited=True)
ASK = Part("ask", "ask within all limits: gate, breaker, time limit, retry policy", _ask, awaited=True, own=True)
GATE = Part("gate", "enter and leave a gate, with an answer in between; within `ask`", _gate, awaited=True)
KNOWN_KEY = Part("known-key", "find a key that is known", _known_key, awaited=True, own=True)
CLASSIFY = Part("classify", "classify an answer and make its row", _classify, own=True)
NARROW = Part("csv-narrow", "write a CSV row of four columns", partial(_csv, wide=False), own=True)
WIDE = Part("csv-wide", "write a CSV row of all columns", partial(_csv, wide=True))
COUNT = Part("count", "count a call for the summary and `--stats`", _count, own=True)
LATENCY = Part("latency", "count its latency; within `count`", _latency)
