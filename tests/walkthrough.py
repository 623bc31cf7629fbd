"""A page that is a session at the shell: its commands are typed in order, its files written, its outputs compared.

`<!-- file: NAME -->` before a block says that the block is a file; `<!-- output -->`, that it is what the last command
printed on standard output; `<!-- exits with N -->`, what the last command's exit code is, if not 0.
`python -m tests.walkthrough --write` renews the outputs.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests import shell_lines

if TYPE_CHECKING:
    import subprocess

PAGE = Path(__file__).parents[1] / "docs" / "walkthrough.md"

_STEP = re.compile(
    r"<!-- exits with (?P<code>\d+) -->"
    r"|(?:<!-- (?:file: (?P<file>\S+)|(?P<output>output)) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```",
    re.DOTALL,
)


def walk(page: str, folder: Path) -> tuple[str, list[str]]:
    """Do what a page says, in `folder`. Gives the page with its outputs as they are, and what is not as it says."""
    path = shell_lines.install(folder / ".bin")
    done: subprocess.CompletedProcess[str] | None = None
    line, expected = "", 0
    wrong: list[str] = []

    def check_code() -> None:
        if done is not None and done.returncode != expected:
            wrong.append(f"{line}: exit code {done.returncode}: {done.stderr}")

    def step(match: re.Match[str]) -> str:
        nonlocal done, line, expected
        if match["code"]:
            expected = int(match["code"])
        elif match["file"]:
            (folder / match["file"]).write_text(match["text"])
        elif match["output"]:
            printed = "" if done is None else "".join(f"{text.rstrip()}\n" for text in done.stdout.splitlines())
            if printed != match["text"]:
                wrong.append(f"{line}: printed:\n{printed}")
            start, end = (place - match.start() for place in match.span("text"))
            return match[0][:start] + printed + match[0][end:]
        elif match["kind"] == "console":
            for typed in shell_lines.commands(match[0], every=True):
                check_code()
                line, expected = typed, 0
                done = shell_lines.type_in(line, folder, path)
        return match[0]

    renewed = _STEP.sub(step, page)
    check_code()
    return renewed, wrong


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    with tempfile.TemporaryDirectory() as place:
        text, _ = walk(PAGE.read_text(), Path(place))
    PAGE.write_text(text)
