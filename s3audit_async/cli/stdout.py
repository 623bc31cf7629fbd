"""Standard output, for what a command was asked for: how wide it is, what it can show, and writing to it."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from s3audit_async.cli.outcome import ExitCode, let_go_of
from s3audit_async.cli.terminal import in_colour, is_terminal
from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, TextIO

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
    """Tell what a stream is, standard output if none is given."""
    out = sys.stdout if stream is None else stream
    terminal = is_terminal(out)
    wished = os.environ.get("COLUMNS", "")
    if wished.isdecimal() and int(wished):
        width = int(wished)
    else:
        width = shutil.get_terminal_size((_WIDTH_OFF_TERMINAL, 0)).columns if terminal else _WIDTH_OFF_TERMINAL
    return Page(max(_NARROWEST, min(width, _WIDEST)), colour=in_colour(out), unicode=_can_show(BAR_CHARACTERS, out))


def check_open() -> None:
    """Raise `UsageError` if there is no standard output: what was asked for would be lost."""
    if sys.stdout is None or sys.stdout.closed:
        raise UsageError("standard output is closed", hint="let it go to a file, or to another command")


def check_takes(form: str) -> None:
    """Raise `UsageError` if a report in this format cannot go to standard output."""
    check_open()
    if form == "parquet" and is_terminal(sys.stdout):
        raise UsageError("parquet is not for a terminal", hint="name a file with -o")


@contextmanager
def binary() -> Iterator[BinaryIO]:
    """Give standard output for bytes, and bring out what was written when the block ends. Raises as `write`."""
    with _ending_with_the_reader():
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


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
    with _ending_with_the_reader():
        out.write(text.encode(encoding, "backslashreplace").decode(encoding))
        if flush:
            out.flush()


@contextmanager
def _ending_with_the_reader() -> Iterator[None]:
    try:
        yield
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
