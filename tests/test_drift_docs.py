"""docs/diff.md shows what the command prints, and names what it takes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from s3audit_async.analysis.drift.gathering import Kind
from s3audit_async.cli.commands.diff import FAILING
from tests.command import s3audit

PAGE = Path(__file__).parents[1] / "docs" / "diff.md"
FILE = re.compile(r"<!-- file: (?P<name>\S+) -->\n```csv\n(?P<text>.*?)```\n", re.DOTALL)
OUTPUT = re.compile(r"<!-- output of: s3audit (?P<arguments>[^>]*?) -->\n```text\n(?P<text>.*?)```\n", re.DOTALL)


def with_files(folder: Path) -> Path:
    """The folder, with the reports that the page shows."""
    for match in FILE.finditer(PAGE.read_text()):
        (folder / match["name"]).write_text(match["text"])
    return folder


@pytest.mark.parametrize("example", list(OUTPUT.finditer(PAGE.read_text())), ids=lambda match: match["arguments"])
def test_the_outputs_shown_are_the_commands(tmp_path: Path, example: re.Match[str]) -> None:
    done = s3audit(*example["arguments"].split(), cwd=with_files(tmp_path))

    assert (done.returncode, done.stderr, done.stdout) == (0, "", example["text"])


def test_the_page_names_everything_to_fail_on() -> None:
    table = re.findall(r"^\| `(\S+)` \| (?:a|one) ", PAGE.read_text(), re.MULTILINE)

    assert table == list(FAILING) == list(Kind)


if __name__ == "__main__" and "--write" in sys.argv:  # python -m tests.test_drift_docs --write
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        where = with_files(Path(folder))
        PAGE.write_text(
            OUTPUT.sub(
                lambda match: match[0].replace(
                    f"```text\n{match['text']}```",
                    f"```text\n{s3audit(*match['arguments'].split(), cwd=where).stdout}```",
                ),
                PAGE.read_text(),
            )
        )
