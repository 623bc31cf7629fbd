"""The command and its subcommands."""

from __future__ import annotations

import click

import s3audit_async
from s3audit_async.cli import options as shared
from s3audit_async.cli.commands.demo import demo
from s3audit_async.cli.commands.diff import diff
from s3audit_async.cli.commands.explain import explain
from s3audit_async.cli.commands.iam_policy import iam_policy
from s3audit_async.cli.commands.report import report
from s3audit_async.cli.commands.run import run


@click.group(context_settings=shared.CONTEXT, invoke_without_command=True)
@click.version_option(s3audit_async.__version__, prog_name="s3audit")
@click.pass_context
def app(context: click.Context) -> None:
    """Audit the default encryption of every S3 bucket an AWS account owns.

    s3audit only reads. It never changes anything in an account.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (run, demo, report, diff, explain, iam_policy):
    app.add_command(command)
