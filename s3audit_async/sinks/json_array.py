"""A JSON array that is written element by element, one to a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO


class JsonArray:
    """Writes the elements of one array to the binary file it was handed."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._empty = True

    def begin(self) -> None:
        """Open the array."""
        self._out.write(b"[")

    def add(self, element: Mapping[str, Any]) -> int:
        """Write one element; give how many bytes it takes."""
        data = json.dumps(element, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        self._out.write((b"\n" if self._empty else b",\n") + data)
        self._empty = False
        return len(data)

    def end(self) -> None:
        """Close the array."""
        self._out.write(b"]\n" if self._empty else b"\n]\n")
