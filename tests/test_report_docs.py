"""docs/report.md names the fields; what it shows of the command is compared in tests/test_shown_commands.py."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.command import s3audit
from tests.reports import HEADER
from tests.shown_commands import DOCS

if TYPE_CHECKING:
    from pathlib import Path


def test_the_fields_of_the_document_are_those_of_the_table(tmp_path: Path) -> None:
    page = (DOCS / "report.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page[page.index("## For programs") :], re.MULTILINE)
    (tmp_path / "monday.csv").write_text(f"{HEADER}\nacme-exports,AES256,N/A,False\n")
    done = s3audit("report", "monday.csv", "--json", "--by", "mode", cwd=tmp_path)

    assert [*json.loads(done.stdout)] == re.findall(r"`(\w+)`", " ".join(rows))
