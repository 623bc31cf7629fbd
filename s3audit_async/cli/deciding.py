"""What `--policy` and `--html` mean for a run or a report: the check that rows go through, and the page of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.cli.outcome import ExitCode
from s3audit_async.options import GENERAL_ONLY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from s3audit_async.analysis.policy import PolicyCheck
    from s3audit_async.cli.run import RunSettings
    from s3audit_async.model import Row

HTML = "html"
"""The format of a page, beside those of `sinks.FORMATS`: it is made of a report, and cannot be read back."""


def check_of(policy: str | None) -> PolicyCheck | None:
    """Load a policy by its name or file. Raises `UsageError` for what is none."""
    if policy is None:
        return None
    from s3audit_async.analysis.policy import PolicyCheck  # noqa: PLC0415 - for this option only
    from s3audit_async.cli.policy import load  # noqa: PLC0415

    return PolicyCheck(load(policy), today=datetime.now(UTC).date())


def conclude(check: PolicyCheck | None, *, quiet: bool) -> ExitCode:
    """Print what the rows amount to, and give the exit code that this makes."""
    if check is None:
        return ExitCode.COMPLETE
    from s3audit_async.cli.policy import exit_code, print_verdict  # noqa: PLC0415 - for this option only

    if not quiet:
        print_verdict(check)
    return exit_code(check.outcome)


def with_page(settings: RunSettings, check: PolicyCheck | None) -> RunSettings:
    """Have the page made of a run's report, if one is wished; a run that is gone on with may have one to make, too.

    A policy needs all fields of each row, also of those that an interrupted run has audited. Of many accounts, each row
    has to tell whose it is; and of buckets of several kinds, four columns do not tell which bucket has been audited.
    """

    def write(rows: Callable[[], Iterable[Row]], out: BinaryIO) -> None:
        write_html(rows, out, source="s3audit run" if settings.again else "s3audit demo", check=check)

    from s3audit_async.output import Target  # noqa: PLC0415 - `s3audit report` writes no report

    several = settings.options.kinds != GENERAL_ONLY
    page = () if settings.html is None else (Target(HTML, Path(settings.html).expanduser()),)
    needs_all = check is not None or settings.fleet.many or several
    return replace(settings, also=page, writers={HTML: write}, needs_all=needs_all)


def write_html(rows: Callable[[], Iterable[Row]], out: BinaryIO, *, source: str, check: PolicyCheck | None) -> None:
    """Write the page of these rows, with what a policy makes of them, if there is one."""
    from s3audit_async.analysis.html import write_page  # noqa: PLC0415 - it brings the template engine

    policy = None
    if check is not None:
        policy = {
            "name": check.policy.name,
            "outcome": check.outcome.value,
            "violations": {finding: named.count for finding, named in check.failing.items()},
            "unknown": {finding: named.count for finding, named in check.unknown.items()},
        }
    write_page(rows(), out, title="Encryption of S3 buckets", source=source, made_at=datetime.now(UTC), policy=policy)
