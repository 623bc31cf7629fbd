"""Encodes rows for the page: what buckets have in common is written once, as a profile; a row is a name and a number.

A chunk is a JSON object: `texts` and `profiles` that are new in it (profiles name texts by number, counted over all
chunks), and the rows, column by column: `names`, `profile` (a number, counted over all chunks), `created` and `audited`
(seconds since 1970).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from s3audit_async.analysis.html.labels import bucket_key_label, key_label
from s3audit_async.analysis.summary import mode_of
from s3audit_async.assessment import assess, is_gone
from s3audit_async.findings import Finding
from s3audit_async.findings.mending import steps
from s3audit_async.model import Row
from s3audit_async.sinks.columns import WIDE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

ROWS_A_CHUNK = 5000
"""Rows that are held before they are written. With names of 63 characters that is half a megabyte."""

STAND_IN = "s3audit-stands-in-for-the-bucket"
"""Given for the bucket's name where the commands of a profile are made: as plain as a name is, so quoted as little."""

NAME_MARK = "\ue002"
"""What stands in those commands then: like `KEY_MARKS` a character that nobody has assigned a meaning to."""

KEY_MARKS = {"key_arn": "\ue000", "mode": "\ue001"}
"""Stand for the key in the commands of a profile."""

OF_ROW = ("bucket_name", "created", "audited_at")
"""What each row has of its own; all other columns are its profile's."""

COLUMNS = tuple(column for column in WIDE if column.name not in OF_ROW)
FIELDS = (*(column.name for column in COLUMNS), "encryption", "bucket_key_state", "key", "gone", "unknown", "steps")
"""What the values of a profile are, in order. The last six are worked out, not columns of the report."""

_SHORTEST_MARKED = 12  # characters: an id, an ARN; not a word that may stand in a command for itself
_kind_of = attrgetter(*(field.name for field in fields(Row) if field.name not in {"bucket", "created", "audited_at"}))
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # what a shell, and the AWS CLI, take as it stands
_STAND_INS = (STAND_IN, NAME_MARK, *KEY_MARKS.values())
_ORDER = {str(finding): place for place, finding in enumerate(Finding)}
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


class Profiles:
    """Turns rows into chunks. Memory grows with the number of distinct profiles (keys, errors), not with the rows."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, tuple[Any, ...]], int] = {}
        self._texts: dict[str, int] = {}
        self._new_texts: list[str] = []
        self._new_profiles: list[list[Any]] = []
        self._names: list[str] = []
        self._profile: list[int] = []
        self._created: list[int | None] = []
        self._audited: list[int | None] = []

    def add(self, row: Row) -> None:
        """Take one row in."""
        self._names.append(row.bucket)
        self._profile.append(self._number(row))
        self._created.append(_seconds(row.created))
        self._audited.append(_seconds(row.audited_at))

    @property
    def count(self) -> int:
        """How many profiles there are so far."""
        return len(self._numbers)

    @property
    def full(self) -> bool:
        """Whether it is time to write a chunk."""
        return len(self._names) >= ROWS_A_CHUNK

    def chunk(self) -> str:
        """Give what was added since the last chunk as JSON, and start the next one."""
        text = embedded(
            {
                "texts": self._new_texts,
                "profiles": self._new_profiles,
                "names": self._names,
                "profile": self._profile,
                "created": self._created,
                "audited": self._audited,
            }
        )
        self._new_texts, self._new_profiles = [], []
        self._names, self._profile, self._created, self._audited = [], [], [], []
        return text

    def _number(self, row: Row) -> int:
        # Only in a plain name's place can another be put without a look at how the command quotes it.
        values = _kind_of(row)
        kind = (STAND_IN if _PLAIN_NAME.fullmatch(row.bucket) else row.bucket, values)
        number = self._numbers.get(kind)
        if number is None and kind[0] == STAND_IN and _hold_a_stand_in(values):
            kind = (row.bucket, values)  # nobody could tell what stands in for the name from what is the key's own
            number = self._numbers.get(kind)
        if number is None:
            number = self._numbers[kind] = len(self._numbers)
            self._new_profiles.append(self._encoded(replace(row, bucket=kind[0])))
        return number

    def _encoded(self, profile: Row) -> list[Any]:
        assessed = assess(profile)
        mended = [(finding, steps(finding, profile)) for finding in in_order(assessed.found)]
        return [
            *(self._value(column.value(profile)) for column in COLUMNS[:_FINDINGS]),
            [self._text(finding) for finding in in_order(assessed.found)],
            *(self._value(column.value(profile)) for column in COLUMNS[_FINDINGS + 1 :]),
            self._text(mode_of(profile)),
            self._value(bucket_key_label(profile)),
            self._value(key_label(profile)),
            is_gone(profile),
            [self._text(finding) for finding in in_order(assessed.unknown)],
            [
                [self._text(finding), [self._command(step, profile) for step in found]]
                for finding, found in mended
                if found
            ],
        ]

    def _command(self, step: str, profile: Row) -> int | str:
        """Keep names and keys out of a command, so that those of many buckets and keys are one text."""
        if any(mark in step for mark in (NAME_MARK, *KEY_MARKS.values())):
            return step  # as it is: nothing is put in
        if profile.bucket == STAND_IN:
            step = step.replace(STAND_IN, NAME_MARK)
        for name, mark in KEY_MARKS.items():
            value = getattr(profile, name)
            if value and len(value) >= _SHORTEST_MARKED:
                step = step.replace(value, mark)
        return self._text(step)

    def _value(self, value: object) -> int | bool | None:
        return self._text(value) if isinstance(value, str) else bool(value) if value is not None else None

    def _text(self, text: str) -> int:
        number = self._texts.get(text)
        if number is None:
            number = self._texts[text] = len(self._texts)
            self._new_texts.append(text)
        return number


_FINDINGS = [column.name for column in COLUMNS].index("findings")


def _hold_a_stand_in(values: Iterable[object]) -> bool:
    return any(each in str(value) for value in values for each in _STAND_INS)


def embedded(value: object) -> str:
    """Give JSON that is the same text within a script element, whatever it holds: ASCII without `<`, `>` and `&`."""
    return json.dumps(value, separators=(",", ":")).translate(_ESCAPES)


def in_order(findings: Iterable[str]) -> list[str]:
    """Sort ids in the order of `Finding`, those that this version does not know last."""
    return sorted(findings, key=lambda finding: (_ORDER.get(finding, len(_ORDER)), finding))


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else math.floor(moment.timestamp())
