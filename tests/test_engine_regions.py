"""Regions that somebody makes up cost a bounded number of lanes and clients."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from s3audit_async.classify import is_unresolved
from s3audit_async.engine.asking import MOST_ENDPOINTS
from s3audit_async.engine.lanes import MOST_LANES, OTHER_REGIONS
from s3audit_async.model import Bucket, Operation
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from tests import virtual_time
from tests.fakes import FakeGateway, arn, audited, kms, names, several

if TYPE_CHECKING:
    from s3audit_async.model import Row

MANY = 2_000


class Lanes(Observer):
    """Counts what was routed to each lane, less what came out of it."""

    def __init__(self) -> None:
        self.routed_to: Counter[str] = Counter()
        self.left: Counter[str] = Counter()

    def routed(self, region: str) -> None:
        self.routed_to[region] += 1
        self.left[region] += 1

    def audited(self, row: Row, lane: str) -> None:
        self.left[lane] -= 1


def test_keys_in_ever_more_regions_do_not_take_ever_more_clients() -> None:
    """Those beyond the bound are not asked about, and their rows say so."""
    buckets = several(MANY)
    rules = {bucket.name: kms(arn(number, f"made-up-{number}")) for number, bucket in enumerate(buckets)}
    gateway = FakeGateway(buckets, rules)

    rows = virtual_time.run(lambda: audited(gateway, Options(identify=False)))

    asked = {region for operation, _, region in gateway.asked_in if operation is Operation.DESCRIBE_KEY}
    assert names(rows) == names(buckets)
    assert Counter(row.key_type for row in rows) == {"CUSTOMER": len(asked), "TooManyRegions": MANY - len(asked)}
    assert len(asked) == MOST_ENDPOINTS - 1  # the first is S3, which lists
    assert all(is_unresolved(row.mode, row.key_type) == (row.key_type == "TooManyRegions") for row in rows)


def test_buckets_in_ever_more_regions_do_not_take_ever_more_lanes() -> None:
    """All beyond the bound share one lane; each has its row."""
    buckets = [Bucket(f"bucket-{number:05d}", f"made-up-{number}") for number in range(MANY)]
    lanes = Lanes()

    rows = virtual_time.run(lambda: audited(FakeGateway(buckets), Options(identify=False), lanes))

    assert names(rows) == names(buckets)
    assert len(lanes.routed_to) == MOST_LANES + 1
    assert lanes.routed_to[OTHER_REGIONS] == MANY - MOST_LANES
    assert not +lanes.left
    assert {row.mode for row in rows} == {"AES256", "TooManyRegions"}
    assert {row.region for row in rows} == {bucket.region for bucket in buckets}
