"""What a part is, and how its calls are timed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import Any

Prepare = Callable[[AsyncExitStack], Awaitable[Callable[[], Any]]]
"""Makes what is timed. What it opens on the stack is closed after."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is done for a bucket.

    - `what`: in a few words, for the page.
    - `awaited`: whether what `prepare` makes has to be awaited.
    - `own`: whether it is one of s3audit's own parts, none of which holds another, and each bucket costs it once.
    """

    name: str
    what: str
    prepare: Prepare
    awaited: bool = False
    own: bool = False


def seconds(loops: int, part: Part) -> float:
    """Do it so many times, and once before to have everything made that is made only once. A function for pyperf."""
    return asyncio.run(_seconds(loops, part))


async def _seconds(loops: int, part: Part) -> float:
    async with AsyncExitStack() as stack:
        run = await part.prepare(stack)
        times = range(loops)
        if part.awaited:
            await run()
            started = perf_counter()
            for _ in times:
                await run()
            return perf_counter() - started
        run()
        started = perf_counter()
        for _ in times:
            run()
        return perf_counter() - started
