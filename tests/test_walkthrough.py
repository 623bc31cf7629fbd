"""The walk-through works as it stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import walkthrough

if TYPE_CHECKING:
    from pathlib import Path


def test_every_step_of_the_walk_through_does_what_it_says(tmp_path: Path) -> None:
    """From the audit of the demo account to the plan, the policy and the drift: commands, outputs and exit codes."""
    _, wrong = walkthrough.walk(walkthrough.PAGE.read_text(), tmp_path)

    assert wrong == []


def test_a_page_that_says_what_is_not_so_is_found_out(tmp_path: Path) -> None:
    """A wrong output, and an exit code that is not named."""
    page = "```console\n$ echo one\n```\n<!-- output -->\n```text\ntwo\n```\n```console\n$ false\n$ true\n```\n"

    renewed, wrong = walkthrough.walk(page, tmp_path)

    assert renewed == page.replace("two", "one")
    assert [text.partition(":")[0] for text in wrong] == ["echo one", "false"]
