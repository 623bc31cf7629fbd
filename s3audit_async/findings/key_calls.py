"""Pure decisions: the calls that bring a KMS key back. They are for whoever may administer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.findings.calls import aws, comment
from s3audit_async.findings.ids import Finding
from s3audit_async.references import is_alias, is_region, parse_key_arn

if TYPE_CHECKING:
    from s3audit_async.model import Row

REVIVED = frozenset({Finding.KEY_DISABLED, Finding.KEY_PENDING_DELETION})
"""What `revival` mends."""


def key_steps(finding: str, row: Row) -> tuple[str, ...]:
    """Give the commands that make a bucket's key usable again, with comments for what they need from a person."""
    key, region, remarks = _key(row)
    if finding == Finding.KEY_DISABLED:
        return (*remarks, *aws("aws kms enable-key", key_id=key, region=region))
    if finding == Finding.KEY_PENDING_DELETION:
        if row.key_deletion_date:
            remarks = (*remarks, comment(f"KMS deletes the key at {row.key_deletion_date.isoformat()}."))
        return (
            *remarks,
            *aws("aws kms cancel-key-deletion", key_id=key, region=region),
            *aws("aws kms enable-key", key_id=key, region=region),
        )
    if row.key_state == "Unavailable":
        return (
            *remarks,
            comment("Connect the key's store; the first call gives its CUSTOM_KEY_STORE_ID."),
            *aws("aws kms describe-custom-key-stores", region=region),
            *aws("aws kms connect-custom-key-store", custom_key_store_id="CUSTOM_KEY_STORE_ID", region=region),
        )
    if row.key_state == "Creating":
        return (
            comment("The key is still being created. Ask again until its state is Enabled."),
            *aws("aws kms describe-key", key_id=key, region=region),
        )
    return (
        *remarks,
        comment("Import the same key material again, wrapped with the public key that the first call gives."),
        *aws(
            "aws kms get-parameters-for-import",
            key_id=key,
            region=region,
            wrapping_algorithm="RSAES_OAEP_SHA_256",
            wrapping_key_spec="RSA_4096",
        ),
        *(
            f"{call} --import-token fileb://ImportToken.bin --encrypted-key-material fileb://EncryptedKeyMaterial.bin"
            " --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE"
            for call in aws("aws kms import-key-material", key_id=key, region=region)
        ),
    )


def revival(row: Row) -> tuple[str, ...]:
    """Give the bare calls that enable a disabled key or keep one from being deleted; empty where a person is needed.

    KMS lets no other account do either.
    """
    key, region, remarks = _key(row)
    if remarks or row.account != row.key_account or key.startswith("-") or "://" in key:
        return ()
    calls: tuple[str, ...] = ()
    found = row.findings or ()
    if Finding.KEY_PENDING_DELETION in found:
        calls = aws("aws kms cancel-key-deletion", key_id=key, region=region)
    if REVIVED & set(found):
        calls = (*calls, *aws("aws kms enable-key", key_id=key, region=region))
    return calls


def _key(row: Row) -> tuple[str, str | None, tuple[str, ...]]:
    """Name the key (KMS takes no alias for these calls) and its region, and say what is to be filled in."""
    remarks = []
    key = row.key_arn or row.mode
    if is_alias(key):
        remarks.append(comment(f"Put the key's id for KEY_ID; the report only holds its alias, {key}."))
        key = "KEY_ID"
    arn = parse_key_arn(key)
    region = row.key_region or (arn.region if arn else row.region)
    if not region or not is_region(region):
        remarks.append(comment("The report does not hold the key's region: add --region to the call."))
        region = None
    if row.account and row.key_account and row.account != row.key_account:
        remarks.append(comment(f"With credentials of account {row.key_account}, which the key belongs to."))
    return key, region, tuple(remarks)
