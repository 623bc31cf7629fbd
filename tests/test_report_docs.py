"""The examples of docs/report.md are what the command prints."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from s3audit_async.cli import main

PAGE = (Path(__file__).parents[1] / "docs" / "report.md").read_text(encoding="utf-8")
BLOCK = r"<!-- {kind}: ([^\n]+) -->\n```\w+\n(.*?)```"
FILES = re.findall(BLOCK.format(kind="file"), PAGE, re.DOTALL)
OUTPUTS = re.findall(BLOCK.format(kind="output of"), PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    for name, content in FILES:
        Path(name).write_text(content, encoding="utf-8")


@pytest.mark.parametrize(("command", "shown"), OUTPUTS)
def test_an_example_prints_what_it_shows(capfd: pytest.CaptureFixture[str], command: str, shown: str) -> None:
    assert main(shlex.split(command)[1:]) == 0
    out, err = capfd.readouterr()

    note = "" if "four columns" in shown else "This report has four columns:"
    lines = [line for line in err.splitlines(keepends=True) if not note or not line.startswith(note)]
    assert out + "".join(lines) == shown


def test_the_fields_of_the_document_are_those_of_the_table(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "monday.csv", "--json", "--by", "mode"]) == 0
    rows = re.findall(r"^\| (`.*?) \|", PAGE[PAGE.index("## For programs") :], re.MULTILINE)

    assert [*json.loads(capfd.readouterr().out)] == re.findall(r"`(\w+)`", " ".join(rows))
