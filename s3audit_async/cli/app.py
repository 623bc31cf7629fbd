"""The commands and their options. Each hands over to a module of its own, imported when it runs."""

from __future__ import annotations

import json

import click

import s3audit_async
from s3audit_async.cli import options as shared
from s3audit_async.demo import DEFAULT_BUCKETS
from s3audit_async.options import Options

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_DEMO_ATTEMPTS = 3
"""Two of the demo's answers fail for good, to show how that looks; nobody is to wait long for them."""


@click.group(context_settings=_CONTEXT, invoke_without_command=True)
@click.version_option(s3audit_async.__version__, prog_name="s3audit")
@click.pass_context
def app(context: click.Context) -> None:
    """Audit the default encryption of every S3 bucket an AWS account owns.

    s3audit only reads. It never changes anything in an account.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@app.command(cls=shared.GroupedCommand, context_settings=_CONTEXT)
@shared.report_options
@shared.option("Report", "--resume", metavar="PATH", help="Complete a report that was interrupted.")
@shared.selection_options
@shared.region_options
@shared.aws_options
@shared.limit_options()
@shared.message_options
def run(
    *,
    output: str | None,
    form: str | None,
    wide: bool,
    stats: str | None,
    resume: str | None,
    buckets: tuple[str, ...],
    buckets_from: str | None,
    prefix: str | None,
    include_region: tuple[str, ...],
    exclude_region: tuple[str, ...],
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    max_concurrency: int,
    max_attempts: int,
    timeout: float,
    retry_max_time: float,
    quiet: bool,
    verbose: bool,
) -> int:
    """Audit the account that the credentials belong to.

    \b
    Examples:
      s3audit run                                    ask where to put the report
      s3audit run -o reports/ --wide                 all columns
      s3audit run -o - --prefix prod- | grep False   no Bucket Key
      s3audit run --resume reports/bucketEncryptionReport_20261123-101500.csv.partial

    \b
    Exit codes:
      0    every bucket has its row (AccessDenied is an answer)
      2    options or files cannot be used
      3    complete, but some rows hold an error that retries could not clear
      4    the run could not go on; what was audited is kept
      130  interrupted; what was audited is kept
    """  # noqa: D301 - click reads the backspace
    from s3audit_async.cli.run import RunSettings, perform  # noqa: PLC0415 - it brings the engine

    settings = RunSettings(
        output=output,
        format=form,
        wide=wide,
        stats=stats,
        buckets_from=buckets_from,
        resume=resume,
        profile=profile,
        region=region,
        quiet=quiet,
        verbose=verbose,
        options=Options(
            buckets=shared.read_names(buckets, buckets_from),
            prefix=prefix,
            include_regions=frozenset(include_region),
            exclude_regions=frozenset(exclude_region),
            max_concurrency=max_concurrency,
            max_attempts=max_attempts,
            timeout=timeout,
            retry_max_time=retry_max_time,
            endpoint_url=endpoint_url,
        ),
    )
    return perform(settings)


@app.command(cls=shared.GroupedCommand, context_settings=_CONTEXT)
@shared.option(
    "Account",
    "--buckets",
    type=click.IntRange(min=1),
    default=DEFAULT_BUCKETS,
    show_default=True,
    metavar="N",
    help="How many buckets the account has.",
)
@shared.option(
    "Account",
    "--latency-ms",
    type=click.FloatRange(min=0, max=60_000),
    default=0.0,
    show_default=True,
    metavar="MS",
    help="How long each answer takes, at least.",
)
@shared.report_options
@shared.limit_options(attempts=_DEMO_ATTEMPTS)
@shared.message_options
def demo(
    *,
    buckets: int,
    latency_ms: float,
    output: str | None,
    form: str | None,
    wide: bool,
    stats: str | None,
    max_concurrency: int,
    max_attempts: int,
    timeout: float,
    retry_max_time: float,
    quiet: bool,
    verbose: bool,
) -> int:
    """Audit an embedded AWS account: no credentials, no network.

    The account is served by moto in this process, on a free port of the loopback interface, and is gone afterwards.
    It has buckets of every kind that a report can show. Needs the extra: pip install 's3audit-async[demo]'.
    """
    from s3audit_async.cli.demo import perform  # noqa: PLC0415 - it brings the engine
    from s3audit_async.cli.run import RunSettings  # noqa: PLC0415

    settings = RunSettings(
        output=output,
        format=form,
        wide=wide,
        stats=stats,
        quiet=quiet,
        verbose=verbose,
        again=False,
        options=Options(
            max_concurrency=max_concurrency, max_attempts=max_attempts, timeout=timeout, retry_max_time=retry_max_time
        ),
    )
    return perform(settings, buckets=buckets, latency_ms=latency_ms)


@app.command("iam-policy", cls=shared.GroupedCommand, context_settings=_CONTEXT)
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
    """Print the least-privilege IAM policy for the options chosen."""
    from s3audit_async import permissions  # noqa: PLC0415 - for this command only

    options = Options(buckets=shared.read_names(buckets, buckets_from), prefix=prefix)
    click.echo(json.dumps(permissions.iam_policy(options, partition=partition), indent=2))
