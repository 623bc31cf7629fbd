"""The values that cross borders: what was listed, what was answered, what is reported.

Everything here is frozen and holds plain text, numbers and dates; no SDK type gets in. Enumerations are
open on purpose: AWS adds algorithms, key states and regions without notice, so those are plain strings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

AES256 = "AES256"
"""Algorithm of SSE-S3, as the API spells it."""

KMS_ALGORITHMS = frozenset({"aws:kms", "aws:kms:dsse"})
"""Algorithms whose key is a KMS key. `aws:fsx` and whatever comes next are not among them."""


class Service(StrEnum):
    """The AWS service that answers an operation. Each has limits of its own in each region."""

    S3 = "s3"
    S3_EXPRESS = "s3express"
    """The control endpoint of directory buckets."""
    S3_TABLES = "s3tables"
    S3_VECTORS = "s3vectors"
    KMS = "kms"
    STS = "sts"
    ORGANIZATIONS = "organizations"
    ACCOUNT = "account"


class Kind(StrEnum):
    """The kinds of buckets that S3 has, as AWS's documentation calls them."""

    GENERAL = "general"
    DIRECTORY = "directory"
    TABLE = "table"
    VECTOR = "vector"


_NAMED_ONCE = frozenset({Kind.GENERAL, Kind.DIRECTORY})
"""Kinds whose names are unique in a partition, or have their zone in them; those of the others may be in each region
of an account."""


def skip_key(kind: Kind, region: str | None, name: str) -> str:
    """Tell one bucket of an account from all others: by its name, where no other can have that."""
    return name if kind in _NAMED_ONCE else f"{kind}:{region}:{name}"


def name_in(key: str, kind: Kind) -> str:
    """Give the name that a `skip_key` was made of."""
    return key if kind in _NAMED_ONCE else key.split(":", 2)[2]


class Operation(StrEnum):
    """Every AWS operation that s3audit ever calls; all of them only read."""

    LIST_BUCKETS = "ListBuckets"
    GET_BUCKET_LOCATION = "GetBucketLocation"
    HEAD_BUCKET = "HeadBucket"
    GET_BUCKET_ENCRYPTION = "GetBucketEncryption"
    DESCRIBE_KEY = "DescribeKey"
    GET_CALLER_IDENTITY = "GetCallerIdentity"
    ASSUME_ROLE = "AssumeRole"
    LIST_REGIONS = "ListRegions"
    LIST_ACCOUNTS = "ListAccounts"
    LIST_ACCOUNTS_FOR_PARENT = "ListAccountsForParent"
    LIST_ORGANIZATIONAL_UNITS_FOR_PARENT = "ListOrganizationalUnitsForParent"
    LIST_TAGS_FOR_RESOURCE = "ListTagsForResource"
    LIST_DIRECTORY_BUCKETS = "ListDirectoryBuckets"
    GET_DIRECTORY_BUCKET_ENCRYPTION = "GetDirectoryBucketEncryption"
    """GetBucketEncryption, asked at the control endpoint of directory buckets."""
    LIST_TABLE_BUCKETS = "ListTableBuckets"
    GET_TABLE_BUCKET_ENCRYPTION = "GetTableBucketEncryption"
    LIST_VECTOR_BUCKETS = "ListVectorBuckets"
    GET_VECTOR_BUCKET = "GetVectorBucket"

    @property
    def service(self) -> Service:
        """Who answers it."""
        return _NOT_OF_S3.get(self, Service.S3)


_NOT_OF_S3 = {
    Operation.DESCRIBE_KEY: Service.KMS,
    Operation.GET_CALLER_IDENTITY: Service.STS,
    Operation.ASSUME_ROLE: Service.STS,
    Operation.LIST_REGIONS: Service.ACCOUNT,
    Operation.LIST_ACCOUNTS: Service.ORGANIZATIONS,
    Operation.LIST_ACCOUNTS_FOR_PARENT: Service.ORGANIZATIONS,
    Operation.LIST_ORGANIZATIONAL_UNITS_FOR_PARENT: Service.ORGANIZATIONS,
    Operation.LIST_TAGS_FOR_RESOURCE: Service.ORGANIZATIONS,
    Operation.LIST_DIRECTORY_BUCKETS: Service.S3_EXPRESS,
    Operation.GET_DIRECTORY_BUCKET_ENCRYPTION: Service.S3_EXPRESS,
    Operation.LIST_TABLE_BUCKETS: Service.S3_TABLES,
    Operation.GET_TABLE_BUCKET_ENCRYPTION: Service.S3_TABLES,
    Operation.LIST_VECTOR_BUCKETS: Service.S3_VECTORS,
    Operation.GET_VECTOR_BUCKET: Service.S3_VECTORS,
}


class SseC(StrEnum):
    """Whether new objects may be encrypted with a key the client sends (SSE-C)."""

    BLOCKED = "blocked"
    ALLOWED = "allowed"
    """Said so in as many words: BlockedEncryptionTypes is NONE. Not the same as saying nothing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose credentials these are: sts:GetCallerIdentity."""

    account: str
    arn: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role to be assumed: sts:AssumeRole. `duration` is in seconds (DurationSeconds)."""

    arn: str
    session_name: str
    duration: int
    external_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket as the listing (or the user) names it."""

    name: str
    region: str | None = None
    """None while nobody has said where it is."""
    created: datetime | None = None
    kind: Kind = Kind.GENERAL
    arn: str | None = None
    """Where an operation wants it instead of the name."""


@dataclass(frozen=True, slots=True)
class BucketPage:
    """One answer of an operation that lists buckets. `token` is None on the last page."""

    buckets: tuple[Bucket, ...]
    token: str | None = None


@dataclass(frozen=True, slots=True)
class MemberAccount:
    """An account of an organization, as it is listed there."""

    id: str
    name: str
    state: str
    """AWS's own word (organizations model, Account.State): `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, or a new one."""


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One answer of ListAccounts or ListAccountsForParent. It may hold no account although `token` says there are."""

    accounts: tuple[MemberAccount, ...]
    token: str | None = None


@dataclass(frozen=True, slots=True)
class OrganizationalUnitPage:
    """One answer of ListOrganizationalUnitsForParent: the ids of units (OUs) right below their parent."""

    ids: tuple[str, ...]
    token: str | None = None


@dataclass(frozen=True, slots=True)
class TagPage:
    """One answer of ListTagsForResource: pairs of key and value."""

    tags: tuple[tuple[str, str], ...]
    token: str | None = None


@dataclass(frozen=True, slots=True)
class RegionPage:
    """One answer of ListRegions: the regions that are enabled for the account. `token` is None on the last page."""

    regions: tuple[str, ...]
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One ServerSideEncryptionRule, as answered. None is what the answer did not hold.

    `bucket_key` and `blocked` stand on the rule, `algorithm` and `key` one level below it, in
    ApplyServerSideEncryptionByDefault, which may be missing as a whole (botocore model of s3).
    """

    algorithm: str | None = None
    key: str | None = None
    bucket_key: bool | None = None
    blocked: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Encryption:
    """The default encryption that a bucket's rules amount to.

    `algorithm` is None where the bucket has no configuration. `key` is the reference as configured:
    ARN, alias, alias ARN or bare id, or None where KMS is to use the account's `aws/s3` key.
    """

    algorithm: str | None
    key: str | None = None
    bucket_key: bool | None = None
    sse_c: SseC | None = None

    @property
    def uses_kms(self) -> bool:
        """Whether a KMS key is behind it."""
        return self.algorithm in KMS_ALGORITHMS


@dataclass(frozen=True, slots=True)
class Key:
    """What kms:DescribeKey says of a key; None is what it did not say.

    A predefined `aws/*` key is never asked about (asking can create it): only its manager is known.
    """

    manager: str | None
    """KMS's own word: `CUSTOMER` or `AWS`."""
    arn: str | None = None
    account: str | None = None
    state: str | None = None
    origin: str | None = None
    multi_region: bool | None = None
    spec: str | None = None
    deletion_date: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A typed unknown: why a question has no answer. `code` is AWS's own, or one of `TransportCode`."""

    operation: Operation
    code: str
    message: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.operation, self.code, self.message) if part)


@dataclass(frozen=True, slots=True)
class Row:
    """One bucket's line in the report. The first four fields are the report's four columns."""

    bucket: str
    mode: str
    """Column B: `AES256`, the key as configured, or the code of what kept us from knowing."""
    key_type: str
    """Column C: `CUSTOMER`, `AWS`, `N/A`, `Unknown`, or why KMS did not say."""
    bucket_key: bool | None
    """Column D: BucketKeyEnabled of the rule; None where it was never configured."""
    account: str | None = None
    region: str | None = None
    algorithm: str | None = None
    key_arn: str | None = None
    key_state: str | None = None
    key_account: str | None = None
    key_region: str | None = None
    key_origin: str | None = None
    multi_region: bool | None = None
    sse_c: SseC | None = None
    findings: tuple[str, ...] | None = ()
    """Ids of the catalogue; None for a row read back from a report of four columns, which does not hold them."""
    error: Failure | None = None
    created: datetime | None = None
    audited_at: datetime | None = None
    key_spec: str | None = None
    key_deletion_date: datetime | None = None
    """When KMS deletes a key that is pending deletion."""
    key_valid_to: datetime | None = None
    """When imported key material expires."""
    kind: Kind = Kind.GENERAL


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was answered, or failed. What observers are told of each."""

    operation: Operation
    region: str
    seconds: float
    in_flight: int
    """Calls in flight, all regions together, when this one was sent; itself included."""
    code: str | None = None
    """The error code, None on success."""
    throttled: bool = False
    limit: int = 0
    """How many calls this service may have in flight in this region after this one."""
    rate: float | None = None
    """How many calls a second it may be sent there; None for as many as the limit allows."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A call that failed and will be made again after `wait` seconds."""

    operation: Operation
    region: str
    target: str
    code: str
    attempt: int
    """How many attempts were made so far, from 1."""
    wait: float
    throttled: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth telling that changes no row: the reason a fallback was taken, or was of no use."""

    operation: Operation
    region: str
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Buckets that nobody knows of: those of one kind in one region, whose listing was refused or broke off."""

    kind: Kind
    region: str
    code: str
    message: str = ""
    account: str | None = None
    """Whose they are, where that was to be checked."""


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A service's limit in a region that was cut because of a throttle, or has grown (told at every doubling)."""

    service: Service
    region: str
    limit: int
    """Calls in flight."""
    rate: float | None
    """Calls a second; None for as many as the limit allows."""
    code: str | None = None
    """The error code of the throttle; None where the limit has grown."""


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """A service that is not asked any more in a region because it gives no answer, or is asked again."""

    service: Service
    region: str
    open: bool
    code: str | None = None
    """The code of the latest failure; None when it answers again."""
