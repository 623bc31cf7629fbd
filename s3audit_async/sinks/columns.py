"""What a report holds of a row, column by column: the header for people, the name for programs, the value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from s3audit_async.model import Row

Value = str | bool | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `header` heads it in CSV, `name` is its key in JSON."""

    header: str
    name: str
    value: Callable[[Row], Value]


def _instant(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


NARROW = (
    Column("Bucket Name", "bucket_name", lambda row: row.bucket),
    Column("Default Encryption Mode", "default_encryption_mode", lambda row: row.mode),
    Column("SSE-KMS Key Type", "sse_kms_key_type", lambda row: row.key_type),
    Column("Bucket Key", "bucket_key", lambda row: row.bucket_key),
)
"""The report's four columns."""

WIDE = (
    *NARROW,
    Column("Account", "account", lambda row: row.account),
    Column("Region", "region", lambda row: row.region),
    Column("Algorithm", "algorithm", lambda row: row.algorithm),
    Column("Key ARN", "key_arn", lambda row: row.key_arn),
    Column("Key State", "key_state", lambda row: row.key_state),
    Column("Key Account", "key_account", lambda row: row.key_account),
    Column("Key Region", "key_region", lambda row: row.key_region),
    Column("Key Origin", "key_origin", lambda row: row.key_origin),
    Column("Multi-Region", "multi_region", lambda row: row.multi_region),
    Column("SSE-C", "sse_c", lambda row: row.sse_c.value if row.sse_c else None),
    Column("Findings", "findings", lambda row: row.findings),
    Column("Error", "error", lambda row: str(row.error) if row.error else None),
    Column("Created", "created", lambda row: _instant(row.created)),
    Column("Audited At", "audited_at", lambda row: _instant(row.audited_at)),
    Column("Key Spec", "key_spec", lambda row: row.key_spec),
    Column("Key Deletion Date", "key_deletion_date", lambda row: _instant(row.key_deletion_date)),
    Column("Key Valid To", "key_valid_to", lambda row: _instant(row.key_valid_to)),
    Column("Kind", "kind", lambda row: None if row.findings is None else row.kind.value),  # four columns do not tell it
)
"""All there is to say of a row. The first four columns are the narrow ones."""
