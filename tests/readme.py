"""The parts of README that the program knows better: a test compares, `python -m tests.readme --write` renews."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path

from s3audit_async.cli import outcome
from tests import shown_commands

README = Path(__file__).parents[1] / "README.md"

_EXIT_TABLE = re.compile(r"\| code \| meaning \|\n\| --- \| --- \|\n(?P<text>(?:\|.*\n)*)")
_OF_ONE_RUN = re.compile(r"^(?:Calls|Elapsed) .*\n(?: {12}.*\n)*", re.MULTILINE)
"""What of the demo's summary differs from run to run, with the lines that it goes on in."""


def stable(command: str, text: str) -> str:
    """What of an output is the same in each run."""
    return _OF_ONE_RUN.sub("", text) if command.startswith("s3audit demo") else text


def exit_table() -> str:
    """The exit codes with what stands below each in the source."""
    (enum,) = (
        node
        for node in ast.parse(inspect.getsource(outcome)).body
        if isinstance(node, ast.ClassDef) and node.name == "ExitCode"
    )
    lines = []
    for code, meaning in zip(enum.body[1::2], enum.body[2::2], strict=True):
        assert isinstance(code, ast.Assign)
        assert isinstance(meaning, ast.Expr)
        lines.append(f"| {ast.literal_eval(code.value)} | {ast.literal_eval(meaning.value)} |\n")
    return "".join(lines)


def shown_exit_table(text: str) -> str:
    """The table of exit codes in README."""
    match = _EXIT_TABLE.search(text)
    return match["text"] if match else ""


def checked(text: str, folder: Path) -> tuple[str, list[str]]:
    """README with its outputs as they are, and what is not as it says."""
    return shown_commands.walk(text, folder, typing=False, stable=stable)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    text = shown_commands.renewed(README.read_text(), typing=False)
    README.write_text(_EXIT_TABLE.sub(lambda match: match[0].replace(match["text"], exit_table()), text))
