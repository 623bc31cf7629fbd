"""Apache Parquet by pyarrow: typed columns, row groups, readable by Athena, DuckDB, pandas and Spark alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from s3audit_async.sinks.columns import WIDE
from s3audit_async.sinks.subjects import encodable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from s3audit_async.model import Row

ROWS_IN_GROUP = 10_000
"""Rows that are held in memory and written together: some 10 MiB."""

_FLAGS = frozenset({"bucket_key", "multi_region"})
_INSTANTS = frozenset({"created", "audited_at", "key_deletion_date", "key_valid_to"})
_REQUIRED = frozenset({"bucket_name", "default_encryption_mode", "sse_kms_key_type"})


def schema() -> pa.Schema:
    """Give the columns' names and types; all but the first three may be null."""
    return pa.schema([pa.field(column.name, _type(column.name), column.name not in _REQUIRED) for column in WIDE])


def _type(name: str) -> pa.DataType:
    if name in _FLAGS:
        return pa.bool_()
    if name in _INSTANTS:
        return pa.timestamp("us", tz="UTC")
    return pa.list_(pa.string()) if name == "findings" else pa.string()


class ParquetSink:
    """Writes Parquet to the binary file it was handed, `ROWS_IN_GROUP` rows at a time."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = _Unclosed(out)
        self._schema = schema()
        self._rows: list[Row] = []
        self._writer: Any = None

    def begin(self) -> None:
        self._writer = pq.ParquetWriter(self._out, self._schema, compression="zstd")

    def write(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) >= ROWS_IN_GROUP:
            self._write_group()

    def end(self) -> None:
        if self._rows:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        columns = [pa.array(_values(self._rows, field.name), field.type) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema), row_group_size=ROWS_IN_GROUP)
        self._rows.clear()


def _values(rows: Sequence[Row], name: str) -> list[Any]:
    if name in _INSTANTS:
        return [getattr(row, name) for row in rows]  # as they are: the column's value would be text
    value = next(column.value for column in WIDE if column.name == name)
    return [_encodable(value(row)) for row in rows]


def _encodable(value: Any) -> Any:  # noqa: ANN401 - whatever a cell holds
    if isinstance(value, str):
        return encodable(value)
    return [encodable(each) for each in value] if isinstance(value, tuple) else value


class _Unclosed:
    """What pyarrow writes to: the file of a sink, which is not the sink's to close."""

    closed = False

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, data: bytes) -> int:
        return self._out.write(data)

    def flush(self) -> None:
        """Leave that to whoever owns the file."""

    def close(self) -> None:
        """Leave that to whoever owns the file."""
