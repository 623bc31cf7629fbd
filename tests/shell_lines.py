"""The commands that a page tells people to type, and a place where they can be: the account is a stub server's."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.command import environment

if TYPE_CHECKING:
    from pathlib import Path

_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands(page: str, *, every: bool = False) -> list[str]:
    """Every `$ s3audit ...` of a page's console blocks, in order; a backslash at an end joins lines.

    `every` gives all commands, not those of s3audit only.
    """
    lines = [line for block in _CONSOLE.findall(page) for line in block.replace("\\\n", " ").splitlines()]
    typed = [line.removeprefix("$ ").strip() for line in lines if line.startswith("$ ")]
    return [line for line in typed if every or re.search(r"(^|[|;&] *)s3audit ", line)]


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
