"""All parts, in the order in which they are timed and shown."""

from __future__ import annotations

from benchmarks.parts import own, sdk

BASELINE = sdk.CALL
"""What all are compared with."""
PARTS = (
    BASELINE,
    sdk.SIGN,
    sdk.PARSE,
    own.READ,
    own.ASK,
    own.GATE,
    own.KNOWN_KEY,
    own.CLASSIFY,
    own.NARROW,
    own.WIDE,
    own.COUNT,
    own.LATENCY,
)
