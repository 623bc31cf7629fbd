"""The results file: of each question what was measured last, how much of it, on what, and when."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.suite.question import Findings, Size

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is kept of one question.

    - `date`: when its measuring began, in UTC, ISO 8601.
    - `load`: the load average of the minute before.
    - `seconds`: how long it took to measure.
    """

    size: Size
    date: str
    load: float
    seconds: float
    machine: Mapping[str, str]
    findings: Findings


def read_results(path: Path) -> dict[str, Entry]:
    """Read what was measured so far, by question; nothing where there is no file."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: Entry(**{**entry, "size": Size(entry["size"])}) for name, entry in content.items()}


def write_results(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write all results. Whoever reads the file meanwhile, or finds it after a crash, has the old ones or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump({name: asdict(entry) for name, entry in entries.items()}, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
