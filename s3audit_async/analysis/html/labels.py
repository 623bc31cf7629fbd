"""What the page calls things: the report's own words where people know them, plainer ones beside them elsewhere."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from s3audit_async import classify
from s3audit_async.analysis.summary import has_bucket_key, has_key, key_of

if TYPE_CHECKING:
    from s3audit_async.model import Row

KEY_TYPES = {
    classify.CUSTOMER_MANAGED: "Customer managed",
    classify.AWS_MANAGED: "AWS managed",
    classify.NOT_APPLICABLE: "No KMS key",
    classify.UNKNOWN: "Unknown",
    classify.ACCESS_DENIED: "Not verified: access denied",
    classify.KEY_NOT_FOUND: "Key not found",
}
"""Labels of column C; what is not here is an error code: the key was not verified because of it."""

MODES = {
    classify.NO_CONFIGURATION: "None configured",
    classify.ACCESS_DENIED: "Unknown: access denied",
    "NoSuchBucket": "Bucket is gone",
}
"""Labels of what stands for the encryption where there is none to name."""

_BUCKET_KEYS = {True: "on", False: "off", None: "not configured"}
_SAME_IN_ALL = re.compile(r"^arn:aws[a-z-]*:kms:")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def bucket_key_label(row: Row) -> str | None:
    """Tell the state of a bucket's Bucket Key, as `Summary` counts it; None where it does not apply."""
    return _BUCKET_KEYS[row.bucket_key] if has_key(row) and has_bucket_key(row) else None


def key_label(row: Row) -> str | None:
    """Name a bucket's KMS key, as `Summary` counts it; None where there is none."""
    return key_of(row) if has_key(row) else None


def short_key(reference: str) -> str:
    """Leave out of a key's ARN what is the same in all of them. `shortKey` in data.js does the same."""
    return _SAME_IN_ALL.sub("", reference)


def visible(text: str) -> str:
    """Write out characters that show nothing or turn the direction of writing, so that a name looks like what it is.

    `visible` in data.js does the same.
    """
    if text.isprintable():
        return text
    return "".join(
        f"⟨U+{ord(character):04X}⟩" if unicodedata.category(character) in _HIDDEN else character for character in text
    )
