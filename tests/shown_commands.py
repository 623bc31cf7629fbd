"""What a page shows of the command line: its files are written, its commands run, its outputs compared and renewed.

In the order of the page:

- `<!-- file: NAME -->` before a block: the block is a file.
- A block of the language `console`: lines that begin with `$ ` are commands to be typed.
- `<!-- output -->` before a block: what the last of them printed on standard output.
- `<!-- output of: COMMAND -->` before a block: all that this command prints.
- `<!-- exits with N -->`: the exit code of the last command, if not 0.

`python -m tests.shown_commands --write` renews the outputs of `WALKED`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.command import environment

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[1] / "docs"
WALKED = (DOCS / "walkthrough.md", DOCS / "diff.md", DOCS / "report.md")
"""Pages that need no account, so that all of them can be done as it stands there."""

_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
_STEP = re.compile(
    r"<!-- exits with (?P<code>\d+) -->"
    r"|(?:<!-- (?:file: (?P<file>\S+)|output of: (?P<command>[^\n]+?)|(?P<output>output)) -->\n)?"
    r"```(?P<language>\w+)\n(?P<text>.*?)```",
    re.DOTALL,
)


def commands(page: str, *, every: bool = False) -> list[str]:
    """Every `$ s3audit ...` of a page's console blocks, in order; a backslash at an end joins lines.

    `every` gives all commands, not those of s3audit only.
    """
    lines = [line for block in _CONSOLE.findall(page) for line in block.replace("\\\n", " ").splitlines()]
    typed = [line.removeprefix("$ ").strip() for line in lines if line.startswith("$ ")]
    return [line for line in typed if every or re.search(r"(^|[|;&] *)s3audit ", line)]


def outputs(page: str) -> dict[str, str]:
    """The outputs that a page shows together with their commands."""
    return {match["command"]: match["text"] for match in _STEP.finditer(page) if match["command"]}


def install(folder: Path) -> Path:
    """Put a command `s3audit` there, and give the folder for PATH."""
    folder.mkdir(exist_ok=True)
    command = folder / "s3audit"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -W error -m s3audit_async "$@"\n')
    command.chmod(0o700)
    return folder


def type_in(line: str, cwd: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Have a shell run one line."""
    variables = environment()
    variables["PATH"] = f"{path}:{variables['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        check=False,
        capture_output=True,
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
    )


def refused(lines: list[str], folder: Path) -> dict[str, str]:
    """Type these in, and give what was said by those that the command did not take, or could not go on with."""
    path = install(folder / ".bin")
    said = {}
    for line in lines:
        done = type_in(line, folder, path)
        if done.returncode not in {0, 1} or "s3audit: " in done.stderr:
            said[line] = f"{done.returncode}: {done.stderr}"
    return said


def same(_: str, text: str) -> str:
    """Compare all of an output."""
    return text


def walk(
    page: str, folder: Path, *, typing: bool = True, stable: Callable[[str, str], str] = same
) -> tuple[str, list[str]]:
    """Do what a page says, in `folder`. Gives the page with its outputs as they are, and what is not as it says.

    `typing` is for pages of which everything can be typed. `stable` gives what is the same each time of a command's
    output: only that is compared.
    """
    steps = _Walk(folder, typing, stable)
    renewed = steps.through(page)
    return renewed, steps.wrong + steps.failed


def renewed(page: str, *, typing: bool = True) -> str:
    """Give a page with its outputs as they are. What fails and is not said to has no place on a page: then none is."""
    with tempfile.TemporaryDirectory() as folder:
        steps = _Walk(Path(folder), typing, same)
        text = steps.through(page)
    if steps.failed:
        raise SystemExit("\n".join(steps.failed))
    return text


class _Walk:
    """One walk through a page."""

    def __init__(self, folder: Path, typing: bool, stable: Callable[[str, str], str]) -> None:
        self._folder = folder
        self._typing = typing
        self._stable = stable
        self._path = install(folder / ".bin")
        self._done: subprocess.CompletedProcess[str] | None = None
        self._line, self._expected = "", 0
        self.wrong: list[str] = []
        """Outputs that are others than shown."""
        self.failed: list[str] = []
        """Exit codes that are others than said."""

    def through(self, page: str) -> str:
        text = _STEP.sub(self._step, page)
        self._check_code()
        return text

    def _step(self, match: re.Match[str]) -> str:
        if match["code"]:
            self._expected = int(match["code"])
        elif match["file"]:
            (self._folder / match["file"]).write_text(match["text"])
        elif match["output"]:
            return self._compared(match, self._done.stdout if self._done is not None else "")
        elif match["command"]:
            done = self._type(match["command"])
            return self._compared(match, done.stdout + done.stderr)
        elif match["language"] == "console" and self._typing:
            for line in commands(match[0], every=True):
                self._type(line)
        return match[0]

    def _type(self, line: str) -> subprocess.CompletedProcess[str]:
        self._check_code()
        self._line, self._expected = line, 0
        self._done = type_in(line, self._folder, self._path)
        return self._done

    def _check_code(self) -> None:
        done = self._done
        if done is not None and done.returncode != self._expected:
            self.failed.append(f"{self._line}: exit code {done.returncode}: {done.stderr}")

    def _compared(self, match: re.Match[str], output: str) -> str:
        printed = "".join(f"{text.rstrip()}\n" for text in output.splitlines())
        if self._stable(self._line, printed) != self._stable(self._line, match["text"]):
            self.wrong.append(f"{self._line}: printed:\n{printed}")
        start, end = (place - match.start() for place in match.span("text"))
        return match[0][:start] + printed + match[0][end:]


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    for place in WALKED:
        place.write_text(renewed(place.read_text()))
