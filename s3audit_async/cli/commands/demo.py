"""`s3audit demo`."""

from __future__ import annotations

import click

from s3audit_async.cli import options as shared
from s3audit_async.demo import DEFAULT_BUCKETS
from s3audit_async.options import Options

_DEMO_ATTEMPTS = 3
"""Two of the demo's answers fail for good, to show how that looks; nobody is to wait long for them."""


@shared.command()
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
@shared.decision_options
@shared.limit_options(attempts=_DEMO_ATTEMPTS)
@shared.message_options
def demo(
    *,
    buckets: int,
    latency_ms: float,
    output: str | None,
    formats: tuple[str, ...],
    wide: bool,
    stats: str | None,
    policy: str | None,
    html: str | None,
    max_concurrency: int,
    max_attempts: int,
    timeout: float,
    retry_max_time: float,
    quiet: bool,
    verbose: bool,
) -> int:
    """Audit an embedded AWS account: no credentials, no network.

    The account is served by moto in this process, on a free port of the loopback interface, and is gone afterwards.
    It has buckets of nearly every kind that a report can show.

    Needs the extra: pip install 's3audit-async[demo]'.

    \b
    Examples:
      s3audit demo -o demo.csv --wide   every column
      s3audit demo --buckets 5000 -v    a larger account, and each retry
      s3audit demo --latency-ms 50      answers as slow as from afar
    """  # noqa: D301 - click reads the backspace
    from s3audit_async.cli.demo import perform  # noqa: PLC0415 - it brings the engine
    from s3audit_async.cli.run import RunSettings  # noqa: PLC0415

    settings = RunSettings(
        output=output,
        formats=formats,
        wide=wide,
        stats=stats,
        policy=policy,
        html=html,
        quiet=quiet,
        verbose=verbose,
        again=False,
        options=Options(
            max_concurrency=max_concurrency, max_attempts=max_attempts, timeout=timeout, retry_max_time=retry_max_time
        ),
    )
    return perform(settings, buckets=buckets, latency_ms=latency_ms)
