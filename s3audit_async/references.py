"""Pure decisions: what a configured key reference names, where to ask about it, and which partition a region is of.

A reference is whatever stands in KMSMasterKeyID: key ARN, key id, alias, alias ARN, or nonsense. S3 does not check it
(botocore model of s3, PutBucketEncryption).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")  # one word will do: S3-compatible stores have such
_HOST_LABEL = re.compile(r"(?![0-9]+$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_LONGEST_REGION = 32  # twice the longest of today
_PREDEFINED_ALIAS = re.compile(r"(?:arn:[^:]*:kms:[^:]*:[^:]*:)?alias/aws/.*", re.DOTALL)
_ARN = re.compile(r"arn:[^:]*:kms:(?P<region>[^:]*):(?P<account>[^:]*):(?P<resource>.+)", re.DOTALL)
DIRECTORY_SUFFIX = "--x-s3"
"""What the names of directory buckets end with."""
_DIRECTIONS = {
    "n": "north",
    "e": "east",
    "s": "south",
    "w": "west",
    "c": "central",
    "ne": "northeast",
    "nw": "northwest",
    "se": "southeast",
    "sw": "southwest",
}
_ZONE = re.compile(
    r".+--(?P<area>[a-z]{2})(?P<direction>n|e|s|w|c|ne|nw|se|sw)(?P<number>[0-9]{1,2})-(?:[a-z0-9]+-)?az[0-9]+--x-s3"
)
_ARN_SERVICES = {"directory": "s3express", "table": "s3tables", "vector": "s3vectors"}
_PARTITIONS = {
    "cn-": "aws-cn",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
}
"""By how the names of their regions start (botocore, partitions.json)."""


@dataclass(frozen=True, slots=True)
class KeyArn:
    """The parts of a KMS ARN that decide something."""

    region: str
    account: str
    resource: str


def is_region(name: str) -> bool:
    """Tell whether a text has the form of a region's name, and so may become part of a host name."""
    return len(name) <= _LONGEST_REGION and _REGION.fullmatch(name) is not None


def is_host_label(name: str) -> bool:
    """Tell whether a text may be one part of a host name: what a server calls a region is no more than that.

    S3-compatible stores have regions such as `RegionOne`. The rule is botocore's own (utils.py, validate_region_name).
    """
    return _HOST_LABEL.fullmatch(name) is not None


def is_directory_bucket(name: str) -> bool:
    """Tell a directory bucket by its name, which no bucket of another kind can have (S3's naming rules)."""
    return name.endswith(DIRECTORY_SUFFIX)


def region_of_zone(bucket: str) -> str | None:
    """Name the region that the zone in a directory bucket's name is in, such as `--usw2-az1--x-s3`; None if unsure.

    Zone ids start with the region's name in short: `apne1` is ap-northeast-1.
    """
    match = _ZONE.fullmatch(bucket)
    if match is None:
        return None
    return f"{match['area']}-{_DIRECTIONS[match['direction']]}-{match['number']}"


def bucket_arn(kind: str, name: str, *, partition: str, region: str | None, account: str | None) -> str:
    """Spell a bucket's ARN; those of the kinds but `general` have their region and account in them."""
    if kind == "general":
        return f"arn:{partition}:s3:::{name}"
    return f"arn:{partition}:{_ARN_SERVICES[kind]}:{region or ''}:{account or ''}:bucket/{name}"


def partition_of(region: str | None) -> str | None:
    """Name the partition that a region's name tells; None for one of `aws`, or of a partition that is not known."""
    return next((name for start, name in _PARTITIONS.items() if (region or "").startswith(start)), None)


def parse_key_arn(reference: str) -> KeyArn | None:
    """Take a KMS ARN apart; None for what is not one (a bare id, an alias, or nonsense)."""
    match = _ARN.fullmatch(reference)
    return KeyArn(**match.groupdict()) if match else None


def is_predefined_alias(reference: str) -> bool:
    """Tell whether a reference is an `alias/aws/*`, as name or ARN.

    Such a key must never be looked up: DescribeKey on a predefined alias that has no key yet makes KMS create
    one (botocore model of kms, DescribeKey.KeyId). Its manager is AWS by definition.
    """
    return _PREDEFINED_ALIAS.fullmatch(reference) is not None


def is_alias(reference: str) -> bool:
    """Tell whether a reference is an alias, as name or ARN: it is resolved in the account of whoever asks."""
    arn = parse_key_arn(reference)
    return (arn.resource if arn else reference).startswith("alias/")


def names_a_key(mode: str) -> bool:
    """Tell an ARN or an alias from the code of an error, where a report's cell may hold either."""
    return parse_key_arn(mode) is not None or is_alias(mode)


def key_region(reference: str, bucket_region: str) -> str:
    """Name the region to ask about a key: the one in its ARN, else the bucket's.

    KMS answers an ARN only in its own region. An ARN whose region has not the form of one is asked about in the
    bucket's region, so that configured text never becomes part of a host name.
    """
    arn = parse_key_arn(reference)
    return arn.region if arn and is_region(arn.region) else bucket_region
