"""Turns what stands in a report back into a row: CSV cells, or the fields of a JSON object."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from s3audit_async.model import Failure, Kind, Operation, Row, SseC
from s3audit_async.sinks.columns import WIDE
from s3audit_async.sinks.csv import LIST_SEPARATOR, restore

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from s3audit_async.sinks.columns import Column

_BOOLEANS = {"True": True, "False": False, "": None, "TRUE": True, "FALSE": False}  # the last two as spreadsheets do
_FLAGS = frozenset({"bucket_key", "multi_region"})
_REQUIRED = frozenset({"bucket_name", "default_encryption_mode", "sse_kms_key_type"})
_NAMES = dict.fromkeys(column.name for column in WIDE)
_HEADERS = dict.fromkeys(column.header for column in WIDE)


def row_of_cells(columns: Sequence[Column], cells: Sequence[str]) -> Row:
    """Read the cells of a CSV line. Raises ValueError, KeyError or TypeError for what s3audit has not written."""
    fields: dict[str, Any] = {}
    for column, guarded in zip(columns, cells, strict=True):
        cell = restore(guarded)
        if column.name in _FLAGS:
            fields[column.name] = _BOOLEANS[cell]
        elif column.name == "findings":
            fields[column.name] = cell.split(LIST_SEPARATOR) if cell else []
        else:
            fields[column.name] = cell if column.name in _REQUIRED else cell or None
    return row_of_fields(fields)


def row_of_fields(fields: Mapping[str, Any]) -> Row:
    """Read the fields of a JSON object; those of a CSV line of four columns lack the others.

    Raises ValueError, KeyError or TypeError for what s3audit has not written.
    """
    findings = fields.get("findings")
    error = _text(fields, "error")
    sse_c = _text(fields, "sse_c")
    return Row(
        bucket=_required(fields, "bucket_name"),
        mode=_required(fields, "default_encryption_mode"),
        key_type=_required(fields, "sse_kms_key_type"),
        bucket_key=_flag(fields, "bucket_key"),
        account=_text(fields, "account"),
        region=_text(fields, "region"),
        algorithm=_text(fields, "algorithm"),
        key_arn=_text(fields, "key_arn"),
        key_state=_text(fields, "key_state"),
        key_account=_text(fields, "key_account"),
        key_region=_text(fields, "key_region"),
        key_origin=_text(fields, "key_origin"),
        multi_region=_flag(fields, "multi_region"),
        sse_c=None if sse_c is None else SseC(sse_c),
        findings=None if findings is None else _ids(findings),
        error=None if error is None else _failure(error),
        created=_instant(fields, "created"),
        audited_at=_instant(fields, "audited_at"),
        key_spec=_text(fields, "key_spec"),
        key_deletion_date=_instant(fields, "key_deletion_date"),
        key_valid_to=_instant(fields, "key_valid_to"),
        kind=Kind(_text(fields, "kind") or Kind.GENERAL),
    )


def lacking(names: Collection[str]) -> str | None:
    """Say what a report lacks that has only some of the columns, as an earlier version's; None for anything else.

    `names` are its columns' names, or their headers.
    """
    for known in (_NAMES, _HEADERS):
        if 2 * len(known.keys() & set(names)) > len(known) and (
            missing := [each for each in known if each not in names]
        ):
            return f"it has no {', '.join(missing)}, and was written by another version: audit again to have it"
    return None


def is_whole(fields: Mapping[str, Any]) -> bool:
    """Tell whether an object has every field of a row."""
    return fields.keys() >= _NAMES.keys()


def _required(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{name} is no text")


def _flag(fields: Mapping[str, Any], name: str) -> bool | None:
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise TypeError(f"{name} is neither true, false nor null")


def _ids(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError("findings is no list of texts")
    return tuple(value)


def _instant(fields: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(fields, name)
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{name} has no time zone")
    return moment


def _failure(text: str) -> Failure:
    """Read `Failure.__str__` back; what a code or message lacks is empty."""
    operation, _, rest = text.partition(": ")
    code, _, message = rest.partition(": ")
    return Failure(Operation(operation), code, message)
