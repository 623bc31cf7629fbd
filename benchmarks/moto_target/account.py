"""The synthetic account as far as moto can hold it, for the rows, and as the buckets that moto is filled with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.stub import StubAccount, StubKey, StubRule, synthetic
from s3audit_async.demo.records import ACCOUNT, DemoBucket, DemoEncryption, DemoKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.stub import StubBucket


def moto_account(buckets: int, keys: int, regions: int) -> StubAccount:
    """Make the account of `synthetic()`, all that moto cannot answer replaced by what comes nearest.

    moto always sends BucketKeyEnabled, never blocked encryption types, and no configuration without a rule.
    """
    whole = synthetic(buckets, keys, regions, account_id=ACCOUNT)
    held = [replace(bucket, rules=_held(bucket.rules)) for bucket in whole.index]
    return StubAccount(whole.id, held, whole.keys, whole.aliases)


def seeds(account: StubAccount) -> Iterator[DemoBucket]:
    """Give the buckets, with their keys, in the form that the demo fills moto from."""
    named = {arn: (reference, region) for (region, reference), arn in account.aliases.items()}
    for bucket in account.index:
        yield _seed(account, bucket, named)


def _held(rules: tuple[StubRule, ...] | None) -> tuple[StubRule, ...] | None:
    if not rules:
        return None
    return tuple(replace(rule, bucket_key=bool(rule.bucket_key), blocked=None) for rule in rules)


def _seed(account: StubAccount, bucket: StubBucket, named: dict[str, tuple[str, str]]) -> DemoBucket:
    rule = bucket.rules[0] if bucket.rules else None
    encryption = key = None
    if rule is not None:
        assert rule.algorithm is not None  # `synthetic` makes no rule without one
        encryption = DemoEncryption(rule.algorithm, rule.key, rule.bucket_key)
        key = account.resolve(rule.key, bucket.region) if rule.key else None
    row = account.expected(bucket.name)
    return DemoBucket(
        bucket.name,
        bucket.region,
        bucket.created,
        "synthetic",
        encryption,
        row.mode,
        row.key_type,
        row.bucket_key,
        key=None if key is None else _key(key, named),
    )


def _key(key: StubKey, named: dict[str, tuple[str, str]]) -> DemoKey:
    alias, _ = named.get(key.arn, (None, key.region))
    return DemoKey(key.region, key.account, key.id, alias, key.manager)
