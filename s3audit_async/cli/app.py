"""The command and its subcommands."""

from __future__ import annotations

import click

from s3audit_async.cli import options as shared
from s3audit_async.cli.commands.completion import completion
from s3audit_async.cli.commands.demo import demo
from s3audit_async.cli.commands.diff import diff
from s3audit_async.cli.commands.explain import explain
from s3audit_async.cli.commands.iam_policy import iam_policy
from s3audit_async.cli.commands.report import report
from s3audit_async.cli.commands.run import run
from s3audit_async.cli.help_page import SectionedGroup
from s3audit_async.cli.version import show_version


@click.group(cls=SectionedGroup, context_settings=shared.CONTEXT, invoke_without_command=True)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Show versions and exit."
)
@click.pass_context
def app(context: click.Context) -> None:
    """Audit the default encryption of every S3 bucket an AWS account owns.

    s3audit only reads. It never changes anything in an account.

    \b
    Examples:
      s3audit demo                        see it work: no account, no network
      s3audit run -o reports/ --wide      audit the account
      s3audit run --profile prod -q -o -  to a pipe

    Options can be set by variables (S3AUDIT_MAX_CONCURRENCY=100), too, or in s3audit.toml. The command line wins over
    variables, those over the file.
    """  # noqa: D301 - click reads the backspace
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    run,
    demo,
    report,
    diff,
    iam_policy,
    explain,
    completion,
):
    app.add_command(command)
