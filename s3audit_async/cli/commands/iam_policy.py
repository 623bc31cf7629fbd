"""`s3audit iam-policy`."""

from __future__ import annotations

import json

import click

from s3audit_async.cli import options as shared
from s3audit_async.options import Options


@shared.command("iam-policy")
@shared.selection_options
@shared.option(
    "AWS",
    "--partition",
    default="aws",
    show_default=True,
    metavar="NAME",
    help="Partition of the account, such as aws-cn or aws-us-gov.",
)
def iam_policy(*, buckets: tuple[str, ...], buckets_from: str | None, prefix: str | None, partition: str) -> None:
    """Print the least-privilege IAM policy for the options chosen.

    \b
    Examples:
      s3audit iam-policy > policy.json
      s3audit iam-policy --prefix prod- --partition aws-us-gov
      aws iam create-policy --policy-name s3audit --policy-document file://policy.json
    """  # noqa: D301 - click reads the backspace
    from s3audit_async import permissions  # noqa: PLC0415 - for this command only

    options = Options(buckets=shared.read_names(buckets, buckets_from), prefix=prefix)
    click.echo(json.dumps(permissions.iam_policy(options, partition=partition), indent=2))
