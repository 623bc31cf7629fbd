"""Makes docs/demo-page.png anew, from the demo's report: `python -m tests.screenshot [FILE] [WIDTHxHEIGHT] [dark]`."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from s3audit_async.analysis.finished import open_report
from s3audit_async.analysis.html import write_page
from tests.browser import HOW_TO, chromium, executable, show
from tests.command import s3audit

PICTURE = Path(__file__).parents[1] / "docs" / "demo-page.png"
BUCKETS = 300


def main(file: str = str(PICTURE), size: str = "1280x900", scheme: str = "light") -> None:
    """Run the demo, write its page, and take a picture of its upper part."""
    if executable() is None:
        raise SystemExit(HOW_TO)
    width, height = map(int, size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        report, page_file = Path(folder, "demo.jsonl"), Path(folder, "page.html")
        s3audit("demo", "--format", "jsonl", "--buckets", str(BUCKETS), "-o", report)
        with page_file.open("wb") as out:
            rows = open_report(report).rows
            write_page(rows, out, title="Encryption of S3 buckets", source="s3audit demo", made_at=datetime.now(UTC))
        with chromium(Path(folder, "profile")) as context:
            page = context.pages[0]
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            show(page, page_file)
            page.screenshot(path=file)


if __name__ == "__main__":
    main(*sys.argv[1:])
