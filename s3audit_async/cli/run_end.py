"""How a run ended: its figures, what is said of it, the command that goes on with it, and the exit code."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.analysis.policy.builtin import BUILT_IN
from s3audit_async.cli import deciding
from s3audit_async.cli.next_steps import print_next_steps, readable_place
from s3audit_async.cli.outcome import ExitCode, exit_code_of, print_error, print_line
from s3audit_async.cli.summary import print_summary
from s3audit_async.errors import WrongAccountError
from s3audit_async.output import FileOutput
from s3audit_async.sinks import RESUMABLE

if TYPE_CHECKING:
    from s3audit_async.cli.run import RunSettings
    from s3audit_async.errors import S3AuditError
    from s3audit_async.recorded import Report
    from s3audit_async.stats import RunStats


def write_stats(place: str, stats: RunStats) -> bool:
    """Write a run's figures. Tells if they cannot be, and gives whether they are there."""
    path = Path(place).expanduser().resolve()
    try:
        path.write_text(json.dumps(stats.as_dict(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        print_error(f"cannot write the figures to {path}: {error.strerror}", "the report is not concerned")
        return False
    return True


def conclude(settings: RunSettings, report: Report, stats: RunStats, error: S3AuditError | None) -> ExitCode:
    """Tell how a run ended, and what to do next; give the exit code."""
    if isinstance(error, WrongAccountError):
        whose = "was begun with credentials of" if report.fleet.many else "is of"
        print_error(
            f"this report {whose} account {error.expected}, the credentials belong to {error.found}",
            "use that account's credentials, or begin another report with -o",
        )
        return exit_code_of(error)
    in_file = isinstance(report.output, FileOutput)
    if error is not None:
        print_error(str(error), error.hint)
        if report.rows and in_file:
            then = f" Go on with: {resume_command(settings, report)}" if settings.again else ""
            print_line(f"{report.rows} buckets are audited and kept in {report.output.place}.{then}")
        elif report.rows and not settings.quiet:
            whole = report.layout.format in RESUMABLE
            print_line(
                f"{report.rows} buckets are audited and written to {report.output.place}."
                if whole
                else f"What {report.output.place} got is no whole report."
            )
        return exit_code_of(error)
    failed = report.summary.failed.count
    outcome = report.outcome
    if not settings.quiet:
        print_summary(report.summary, stats, report.output.place, report.ledger)
        for region in sorted(report.options.include_regions - report.summary.rows_by_region.keys()):
            if not (report.resumed and not report.layout.wide):  # rows of four columns do not say where they are
                print_line(f"note: no bucket was listed in {region}, which --include-region names.")
        if (failed or not outcome.complete) and settings.again and in_file:
            lacking = [
                *([f"{failed} rows hold an error"] if failed else []),
                *([f"{_accounts(outcome.lacking)} not audited to the end"] if outcome.lacking else []),
            ]
            asked = "those buckets" if outcome.complete else "it" if outcome.lacking == 1 and not failed else "them"
            print_line(f"{', '.join(lacking)}. Ask {asked} again with: {resume_command(settings, report)}")
        elif stats.not_listed and settings.again and report.can_be_gone_on_with:
            print_line(f"List again what was not listed with: {resume_command(settings, report)}")
    decided = deciding.conclude(report.check, quiet=settings.quiet)
    if not settings.quiet:
        role = None if report.fleet.profiles else settings.accounts.role
        print_next_steps(report.summary, report.options, readable_place(report), outcome, stats.not_listed, role=role)
    lacking_something = failed or stats.not_listed or not outcome.complete
    return ExitCode.INCOMPLETE if lacking_something and decided is ExitCode.COMPLETE else decided


def _accounts(count: int) -> str:
    return f"{count} account is" if count == 1 else f"{count} accounts are"


def resume_command(settings: RunSettings, report: Report) -> str:
    """Give the command that goes on, with what the run state does not hold: how accounts are entered, what is made."""
    output = report.output
    command = ["s3audit", "run", "--resume", output.resumable if isinstance(output, FileOutput) else output.place]
    for option, value in (
        ("--profile", settings.profile),
        ("--region", settings.region),
        ("--endpoint-url", settings.options.endpoint_url),
        *settings.accounts.not_remembered,
        ("--policy", _lasting(settings.policy)),
        ("--stats", settings.stats),
    ):
        command += [option, value] if value is not None else []
    return shlex.join(command)


def _lasting(policy: str | None) -> str | None:
    """Name a policy so that it is found from anywhere: a built-in one by its name, another by its whole path."""
    return policy if policy is None or policy in BUILT_IN else str(Path(policy).expanduser().absolute())
