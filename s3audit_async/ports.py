"""The Protocols that the engine is written against: who answers, who writes, who watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from s3audit_async.model import (
        AccountPage,
        BreakerChange,
        BucketPage,
        Call,
        Identity,
        Key,
        LimitChange,
        Notice,
        Operation,
        OrganizationalUnitPage,
        RegionPage,
        Retry,
        Role,
        Row,
        Rule,
        TagPage,
        Unlisted,
    )


class Gateway(Protocol):
    """The AWS account under audit. Each method is exactly one request: no retries, no redirects followed.

    All of them raise `CallError` when the request fails and `RunError` when no request can be made at all
    (no credentials). All may be called side by side.
    """

    @property
    def home_region(self) -> str:
        """Where to list, and to ask for what has no region of its own."""
        ...

    @property
    def bytes_received(self) -> int:
        """Bytes of answer bodies that were read so far, all requests together."""
        ...

    @property
    def credentials_generation(self) -> int:
        """Which credentials a request is signed with that is made now: a number that grows when they are renewed."""
        ...

    async def renew_credentials(self, generation: int) -> bool:
        """Get new credentials after those of `generation` were refused as expired; False if there are no others.

        May be called by many at once, who get one renewal between them. Raises `CredentialsError` if that fails.
        """
        ...

    async def prepare(self, operation: Operation, target: str, region: str) -> None:
        """Make ready what an operation in a region needs, fresh credentials too; quick when that is there already.

        Comes before each request, outside of the time and the slot that the request has.
        """
        ...

    async def list_buckets(
        self, *, page_size: int, token: str | None, prefix: str | None, region: str | None = None
    ) -> BucketPage:
        """Ask for one page of at most `page_size` buckets (ListBuckets with MaxBuckets).

        `region` asks for those of one region only (BucketRegion), at its own endpoint; None for all, at home.
        """
        ...

    async def list_buckets_unpaged(self) -> BucketPage:
        """Ask for all buckets at once (ListBuckets without parameters; refused over a quota of 10,000)."""
        ...

    async def get_bucket_location(self, bucket: str) -> str:
        """Ask for a bucket's region; S3's historic names are already mapped to regions."""
        ...

    async def head_bucket(self, bucket: str) -> str | None:
        """Ask for a bucket's region by its response header, which comes with refusals too."""
        ...

    async def get_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        """Ask for a bucket's default encryption, at the endpoint of `region`."""
        ...

    async def known_regions(self) -> tuple[str, ...]:
        """Give the regions of the home region's partition, as far as the SDK knows them; makes no request."""
        ...

    async def list_regions(self, *, token: str | None) -> RegionPage:
        """Ask for one page of the regions that are enabled for the account."""
        ...

    async def list_directory_buckets(self, region: str, *, token: str | None) -> BucketPage:
        """Ask a region for one page of its directory buckets; their listing takes no prefix."""
        ...

    async def list_table_buckets(self, region: str, *, token: str | None, prefix: str | None) -> BucketPage:
        """Ask a region for one page of its table buckets."""
        ...

    async def list_vector_buckets(self, region: str, *, token: str | None, prefix: str | None) -> BucketPage:
        """Ask a region for one page of its vector buckets."""
        ...

    async def get_directory_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        """Ask for a directory bucket's default encryption, at the control endpoint of `region`."""
        ...

    async def get_table_bucket_encryption(self, arn: str, region: str) -> tuple[Rule, ...]:
        """Ask for a table bucket's default encryption."""
        ...

    async def get_vector_bucket_encryption(self, bucket: str, region: str) -> tuple[Rule, ...]:
        """Ask for a vector bucket's default encryption (GetVectorBucket)."""
        ...

    async def describe_key(self, reference: str, region: str) -> Key:
        """Ask KMS in `region` about a key ARN, key id, alias or alias ARN."""
        ...

    async def get_caller_identity(self) -> Identity:
        """Ask whose credentials these are."""
        ...


class CallerGateway(Gateway, Protocol):
    """Whoever runs the audit, with the credentials of the environment: can enter other accounts by their roles."""

    @property
    def sts_region(self) -> str:
        """Where roles are assumed: at a regional endpoint, whose tokens hold in every region."""
        ...

    def organization(self) -> OrganizationGateway:
        """Give the organization that the account is in."""
        ...

    async def assume_role(self, role: Role) -> Gateway:
        """Ask for the credentials of a role (AssumeRole), and give the gateway to its account.

        That renews them as they near their end, and is good for as long as the caller's own is open.
        """
        ...


class OrganizationGateway(Protocol):
    """The organization that an account is in. Each method is exactly one request, as those of `Gateway` are.

    All give pages, of which any may be empty before the end: the next one is asked for with the token of the last.
    """

    @property
    def home_region(self) -> str:
        """Where to ask; which of its partition's regions answers for an organization is no choice of ours."""
        ...

    async def list_accounts(self, token: str | None) -> AccountPage:
        """Ask for accounts of the organization (ListAccounts)."""
        ...

    async def list_accounts_for_parent(self, parent: str, token: str | None) -> AccountPage:
        """Ask for the accounts right below a root or an organizational unit (ListAccountsForParent)."""
        ...

    async def list_organizational_units_for_parent(self, parent: str, token: str | None) -> OrganizationalUnitPage:
        """Ask for the units right below a root or an organizational unit (ListOrganizationalUnitsForParent)."""
        ...

    async def list_tags(self, account: str, token: str | None) -> TagPage:
        """Ask for the tags of an account (ListTagsForResource)."""
        ...


class RowSource(Protocol):
    """The rows of a run as they complete, for one reader: `async with source as rows: async for row in rows`.

    Errors that end the run are raised by the iteration as `RunError`, after the last row that was ready; entering the
    block may raise any `S3AuditError`.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool: ...

    def __aiter__(self) -> AsyncIterator[Row]: ...

    async def account(self) -> str | None:
        """Give the id of the account that the credentials belong to; None where it is not told.

        That is the one under audit, or of many the one that the others are entered from; None if each has its own.
        """
        ...

    def stop(self) -> None:
        """Ask the run to end now. The rows that are ready still come; then `InterruptedRunError` is raised."""
        ...

    @property
    def distinct_keys(self) -> int:
        """Keys that KMS was asked about so far; stays readable after the block."""
        ...

    @property
    def bytes_received(self) -> int:
        """Bytes of answer bodies that were read so far; stays readable after the block."""
        ...


class Sink(Protocol):
    """One report format. Writes to the binary file it was handed, and never closes it."""

    def begin(self) -> None:
        """Write what stands before the first row."""
        ...

    def write(self, row: Row) -> None:
        """Write one row."""
        ...

    def end(self) -> None:
        """Write what stands after the last row."""
        ...


class Concluded(Protocol):
    """What became of an account, as observers are told of it."""

    @property
    def label(self) -> str:
        """What people know it by."""
        ...

    @property
    def status(self) -> str:
        """Whether it is `complete`, `not-entered`, `incomplete` or `skipped`."""
        ...

    @property
    def rows(self) -> int:
        """How many rows it has got."""
        ...

    @property
    def code(self) -> str:
        """Why it is not complete: AWS's error code, or its state."""
        ...

    @property
    def message(self) -> str:
        """What AWS says of that."""
        ...


class Observer:
    """Watches a run. Does nothing by default: override what is of interest.

    Called from the event loop between two awaits, so it has to be quick and must not raise.
    """

    def listing_ended(self) -> None:
        """Know that no further bucket will be routed, but for those that are being located."""

    def routed(self, region: str) -> None:
        """Know that one more bucket is to be audited, and waits in the lane of `region`."""

    def called(self, call: Call) -> None:
        """Know of one request that ended."""

    def retrying(self, retry: Retry) -> None:
        """Know of one request that will be made again."""

    def limited(self, change: LimitChange) -> None:
        """Know of a limit that was cut or has grown."""

    def breaker_changed(self, change: BreakerChange) -> None:
        """Know of a service that is no longer asked in a region, or is asked again."""

    def noticed(self, notice: Notice) -> None:
        """Know of a fallback taken."""

    def unlisted(self, unlisted: Unlisted) -> None:
        """Know of buckets that nobody knows of, as their listing was refused or broke off: the report lacks them."""

    def audited(self, row: Row, lane: str) -> None:
        """Know of a bucket that has its row; `lane` is the region whose queue it stood in."""

    def accounts_chosen(self, count: int) -> None:
        """Know how many accounts are audited. Those that are skipped are not among them. Not told of a run of one."""

    def account_entered(self, label: str) -> None:
        """Know of an account whose buckets are going to be listed."""

    def account_concluded(self, record: Concluded) -> None:
        """Know what became of an account, also of one that is skipped; all its rows were told of before."""
