"""The face of rows whose source is only made when they are entered, as what it works with has to be opened first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from s3audit_async.model import Row
    from s3audit_async.ports import RowSource


class OpenedRows(ABC):
    """Rows as `s3audit_async.ports.RowSource` has them, from what `_source` makes; all is closed at the end."""

    def __init__(self) -> None:
        self._opened = AsyncExitStack()
        self._rows: RowSource | None = None
        self._owner: str | None = None
        """Whose credentials accounts are entered with, once that is known."""

    @abstractmethod
    async def _source(self, opening: AsyncExitStack) -> RowSource:
        """Make the source of the rows, which is entered then. What it works with is opened on `opening`."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            self._rows = await opening.enter_async_context(await self._source(opening))
            self._opened = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return bool(await self._opened.__aexit__(kind, error, trace))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        return await anext(aiter(self._entered))

    async def account(self) -> str | None:
        """Give the id of the account that the credentials belong to; None where each account has its own."""
        return self._owner or await self._entered.account()

    def stop(self) -> None:
        """Ask the run to end now. What is ready still comes; then `InterruptedRunError` is raised."""
        self._entered.stop()

    @property
    def distinct_keys(self) -> int:
        """Keys that KMS was asked about so far, by a crew once for each job; stays readable after the block."""
        return self._rows.distinct_keys if self._rows is not None else 0

    @property
    def bytes_received(self) -> int:
        """Bytes of answer bodies that were read so far; stays readable after the block."""
        return self._rows.bytes_received if self._rows is not None else 0

    @property
    def _entered(self) -> RowSource:
        if self._rows is None:
            raise RuntimeError("rows have to be entered first")
        return self._rows
