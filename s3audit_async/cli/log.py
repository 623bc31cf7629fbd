"""The log of a run: a record for each retry, throttle, limit, breaker and fallback, for people or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.cli.outcome import print_event
from s3audit_async.ports import Observer

if TYPE_CHECKING:
    from s3audit_async.model import BreakerChange, LimitChange, Notice, Retry, Unlisted
    from s3audit_async.ports import Concluded


class EventLog(Observer):
    """Prints a record of each event but calls and rows, of which there are too many."""

    def retrying(self, retry: Retry) -> None:
        event = "throttled" if retry.throttled else "retry"
        print_event(
            event,
            f"{event}: {retry.operation} {retry.target} in {retry.region}: {retry.code}, attempt {retry.attempt}, "
            f"next in {retry.wait:.2f} s",
            operation=retry.operation,
            region=retry.region,
            target=retry.target,
            code=retry.code,
            attempt=retry.attempt,
            wait_seconds=round(retry.wait, 3),
        )

    def limited(self, change: LimitChange) -> None:
        pace = "" if change.rate is None else f" and {change.rate:.1f} a second"
        print_event(
            "limit",
            f"limit: {change.service} in {change.region}: {change.limit} calls in flight{pace}, "
            f"{'after ' + change.code if change.code else 'as it copes'}",
            service=change.service,
            region=change.region,
            in_flight=change.limit,
            per_second=None if change.rate is None else round(change.rate, 1),
            code=change.code,
        )

    def breaker_changed(self, change: BreakerChange) -> None:
        said = f"not asked for now, it gives no answer ({change.code})" if change.open else "answers again"
        print_event(
            "breaker",
            f"breaker: {change.service} in {change.region}: {said}",
            service=change.service,
            region=change.region,
            open=change.open,
            code=change.code,
        )

    def accounts_chosen(self, count: int) -> None:
        print_event("accounts", f"accounts: {count} to audit", count=count)

    def account_entered(self, label: str) -> None:
        print_event("account", f"account: {label}: entered", account=label, status="entered")

    def account_concluded(self, record: Concluded) -> None:
        why = "".join(f": {part}" for part in (record.code, record.message) if part)
        print_event(
            "account",
            f"account: {record.label}: {record.status.replace('-', ' ')}, {record.rows} rows{why}",
            account=record.label,
            status=record.status,
            rows=record.rows,
            code=record.code or None,
            message=record.message or None,
        )

    def unlisted(self, unlisted: Unlisted) -> None:
        said = ": ".join(filter(None, (unlisted.code, unlisted.message)))
        print_event(
            "unlisted",
            f"not listed: {unlisted.kind} buckets in {unlisted.region}: {said}",
            kind=unlisted.kind,
            region=unlisted.region,
            code=unlisted.code,
            message=unlisted.message,
        )

    def noticed(self, notice: Notice) -> None:
        print_event(
            "note",
            f"note: {notice.operation} {notice.target} in {notice.region}: {notice.text}",
            operation=notice.operation,
            region=notice.region,
            target=notice.target,
            message=notice.text,
        )
