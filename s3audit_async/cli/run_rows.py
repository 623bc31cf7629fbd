"""Where the rows of a run come from: one account or many, audited by this process or by a crew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3audit_async.api import audit
from s3audit_async.fleet.access import Access
from s3audit_async.fleet.outcome import LACKING
from s3audit_async.fleet.run import Before, FleetRun

if TYPE_CHECKING:
    from collections.abc import Callable

    import aioboto3

    from s3audit_async.fleet.executing import Crew
    from s3audit_async.fleet.run import Plan
    from s3audit_async.fleet.units import AccountRecord
    from s3audit_async.ports import Observer, RowSource
    from s3audit_async.recorded import Report
    from s3audit_async.stats import RunStats

_LACKING = "not all accounts were audited to the end"
"""Why a policy was not held against all that there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSources:
    """What a run works with. `plan` is None for the account of the session, `crew` where this process does it all."""

    session: aioboto3.Session
    plan: Plan | None
    crew: Crew | None
    profile: str | None
    region: str | None

    def rows(self, report: Report, observer: Observer, stats: RunStats) -> RowSource:
        """Give the rows that a report still lacks."""
        concluded = told_by(report)
        if self.crew is not None:
            from s3audit_async.fleet.crew_run import CrewRun  # noqa: PLC0415 - for --processes and --dask only

            return CrewRun(
                self.crew,
                self.plan,
                report.options,
                observer,
                access=Access(profile=self.profile, region=self.region),
                before=Before(done=report.done, finished=report.finished),
                concluded=concluded,
                arrived=lambda part: stats.merge(part.figures),
                session=self.session,
            )
        if self.plan is None:
            return audit(self.session, report.options, observer=observer)
        before = Before(done=report.done, finished=report.finished)
        return FleetRun(self.plan, report.options, observer, before=before, concluded=concluded, session=self.session)


def told_by(report: Report) -> Callable[[AccountRecord], None]:
    """Give what is to be told of each account, for its side file and for the policy: a page is made with the report."""

    def concluded(record: AccountRecord) -> None:
        if report.ledger is not None:
            report.ledger.add(record)
        if report.check is not None and record.status in LACKING and _LACKING not in report.check.gaps:
            report.check.gaps.append(_LACKING)

    return concluded
