"""An AWS Lambda function: audits its role's account into a report on EFS, in as many invocations as it takes."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from s3audit_async import audit_to_file

REPORTS = Path(os.environ.get("REPORTS", "/mnt/reports"))
RESERVE_SECONDS = 30.0
"""Of the time left, what is kept for writing what is ready, and for closing connections."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own, of no type
    """Begin the report of a day, or go on with it. To be invoked again, with what it returns, while `again` is true."""
    day = date.fromisoformat(event.get("date") or datetime.now(UTC).date().isoformat())
    folder = REPORTS / f"date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    done = asyncio.run(audit_to_file(folder / "report.jsonl", seconds=seconds))
    if done.error is not None and not done.out_of_time:
        raise done.error
    return {
        "date": str(day),
        "again": not done.complete,
        "path": str(done.path),
        "rows": done.rows,
        "failed": done.failed,
        "findings": done.counts["findings"],
    }
