"""Tells what changed in tables, for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

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
    from collections.abc import Sequence

    from rich.console import RenderableType

    from s3audit_async.analysis.drift.gathering import Change, Drift, Present

MOST_SHOWN = 100
"""Buckets of a kind that are shown; the others are counted."""

_STYLES = {
    Direction.WORSE: "bold red",
    Direction.UNKNOWN: "bold yellow",
    Direction.BETTER: "bold green",
    Direction.NEUTRAL: "bold",
}
_SIGNS = {"+": "red", "-": "green", "?": "yellow"}


def as_text(drift: Drift, names: tuple[str, str]) -> RenderableType:
    """Lay the changes out for a console of any width. `names` are those of the two reports."""
    old, new = (printable(name) for name in names)
    parts: list[RenderableType] = [
        Text(f"{old} ({drift.old_buckets} buckets) -> {new} ({drift.new_buckets} buckets)"),
        Text(headline(drift), style="bold"),
    ]
    if drift.four_columns:
        parts.append(Text(FOUR_COLUMNS))
    place = places(drift)
    for direction in Direction:
        changes = drift.going(direction)
        rows = [_change(each, place(each)) for each in changes[:MOST_SHOWN]]
        parts += _section(HEADINGS[direction], _STYLES[direction], len(changes), "Change", rows)
    for heading, present in (("Added", drift.added), ("Removed", drift.removed)):
        rows = [_present(each, place(each)) for each in present[:MOST_SHOWN]]
        parts += _section(heading, "bold", len(present), "Encryption", rows)
    return Group(*parts)


def _section(heading: str, style: str, count: int, told: str, rows: Sequence[Sequence[Text]]) -> list[RenderableType]:
    if not count:
        return []
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, ratio in (("Bucket", 3), (told, 4), ("Findings", 4)):
        table.add_column(name, overflow="fold", max_width=None, ratio=ratio)
    for row in rows:
        table.add_row(*row)
    parts: list[RenderableType] = [Text(f"\n{heading} ({count})", style=style), table]
    if count > len(rows):
        parts.append(Text(f"and {count - len(rows)} more (--format json names them all)"))
    return parts


def _change(change: Change, place: Sequence[str]) -> tuple[Text, Text, Text]:
    differences = [
        f"{label(each.column)}: {printable(cell(each.old))} -> {printable(cell(each.new))}"
        for each in shown(change.comparison)
    ]
    told = [Text(f"{sign} {printable(words)}", style=_SIGNS[sign]) for sign, words in findings(change.comparison)]
    return _name(change.bucket, place), Text("\n".join(differences)), Text("\n").join(told)


def _present(present: Present, place: Sequence[str]) -> tuple[Text, Text, Text]:
    row = present.row
    words = [printable(with_severity(finding)) for finding in present.found]
    return (
        _name(present.bucket, place),
        Text(f"{printable(row.mode)}, {printable(row.key_type)}"),
        Text("\n".join(words)),
    )


def _name(bucket: str, place: Sequence[str]) -> Text:
    return Text(printable(f"{bucket} ({', '.join(place)})" if place else bucket))
