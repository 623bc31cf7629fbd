"""What to do next, after a run: said where there is something, with the command that does it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3audit_async import classify
from s3audit_async.analysis.regions import Apart
from s3audit_async.cli.outcome import print_event
from s3audit_async.codes import is_denied
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import rank_of
from s3audit_async.fleet.outcome import FleetOutcome
from s3audit_async.options import GENERAL_ONLY
from s3audit_async.output import FileOutput
from s3audit_async.references import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from s3audit_async.analysis.summary import Summary
    from s3audit_async.model import Unlisted
    from s3audit_async.options import Options
    from s3audit_async.recorded import Report

ONE_ACCOUNT = FleetOutcome()
"""There is nothing to say of accounts where there is one."""

_READABLE = ("csv", "jsonl", "parquet")
_STACK_SET = ("s3audit", "iam-policy", "--organization", "--document", "stack-set", "--caller", "ACCOUNT")
_MANY_NAMES = 3
"""Buckets that are named in a command at most."""
_EXPLAINED_ELSEWHERE = {Finding.ENCRYPTION_UNREADABLE, Finding.BUCKET_NOT_AUDITED, Finding.KEY_NOT_VERIFIED}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    why: str
    command: str

    def __str__(self) -> str:
        return f"{self.why}: {self.command}"


def next_steps(
    summary: Summary,
    options: Options,
    place: str | None,
    accounts: FleetOutcome = ONE_ACCOUNT,
    not_listed: Iterable[Unlisted] = (),
    *,
    role: Sequence[str] | None = None,
) -> list[Step]:
    """Tell what a run's summary calls for. `place` is the report's file, None where there is none to be read.

    `role` are the options that say which role accounts are entered by; None where they are not entered by one.

    What failed is not among it: that has its command, `--resume`, already. Of what was `not_listed`, only what was
    denied is.
    """
    steps = []
    if accounts.denied and role is not None:
        whom = "1 account was" if accounts.denied == 1 else f"{accounts.denied} accounts were"
        steps.append(
            Step(
                f"{whom} denied; the role to have in each, with the account that runs s3audit for ACCOUNT, is",
                shlex.join([*_STACK_SET, *role, *_selection(options)]),
            )
        )
    apart = summary.apart
    denied = summary.denied.count - sum(region.rows for region in apart if region.why is Apart.DENIED)
    keys = summary.key_types[classify.ACCESS_DENIED]
    denied_kinds = sorted({each.kind for each in not_listed if is_denied(each.code)})
    lacking = [
        *([f"{_buckets(denied)} denied"] if denied > 0 else []),
        *([f"{_buckets(keys)} with a key whose look-up was denied"] if keys else []),
        *(f"{kind} buckets that may not be listed" for kind in denied_kinds),
    ]
    if lacking:
        steps.append(Step(f"{', '.join(lacking)}; the policy you lack is", _policy(summary, options)))
    silent = [region.region for region in apart if region.why is not Apart.DENIED]
    if silent:
        leaving_out = " ".join(f"--exclude-region {shlex.quote(region)}" for region in sorted(silent))
        steps.append(Step("Nothing is known of whole regions; to leave them out", leaving_out))
    if place is not None and summary.findings:
        steps.append(Step("What was found", shlex.join(["s3audit", "report", place])))
        if (gravest := _gravest(summary)) is not None:
            steps.append(
                Step(f"{gravest} in {_buckets(summary.findings[gravest])}; what it means", f"s3audit explain {gravest}")
            )
    return steps


def readable_place(report: Report) -> str | None:
    """Give the file of a run's report that `s3audit report` can read; None where there is none."""
    if not isinstance(report.output, FileOutput):
        return None
    if report.fleet.split:
        return None
    if not report.wanted:
        return report.output.place
    paths = (each.path for each in report.wanted if each.format in _READABLE)
    name = next(paths, None)
    return None if name is None else str(report.output.final.parent / name)


def print_next_steps(
    summary: Summary,
    options: Options,
    place: str | None,
    accounts: FleetOutcome = ONE_ACCOUNT,
    not_listed: Iterable[Unlisted] = (),
    *,
    role: Sequence[str] | None = None,
) -> None:
    """Print them, a line each."""
    for step in next_steps(summary, options, place, accounts, not_listed, role=role):
        print_event("next_step", str(step), message=step.why, command=step.command)


def _policy(summary: Summary, options: Options) -> str:
    command = ["s3audit", "iam-policy", *_selection(options)]
    if partition := next(filter(None, map(partition_of, summary.regions)), None):
        command += ["--partition", partition]
    return shlex.join(command)


def _selection(options: Options) -> list[str]:
    """Give the options that say which buckets are to be read."""
    chosen = []
    if options.prefix:
        chosen += ["--prefix", options.prefix]
    if options.kinds != GENERAL_ONLY:
        chosen += ["--kinds", ",".join(sorted(options.kinds))]
    if len(options.buckets) <= _MANY_NAMES:
        for name in options.buckets:
            chosen += ["--bucket", name]
    return chosen


def _gravest(summary: Summary) -> str | None:
    """Name the finding to look at first; None where all are told of already, or of no weight."""
    order = {str(finding): place for place, finding in enumerate(Finding)}

    def weight(finding: str) -> tuple[int, int]:
        return rank_of(finding), order[finding]

    known = [finding for finding in summary.findings if finding in order and finding not in _EXPLAINED_ELSEWHERE]
    return min(known, key=weight, default=None)


def _buckets(count: int) -> str:
    return f"{count} {'bucket' if count == 1 else 'buckets'}"
