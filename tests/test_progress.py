"""What is shown of many accounts while a run lasts: a table for who watches, lines with -v."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from s3audit_async.cli.log import EventLog
from s3audit_async.cli.outcome import use_log_format
from s3audit_async.cli.progress import Progress
from s3audit_async.fleet.units import Account, AccountRecord, Status
from s3audit_async.observe import Observers
from s3audit_async.ports import Observer
from tests.rows import SSE_S3

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE = AccountRecord(account=Account("111122223333", "pay\x1bments"), status=Status.COMPLETE, rows=2)
REFUSED = AccountRecord(account=Account("222233334444"), status=Status.NOT_ENTERED, code="AccessDenied", message="no")
SKIPPED = AccountRecord(account=Account("333344445555"), status=Status.SKIPPED, code="SUSPENDED")


def head(progress: Progress) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(progress.render())
    return out.getvalue().splitlines()[0]


def test_the_head_counts_accounts_and_goes_on_listing_till_all_have_been_listed() -> None:
    progress = Progress()
    progress.account_concluded(SKIPPED)
    progress.accounts_chosen(3)
    progress.account_entered("one")
    for _ in range(2):
        progress.routed("eu-west-1")
    progress.audited(SSE_S3, "eu-west-1")
    progress.listing_ended()
    assert head(progress).startswith("0 of 3 accounts, 1 of 2+ buckets, ")
    assert ", listing, " in head(progress)

    progress.audited(SSE_S3, "eu-west-1")
    progress.account_concluded(ONE)
    progress.account_concluded(REFUSED)
    assert head(progress).startswith("2 of 3 accounts, 2 of 2+ buckets, ")
    progress.listing_ended()
    assert head(progress).startswith("2 of 3 accounts, 2 of 2 buckets, ")
    assert " s left, " in head(progress)


def test_the_head_of_one_account_counts_none() -> None:
    progress = Progress()
    progress.routed("eu-west-1")
    assert head(progress).startswith("0 of 1+ buckets, ")
    progress.listing_ended()
    assert head(progress).startswith("0 of 1 buckets, ")


@pytest.fixture
def _json() -> Iterator[None]:
    use_log_format("json")
    yield
    use_log_format("plain")


def told(observer: Observer) -> None:
    observer.accounts_chosen(2)
    observer.account_entered(ONE.label)
    observer.account_concluded(ONE)
    observer.account_concluded(REFUSED)


def test_the_log_has_a_line_for_what_becomes_of_an_account(capsys: pytest.CaptureFixture[str]) -> None:
    told(Observers(EventLog(), Observer()))

    assert capsys.readouterr().err.splitlines() == [
        "accounts: 2 to audit",
        "account: 111122223333 (pay ments): entered",
        "account: 111122223333 (pay ments): complete, 2 rows",
        "account: 222233334444: not entered, 0 rows: AccessDenied: no",
    ]


@pytest.mark.usefixtures("_json")
def test_the_log_tells_programs_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    told(EventLog())
    first, _, _, last = capsys.readouterr().err.splitlines()

    assert first.endswith('"event": "accounts", "count": 2}')
    assert last.endswith(
        '"event": "account", "account": "222233334444", "status": "not-entered", "rows": 0, "code": "AccessDenied", '
        '"message": "no"}'
    )
