"""`s3audit explain`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from s3audit_async.cli import options as shared


def _complete(_context: click.Context, _argument: click.Parameter, begun: str) -> list[CompletionItem]:
    from s3audit_async.findings.catalogue import CATALOGUE  # noqa: PLC0415 - when a shell asks

    return [CompletionItem(each.finding, help=each.title) for each in CATALOGUE if each.finding.startswith(begun)]


@shared.command()
@click.argument("findings", nargs=-1, metavar="[FINDING]...", shell_complete=_complete)
def explain(*, findings: tuple[str, ...]) -> None:
    """Explain findings and how to mend them.

    Without FINDING, list them all: what a wide report may say of a bucket, and how grave it is. The commands that mend
    are shown for an example bucket; s3audit never runs them.

    \b
    Examples:
      s3audit explain                       all of them, a line each
      s3audit explain key-pending-deletion  one, with how to mend it
    """  # noqa: D301 - click reads the backspace
    from s3audit_async.cli.explain import perform  # noqa: PLC0415 - it brings the catalogue

    perform(findings)
