"""The key cache: each key is looked up once, however many buckets ask for it, and at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """A cache whose entries are fetched once. Keeps everything for its lifetime: one entry for each distinct key.

    A failure to be remembered is a value. What `fetch` raises is not remembered: it goes to the caller who
    fetched, and the next one in the queue fetches anew; so does a cancellation.
    """

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        self._fetching: dict[K, anyio.Event] = {}

    def __len__(self) -> int:
        return len(self._values)

    async def get(self, key: K, fetch: Callable[[], Awaitable[V]]) -> V:
        """Give the value of a key, fetching it if nobody has and nobody is."""
        while key not in self._values:
            under_way = self._fetching.get(key)
            if under_way is not None:
                await under_way.wait()
                continue
            done = self._fetching[key] = anyio.Event()
            try:
                self._values[key] = await fetch()
            finally:
                del self._fetching[key]
                done.set()
        return self._values[key]

    def put(self, key: K, value: V) -> None:
        """Know a value from elsewhere; what is known already stays."""
        self._values.setdefault(key, value)
