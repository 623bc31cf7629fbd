"""`s3audit explain`."""

from __future__ import annotations

import click

from s3audit_async.cli import options as shared


@shared.command()
@click.argument("findings", nargs=-1, metavar="[FINDING]...")
def explain(*, findings: tuple[str, ...]) -> None:
    """Explain findings and how to mend them.

    Without FINDING, list them all: what a wide report may say of a bucket, and how grave it is. The commands that mend
    are shown for an example bucket; s3audit never runs them.
    """
    from s3audit_async.cli.explain import perform  # noqa: PLC0415 - it brings the catalogue

    perform(findings)
