"""Memory streams without a turn of the event loop for each item, which anyio takes at each `send` and `receive`.

Whoever uses these has turns enough: all who fill or empty a stream wait for the network, or for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import anyio

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

T = TypeVar("T")


async def put(stream: MemoryObjectSendStream[T], item: T) -> None:
    """Send an item, waiting only while the stream is full."""
    try:
        stream.send_nowait(item)
    except anyio.WouldBlock:
        await stream.send(item)


async def take(stream: MemoryObjectReceiveStream[T]) -> T:
    """Receive an item, waiting only while there is none. Raises `anyio.EndOfStream` after the last one."""
    try:
        return stream.receive_nowait()
    except anyio.WouldBlock:
        return await stream.receive()
