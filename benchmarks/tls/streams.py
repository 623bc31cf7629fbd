"""Bytes from one connection to another, until one of the two ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress

HOST = "127.0.0.1"
_PIECE = 65536


async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Join a connection with a new one to a port of this machine. Raises `OSError` when either is cut off."""
    onwards, back = await asyncio.open_connection(HOST, port)
    try:
        await asyncio.gather(_pump(reader, back), _pump(onwards, writer))
    finally:
        back.close()


def close(writer: asyncio.StreamWriter) -> None:
    """End a connection, whatever has become of it."""
    with suppress(OSError):
        writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(_PIECE):
        sink.write(data)
        await sink.drain()
    sink.close()
