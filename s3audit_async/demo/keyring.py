"""The KMS keys of the demo account: the same ones each time, whatever the number of buckets."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from s3audit_async.demo.records import ACCOUNT, AWS_MANAGED_ALIAS, PARTNER_ACCOUNT, REGIONS, DemoFault, DemoKey

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEED = "keys of the demo account"

_NOT_ALLOWED = DemoFault(
    400,
    "AccessDeniedException",
    f"User: arn:aws:iam::{ACCOUNT}:user/demo is not authorized to perform: kms:DescribeKey on this resource "
    "because no resource-based policy allows the kms:DescribeKey action",
)
_KMS_FAILS = DemoFault(500, "KMSInternalException", "The request failed because of an internal error.")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every key there is. The first three are one for each region, and many buckets share them."""

    data: Mapping[str, DemoKey]
    logs: Mapping[str, DemoKey]
    managed: Mapping[str, DemoKey]
    payroll: DemoKey
    """DescribeKey is denied by its policy."""
    retired: DemoKey
    """Disabled."""
    condemned: DemoKey
    """Pending deletion."""
    flaky: DemoKey
    """DescribeKey fails with a server error, each time."""
    partner: DemoKey
    """Of another account, which lets this one describe it."""
    partner_private: DemoKey
    """Of another account, which does not."""
    missing_arn: str
    """The ARN of a key that does not exist: PutBucketEncryption does not check the key it is given."""


def keyring() -> Keyring:
    """Make the keys."""
    dice = random.Random(_SEED)  # noqa: S311 - identical each time is the point

    def key(
        region: str,
        alias: str | None = None,
        *,
        account: str = ACCOUNT,
        manager: str = "CUSTOMER",
        state: str = "Enabled",
        fault: DemoFault | None = None,
    ) -> DemoKey:
        key_id = str(UUID(int=dice.getrandbits(128), version=4))
        return DemoKey(region, account, key_id, alias, manager, state, fault)

    return Keyring(
        data={region: key(region, "alias/acme-data") for region in REGIONS},
        logs={region: key(region, "alias/acme-logs") for region in REGIONS},
        managed={region: key(region, AWS_MANAGED_ALIAS, manager="AWS") for region in REGIONS},
        payroll=key("eu-central-1", fault=_NOT_ALLOWED),
        retired=key("us-west-2", "alias/acme-retired", state="Disabled"),
        condemned=key("eu-west-1", state="PendingDeletion"),
        flaky=key("sa-east-1", fault=_KMS_FAILS),
        partner=key("us-east-1", account=PARTNER_ACCOUNT),
        partner_private=key("eu-west-1", account=PARTNER_ACCOUNT, fault=_NOT_ALLOWED),
        missing_arn=key("us-east-1").arn,
    )
