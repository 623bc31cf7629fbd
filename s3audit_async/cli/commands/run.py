"""`s3audit run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from s3audit_async.cli import options as shared
from s3audit_async.cli.account_options import account_options, crew_options
from s3audit_async.cli.values import names_in, read_names
from s3audit_async.options import Options

if TYPE_CHECKING:
    from s3audit_async.model import Kind


@shared.command()
@shared.report_options
@shared.option("Report", "--resume", metavar="PATH", help="Complete a report that was interrupted.")
@shared.decision_options
@shared.unconfigured(
    "Decision",
    "--init-policy",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=shared.print_starter_policy,
    help="Print a policy to begin with, as a TOML file with comments, and exit.",
)
@shared.selection_options
@shared.region_options
@account_options
@shared.aws_options
@shared.limit_options()
@crew_options
@shared.message_options
@click.pass_context
def run(
    context: click.Context,
    *,
    output: str | None,
    formats: tuple[str, ...],
    wide: bool,
    stats: str | None,
    policy: str | None,
    html: str | None,
    resume: str | None,
    buckets: tuple[str, ...],
    buckets_from: str | None,
    prefix: str | None,
    kinds: frozenset[Kind],
    include_region: tuple[str, ...],
    exclude_region: tuple[str, ...],
    accounts: str | None,
    organization: bool,
    profiles: str | None,
    ous: tuple[str, ...],
    account_tags: tuple[str, ...],
    include_account: tuple[str, ...],
    exclude_account: tuple[str, ...],
    role_name: str | None,
    external_id: str | None,
    role_session_name: str,
    role_duration: int,
    partition: str | None,
    split: bool,
    processes: int,
    dask: str | None,
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
    """Audit the account that the credentials belong to, or many.

    \b
    Examples:
      s3audit run                                              ask for the place
      s3audit run -o reports/ --wide                           all columns
      s3audit run -o - --prefix prod- | grep 'CUSTOMER,False'  Bucket Key is off
      s3audit run --organization -o reports/ --wide            every account
      s3audit run --resume reports/bucketEncryptionReport_20261123-101500.csv.partial

    \b
    Exit codes:
      0    every bucket has its row, and a policy is kept
      1    the policy is violated
      2    options or files cannot be used
      3    complete, but for a lasting error, or a policy may be violated
      4    the run could not go on; what was audited is kept
      130  interrupted; what was audited is kept
    """  # noqa: D301 - click reads the backspace
    from s3audit_async.cli.accounts import AccountOptions  # noqa: PLC0415 - for a run only
    from s3audit_async.cli.proxies import check_proxies  # noqa: PLC0415 - for a run only
    from s3audit_async.cli.run import RunSettings, perform  # noqa: PLC0415 - it brings the engine
    from s3audit_async.fleet.accounts_file import lasting  # noqa: PLC0415
    from s3audit_async.output import FleetState  # noqa: PLC0415

    check_proxies(endpoint_url)
    chosen = AccountOptions(
        fleet=FleetState(
            accounts=lasting(accounts or ""),
            organization=organization,
            ous=ous,
            tags=account_tags,
            include=include_account,
            exclude=exclude_account,
            profiles=names_in(profiles),
            role_name=role_name or "",
            partition=partition or "",
            split=split,
        ),
        external_id=external_id,
        session_name=role_session_name,
        duration=role_duration,
        elsewhere=shared.not_typed(context),
    )
    chosen.check_buckets(buckets or buckets_from)
    settings = RunSettings(
        output=output,
        formats=formats,
        wide=wide,
        stats=stats,
        policy=policy,
        html=html,
        buckets_from=buckets_from,
        resume=resume,
        profile=profile,
        region=region,
        accounts=chosen,
        processes=processes,
        dask=dask,
        quiet=quiet,
        verbose=verbose,
        options=Options(
            buckets=read_names(buckets, buckets_from),
            prefix=prefix,
            kinds=kinds,
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
