"""What the environment says of whoever reads: whether there is to be colour, and whether this is CI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_OFF = frozenset({"", "0", "false"})


def colour_wanted(environ: Mapping[str, str]) -> bool | None:
    """Tell whether there is to be colour; None where that depends on whether it goes to a terminal.

    NO_COLOR wins (no-color.org), then FORCE_COLOR and CLICOLOR_FORCE; each counts if it is not empty.
    """
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if environ.get("TERM") == "dumb" or environ.get("CLICOLOR") == "0" or in_ci(environ):
        return False
    return None


def in_colour(stream: TextIO | None) -> bool:
    """Tell whether what goes to a stream is to be in colour."""
    wanted = colour_wanted(os.environ)
    return is_terminal(stream) if wanted is None else wanted


def in_ci(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a service that builds and tests, which sets CI: nobody watches there."""
    return environ.get("CI", "").lower() not in _OFF


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream is there, and a terminal."""
    return stream is not None and not stream.closed and stream.isatty()
