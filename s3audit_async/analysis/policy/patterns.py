"""The patterns of a policy: shell-style ones for names, and for key ARNs the same in each part."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from s3audit_async import classify
from s3audit_async.model import AES256, Row
from s3audit_async.references import is_predefined_alias, parse_key_arn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3audit_async.references import KeyArn

EVERYTHING = "*"
SSE_S3 = "sse-s3"
"""The word that allows S3's own keys, which have no ARN."""

_ARN_PARTS = 6
_RANGE = re.compile(r"(.)-(.)")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_NOT_OF_AWS = frozenset({classify.CUSTOMER_MANAGED, classify.KEY_NOT_FOUND})
"""Key types of which it is certain that AWS does not manage the key."""


def check_pattern(pattern: str) -> str:
    """Say what is wrong with a pattern; nothing if it is sound.

    `fnmatch` takes a bracket that is not closed for itself, and a range that runs backwards for nothing at all.
    """
    if not pattern:
        return "an empty pattern matches nothing"
    if _CONTROL.search(pattern):
        return "spaces and control characters match nothing"
    at = 0
    while (start := pattern.find("[", at)) >= 0:
        first = start + 1 + pattern.startswith("!", start + 1)
        end = pattern.find("]", first + 1)
        if end < 0:
            return "the [ is not closed"
        for low, high in _RANGE.findall(pattern[first:end]):
            if low > high:
                return f"the range {low}-{high} runs backwards"
        at = end + 1
    return ""


class Names:
    """Names by patterns: `*` is any text, `?` one character, `[ab]` and `[!ab]` one of these, one not of these.

    Takes the same time for 10 names without a wildcard as for 10,000, of which a policy may well have a list.
    """

    __slots__ = ("_everything", "_exact", "_wild")

    def __init__(self, patterns: Iterable[str]) -> None:
        each = frozenset(patterns)
        wild = sorted(filter(_has_wildcard, each))
        self._everything = EVERYTHING in each
        self._exact = each.difference(wild)
        self._wild = re.compile("|".join(map(fnmatch.translate, wild))) if wild else None

    def hold(self, name: str | None) -> bool | None:
        """Tell whether a whole name matches one of them, in its case. None is a name that is not known."""
        if self._everything:
            return True
        if name is None:
            return None
        return name in self._exact or (self._wild is not None and self._wild.match(name) is not None)


def _has_wildcard(pattern: str) -> bool:
    return any(mark in pattern for mark in "*?[")


def check_key_pattern(pattern: str) -> str:
    """Say what is wrong with an entry of `allowed_keys`; nothing if it is sound."""
    if pattern in {SSE_S3, classify.AWS_S3_ALIAS}:
        return ""
    parts = pattern.split(":")
    if pattern.startswith("alias/") or parts[-1].startswith("alias/"):
        return "an alias can be pointed at another key: give the key's ARN"
    if len(parts) != _ARN_PARTS or parts[0] != "arn" or parts[2] != "kms" or not parts[5].startswith("key/"):
        return "not the ARN of a KMS key"
    return next(filter(None, map(check_pattern, parts)), "")


@dataclass(frozen=True, slots=True)
class AllowedKeys:
    """The keys that buckets may be encrypted with: patterns of ARNs, `alias/aws/s3`, `sse-s3`."""

    patterns: tuple[str, ...]
    _wild: tuple[tuple[Names, ...], ...] = field(init=False, repr=False, compare=False)
    _exact: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wild = tuple(filter(_has_wildcard, self.patterns))
        object.__setattr__(self, "_exact", frozenset(self.patterns).difference(wild))
        object.__setattr__(
            self, "_wild", tuple(tuple(Names([part]) for part in pattern.split(":")) for pattern in wild)
        )

    def allow(self, row: Row) -> bool | None:
        """Tell whether a bucket's key is among them; None if nobody can tell which key it is."""
        if row.key_type == classify.NOT_APPLICABLE:
            # What is neither is an algorithm newer than this program.
            return {classify.NO_CONFIGURATION: False, AES256: SSE_S3 in self._exact}.get(row.mode)
        aws_s3 = classify.AWS_S3_ALIAS in self._exact
        if is_predefined_alias(row.mode):  # never looked up, so its ARN is not known: it is allowed by its name
            return aws_s3 and _is_aws_s3(row)
        arn = row.key_arn or row.mode  # which of a bucket that was not read is the code of an error
        parsed = parse_key_arn(arn)
        if parsed is None or not parsed.resource.startswith("key/"):
            return None
        if arn in self._exact or self._allow_by_pattern(arn):
            return True
        may_be_aws_s3 = row.key_type not in _NOT_OF_AWS and _is_at_home(parsed, row) is not False
        return None if aws_s3 and may_be_aws_s3 else False

    def _allow_by_pattern(self, arn: str) -> bool:
        """Match part by part, so that `*` never reaches over a colon into the next one."""
        given = arn.split(":")
        return any(
            len(wanted) == len(given) and all(names.hold(part) for names, part in zip(wanted, given, strict=True))
            for wanted in self._wild
        )


def _is_aws_s3(row: Row) -> bool | None:
    """Tell whether a predefined alias is the `aws/s3` of the bucket's account and region: one by name always is."""
    if row.mode == classify.AWS_S3_ALIAS:
        return True
    parsed = parse_key_arn(row.mode)
    if parsed is None or parsed.resource != classify.AWS_S3_ALIAS:
        return False
    return _is_at_home(parsed, row)


def _is_at_home(arn: KeyArn, row: Row) -> bool | None:
    """Tell whether an ARN is of the bucket's account and region; None if the row does not hold them."""
    places = ((arn.account, row.account), (arn.region, row.region))
    if any(own is not None and own != named for named, own in places):
        return False
    return None if any(own is None for _, own in places) else True
