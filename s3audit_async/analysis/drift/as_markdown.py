"""Tells what changed in Markdown for a pull-request comment: not too long, and inert whatever a key's name says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.analysis.drift.comparison import Direction
from s3audit_async.analysis.drift.telling import (
    FOUR_COLUMNS,
    HEADINGS,
    cell,
    findings,
    headline,
    label,
    places,
    shown,
    with_severity,
)
from s3audit_async.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from s3audit_async.analysis.drift.gathering import Change, Drift, Present

LONGEST = 65_000
"""Bytes of the whole. GitHub takes comments of 65,536 characters."""

_LONGEST_CELL = 200
_FOR_TAIL = 100
"""Bytes that are kept for the line that counts what is left out of a section, and the empty lines around it."""
_INSTEAD = str.maketrans({"`": "'", "|": "\N{BROKEN BAR}"})


def as_markdown(drift: Drift, names: tuple[str, str]) -> str:
    """Give a comment of at most `LONGEST` bytes; what is gravest comes first, what does not fit is counted."""
    place = places(drift)
    sections: list[tuple[str, str, int, Iterable[str]]] = []
    for direction in Direction:
        changes = drift.going(direction)
        lines: Iterable[str] = (_change(each, place(each)) for each in changes)
        sections.append((HEADINGS[direction], "Change", len(changes), lines))
    for heading, present in (("Added", drift.added), ("Removed", drift.removed)):
        lines = (_present(each, place(each)) for each in present)
        sections.append((heading, "Encryption", len(present), lines))
    sections = [section for section in sections if section[2]]
    text = _opening(drift, names)
    heads = [
        f"\n#### {heading} ({count})\n\n| Bucket | {told} | Findings |\n| --- | --- | --- |\n"
        for heading, told, count, _ in sections
    ]
    left = LONGEST - _size(text) - sum(_size(head) + _FOR_TAIL for head in heads)
    for head, (_, _, count, lines) in zip(heads, sections, strict=True):
        fitting = list(_fitting(lines, left))
        left -= sum(map(_size, fitting))
        text += head + "".join(fitting)
        if count > len(fitting):
            text += f"\nand {count - len(fitting)} more\n"
    return text


def _opening(drift: Drift, names: tuple[str, str]) -> str:
    old, new = map(code, names)
    note = f"\n{FOUR_COLUMNS}\n" if drift.four_columns else ""
    return (
        f"### S3 default encryption: what changed\n\n**{headline(drift)}**\n\n"
        f"From {old} ({drift.old_buckets} buckets) to {new} ({drift.new_buckets} buckets).\n{note}"
    )


def _fitting(lines: Iterable[str], left: int) -> Iterator[str]:
    for line in lines:
        left -= _size(line)
        if left < 0:
            return
        yield line


def _change(change: Change, place: Sequence[str]) -> str:
    differences = [
        f"{label(each.column)}: {code(cell(each.old))} → {code(cell(each.new))}" for each in shown(change.comparison)
    ]
    told = [f"{sign} {code(words)}" for sign, words in findings(change.comparison)]
    return _line(_name(change.bucket, place), differences, told)


def _present(present: Present, place: Sequence[str]) -> str:
    row = present.row
    told = [code(with_severity(finding)) for finding in present.found]
    return _line(_name(present.bucket, place), [f"{code(row.mode)}, {code(row.key_type)}"], told)


def _line(name: str, *cells: list[str]) -> str:
    return f"| {' | '.join([name, *('<br>'.join(each) for each in cells)])} |\n"


def _name(bucket: str, place: Sequence[str]) -> str:
    return " ".join(map(code, (bucket, *place)))


def code(text: str) -> str:
    """Make a code span, in which nothing is markup, a link, or a mention that would send somebody a message.

    Backticks, which would end it, and bars, which would end the table's cell, are replaced; so are line breaks and what
    else cannot be printed. https://github.github.com/gfm/#code-spans
    """
    text = printable(text).translate(_INSTEAD).strip()
    if len(text) > _LONGEST_CELL:
        text = text[:_LONGEST_CELL].rstrip() + "…"
    return f"`{text or '-'}`"


def _size(text: str) -> int:
    return len(text.encode())
