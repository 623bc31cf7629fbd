"""Reads a Parquet report back, batch by batch, by pyarrow."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from s3audit_async.analysis.parsing import is_whole, lacking, row_of_fields
from s3audit_async.analysis.reading import Layout
from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from s3audit_async.model import Row

MAGIC = b"PAR1"
"""What a Parquet file starts with, and ends with. https://parquet.apache.org/docs/file-format/"""

_BATCH = 5_000
"""Rows that are in memory at once."""
_INSTANTS = ("created", "audited_at", "key_deletion_date", "key_valid_to")


class ParquetReport:
    """A report in Parquet. Raises `UsageError` for a Parquet file that s3audit has not written."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        """Open a report. `name` is what messages call it, where that is not its path."""
        self.layout = Layout("parquet", wide=True)
        self.torn = False
        self._path = path
        self._name = name or str(path)
        if find_spec("pyarrow") is None:
            raise UsageError(
                f"{self._name} is Parquet, which needs pyarrow", hint="pip install 's3audit-async[parquet]'"
            )
        self._open().close()

    def rows(self) -> Iterator[Row]:
        """Read row after row."""
        import pyarrow as pa  # noqa: PLC0415 - only what is used

        with self._open() as file:
            number = 0
            try:
                # Older releases of pyarrow fail on a file that has no group at all.
                for batch in file.iter_batches(batch_size=_BATCH) if file.num_row_groups else ():
                    for fields in batch.to_pylist():
                        number += 1
                        yield _row(fields)
            except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError) as error:
                raise UsageError(
                    f"{self._name}, row {number} is not a row of s3audit's", hint="write the report anew"
                ) from error

    def _open(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        import pyarrow as pa  # noqa: PLC0415 - only what is used
        import pyarrow.parquet as pq  # noqa: PLC0415

        try:
            file = pq.ParquetFile(self._path)
        except OSError as error:
            raise UsageError(
                f"cannot read {self._name}: {error.strerror or 'it is damaged'}", hint="name a report of s3audit"
            ) from error
        except pa.ArrowException as error:
            raise UsageError(
                f"{self._name} is not a whole Parquet file", hint="write the report anew, or copy it again"
            ) from error
        names = file.schema_arrow.names
        if not is_whole(dict.fromkeys(names)):
            file.close()
            raise UsageError(f"{self._name} is not a report of s3audit", hint=lacking(names) or "it has other columns")
        return file


def _row(fields: dict[str, Any]) -> Row:
    for name in _INSTANTS:
        moment = fields[name]
        if moment is not None:
            fields[name] = moment.isoformat()
    return row_of_fields(fields)
