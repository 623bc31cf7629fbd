"""Whether a request is signed with a secret: AWS Signature Version 4, as the IAM User Guide describes it. Pure."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:
    from benchmarks.stub.wire import HttpRequest

_ALGORITHM = "AWS4-HMAC-SHA256"


def is_signed_with(secret: str, http: HttpRequest) -> bool:
    """Work the signature out anew, and compare. False for anything but a SigV4 header."""
    algorithm, _, rest = http.header(b"authorization").partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    scope = fields.get("Credential", "").partition("/")[2]
    if algorithm != _ALGORITHM or scope.count("/") != 3:
        return False
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    text = "\n".join((_ALGORITHM, http.header(b"x-amz-date"), scope, _hash(_canonical(http, fields["SignedHeaders"]))))
    return hmac.compare_digest(_hmac(key, text).hex(), fields.get("Signature", ""))


def _canonical(http: HttpRequest, signed: str) -> bytes:
    query = sorted(parse_qsl(http.query, keep_blank_values=True))
    content_hash = http.header(b"x-amz-content-sha256") or hashlib.sha256(http.body).hexdigest()
    lines = (
        http.method,
        http.path,
        "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query),
        *(f"{name}:{' '.join(http.header(name.encode()).split())}" for name in signed.split(";")),
        "",
        signed,
        content_hash,
    )
    return "\n".join(lines).encode()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
