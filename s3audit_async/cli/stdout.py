"""Standard output, for what a command was asked for: how wide it is, what it can show, and writing to it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from s3audit_async.cli.outcome import ExitCode, let_go_of

if TYPE_CHECKING:
    from typing import TextIO

BAR_CHARACTERS = "▏▎▍▌▋▊▉█"
"""From an eighth of a character to a whole one."""

_STDOUT = 1
_WIDTH_OFF_TERMINAL = 100
_NARROWEST = 40  # characters
_WIDEST = 200


@dataclass(frozen=True, slots=True)
class Page:
    """What is written on: its width in characters, and whether it takes colours and characters beyond ASCII."""

    width: int = _WIDTH_OFF_TERMINAL
    colour: bool = False
    unicode: bool = True


def page(stream: TextIO | None = None) -> Page:
    """Tell what a stream is, standard output if none is given.

    Colours are for terminals, unless `NO_COLOR` or `CI` is set (https://no-color.org).
    """
    out = sys.stdout if stream is None else stream
    terminal = out is not None and not out.closed and out.isatty()
    wished = os.environ.get("COLUMNS", "")
    if wished.isdecimal() and int(wished):
        width = int(wished)
    else:
        width = shutil.get_terminal_size((_WIDTH_OFF_TERMINAL, 0)).columns if terminal else _WIDTH_OFF_TERMINAL
    plain = any(os.environ.get(name) for name in ("NO_COLOR", "CI")) or os.environ.get("TERM") == "dumb"
    return Page(
        max(_NARROWEST, min(width, _WIDEST)), colour=terminal and not plain, unicode=_can_show(BAR_CHARACTERS, out)
    )


def write(text: str) -> None:
    """Write a text, and bring out all there is. Ends the command if whoever reads has gone; raises `OSError` else."""
    _write(text, flush=True)


def write_line(text: str) -> None:
    """Write one of many lines; `write` brings the last of them out."""
    _write(text + "\n", flush=False)


def _write(text: str, *, flush: bool) -> None:
    """Write, what the encoding has no characters for as escapes."""
    out = sys.stdout
    if out is None:
        return
    encoding = out.encoding or "utf-8"
    try:
        out.write(text.encode(encoding, "backslashreplace").decode(encoding))
        if flush:
            out.flush()
    except BrokenPipeError as error:
        let_go_of(_STDOUT)
        # Click would make an exit code of 1 of it, which is that of a violated policy.
        raise click.exceptions.Exit(ExitCode.COULD_NOT_GO_ON) from error


def _can_show(characters: str, out: TextIO | None) -> bool:
    try:
        characters.encode(getattr(out, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
