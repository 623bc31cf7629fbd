"""`s3audit diff`."""

from __future__ import annotations

import click

from s3audit_async.cli import options as shared

FORMATS = ("text", "json", "markdown")
FAILING = ("worse", "unknown", "changed", "added", "added-with-findings", "removed")


@shared.command()
@click.argument("old", metavar="OLD", shell_complete=shared.complete_path)
@click.argument("new", metavar="NEW", shell_complete=shared.complete_path)
@shared.option(
    "Output",
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    envvar="S3AUDIT_DIFF_FORMAT",  # that of a report is something else
    help="Tables, one JSON object, or Markdown for a pull-request comment.",
)
@shared.option(
    "Output",
    "--fail-on",
    type=click.Choice(FAILING),
    multiple=True,
    help="Exit with 1 if this happened to any bucket. Repeatable.",
)
def diff(*, old: str, new: str, form: str, fail_on: tuple[str, ...]) -> int:
    """Show what changed between two reports, and which way.

    Reports may be in different formats and orders; - is standard input. Compared is what both can know. A change is
    worse if the findings gained outweigh those lost: one that is graver outweighs any number of others. Where one of
    the reports could not read a bucket or its key, the change cannot be told to be better or worse: it is unknown.

    \b
    Examples:
      s3audit diff monday.csv tuesday.csv
      s3audit diff main.jsonl new.jsonl --format markdown > comment.md
      s3audit run -o - | s3audit diff last.csv - --fail-on worse --fail-on unknown

    \b
    Exit codes:
      0    compared
      1    compared, and something that --fail-on names has happened
      2    a report cannot be used, or is not finished
    """  # noqa: D301 - click reads the backspace
    from s3audit_async.cli.diff import perform  # noqa: PLC0415 - for this command only

    return perform(old, new, form=form, fail_on=fail_on)
