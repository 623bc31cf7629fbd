"""Where the rows of a run come from: one account or many, audited by this process or by a crew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3audit_async.api import audit
from s3audit_async.fleet.access import Access
from s3audit_async.fleet.outcome import LACKING
from s3audit_async.fleet.run import Before, FleetRun
from s3audit_async.observe import Observers
from s3audit_async.options import GENERAL_ONLY
from s3audit_async.ports import Observer

if TYPE_CHECKING:
    from collections.abc import Callable

    import aioboto3

    from s3audit_async.analysis.policy import PolicyCheck
    from s3audit_async.fleet.executing import Crew
    from s3audit_async.fleet.run import Plan
    from s3audit_async.fleet.units import AccountRecord
    from s3audit_async.fleet.work import Part
    from s3audit_async.model import Unlisted
    from s3audit_async.ports import RowSource
    from s3audit_async.recorded import Report
    from s3audit_async.stats import RunStats

_LACKING = "not all accounts were audited to the end"
_NOT_LISTED = "some buckets could not be listed"
"""Why a policy was not held against all that there is. To be known before a page is made of the report."""


class _Gaps(Observer):
    """Tells a policy's check of buckets that could not be listed."""

    def __init__(self, check: PolicyCheck) -> None:
        self._check = check

    def unlisted(self, unlisted: Unlisted) -> None:  # noqa: ARG002 - that there are any is enough
        _note(self._check, _NOT_LISTED)


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
        check = report.check
        if check is not None and report.options.kinds != GENERAL_ONLY:
            observer = Observers(observer, _Gaps(check))

        def arrived(part: Part) -> None:
            stats.merge(part.figures)
            if check is not None and part.figures.not_listed:
                _note(check, _NOT_LISTED)

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
                arrived=arrived,
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
        if report.check is not None and record.status in LACKING:
            _note(report.check, _LACKING)

    return concluded


def _note(check: PolicyCheck, gap: str) -> None:
    if gap not in check.gaps:
        check.gaps.append(gap)
