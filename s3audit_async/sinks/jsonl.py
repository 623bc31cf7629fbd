"""JSON Lines: one object a row, UTF-8, snake_case, all fields, null where unknown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from s3audit_async.sinks.columns import WIDE

if TYPE_CHECKING:
    from typing import BinaryIO

    from s3audit_async.model import Row


class JsonlSink:
    """Writes JSON objects to the binary file it was handed, one to a line."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def begin(self) -> None:
        """Write nothing: JSON Lines has no header."""

    def write(self, row: Row) -> None:
        fields = {column.name: column.value(row) for column in WIDE}
        self._out.write(json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def end(self) -> None:
        """Write nothing: JSON Lines has no trailer."""
