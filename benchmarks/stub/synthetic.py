"""Accounts of any size, computed from the position of a bucket instead of stored."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, overload
from zlib import crc32

from benchmarks.stub.account import (
    ACCOUNT_ID,
    EPOCH,
    SSE_S3,
    BucketIndex,
    StubAccount,
    StubBucket,
    StubKey,
    StubRule,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

REGIONS = (
    "us-east-1",
    "eu-west-1",
    "us-west-2",
    "eu-central-1",
    "ap-southeast-1",
    "ap-northeast-1",
    "ap-south-1",
    "sa-east-1",
    "us-east-2",
    "us-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "ca-central-1",
    "ap-southeast-2",
    "ap-northeast-2",
)
"""The regions that a number of regions picks from, in this order."""

_WITHOUT_KEY = (
    *[(SSE_S3,)] * 4,
    (StubRule("AES256", bucket_key=True),),
    (StubRule("AES256"),),
    (StubRule("AES256", bucket_key=False, blocked=("SSE-C",)),),
    (StubRule("AES256", bucket_key=False, blocked=("NONE",)),),
    (StubRule("aws:kms", bucket_key=True),),
    (StubRule("aws:kms", key="alias/aws/s3", bucket_key=False),),
    (StubRule("aws:fsx"),),
    (),
    None,
)
"""The configurations that need no call to KMS, drawn with equal chance."""

_FORMS = ("arn", "arn", "arn", "id", "alias", "alias-arn", "arn", "aws-managed", "arn", "missing")
"""How the key slots are referred to, in turn; `missing` is the ARN of a key that does not exist."""


class SyntheticBuckets(BucketIndex):
    """`count` buckets, made when they are asked for. A million of them take no memory."""

    def __init__(
        self,
        count: int,
        *,
        regions: Sequence[str],
        references: Sequence[str],
        kms_share: float,
        unlisted_share: float,
        home_share: float | None,
        seed: int,
        prefix: str,
    ) -> None:
        self._count = count
        self._regions = regions
        self._references = references
        self._kms_share = kms_share
        self._unlisted_share = unlisted_share
        self._home_share = home_share
        self._seed = seed
        self._prefix = prefix
        self._digits = max(7, len(str(max(count - 1, 0))))
        self._stride = max(count // max(len(references), 1), 1)
        self._keys_in = [len(references[place :: len(regions)]) for place in range(len(regions))]
        self._rules: dict[tuple[int, int, bool], tuple[StubRule, ...]] = {}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> StubBucket: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[StubBucket]: ...
    def __getitem__(self, index: int | slice) -> StubBucket | Sequence[StubBucket]:
        if isinstance(index, slice):
            return [self._make(position) for position in range(*index.indices(self._count))]
        return self._make(range(self._count)[index])

    def position(self, name: str) -> int | None:
        """Tell where a bucket stands: it says so in its name."""
        prefix, _, digits = name.rpartition("-")
        if prefix != self._prefix or len(digits) != self._digits or not digits.isdecimal():
            return None
        position = int(digits)
        return position if position < self._count else None

    def _make(self, position: int) -> StubBucket:
        draw = crc32(b"%d/%d" % (self._seed, position))
        slot, rest = divmod(position, self._stride)
        if rest or slot >= len(self._references):
            home = self._region(draw)
            slot = self._slot(home, draw)
            rules = _WITHOUT_KEY[(draw >> 7) % len(_WITHOUT_KEY)] if slot < 0 else self._with_key(slot, draw)
        else:
            # Every key has one bucket of its own.
            home = slot % len(self._regions)
            rules = self._with_key(slot, draw)
        return StubBucket(
            f"{self._prefix}-{position:0{self._digits}d}",
            self._regions[home],
            EPOCH + timedelta(seconds=position),
            rules,
            _share(draw >> 3) >= self._unlisted_share,
        )

    def _region(self, draw: int) -> int:
        """Draw a region, as its position among the regions."""
        count = len(self._regions)
        if self._home_share is None:
            return (draw >> 4) % count
        if count == 1 or _share(draw >> 6) < self._home_share:
            return 0
        return 1 + (draw >> 4) % (count - 1)

    def _slot(self, region: int, draw: int) -> int:
        """Draw one of the region's keys; -1 for none, which is all that some regions have."""
        here = self._keys_in[region]
        if not here or _share(draw) >= self._kms_share:
            return -1
        return region + len(self._regions) * ((draw >> 11) % here)

    def _with_key(self, slot: int, draw: int) -> tuple[StubRule, ...]:
        """Draw one of the few ways to use a key. The rule is kept: a page of a listing makes thousands."""
        how = slot, (draw >> 5) % 4, (draw >> 9) % 10 == 0
        rules = self._rules.get(how)
        if rules is None:
            algorithm = "aws:kms:dsse" if how[2] else "aws:kms"
            bucket_key = (False, True, True, None)[how[1]]
            rules = self._rules[how] = (StubRule(algorithm, self._references[slot], bucket_key),)
        return rules


def synthetic(
    buckets: int = 1000,
    keys: int = 20,
    regions: int | Sequence[str] = 4,
    *,
    kms_share: float = 0.4,
    unlisted_share: float = 0.0,
    home_share: float | None = None,
    seed: int = 0,
    account_id: str = ACCOUNT_ID,
    partition: str = "aws",
    prefix: str = "synthetic",
    shared: Sequence[StubKey] = (),
) -> StubAccount:
    """Make an account that is the same whenever the arguments are; `expected()` of it gives every row.

    Exactly min(keys, buckets) distinct keys have to be looked up; some are referred to by id or alias, every
    tenth does not exist. `kms_share` of the other buckets use one of them, where their region has one, the
    rest is a mix of everything that needs no key. `unlisted_share` of the buckets come without BucketRegion.
    `home_share` of them lie in the first region, None spreads them evenly. Shares run from 0 to 1.
    `shared` keys belong to somebody else and are used like the account's own, beside those; `prefix` begins the names.
    """
    names = REGIONS[:regions] if isinstance(regions, int) else tuple(regions)
    if not names or (isinstance(regions, int) and regions > len(REGIONS)):
        raise ValueError(f"regions must be 1 to {len(REGIONS)}, or a sequence of names")
    references: list[str] = []
    owned: list[StubKey] = []
    aliases: dict[tuple[str, str], str] = {}
    for slot in range(keys):
        region = names[slot % len(names)]
        form = _FORMS[slot % len(_FORMS)]
        key_id = f"{slot:08x}-0000-4000-8000-{seed & 0xFFFFFFFFFFFF:012x}"
        owner = f"arn:{partition}:kms:{region}:{account_id}:"
        arn = f"{owner}key/{key_id}"
        alias = f"alias/synthetic-{slot}"
        if form != "missing":
            owned.append(StubKey(arn, manager="AWS" if form == "aws-managed" else "CUSTOMER"))
        if form in {"alias", "alias-arn"}:
            aliases[region, alias] = arn
        references.append({"id": key_id, "alias": alias, "alias-arn": f"{owner}{alias}"}.get(form, arn))
    references += [key.arn for key in shared]
    made = SyntheticBuckets(
        buckets,
        regions=names,
        references=references,
        kms_share=kms_share,
        unlisted_share=unlisted_share,
        home_share=home_share,
        seed=seed,
        prefix=prefix,
    )
    return StubAccount(account_id, made, [*owned, *shared], aliases, partition)


def _share(draw: int) -> float:
    return (draw & 0xFFFF) / 0x10000
