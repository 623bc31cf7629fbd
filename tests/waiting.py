"""Waits for a state that another thread or process brings about, however long that takes, within reason."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE = 30.0
_INTERVAL = 0.005


def wait_until(state: Callable[[], bool], *, what: str = "") -> None:
    """Return as soon as `state()` holds; fail if it does not come to that."""
    give_up = time.monotonic() + _PATIENCE
    while not state():
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {_PATIENCE:g} s: {what or state}")
        time.sleep(_INTERVAL)
