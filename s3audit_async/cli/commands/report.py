"""`s3audit report`."""

from __future__ import annotations

import click

from s3audit_async.cli import options as shared

_CRITERIA = ("region", "account", "kind", "key", "finding", "mode")
_TOP = 10
_LIST = ("names",)
"""`--list` prints names and nothing else."""


@shared.command()
@click.argument("report", metavar="REPORT", shell_complete=shared.complete_path)
@shared.option(
    "Rows", "--where", multiple=True, metavar="FILTER", help="Only rows that fit, see below. Repeatable: all of them."
)
@shared.option("Output", "--by", type=click.Choice(_CRITERIA), yields_to=_LIST, help="One table, a line for each.")
@shared.option(
    "Output",
    "--top",
    type=click.IntRange(min=1),
    default=_TOP,
    show_default=True,
    metavar="N",
    help="How many regions, accounts and keys a table shows.",
)
@shared.option("Output", "--json", "as_json", is_flag=True, yields_to=_LIST, help="One JSON document with all of it.")
@shared.option("Output", "--list", "names", is_flag=True, help="The names of the buckets, one a line.")
@shared.decision_options
@shared.option(
    "Decision",
    "--plan",
    metavar="FILE",
    yields_to=_LIST,
    help="Write the calls that mend what was found, as a shell script; - is stdout.",
)
@shared.option(
    "Report",
    "-o",
    "--output",
    metavar="PATH",
    envvar="S3AUDIT_REPORT_OUTPUT",  # those of a run are something else
    yields_to=_LIST,
    help="Where the report goes in other formats; - is stdout.",
)
@shared.format_option("none: it stays as it is", envvar="S3AUDIT_REPORT_FORMAT", yields_to=_LIST)
@shared.wide_option(envvar="S3AUDIT_REPORT_WIDE", yields_to=_LIST)
@shared.option("Messages", "-q", "--quiet", is_flag=True, help="No notes on standard error.")
def report(
    *,
    report: str,
    where: tuple[str, ...],
    by: str | None,
    top: int,
    as_json: bool,
    names: bool,
    policy: str | None,
    plan: str | None,
    html: str | None,
    output: str | None,
    formats: tuple[str, ...],
    wide: bool,
    quiet: bool,
) -> int:
    """Sum a report up: CSV of four or all columns, JSON Lines or Parquet; - is standard input.

    What a report of four columns does not hold is unknown, and counted as that. An unfinished report is summed up as
    far as it goes, and a note says so.

    \b
    Filters compare a column, by its name in JSON, or mode (such as SSE-KMS), or finding (such as bucket-key-off):
      FIELD=VALUE    is that; FIELD= is empty
      FIELD!=VALUE   is not that
      FIELD~GLOB     fits a pattern of *, ? and [...]
    A row fits where that is known. Where nobody can tell, it is left out, and a note says how many are.

    \b
    Examples:
      s3audit report x.csv                                         summary tables
      s3audit report x.csv --by region --where finding=bucket-key-off
      s3audit report x.jsonl --where 'bucket_name~prod-*' --json
      s3audit report x.jsonl --policy customer-key --html x.html --plan mend.sh
      s3audit report x.jsonl --format parquet,ocsf -o reports/
      s3audit report x.jsonl --where key_state=Disabled --list | s3audit run --buckets-from -

    \b
    Exit codes:
      0    the report was read to its end, finished or not, and a policy is kept
      1    the policy is violated
      2    options or files cannot be used, or the file is not a report
      3    of some buckets nobody can tell, or not all were checked
      4    what was asked for could not be written
    """  # noqa: D301 - click reads the backspace
    from s3audit_async.cli.report import ReportSettings, perform  # noqa: PLC0415 - for this command only

    return perform(
        ReportSettings(
            report=report,
            where=where,
            by=by,
            top=top,
            as_json=as_json,
            names=names,
            policy=policy,
            plan=plan,
            html=html,
            output=output,
            formats=formats,
            wide=wide,
            quiet=quiet,
        )
    )
