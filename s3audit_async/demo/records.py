"""What the demo account is made of: buckets, their encryption, the keys behind it, and what goes wrong with them.

Pure data. The server answers from it, and a test or the demo itself checks the report against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

ACCOUNT = "210987654321"
"""The account that is audited. Not moto's default 123456789012, so that its state stays apart from a caller's."""
PARTNER_ACCOUNT = "345678901234"
"""Another account, owner of two of the keys."""

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2", "sa-east-1")
"""Where the buckets are. us-east-1 stands first: it is where the account is listed from."""

AWS_MANAGED_ALIAS = "alias/aws/s3"
"""The name of the key that S3 uses where `aws:kms` is configured without a key."""


@dataclass(frozen=True, slots=True)
class DemoFault:
    """An error that is answered each time, however often it is asked: HTTP status, code and message."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class DemoKey:
    """One KMS key as DescribeKey describes it, or the error that DescribeKey gives instead (`fault`)."""

    region: str
    account: str
    key_id: str
    alias: str | None = None
    manager: str = "CUSTOMER"
    state: str = "Enabled"
    fault: DemoFault | None = None

    @property
    def arn(self) -> str:
        """The key's ARN."""
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.key_id}"

    @property
    def alias_arn(self) -> str:
        """The ARN of the key's alias. Raises ValueError for a key without one."""
        if self.alias is None:
            raise ValueError(f"key {self.key_id} has no alias")
        return f"arn:aws:kms:{self.region}:{self.account}:{self.alias}"


@dataclass(frozen=True, slots=True)
class DemoEncryption:
    """The one rule of a bucket's default encryption, None where the element is absent from the answer.

    `blocked` holds the values of BlockedEncryptionTypes: `("SSE-C",)`, or `("NONE",)` for SSE-C explicitly allowed.
    """

    algorithm: str
    key_reference: str | None = None
    bucket_key_enabled: bool | None = None
    blocked: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DemoBucket:
    """One bucket: what AWS says of it, and what the report must say (`mode`, `key_type`, `bucket_key`).

    `encryption` is None where there is none to read: no configuration, a `fault` in its place, or `vanished`,
    which means listed, but gone when it is asked for. `key` is the key that the reference resolves to, None where
    no key is named or none exists. With `throttled_once` the first GetBucketEncryption is answered with SlowDown.
    """

    name: str
    region: str
    created: datetime
    case: str
    encryption: DemoEncryption | None
    mode: str
    key_type: str
    bucket_key: str
    key: DemoKey | None = None
    fault: DemoFault | None = None
    vanished: bool = False
    throttled_once: bool = False

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The report's four columns for this bucket, in their order."""
        return (self.name, self.mode, self.key_type, self.bucket_key)
