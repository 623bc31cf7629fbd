"""Pure: spells calls of the AWS CLI for a POSIX shell, whatever the names in them hold."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from s3audit_async.model import AES256, Kind, SseC
from s3audit_async.redaction import printable
from s3audit_async.references import bucket_arn, is_host_label, parse_key_arn, partition_of

if TYPE_CHECKING:
    from s3audit_async.model import Row

KEY_ARN = "KEY_ARN"
"""Stands in a call for the ARN of a key that is yet to be chosen."""

_UNSPEAKABLE = re.compile("\0|://|[\ud800-\udfff]")
_BLOCKED = {SseC.BLOCKED: ["SSE-C"], SseC.ALLOWED: ["NONE"]}
_JSON = json.JSONEncoder(separators=(",", ":"))  # escapes all that is not ASCII
_DSSE = "aws:kms:dsse"


@dataclass(frozen=True, slots=True)
class Configuration:
    """A default encryption, as PutBucketEncryption takes it. `key` None leaves the choice to S3."""

    algorithm: str
    key: str | None
    bucket_key: bool | None
    sse_c: SseC | None


def comment(text: str) -> str:
    """Make one line of shell comment of a text, whatever it holds."""
    return f"# {printable(text)}"


def aws(command: str, **options: str | None) -> tuple[str, ...]:
    """Spell a command with its options, those without a value left out.

    One line, unless a value holds line breaks. A value that no shell can hand on gives a comment instead, and so does
    one that the AWS CLI would take for the address of a file to send (`file://...`).
    """
    words = [command]
    for name, value in options.items():
        if value is None:
            continue
        if _UNSPEAKABLE.search(value):
            return (comment(f"No call is shown, as this cannot be handed to the AWS CLI safely: {value}"),)
        option = f"--{name.replace('_', '-')}"
        quoted = shlex.quote(value)
        words.append(f"{option}={quoted}" if value.startswith("-") else f"{option} {quoted}")
    return (" ".join(words),)


def put_configuration(row: Row, wanted: Configuration, *, key_variable: str | None = None) -> tuple[str, ...]:
    """Spell the call that replaces a bucket's configuration; what cannot be replaced gives a comment.

    `key_variable` names the shell variable that holds the key's ARN, instead of `wanted.key`.
    """
    if row.kind is Kind.VECTOR:
        return (comment("The encryption of a vector bucket is chosen when it is made and cannot be changed after."),)
    if row.kind is Kind.TABLE:
        arn = _table_bucket_arn(row)
        if arn is None:
            return (comment("No call is shown: the report does not hold the table bucket's account and region."),)
        call = aws("aws s3tables put-table-bucket-encryption", table_bucket_arn=arn, region=row.region)
        option, spell = "--encryption-configuration", _as_json_of_table
    else:
        call = aws("aws s3api put-bucket-encryption", bucket=row.bucket, region=row.region)
        option, spell = "--server-side-encryption-configuration", _as_json
    if call[0].startswith("#"):
        return call
    if key_variable is None:
        configuration = shlex.quote(spell(wanted, wanted.key))
    else:
        before, _, after = spell(wanted, "?").rpartition("?")  # nothing else in it is from outside
        configuration = f'{shlex.quote(before)}"${key_variable}"{shlex.quote(after)}'
    return (f"{call[0]} {option} {configuration}",)


def get_configuration(row: Row) -> tuple[str, ...]:
    """Spell the call that reads a bucket's configuration."""
    if row.kind is Kind.VECTOR:
        return aws("aws s3vectors get-vector-bucket", vector_bucket_name=row.bucket, region=row.region)
    if row.kind is Kind.TABLE:
        arn = _table_bucket_arn(row)
        return aws("aws s3tables get-table-bucket-encryption", table_bucket_arn=arn, region=row.region) if arn else ()
    return aws("aws s3api get-bucket-encryption", bucket=row.bucket, region=row.region)


def audit_call(row: Row) -> tuple[str, ...]:
    """Spell the command that audits a bucket once more."""
    if row.kind in {Kind.TABLE, Kind.VECTOR}:
        return aws("s3audit run", kinds=row.kind, prefix=row.bucket, include_region=row.region)
    return aws("s3audit run", bucket=row.bucket)


def policy_call(row: Row) -> str:
    """Spell the command that prints what an auditor needs, for a row's kind and the partition of its key or region."""
    partition = row.mode.split(":")[1] if parse_key_arn(row.mode) else ""
    if not is_host_label(partition):
        partition = partition_of(row.region) or "aws"
    kinds = f" --kinds {row.kind}" if row.kind is not Kind.GENERAL else ""
    return f"s3audit iam-policy{kinds}" + (f" --partition {partition}" if partition != "aws" else "")


def _table_bucket_arn(row: Row) -> str | None:
    """Name a table bucket as S3 Tables wants it; None where the row does not hold what its ARN is made of."""
    if not (row.account and row.region and is_host_label(row.region)):
        return None
    partition = partition_of(row.region) or "aws"
    return bucket_arn(row.kind, row.bucket, partition=partition, region=row.region, account=row.account)


def _as_json_of_table(wanted: Configuration, key: str | None) -> str:
    configuration = {"sseAlgorithm": wanted.algorithm}
    if key is not None and wanted.algorithm != AES256:
        configuration["kmsKeyArn"] = key
    return _JSON.encode(configuration)


def _as_json(wanted: Configuration, key: str | None) -> str:
    default = {"SSEAlgorithm": wanted.algorithm}
    if key is not None and wanted.algorithm != AES256:
        default["KMSMasterKeyID"] = key
    rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": default}
    if wanted.bucket_key is not None and wanted.algorithm != _DSSE:  # DSSE-KMS has no Bucket Keys
        rule["BucketKeyEnabled"] = wanted.bucket_key
    if wanted.sse_c is not None:
        rule["BlockedEncryptionTypes"] = {"EncryptionType": _BLOCKED[wanted.sse_c]}
    return _JSON.encode({"Rules": [rule]})
