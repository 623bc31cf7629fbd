"""The help page: options by group, commands by section, in colour where that is wanted, on narrow terminals too.

cloup does as much and more, and takes 45 ms to import (it looks its own version up), of the 200 that `s3audit --help`
may take in all; what is used of it would be what stands here.
"""

from __future__ import annotations

import os
import re
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from s3audit_async.cli.terminal import colour_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

OTHERS = "Other options"
"""The heading of options that have none of their own."""
SECTIONS = (
    ("Audit", ("run", "demo")),
    ("Read reports", ("report", "diff")),
    ("Set up", ("iam-policy", "explain", "completion")),
)
"""The commands, in the order and under the headings of the help page."""

_NARROW = 60
"""Columns, below which an explanation stands under what it explains and not beside it."""
_NARROWEST = 24
_HEADING = re.compile(r"\s*[A-Z][\w ]*:")
_COMMANDS = ("s3audit ", "aws ")
"""How the lines of examples begin: broken with a backslash, they can still be copied."""
_COLUMNS = re.compile(r"(?<=\S) {2,}(?=\S)")


class HelpPage(click.HelpFormatter):
    """Lays a help page out. Colours are put in always: click takes them out where they are not wanted."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        import shutil  # noqa: PLC0415 - as click does: for a page that is shown only

        columns = shutil.get_terminal_size().columns
        width = width or max(min(columns, max_width or columns) - 2, _NARROWEST)  # click's own is never below 50
        super().__init__(indent_increment, width, max_width)

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, _heading(prefix or "Usage:") + " ")

    def write_heading(self, heading: str) -> None:
        self.write(" " * self.current_indent + _heading(f"{heading}:") + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        if self.width >= _NARROW:
            super().write_dl([(_name(name), text) for name, text in rows], col_max, col_spacing)
            return
        indent = " " * (self.current_indent + 4)
        for name, text in rows:
            lines = wrap(name.replace("|", "| "), self.width - len(indent), break_on_hyphens=False)  # between choices
            for number, line in enumerate(lines):
                self.write((indent if number else " " * self.current_indent) + _name(line.replace("| ", "|")) + "\n")
            self.write("".join(f"{indent}{line}\n" for line in wrap(text, self.width - len(indent))))

    def write_text(self, text: str) -> None:
        start = len(self.buffer)
        super().write_text(text)
        lines = "".join(self.buffer[start:]).splitlines()
        self.buffer[start:] = [f"{dressed}\n" for line in lines for dressed in self._dressed(line)]

    def _dressed(self, line: str) -> Iterable[str]:
        """Mark headings; break examples and tables, which are not wrapped as text is, where they are too long."""
        if _HEADING.fullmatch(line):
            return [_heading(line)]
        if len(line) <= self.width:
            return [line]
        indent = " " * (len(line) - len(line.lstrip()))
        first, *rest = _COLUMNS.split(line.strip(), maxsplit=1)
        room = self.width - len(indent)
        parts = wrap(first, room - 2, break_long_words=False, break_on_hyphens=False)
        broken = f" \\\n{indent}  ".join(parts) if first.startswith(_COMMANDS) else f"\n{indent}".join(parts)
        return [indent + broken, *(f"{indent}    {text}" for part in rest for text in wrap(part, room - 4))]


class HelpContext(click.Context):
    """A context whose help page is a `HelpPage`."""

    formatter_class = HelpPage


class SectionedGroup(click.Group):
    """The commands in sections, and the nearest one named where there is none of that name."""

    context_class = HelpContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        known = [name for _, names in SECTIONS for name in names if name in self.commands]
        return [*known, *(name for name in super().list_commands(ctx) if name not in known)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        sectioned = {name for _, section in SECTIONS for name in section}
        others = ("Other commands", tuple(name for name in names if name not in sectioned))
        width = max(map(len, names)) + 6
        for heading, section in (*SECTIONS, others):
            rows = [
                (name.ljust(width - 6), self.commands[name].get_short_help_str(formatter.width * 2))
                for name in section
                if name in self.commands
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args[0] not in self.commands and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415 - for a mistake only

            # Releases of click before 8.4 do not tell.
            near = get_close_matches(args[0], self.commands, n=1)
            raise click.UsageError(
                f"No such command {args[0]!r}" + (f": did you mean '{near[0]}'?" if near else ""), ctx=ctx
            )
        return super().resolve_command(ctx, args)


def format_grouped(options: Iterable[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write options under the headings of their groups, those that have none last."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for parameter in options:
        record = parameter.get_help_record(ctx)
        if record is not None and (record[1] or isinstance(parameter, click.Option)):
            groups.setdefault(getattr(parameter, "group", OTHERS), []).append(record)
    others = groups.pop(OTHERS, [])
    for heading, records in [*groups.items(), (OTHERS, others)]:
        with formatter.section(heading):
            formatter.write_dl(records)


def for_this_terminal() -> dict[str, Any]:
    """Give what the context of the whole command is to know of the terminal."""
    return {"color": colour_wanted(os.environ)}


def _heading(text: str) -> str:
    return click.style(text, bold=True)


def _name(text: str) -> str:
    return click.style(text, fg="cyan")
