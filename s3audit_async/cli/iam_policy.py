"""`s3audit iam-policy --organization`: which documents are printed, and what has to be said for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from s3audit_async import names
from s3audit_async import organization_permissions as organization
from s3audit_async.errors import UsageError
from s3audit_async.organization_permissions import Document
from s3audit_async.permissions import iam_policy

if TYPE_CHECKING:
    from s3audit_async.options import Options
    from s3audit_async.organization_permissions import Entry


def print_documents(
    options: Options, entry: Entry, *, caller: str | None, partition: str, only: Document | None
) -> None:
    """Print one document, or all of them as one JSON object.

    Raises `UsageError` for what cannot be in them, and where it is not said who is to be trusted.
    """
    names.check_partition(partition)
    trusted = None if caller is None else names.principal(caller, partition=partition)

    def made(document: Document) -> dict[str, Any]:
        if document is Document.CALLER:
            return organization.caller_policy(options, entry, partition=partition)
        if document is Document.MEMBER_ROLE:
            return iam_policy(options, partition=partition)
        if trusted is None:
            raise UsageError(
                "nobody is named whom the member role is to trust",
                hint="--caller with the account that runs s3audit, or better the ARN of its role",
            )
        if document is Document.TRUST:
            return organization.trust_policy(entry, trusted)
        return organization.stack_set_template(options, entry, trusted)

    printed = made(only) if only is not None else {each.key: made(each) for each in Document}
    click.echo(json.dumps(printed, indent=2))
