"""Report formats: one module each. Importing this package imports none of them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from s3audit_async.ports import Sink

FORMATS = ("csv", "jsonl", "parquet", "ocsf", "asff", "markdown")
RESUMABLE = ("csv", "jsonl")
"""Those that a run can go on with row by row, and that it writes directly."""

_SUFFIXES = {"ocsf": "ocsf.json", "asff": "asff.json", "markdown": "md"}
_NEEDS = {"parquet": "pyarrow", "ocsf": "py_ocsf_models"}
"""The package that a format is written by, in the extra of the format's name."""


def suffix_of(name: str) -> str:
    """Give what a file's name ends with, without the dot before it."""
    return _SUFFIXES.get(name, name)


def check_formats(names: Iterable[str]) -> None:
    """See that formats can be written here. Raises `UsageError` with what to install."""
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"there is no format {name}", hint=f"choose from {', '.join(FORMATS)}")
        package = _NEEDS.get(name)
        if package is not None and find_spec(package) is None:
            raise UsageError(
                f"the format {name} needs {package.replace('_', '-')}", hint=f"pip install 's3audit-async[{name}]'"
            )


def make_sink(name: str, out: BinaryIO, *, wide: bool) -> Sink:
    """Make the sink of a format, one of `FORMATS`, that writes to `out`.

    Only CSV and Markdown have a narrow form. Raises `UsageError` where the package that writes it is not installed.
    """
    if name not in FORMATS:
        raise ValueError(f"no such format: {name}")
    check_formats([name])
    if name == "csv":
        from s3audit_async.sinks.csv import CsvSink  # noqa: PLC0415 - only what is used

        return CsvSink(out, wide=wide)
    if name == "markdown":
        from s3audit_async.sinks.markdown import MarkdownSink  # noqa: PLC0415

        return MarkdownSink(out, wide=wide)
    if name == "parquet":
        from s3audit_async.sinks.parquet import ParquetSink  # noqa: PLC0415 - pyarrow takes a while

        return ParquetSink(out)
    if name == "ocsf":
        from s3audit_async.sinks.ocsf import OcsfSink  # noqa: PLC0415 - and so do pydantic's models

        return OcsfSink(out)
    if name == "asff":
        from s3audit_async.sinks.asff import AsffSink  # noqa: PLC0415

        return AsffSink(out)
    from s3audit_async.sinks.jsonl import JsonlSink  # noqa: PLC0415

    return JsonlSink(out)
