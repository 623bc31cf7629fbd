"""`s3audit iam-policy`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from s3audit_async.cli import options as shared
from s3audit_async.cli.values import read_names
from s3audit_async.errors import UsageError
from s3audit_async.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from s3audit_async.model import Kind

DOCUMENTS = ("caller", "member-role", "trust", "stack-set")

organization_options = shared.stacked(
    shared.option(
        "Organization",
        "--organization",
        is_flag=True,
        help="Print what an audit of an organization needs: the caller's policy, the policy and the trust of the role "
        "in each account, and a template that makes that role.",
    ),
    shared.option(
        "Organization",
        "--document",
        type=click.Choice(DOCUMENTS),
        help="Only this one, as the AWS CLI takes it.  [default: all of them, in one JSON object]",
    ),
    shared.option(
        "Organization",
        "--caller",
        metavar="ACCOUNT|ARN",
        help="Whom the roles trust: the account that runs s3audit, or better the ARN of its role or user.",
    ),
    shared.option(
        "Organization",
        "--role-name",
        default="s3audit",
        show_default=True,
        metavar="NAME",
        help="Name of the role in each account, after its path if it has one.",
    ),
    shared.option("Organization", "--external-id", metavar="TEXT", help="What the caller has to name to assume it."),
    shared.option(
        "Organization",
        "--ou",
        "ous",
        multiple=True,
        metavar="ID",
        help="The caller chooses accounts by organizational unit. Repeatable.",
    ),
    shared.option(
        "Organization",
        "--account-tag",
        "account_tags",
        multiple=True,
        metavar="KEY[=VALUE]",
        help="The caller chooses accounts by tag. Repeatable.",
    ),
)


@shared.command("iam-policy")
@shared.selection_options
@organization_options
@shared.option(
    "AWS",
    "--partition",
    default="aws",
    show_default=True,
    metavar="NAME",
    help="Partition of the account, such as aws-cn or aws-us-gov.",
)
@click.pass_context
def iam_policy(
    context: click.Context,
    *,
    buckets: tuple[str, ...],
    buckets_from: str | None,
    prefix: str | None,
    kinds: frozenset[Kind],
    partition: str,
    organization: bool,
    document: str | None,
    caller: str | None,
    role_name: str,
    external_id: str | None,
    ous: tuple[str, ...],
    account_tags: tuple[str, ...],
) -> None:
    """Print the least-privilege IAM policy for the options chosen.

    \b
    Examples:
      s3audit iam-policy > policy.json
      s3audit iam-policy --prefix prod- --partition aws-us-gov
      s3audit iam-policy --kinds all
      aws iam create-policy --policy-name s3audit --policy-document file://policy.json
      s3audit iam-policy --organization --caller 123456789012
      s3audit iam-policy --organization --document caller > caller.json
    """  # noqa: D301 - click reads the backspace
    options = Options(buckets=read_names(buckets, buckets_from), prefix=prefix, kinds=kinds)
    if organization:
        from s3audit_async.cli.iam_policy import print_documents  # noqa: PLC0415 - for this flag only
        from s3audit_async.fleet.choosing import Choice  # noqa: PLC0415
        from s3audit_async.organization_permissions import Document, Entry  # noqa: PLC0415

        choice = Choice(ous=ous, tags=account_tags)
        entry = Entry(role_name=role_name, external_id=external_id, by_unit=bool(choice.ous), by_tag=bool(choice.tags))
        only = None if document is None else Document(document)
        print_documents(options, entry, caller=caller, partition=partition, only=only)
        return
    _refuse_alone(context, ("document", "caller", "role_name", "external_id", "ous", "account_tags"))
    from s3audit_async import permissions  # noqa: PLC0415 - for this command only

    click.echo(json.dumps(permissions.iam_policy(options, partition=partition), indent=2))


def _refuse_alone(context: click.Context, names: Sequence[str]) -> None:
    """Raise `UsageError` for what was typed and says nothing without `--organization`.

    From a file or a variable, it may be there for other commands.
    """
    elsewhere = shared.not_typed(context)
    for option in context.command.params:
        if option.name in names and option.opts[0] not in elsewhere:
            raise UsageError(
                f"{option.opts[0]} is for the accounts of an organization", hint="add --organization, or leave it out"
            )
