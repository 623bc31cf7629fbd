"""Pure decisions: what a row says of each finding. It is there, it is not, or nobody can tell: three states."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from s3audit_async import codes
from s3audit_async.classify import (
    ACCESS_DENIED,
    AWS_MANAGED,
    CUSTOMER_MANAGED,
    KEY_NOT_FOUND,
    NO_CONFIGURATION,
    NOT_APPLICABLE,
    UNKNOWN,
)
from s3audit_async.findings import Finding, inapplicable
from s3audit_async.model import AES256, KMS_ALGORITHMS, Row
from s3audit_async.references import is_alias, is_predefined_alias, names_a_key, parse_key_arn


class State(Enum):
    """What is known of one finding in one bucket."""

    FOUND = "found"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Assessment:
    """Which findings a bucket has, and of which nobody can tell; the others it has not.

    `found` may hold ids that this version does not know, from a report that a later one has written.
    """

    found: frozenset[str]
    unknown: frozenset[str]

    def state(self, finding: str) -> State:
        """Tell what is known of one finding."""
        if finding in self.found:
            return State.FOUND
        return State.UNKNOWN if finding in self.unknown else State.ABSENT


_NOTHING: frozenset[str] = frozenset()
_UNREAD = frozenset({Finding.ENCRYPTION_UNREADABLE, Finding.BUCKET_NOT_AUDITED})
_OF_READ = frozenset(Finding) - _UNREAD
"""What only a configuration that was read can tell."""
_OF_STATE = frozenset({Finding.KEY_DISABLED, Finding.KEY_PENDING_DELETION, Finding.KEY_UNUSABLE})
_OF_KEY = _OF_STATE | {Finding.AWS_MANAGED_KEY, Finding.KEY_NOT_FOUND, Finding.KEY_NOT_SYMMETRIC}
"""What only DescribeKey can tell."""
_OF_PLACE = frozenset({Finding.KEY_IN_OTHER_REGION, Finding.KEY_IN_OTHER_ACCOUNT})
_OF_ALGORITHM = _OF_READ - {Finding.NO_DEFAULT_ENCRYPTION, Finding.SSE_C_NOT_BLOCKED}
"""What an algorithm that this program does not know leaves open, whatever its name says."""
_KNOWN_ALGORITHMS = KMS_ALGORITHMS | {AES256, None}
_KNOWN_STATES = frozenset(
    {
        "Creating",
        "Disabled",
        "Enabled",
        "PendingDeletion",
        "PendingImport",
        "PendingReplicaDeletion",
        "Unavailable",
        "Updating",
    }
)  # botocore model of kms, KeyState


def was_read(row: Row) -> bool:
    """Tell whether the bucket's configuration was read, and be it that KMS did not say who manages its key.

    Four columns do not tell such a key from the code of an error if it is named by neither an ARN nor an alias.
    """
    if row.key_type != UNKNOWN or row.algorithm is not None:
        return True
    return row.findings is None and names_a_key(row.mode)


def is_gone(row: Row) -> bool:
    """Tell whether the bucket was deleted between the listing and the question. Nothing can be found in it."""
    return row.mode == codes.NO_SUCH_BUCKET and not was_read(row)


def assess(row: Row) -> Assessment:
    """Tell what is known of a row's bucket; of one read back from four columns, as much as those can tell."""
    if is_gone(row):
        return Assessment(_NOTHING, _NOTHING)
    found, unknown = _of_four_columns(row) if row.findings is None else _of_all_columns(row, row.findings)
    return Assessment(found, unknown - found - inapplicable(row.kind))


def _of_all_columns(row: Row, findings: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    found = frozenset(findings)
    if found & _UNREAD:
        return found, _OF_READ
    if row.algorithm not in _KNOWN_ALGORITHMS:
        return found, _OF_ALGORITHM
    if row.algorithm not in KMS_ALGORITHMS:
        return found, _NOTHING
    exists = Finding.KEY_NOT_FOUND not in found
    unknown: frozenset[str] = _OF_KEY if Finding.KEY_NOT_VERIFIED in found else _NOTHING
    if exists and row.key_type in {CUSTOMER_MANAGED, UNKNOWN} and row.key_state not in _KNOWN_STATES:
        unknown |= _OF_STATE  # nobody can disable or delete a key that AWS manages
    if exists and row.key_type == UNKNOWN:
        unknown |= {Finding.AWS_MANAGED_KEY}  # KMS did not say who manages it
    return found, unknown | _of_place(row, exists=exists)


def _of_place(row: Row, *, exists: bool) -> frozenset[str]:
    """Tell what is unknown of where a key is; one that does not exist is only where its ARN says."""
    if _is_here(row.mode):
        return _NOTHING
    places = (
        (Finding.KEY_IN_OTHER_ACCOUNT, row.account, row.key_account),
        (Finding.KEY_IN_OTHER_REGION, row.region, row.key_region),
    )
    return frozenset(finding for finding, own, of_key in places if (exists if of_key is None else own is None))


def _is_here(mode: str) -> bool:
    """Tell whether a key is the bucket's account's and region's own `aws/s3`, as its ARN may be any other's."""
    return is_predefined_alias(mode) and parse_key_arn(mode) is None


def _of_four_columns(row: Row) -> tuple[frozenset[str], frozenset[str]]:
    if not was_read(row):
        denied = row.mode == ACCESS_DENIED
        return frozenset({Finding.ENCRYPTION_UNREADABLE if denied else Finding.BUCKET_NOT_AUDITED}), _OF_READ
    if row.key_type == NOT_APPLICABLE:
        if row.mode == AES256:
            return frozenset({Finding.SSE_S3_ONLY}), frozenset({Finding.SSE_C_NOT_BLOCKED})
        if row.mode == NO_CONFIGURATION:
            return frozenset({Finding.NO_DEFAULT_ENCRYPTION}), frozenset({Finding.SSE_C_NOT_BLOCKED})
        return _NOTHING, _OF_ALGORITHM | {Finding.SSE_C_NOT_BLOCKED}
    return _of_a_key(row)


def _of_a_key(row: Row) -> tuple[frozenset[str], frozenset[str]]:
    found: set[str] = set()
    unknown: set[str] = {Finding.SSE_C_NOT_BLOCKED}
    if row.bucket_key is not True:
        unknown.add(Finding.BUCKET_KEY_OFF)  # with DSSE-KMS there is none, and the four columns do not tell it
    if is_alias(row.mode) and not is_predefined_alias(row.mode):
        found.add(Finding.KEY_BY_ALIAS)
    if not _is_here(row.mode):
        unknown |= _OF_PLACE
    if row.key_type == AWS_MANAGED:
        found.add(Finding.AWS_MANAGED_KEY)
    elif row.key_type == CUSTOMER_MANAGED:
        unknown |= _OF_STATE | {Finding.KEY_NOT_SYMMETRIC}
    elif row.key_type == KEY_NOT_FOUND:
        found.add(Finding.KEY_NOT_FOUND)
    else:
        unknown |= _OF_KEY
        if row.key_type != UNKNOWN:
            found.add(Finding.KEY_NOT_VERIFIED)
    return frozenset(found), frozenset(unknown)
