"""Answers out of the SDK's dicts: what they hold is looked at, not believed.

Nothing here is cleaned: an answer with a name, region, state or ARN that is no text, too long, or not printable is not
one of AWS's, and `UnusableAnswerError` is raised, which is worth another attempt. The exception is a bucket's key: S3
takes it unchecked (s3 model, PutBucketEncryption), and it is reported as it is configured, whatever stands there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiobotocore.parsers import AioResponseParserFactory
from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp

from s3audit_async.aws.errors import NotOfferedError, UnusableAnswerError
from s3audit_async.classify import location
from s3audit_async.model import (
    AES256,
    KMS_ALGORITHMS,
    AccountPage,
    Bucket,
    BucketPage,
    Identity,
    Key,
    Kind,
    MemberAccount,
    OrganizationalUnitPage,
    RegionPage,
    Rule,
    TagPage,
)
from s3audit_async.names import is_account_id
from s3audit_async.redaction import plain, printable
from s3audit_async.references import is_directory_bucket, is_host_label, is_region

if TYPE_CHECKING:
    from collections.abc import Mapping

_SERVER_ERROR = 500
_REDIRECT = 300

BODY_NAMES_IT = "S3AuditBodyNamesIt"
"""Member added to an answer of GetBucketEncryption: whether its body is one (`names_encryption`)."""

_ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z")
_UNIT_ID = re.compile(r"ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}")  # organizations model, OrganizationalUnitId
_ERROR_ROOT = re.compile(rb"\s*(?:<\?xml[^>]{0,256}\?>)?\s*<Error[\s>/]")

_ENABLED = frozenset({"ENABLED", "ENABLED_BY_DEFAULT"})  # botocore model of account, RegionOptStatus
_BUCKET_ARN = re.compile(r"arn:[^:]+:(?:s3tables|s3vectors):(?P<region>[^:]+):[0-9]{12}:bucket/(?P<name>[^/]+)")

LONGEST_IDENTIFIER = 2048
"""Characters of a name, ARN, state, token or key reference: as long as KMS's KeyId may be (kms model)."""

LONGEST_TOKEN = 100_000
"""Characters of what asks for the next page of an organization's answer (organizations model, NextToken)."""


@dataclass(frozen=True, slots=True)
class IssuedCredentials:
    """Credentials as STS issues them."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    expires: datetime

    def as_metadata(self) -> dict[str, str]:
        """Spell them as the SDK's refreshable credentials want them (botocore, credentials.py)."""
        return {
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "token": self.token,
            "expiry_time": self.expires.isoformat(),
        }


class GuardedParsers(AioResponseParserFactory):  # type: ignore[misc]  # aiobotocore has no types
    """Makes the parsers of a session's clients, none of which raises anything but `ResponseParserError`.

    botocore's are written for answers that keep to the model: JSON nested 100,000 deep is a RecursionError, a list
    where an object belongs an AttributeError, and both would look like a defect of this program.
    """

    def __init__(self) -> None:
        super().__init__()
        self.set_parser_defaults(timestamp_parser=_instant)

    def create_parser(self, protocol_name: str) -> Any:  # noqa: ANN401 - as the overridden method
        return _GuardedParser(super().create_parser(protocol_name))


def _instant(value: str | float) -> datetime:
    """Read a timestamp as botocore does; as AWS writes them in XML, without dateutil, which takes 60 times as long."""
    if isinstance(value, str) and _ISO_8601.fullmatch(value):
        return datetime.fromisoformat(value)
    moment: datetime = parse_timestamp(value)
    return moment


class _GuardedParser:
    def __init__(self, parser: Any) -> None:  # noqa: ANN401 - untyped SDK object
        self._parser = parser

    async def parse(self, response: Mapping[str, Any], shape: object) -> Any:  # noqa: ANN401 - as the SDK's
        try:
            parsed = await self._parser.parse(response, shape)
        except ResponseParserError:
            raise
        except Exception as error:
            raise ResponseParserError(f"the answer cannot be parsed: {type(error).__name__}: {plain(error)}") from error
        if not isinstance(parsed, dict):
            raise ResponseParserError("the answer is no object")
        told = parsed.get("Error")
        if isinstance(told, dict) and not isinstance(told.get("Code"), str | None):
            raise ResponseParserError("the answer is an error whose code is no text")  # the SDK looks it up as it is
        return parsed


def names_encryption(body: bytes) -> bool:
    """Tell whether a body is an answer of GetBucketEncryption; botocore takes any for one, without rules."""
    return b"<ServerSideEncryptionConfiguration" in body


def status_of(status: int, body: bytes) -> int:
    """Give the status that an answer of S3's should have come with: its errors may come with 200."""
    return _SERVER_ERROR if status < _REDIRECT and _ERROR_ROOT.match(body) else status


def bucket_page(answer: Mapping[str, Any]) -> BucketPage:
    """Read an answer of ListBuckets."""
    entries = _member(answer, "Buckets")
    return BucketPage(tuple(map(_bucket, entries)), _text(answer, "ContinuationToken"))


def bucket_location(answer: Mapping[str, Any]) -> str:
    """Read an answer of GetBucketLocation as a region."""
    region = location(_text(answer, "LocationConstraint"))
    if not is_host_label(region):
        raise UnusableAnswerError(f"LocationConstraint is no region: {region}")
    return region


def bucket_region(answer: Mapping[str, Any]) -> str | None:
    """Read where an answer of HeadBucket says that the bucket is."""
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    region = headers.get("x-amz-bucket-region") or _text(answer, "BucketRegion")
    return region if region and is_host_label(region) else None


def rules(answer: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Read an answer of GetBucketEncryption."""
    configuration = _member(answer if answer.get(BODY_NAMES_IT) else {}, "ServerSideEncryptionConfiguration")
    return tuple(map(_rule, configuration.get("Rules") or ()))


def region_page(answer: Mapping[str, Any]) -> RegionPage:
    """Read an answer of ListRegions: only those that are enabled."""
    regions = []
    for entry in _member(answer, "Regions"):
        name = _text(entry, "RegionName") or ""
        if not is_region(name):  # it becomes a part of host names
            raise UnusableAnswerError(f"the listing holds what is no region: {plain(name)}")
        if _text(entry, "RegionOptStatus") in _ENABLED:
            regions.append(name)
    return RegionPage(tuple(regions), _text(answer, "NextToken"))


def directory_page(answer: Mapping[str, Any], region: str, sent: str | None) -> BucketPage:
    """Read an answer of ListDirectoryBuckets; its token may be the one that was `sent`, which is no other page.

    A store that takes the request for ListBuckets tells of buckets with other names; it has none of this kind.
    """
    found = []
    for entry in _member(answer, "Buckets"):
        bucket = _bucket(entry)
        if not is_directory_bucket(bucket.name):
            raise NotOfferedError(f"it lists {plain(bucket.name)}, which is no directory bucket")
        found.append(replace(bucket, region=bucket.region or region, kind=Kind.DIRECTORY))
    token = _text(answer, "ContinuationToken")
    return BucketPage(tuple(found), None if token == sent else token)


def table_page(answer: Mapping[str, Any]) -> BucketPage:
    """Read an answer of ListTableBuckets."""
    buckets = tuple(
        _bucket_with_arn(Kind.TABLE, _text(entry, "name"), _text(entry, "arn"), entry.get("createdAt"))
        for entry in _member(answer, "tableBuckets")
    )
    return BucketPage(buckets, _text(answer, "continuationToken"))


def vector_page(answer: Mapping[str, Any]) -> BucketPage:
    """Read an answer of ListVectorBuckets."""
    buckets = tuple(
        _bucket_with_arn(
            Kind.VECTOR,
            _text(entry, "vectorBucketName"),
            _text(entry, "vectorBucketArn"),
            entry.get("creationTime"),
        )
        for entry in _member(answer, "vectorBuckets")
    )
    return BucketPage(buckets, _text(answer, "nextToken"))


def table_rules(answer: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Read an answer of GetTableBucketEncryption."""
    return (_rule_of_kind(_member(answer, "encryptionConfiguration"), "sseAlgorithm"),)


def vector_rules(answer: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Read an answer of GetVectorBucket. What it does not say is SSE-S3 (botocore model of s3vectors, SseType)."""
    told = _member(answer, "vectorBucket").get("encryptionConfiguration") or {}
    if not told.get("sseType") and not told.get("kmsKeyArn"):
        return (Rule(AES256),)
    return (_rule_of_kind(told, "sseType"),)


def key(answer: Mapping[str, Any]) -> Key:
    """Read an answer of DescribeKey."""
    told = _member(answer, "KeyMetadata")
    return Key(
        manager=_text(told, "KeyManager"),
        arn=_text(told, "Arn"),
        account=_text(told, "AWSAccountId"),
        state=_text(told, "KeyState"),
        origin=_text(told, "Origin"),
        multi_region=_of_type(told, "MultiRegion", bool),
        spec=_text(told, "KeySpec"),
        deletion_date=_of_type(told, "DeletionDate", datetime),
        valid_to=_of_type(told, "ValidTo", datetime),
    )


def identity(answer: Mapping[str, Any]) -> Identity:
    """Read an answer of GetCallerIdentity."""
    _member(answer, "Account")
    return Identity(_text(answer, "Account") or "", _text(answer, "Arn") or "")


def issued_credentials(answer: Mapping[str, Any]) -> IssuedCredentials:
    """Read an answer of AssumeRole."""
    told = _member(answer, "Credentials")
    access_key, secret_key = _text(told, "AccessKeyId"), _text(told, "SecretAccessKey")
    token = _of_type(told, "SessionToken", str)  # the one text that may be longer than identifiers are
    expires = _of_type(told, "Expiration", datetime)
    if access_key is None or secret_key is None or not token or not token.isprintable() or expires is None:
        raise UnusableAnswerError("the credentials in the answer are not whole")
    return IssuedCredentials(access_key, secret_key, token, expires)


def account_page(answer: Mapping[str, Any]) -> AccountPage:
    """Read an answer of ListAccounts or ListAccountsForParent."""
    return AccountPage(tuple(map(_member_account, _member(answer, "Accounts"))), _next_token(answer))


def organizational_unit_page(answer: Mapping[str, Any]) -> OrganizationalUnitPage:
    """Read an answer of ListOrganizationalUnitsForParent."""
    ids = [_text(entry, "Id") or "" for entry in _member(answer, "OrganizationalUnits")]
    for unit in ids:
        if not _UNIT_ID.fullmatch(unit):
            raise UnusableAnswerError(f"the answer holds a unit whose id is none: {unit}")
    return OrganizationalUnitPage(tuple(ids), _next_token(answer))


def tag_page(answer: Mapping[str, Any]) -> TagPage:
    """Read an answer of ListTagsForResource."""
    tags = [(_of_type(entry, "Key", str), _of_type(entry, "Value", str) or "") for entry in _member(answer, "Tags")]
    if not all(key for key, _ in tags):
        raise UnusableAnswerError("the answer holds a tag without a key")
    return TagPage(tuple(tags), _next_token(answer))


def _member_account(entry: Mapping[str, Any]) -> MemberAccount:
    account = _text(entry, "Id") or ""
    if not is_account_id(account):
        raise UnusableAnswerError(f"the listing holds an account whose id is none: {account}")
    # Endpoints older than State tell Status only, which AWS ends on 2026-09-09 (organizations model, Account).
    state = _text(entry, "State") or _text(entry, "Status")
    if state is None:
        raise UnusableAnswerError(f"the listing does not tell the state of account {account}")
    name = _of_type(entry, "Name", str) or ""
    return MemberAccount(account, printable(name).strip()[:LONGEST_IDENTIFIER], state)


def _next_token(answer: Mapping[str, Any]) -> str | None:
    token: str | None = _of_type(answer, "NextToken", str)
    if token is not None and len(token) > LONGEST_TOKEN:
        raise UnusableAnswerError(f"NextToken is longer than {LONGEST_TOKEN:,} characters")
    return token or None


def _bucket(entry: Mapping[str, Any]) -> Bucket:
    name = _text(entry, "Name")
    if name is None:
        raise UnusableAnswerError("the listing holds a bucket without a name")
    region = _text(entry, "BucketRegion")
    if region is not None and not is_host_label(region):
        raise UnusableAnswerError(f"the listing holds a bucket whose region is none: {region}")
    return Bucket(name, region, _of_type(entry, "CreationDate", datetime))


def _bucket_with_arn(kind: Kind, name: str | None, arn: str | None, created: object) -> Bucket:
    """Make a bucket of what a listing of table or vector buckets tells; its ARN is what names its region."""
    parts = _BUCKET_ARN.fullmatch(arn or "")
    if name is None or parts is None or parts["name"] != name or not is_host_label(parts["region"]):
        raise UnusableAnswerError(f"the listing holds a {kind} bucket whose name and ARN do not fit: {plain(arn)}")
    return Bucket(name, parts["region"], _of_type({"created": created}, "created", datetime), kind, arn)


def _rule_of_kind(told: Mapping[str, Any], name: str) -> Rule:
    """Read the encryption of a table or vector bucket, for which KMS means a customer managed key by its ARN."""
    algorithm = _text(told, name)
    key = _text(told, "kmsKeyArn", as_configured=True)
    if algorithm is None:
        raise UnusableAnswerError(f"the answer holds no {name}")
    if algorithm in KMS_ALGORITHMS and key is None:
        raise UnusableAnswerError(f"the answer holds no kmsKeyArn, which belongs to {algorithm}")
    return Rule(algorithm, key)


def _rule(entry: Mapping[str, Any]) -> Rule:
    default = entry.get("ApplyServerSideEncryptionByDefault") or {}
    blocked = entry.get("BlockedEncryptionTypes")
    return Rule(
        algorithm=_text(default, "SSEAlgorithm"),
        key=_text(default, "KMSMasterKeyID", as_configured=True),
        bucket_key=_of_type(entry, "BucketKeyEnabled", bool),
        blocked=None if blocked is None else tuple(blocked.get("EncryptionType") or ()),
    )


def _member(answer: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401
    """Take a member that every good answer has."""
    value = answer.get(name)
    if value is None:
        raise UnusableAnswerError(f"the answer holds no {name}")
    return value


def _text(holder: Mapping[str, Any], name: str, *, as_configured: bool = False) -> str | None:
    """Take an identifier; None where it is missing or empty."""
    value: str | None = _of_type(holder, name, str)
    if not value:
        return None
    if len(value) > LONGEST_IDENTIFIER:
        raise UnusableAnswerError(f"{name} is longer than {LONGEST_IDENTIFIER} characters")
    if not (as_configured or value.isprintable()):
        raise UnusableAnswerError(f"{name} has characters that cannot be printed: {plain(ascii(value))}")
    return value


def _of_type(holder: Mapping[str, Any], name: str, kind: type[Any]) -> Any:  # noqa: ANN401 - of that type, or None
    value = holder.get(name)
    if value is not None and not isinstance(value, kind):
        raise UnusableAnswerError(f"{name} is of the type {type(value).__name__}")
    return value
