"""What may be said aloud: secrets taken out of texts that come from outside, and what a terminal would obey.

By form, where a text looks as secrets do, and by value (`Secrets`), for those that are in use. KMS, for one, answers a
wrong signature with the whole canonical request, session token included.
"""

from __future__ import annotations

import re
from collections import deque
from urllib.parse import quote

REDACTED = "[redacted]"
LONGEST_TEXT = 500
"""Characters that are kept of a text from outside: it ends up in reports and on terminals."""

_LONGEST_SEARCHED = 16_384
"""Characters that are looked at. The patterns take time in proportion to it: some ms for the whole."""
_SHORTEST_VALUE = 8
"""Characters. What is shorter (`test`, of some local stand-in for AWS) stands in too many words that are none of it."""
_KEPT_VALUES = 24
"""Values of which three make one set of credentials: an answer may be late, and speak of earlier ones."""

_NAMES = (
    r"x-amz-security-token|x-amz-signature|x-amz-credential|x-amz-sso_bearer_token|x-aws-ec2-metadata-token"
    r"|aws_?session_?token|session_?token|security_?token|aws_?secret_?access_?key|secret_?access_?key|secret_?key"
    r"|aws_?access_?key_?id|access_?token|refresh_?token|client_?secret|password|signature|credential"
)
_EQUALS = r"""["'\\]{0,4}\s{0,4}(?:[:=>]|%3[AaDd])\s{0,4}["'\\]{0,4}"""
_PATTERNS = (
    # user:password@ in a URL, the password with or without characters that should have been escaped
    (re.compile(r"""(://)[^\s"'<>@/?#:]{0,512}(?::[^\s"'<>]{0,1024})?@"""), rf"\1{REDACTED}@"),
    (
        re.compile(
            rf"""(?i)(authorization{_EQUALS}(?:(?:aws[\w-]{{0,32}}|basic|bearer|digest|negotiate|token)\s+)?)[^\s"'<>]+"""
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(rf"""(?i)\b({_NAMES})({_EQUALS})[^\s"'<>&,;\\]+"""), rf"\1\2{REDACTED}"),
    (re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,124}"), REDACTED),
    (re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])"), REDACTED),
)


class Secrets:
    """The secrets of one run that are in use, to be taken out of texts by value."""

    def __init__(self) -> None:
        self._values: deque[str] = deque(maxlen=_KEPT_VALUES)

    def add(self, *values: str | None) -> None:
        """Keep values in mind, the latest `_KEPT_VALUES`."""
        for value in values:
            if value and len(value) >= _SHORTEST_VALUE and value not in self._values:
                self._values.append(value)

    def removed_from(self, text: str) -> str:
        """Take all values out of a text, percent-encoded ones too; the longest first, as one may hold another."""
        for value in sorted(self._values, key=len, reverse=True):
            for spelling in (value, quote(value, safe=""), quote(value)):
                text = text.replace(spelling, REDACTED)
        return text


def redact(text: str, secrets: Secrets | None = None) -> str:
    """Take secrets out of a text: by value those that are known, by form access key ids, signatures, tokens, passwords.

    Rather too much than too little: any 64 hexadecimal digits may be a signature.
    """
    text = secrets.removed_from(text) if secrets is not None else text
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def printable(text: str) -> str:
    """Put a space for each run of characters that a terminal would obey, or that hide what is next to them.

    That is all that is not `str.isprintable()`: control characters (C0, C1), those that turn the direction of
    writing, and other Unicode format characters.
    """
    if text.isprintable():
        return text
    return re.sub(" +", " ", "".join(character if character.isprintable() else " " for character in text))


def plain(said: object, secrets: Secrets | None = None) -> str:
    """Make one printable line without secrets, of at most `LONGEST_TEXT` characters, out of what an error says."""
    # Redacted before it is cut: half a secret has not its form any more.
    return redact(printable(str(said)[:_LONGEST_SEARCHED]), secrets).strip()[:LONGEST_TEXT]
