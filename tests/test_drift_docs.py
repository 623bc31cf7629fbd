"""docs/diff.md names what the command takes; what it shows of it is compared in tests/test_shown_commands.py."""

from __future__ import annotations

import re

from s3audit_async.analysis.drift.gathering import Kind
from s3audit_async.cli.commands.diff import FAILING
from tests.shown_commands import DOCS


def test_the_page_names_everything_to_fail_on() -> None:
    page = (DOCS / "diff.md").read_text()
    table = re.findall(r"^\| `(\S+)` \| (?:a|one) ", page, re.MULTILINE)

    assert table == list(FAILING) == list(Kind)
