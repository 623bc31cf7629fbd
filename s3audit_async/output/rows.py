"""Whole rows: a buffer that knows where each row ends, so that what was not written whole can be taken back."""

from __future__ import annotations

import io
from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is to be written at once. `ends` are the positions, in bytes, behind each row in it."""

    data: bytes
    ends: list[int]

    def whole(self, written: int) -> tuple[int, int]:
        """Tell how many rows are whole within the first `written` bytes, and in how many bytes they stand."""
        rows = bisect_right(self.ends, written)
        return rows, self.ends[rows - 1] if rows else 0


class RowBuffer(io.BytesIO):
    """What a sink writes to. A row may hold line breaks, so only the one who writes it can say where it ends."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[int] = []

    def end_row(self) -> None:
        """Know that what was written so far ends with a whole row."""
        self._ends.append(self.tell())

    def take(self) -> Chunk:
        """Take all that is there."""
        chunk = Chunk(self.getvalue(), self._ends)
        self._ends = []
        self.seek(0)
        self.truncate()
        return chunk
