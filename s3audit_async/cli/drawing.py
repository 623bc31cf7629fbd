"""Draws small tables that fit a page: bars, texts cut in their middle, columns left out where there is no room."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from s3audit_async.cli.stdout import BAR_CHARACTERS
from s3audit_async.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from s3audit_async.cli.stdout import Page

_EIGHTHS = 8
_ROOMY = 60  # characters; columns stand closer below that
_INDENT = 2
_FOLDED = 24
"""How wide a column has to be at least for texts to be folded into it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `styles` has a style for each cell, or one for all."""

    head: str
    cells: Sequence[str]
    right: bool = False
    styles: Sequence[str] = ("",)
    fold: bool = False
    """Whether its cells may take several lines; it is then given what room is left."""

    @property
    def width(self) -> int:
        """How wide it is where it is neither cut nor folded."""
        return max(cell_len(cell) for cell in (self.head, *self.cells))


def bar(share: float, width: int, page: Page) -> str:
    """Draw a share of one. What is more than nothing can be seen."""
    if share <= 0:
        return ""
    if not page.unicode:
        return "#" * max(1, round(share * width))
    whole, part = divmod(max(1, round(share * width * _EIGHTHS)), _EIGHTHS)
    return BAR_CHARACTERS[-1] * whole + (BAR_CHARACTERS[part - 1] if part else "")


def percent(count: int, whole: int) -> str:
    """Write a share; one that is not all of it never as all of it, nor one that is something as nothing."""
    if not whole:
        return ""
    share = 100 * count / whole
    if 0 < share < 0.1:  # noqa: PLR2004 - what one decimal can show
        return "<0.1 %"
    if count < whole and share > 99.9:  # noqa: PLR2004
        return ">99.9 %"
    return f"{share:.1f} %"


def shortened(text: str, width: int, page: Page) -> str:
    """Make a text from outside safe to show, and cut its middle out if it is too long: ARNs differ at both ends."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    gap = "…" if page.unicode else "..."
    room = max(0, width - len(gap))
    head = set_cell_size(text, room // 3).rstrip()
    tail = set_cell_size(text[::-1], room - cell_len(head))[::-1].lstrip()
    return head + gap + tail


def table(
    page: Page,
    label: Column,
    columns: Sequence[Column],
    optional: Sequence[Column] = (),
    *,
    heads: bool = True,
    least: int = 0,
) -> Table:
    """Lay a table out. The label is cut if need be; where an optional column does not fit, the rest is left out.

    `least` is how wide the label's column is at least, so that tables that follow each other can stand in line.
    """
    gap = 2 if page.width >= _ROOMY else 1
    shown = list(columns)
    room = page.width - _INDENT - sum(gap + column.width for column in shown)
    full = max(label.width, least)
    wanted = min(full, max(16, page.width // 3))
    folded = 0
    for column in optional:
        extent = min(column.width, room - wanted - gap) if column.fold else column.width
        if extent >= min(column.width, _FOLDED) and room - wanted >= gap + extent:
            shown.append(column)
            folded = extent if column.fold else folded
            room -= gap + extent
        elif not column.fold:
            break
    width = max(4, min(full, room))
    drawn = Table(box=None, show_header=heads, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0))
    drawn.header_style = "dim"
    drawn.add_column("", width=_INDENT - gap if gap < _INDENT else 0)
    drawn.add_column(label.head, width=width, no_wrap=True)
    for column in shown:
        drawn.add_column(
            column.head,
            width=folded if column.fold else column.width,
            justify="right" if column.right else "left",
            no_wrap=not column.fold,
            overflow="fold",
        )
    for number in range(len(label.cells)):
        cells = [_cell(column, number) for column in shown]
        name = Text(shortened(label.cells[number], width, page), style=_style(label, number))
        drawn.add_row("", name, *cells)
    return drawn


def render(page: Page, parts: Sequence[RenderableType]) -> str:
    """Draw everything, without blanks at the ends of lines."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=page.width,
        force_terminal=page.colour,
        no_color=not page.colour,
        color_system="standard" if page.colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for part in parts:
        console.print(part)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def _cell(column: Column, number: int) -> Text:
    return Text(column.cells[number], style=_style(column, number))


def _style(column: Column, number: int) -> str:
    return column.styles[number if len(column.styles) > 1 else 0]
