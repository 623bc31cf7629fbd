"""The pages that can be walked through work as they stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import shown_commands

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", shown_commands.WALKED, ids=lambda page: page.stem)
def test_every_step_of_a_page_does_what_it_says(tmp_path: Path, page: Path) -> None:
    """Files, commands, outputs and exit codes."""
    _, wrong = shown_commands.walk(page.read_text(), tmp_path)

    assert wrong == []


def test_a_page_that_says_what_is_not_so_is_found_out(tmp_path: Path) -> None:
    """A wrong output, one of a command that is shown with it, and an exit code that is not named."""
    page = (
        "```console\n$ echo one\n```\n<!-- output -->\n```text\ntwo\n```\n"
        "<!-- output of: echo three -->\n```text\nfour\n```\n```console\n$ false\n$ true\n```\n"
    )

    renewed, wrong = shown_commands.walk(page, tmp_path)

    assert renewed == page.replace("two", "one").replace("four", "three")
    assert [text.partition(":")[0] for text in wrong] == ["echo one", "echo three", "false"]
    with pytest.raises(SystemExit, match=r"^false: exit code 1: $"):
        shown_commands.renewed(page)


def test_a_command_that_is_refused_is_found_out(tmp_path: Path) -> None:
    lines = ["s3audit explain key-disabled", "s3audit explain --nothing-like-it", "exit 3"]

    assert list(shown_commands.refused(lines, tmp_path)) == lines[1:]
