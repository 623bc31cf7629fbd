"""Several observers as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.ports import Observer

if TYPE_CHECKING:
    from s3audit_async.model import BreakerChange, Call, LimitChange, Notice, Retry, Row, Unlisted
    from s3audit_async.ports import Concluded


class Observers(Observer):
    """Several observers as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def listing_ended(self) -> None:
        for observer in self._observers:
            observer.listing_ended()

    def routed(self, region: str) -> None:
        for observer in self._observers:
            observer.routed(region)

    def called(self, call: Call) -> None:
        for observer in self._observers:
            observer.called(call)

    def retrying(self, retry: Retry) -> None:
        for observer in self._observers:
            observer.retrying(retry)

    def limited(self, change: LimitChange) -> None:
        for observer in self._observers:
            observer.limited(change)

    def breaker_changed(self, change: BreakerChange) -> None:
        for observer in self._observers:
            observer.breaker_changed(change)

    def noticed(self, notice: Notice) -> None:
        for observer in self._observers:
            observer.noticed(notice)

    def unlisted(self, unlisted: Unlisted) -> None:
        for observer in self._observers:
            observer.unlisted(unlisted)

    def audited(self, row: Row, lane: str) -> None:
        for observer in self._observers:
            observer.audited(row, lane)

    def accounts_chosen(self, count: int) -> None:
        for observer in self._observers:
            observer.accounts_chosen(count)

    def account_entered(self, label: str) -> None:
        for observer in self._observers:
            observer.account_entered(label)

    def account_concluded(self, record: Concluded) -> None:
        for observer in self._observers:
            observer.account_concluded(record)
