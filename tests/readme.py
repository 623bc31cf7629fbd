"""The parts of README that the program knows better: a test compares, `python -m tests.readme --write` renews."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from s3audit_async.cli import outcome
from tests.command import s3audit

README = Path(__file__).parents[1] / "README.md"

_BLOCK = re.compile(r"<!-- output of: s3audit (?P<arguments>[^>]*?) -->\n```\w+\n(?P<text>.*?)```\n", re.DOTALL)
_EXIT_TABLE = re.compile(r"\| code \| meaning \|\n\| --- \| --- \|\n(?P<text>(?:\|.*\n)*)")
_OF_ONE_RUN = re.compile(r"^(?:Calls|Elapsed) .*\n(?: {12}.*\n)*", re.MULTILINE)
"""What of the demo's summary differs from run to run, with the lines that it goes on in."""


def blocks(text: str) -> dict[str, str]:
    """The output shown in README, by the arguments of the command that prints it."""
    return {match["arguments"]: match["text"] for match in _BLOCK.finditer(text)}


def printed(arguments: str) -> str:
    """What the command prints, without the spaces at line ends. The files that it writes go with their directory."""
    with TemporaryDirectory() as place:
        done = s3audit(*arguments.split(), cwd=Path(place))
    return "\n".join(line.rstrip() for line in (done.stdout or done.stderr).splitlines()) + "\n"


def stable(arguments: str, text: str) -> str:
    """What of an output is the same in each run."""
    return _OF_ONE_RUN.sub("", text) if arguments.startswith("demo") else text


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


def renew(text: str) -> str:
    """README with every generated part as it should be."""

    def output(match: re.Match[str]) -> str:
        return match[0].replace(match["text"], printed(match["arguments"])) if match["text"] else match[0]

    text = _EXIT_TABLE.sub(lambda match: match[0].replace(match["text"], exit_table()), text)
    return _BLOCK.sub(output, text)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    README.write_text(renew(README.read_text()))
