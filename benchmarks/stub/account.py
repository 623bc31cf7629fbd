"""What a stub account owns: buckets, their encryption rules, KMS keys and aliases. Pure data."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, overload

from benchmarks.stub.others import ENABLED, StubOther

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT_ID = "123456789012"
EPOCH = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
"""Creation time of whatever names none."""
PREDEFINED_ALIAS = "alias/aws/"
"""Prefix of the aliases that belong to AWS managed keys. Describing one can create the key (kms model)."""


@dataclass(frozen=True, slots=True)
class StubRule:
    """One ServerSideEncryptionRule; None leaves the element out of the answer.

    Without an algorithm there is no ApplyServerSideEncryptionByDefault. `blocked=()` is an empty
    BlockedEncryptionTypes element, which is not the same as none.
    """

    algorithm: str | None = "AES256"
    key: str | None = None
    bucket_key: bool | None = None
    blocked: tuple[str, ...] | None = None


SSE_S3 = StubRule("AES256", bucket_key=False)
"""What AWS answers for a bucket that nobody configured (since 2023-01-05)."""


@dataclass(frozen=True, slots=True)
class StubBucket:
    """A bucket. `rules=None` answers 404, `rules=()` answers 200 with no rule in it.

    `listed_region=False` keeps its BucketRegion out of every listing, so that it has to be located.
    """

    name: str
    region: str = "us-east-1"
    created: datetime = EPOCH
    rules: tuple[StubRule, ...] | None = (SSE_S3,)
    listed_region: bool = True


@dataclass(frozen=True, slots=True)
class StubKey:
    """A KMS key, as DescribeKey tells of it. The ARN decides its region, account and id."""

    arn: str
    manager: str = "CUSTOMER"
    state: str = "Enabled"
    origin: str = "AWS_KMS"
    multi_region: bool = False
    spec: str = "SYMMETRIC_DEFAULT"
    created: datetime = EPOCH
    deletion_date: datetime | None = None
    valid_to: datetime | None = None

    @property
    def region(self) -> str:
        """The region in the ARN."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """The account in the ARN: for a key of somebody else's not the account that asks."""
        return self.arn.split(":")[4]

    @property
    def id(self) -> str:
        """What stands after `key/`."""
        return self.arn.split("/", 1)[1]


class ReportRow(NamedTuple):
    """Columns B, C and D of the report, as text."""

    mode: str
    key_type: str
    bucket_key: str


class BucketIndex(Sequence[StubBucket]):
    """Buckets in the order of their names, found by position and by name."""

    @abstractmethod
    def position(self, name: str) -> int | None:
        """Tell where a bucket stands; None where there is none of that name."""

    def find(self, name: str) -> StubBucket | None:
        """Look a bucket up."""
        position = self.position(name)
        return None if position is None else self[position]

    def after(self, name: str) -> int:
        """Position of the first bucket whose name is greater, whether or not `name` exists."""
        return bisect_right(self, name, key=_name)

    def starting_with(self, prefix: str) -> int:
        """Position of the first bucket whose name starts with `prefix`, or would if there were one."""
        return bisect_left(self, prefix, key=_name)


class ListedBuckets(BucketIndex):
    """Buckets that were written down one by one."""

    def __init__(self, buckets: Sequence[StubBucket]) -> None:
        self._buckets = tuple(sorted(buckets, key=_name))
        self._positions = {bucket.name: position for position, bucket in enumerate(self._buckets)}
        if len(self._positions) != len(self._buckets):
            raise ValueError("two buckets have the same name")

    def __len__(self) -> int:
        return len(self._buckets)

    @overload
    def __getitem__(self, index: int) -> StubBucket: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[StubBucket]: ...
    def __getitem__(self, index: int | slice) -> StubBucket | Sequence[StubBucket]:
        return self._buckets[index]

    def position(self, name: str) -> int | None:
        """Look a bucket's place up."""
        return self._positions.get(name)


@dataclass(frozen=True, slots=True)
class StubAccount:
    """Everything that one set of credentials can ask about.

    `keys` may hold keys of other accounts: those answer to their ARN only. `aliases` maps (region, alias
    name or alias ARN) to the ARN of a key; `alias/...` for the account's own, a whole ARN for a foreign one.
    `hidden` are ARNs of keys whose owner does not let this account describe them.
    """

    id: str = ACCOUNT_ID
    buckets: Sequence[StubBucket] = ()
    keys: Sequence[StubKey] = ()
    aliases: Mapping[tuple[str, str], str] = field(default_factory=dict)
    partition: str = "aws"
    hidden: frozenset[str] = frozenset()
    others: Sequence[StubOther] = ()
    """Buckets of other kinds than general."""
    regions: Mapping[str, str] = field(default_factory=lambda: {"us-east-1": ENABLED, "eu-west-1": ENABLED})
    """Opt-in status by region, as account:ListRegions tells it."""
    index: BucketIndex = field(init=False, repr=False, compare=False)
    _by_arn: Mapping[str, StubKey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        buckets = self.buckets
        index = buckets if isinstance(buckets, BucketIndex) else ListedBuckets(buckets)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "_by_arn", {key.arn: key for key in self.keys})

    @property
    def arn(self) -> str:
        """Who is asking: the Arn that GetCallerIdentity answers."""
        return f"arn:{self.partition}:iam::{self.id}:user/auditor"

    def key_arn(self, region: str, resource: str) -> str:
        """Spell the ARN of this account's `key/...` or `alias/...` in a region."""
        return f"arn:{self.partition}:kms:{region}:{self.id}:{resource}"

    def resolve(self, reference: str, region: str) -> StubKey | None:
        """Find the key that KMS in `region` means by an id, a key ARN, an alias or an alias ARN."""
        if reference.startswith("arn:"):
            if reference.split(":")[3] != region:
                return None
            arn = reference
            if ":alias/" in reference:
                arn = self.aliases.get((region, reference), "")
                own = self.key_arn(region, "")
                if not arn and reference.startswith(own):
                    arn = self.aliases.get((region, reference.removeprefix(own)), "")
        elif reference.startswith("alias/"):
            arn = self.aliases.get((region, reference), "")
        else:
            arn = self.key_arn(region, f"key/{reference}")
        return self._by_arn.get(arn)

    def expected(self, name: str) -> ReportRow:
        """Tell what the report must say of a bucket when every call is allowed and answered.

        Written from the report's definition and not from the program, so that it can judge the program.
        """
        bucket = self._bucket(name)
        rule = next((rule for rule in bucket.rules or () if rule.algorithm), None)
        if rule is None or rule.algorithm is None:
            return ReportRow("SSEConfigNotFound", "N/A", "")
        bucket_key = "" if rule.bucket_key is None else str(rule.bucket_key)
        if rule.algorithm not in {"aws:kms", "aws:kms:dsse"}:
            return ReportRow(rule.algorithm, "N/A", bucket_key)
        if not rule.key:
            return ReportRow("alias/aws/s3", "AWS", bucket_key)
        asked = _lookup(bucket, rule.key)
        if asked is None:
            return ReportRow(rule.key, "AWS", bucket_key)
        if rule.key in self.hidden:
            return ReportRow(rule.key, "AccessDenied", bucket_key)
        key = self.resolve(rule.key, asked[0])
        return ReportRow(rule.key, key.manager if key else "KeyNotFound", bucket_key)

    def lookups(self) -> frozenset[tuple[str, str]]:
        """Every distinct (region, reference) that must be asked of KMS, each of them once.

        Walks all buckets: seconds for a million of them.
        """
        return frozenset(
            asked
            for bucket in self.index
            for rule in bucket.rules or ()
            if rule.key and (asked := _lookup(bucket, rule.key))
        )

    def _bucket(self, name: str) -> StubBucket:
        bucket = self.index.find(name)
        if bucket is None:
            raise KeyError(name)
        return bucket


def names_predefined_alias(reference: str) -> bool:
    """Tell whether a key reference is `alias/aws/...` or an ARN that ends so."""
    return reference.startswith(PREDEFINED_ALIAS) or f":{PREDEFINED_ALIAS}" in reference


def _name(bucket: StubBucket) -> str:
    return bucket.name


def _lookup(bucket: StubBucket, reference: str) -> tuple[str, str] | None:
    """Where a key has to be asked for: the ARN's region, else the bucket's. None: not at all."""
    if names_predefined_alias(reference):
        return None
    region = reference.split(":")[3] if reference.startswith("arn:") else bucket.region
    return region, reference
