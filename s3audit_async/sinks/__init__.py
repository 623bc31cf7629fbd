"""Report formats: one module each. Importing this package imports none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

    from s3audit_async.ports import Sink

FORMATS = ("csv", "jsonl")


def make_sink(name: str, out: BinaryIO, *, wide: bool) -> Sink:
    """Make the sink of a format, one of `FORMATS`, that writes to `out`. Only CSV has a narrow form."""
    if name == "csv":
        from s3audit_async.sinks.csv import CsvSink  # noqa: PLC0415 - only what is used

        return CsvSink(out, wide=wide)
    if name == "jsonl":
        from s3audit_async.sinks.jsonl import JsonlSink  # noqa: PLC0415

        return JsonlSink(out)
    raise ValueError(f"no such format: {name}")
