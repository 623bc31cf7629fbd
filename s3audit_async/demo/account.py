"""The demo account's plan: which buckets there are, identical each time.

The special cases come first, so that a small account shows them too; the rest looks like any grown account:
SSE-S3 for the most part, a few customer keys shared by many buckets, some buckets on the AWS-managed key.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from s3audit_async.demo import DEFAULT_BUCKETS
from s3audit_async.demo.cases import ordinary, special
from s3audit_async.demo.keyring import keyring
from s3audit_async.demo.records import REGIONS, DemoBucket, DemoEncryption, DemoFault, DemoKey

__all__ = ["THROTTLED_EVERY", "DemoBucket", "DemoEncryption", "DemoFault", "DemoKey", "plan"]

THROTTLED_EVERY = 40
"""One in so many buckets, if it is an ordinary one, answers SlowDown before it answers."""

_SEED = "buckets of the demo account"
_REGION_WEIGHTS = (34, 18, 22, 14, 7, 5)  # in 100, in the order of REGIONS
_CONTINENT = {"us": "us", "eu": "eu", "ap": "apac", "sa": "latam"}
_PURPOSES = (
    "access-logs",
    "analytics",
    "app-assets",
    "backups",
    "billing",
    "build-cache",
    "cloudtrail",
    "data-lake",
    "exports",
    "invoices",
    "logs",
    "media",
    "ml-models",
    "reports",
    "terraform-state",
    "uploads",
)
_FIRST_DAY = datetime(2013, 5, 6, tzinfo=UTC)
_AGE_DAYS = 4_900
# S3 blocks SSE-C on new buckets from about then on, says the User Guide's FAQ on that default.
_SSE_C_BLOCKED_FROM = datetime(2026, 4, 6, tzinfo=UTC)


def plan(buckets: int = DEFAULT_BUCKETS) -> tuple[DemoBucket, ...]:
    """Return the account's first `buckets` buckets, the 28 special cases before the ordinary ones.

    A smaller plan is the beginning of a larger one. Raises ValueError for less than one bucket.
    """
    if buckets < 1:
        raise ValueError("the demo account needs at least one bucket")
    keys = keyring()
    cases = special(keys)
    common = {region: ordinary(keys, region) for region in REGIONS}
    dice = random.Random(_SEED)  # noqa: S311 - identical each time is the point
    planned = []
    for index in range(buckets):
        purpose = dice.choice(_PURPOSES)
        created = _FIRST_DAY + timedelta(days=dice.randrange(_AGE_DAYS), seconds=dice.randrange(86_400))
        if index < len(cases):
            template = cases[index]
        else:
            (region,) = dice.choices(REGIONS, _REGION_WEIGHTS)
            (template,) = dice.choices(*common[region])
            template = _as_ordinary(template, index, created)
        continent = _CONTINENT[template.region.partition("-")[0]]
        planned.append(replace(template, name=f"acme-{purpose}-{continent}-{index + 1:04}", created=created))
    return tuple(planned)


def _as_ordinary(template: DemoBucket, index: int, created: datetime) -> DemoBucket:
    """Give an ordinary bucket what depends on its age and its place in the account."""
    encryption = template.encryption
    if encryption is not None and created >= _SSE_C_BLOCKED_FROM:
        encryption = replace(encryption, blocked=("SSE-C",))
    return replace(template, encryption=encryption, throttled_once=index % THROTTLED_EVERY == 0)
