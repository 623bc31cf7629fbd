"""What a report holds, and what it must hold of a stub account."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.stub import StubAccount

HEADER = "Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key"


def rows_of(report: Path) -> dict[str, tuple[str, str, str]]:
    """Columns B, C and D by bucket; a bucket that stands there twice is an error."""
    with report.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file, strict=True))
    assert lines[0][:4] == HEADER.split(",")
    assert len({line[0] for line in lines}) == len(lines)
    return {line[0]: (line[1], line[2], line[3]) for line in lines[1:]}


def expected(account: StubAccount) -> Mapping[str, tuple[str, str, str]]:
    """What the report must say of an account."""
    return {bucket.name: account.expected(bucket.name) for bucket in account.index}
