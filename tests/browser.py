"""A headless Chromium of the system's, for pages that are files: it reaches no network, and every request is seen."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO = "no Chromium is found: `make browser` installs Debian's, or says how"
REQUIRED = os.environ.get("S3AUDIT_BROWSER") == "required"
"""Read when this is imported: the tests' own environment is cleared of it."""

ARGUMENTS = (
    "--no-sandbox",  # which needs rights that a container's root has not
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """Find the browser."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium(profile: Path) -> Iterator[BrowserContext]:
    """Start it with an empty profile, offline."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not there where nobody looks at pages

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=executable(),
            headless=True,
            args=list(ARGUMENTS),
            offline=True,
            accept_downloads=True,
            viewport={"width": 1280, "height": 900},
        )
        try:
            yield context
        finally:
            context.close()


def show(page: Page, file: Path) -> None:
    """Load a page that `write_page` has written, and wait until it is ready."""
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
