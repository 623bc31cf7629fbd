from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from s3audit_async.analysis.duplicates import Seen, each_once
from s3audit_async.analysis.reading import Layout
from s3audit_async.errors import UsageError
from s3audit_async.model import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "a.csv"


@dataclass
class Report:
    """A report in memory, that counts how often it is read."""

    names: list[str]
    account: str | None = None
    layout: Layout = field(default_factory=lambda: Layout("csv", wide=True))
    torn: bool = False
    readings: int = 0

    def rows(self) -> Iterator[Row]:
        self.readings += 1
        for number, name in enumerate(self.names):
            yield Row(name, "AES256", "N/A", bucket_key=None, account=self.account and f"{self.account}{number}")


def test_a_report_without_repetitions_is_read_once_and_all_of_it() -> None:
    report = Report([f"bucket-{number}" for number in range(5000)])

    assert [row.bucket for row in each_once(report, NAME)] == report.names
    assert report.readings == 1


def test_a_bucket_that_stands_there_twice_is_told_at_the_end() -> None:
    rows = each_once(Report(["a", "b", "c", "b", "a"]), NAME)

    assert [next(rows).bucket for _ in range(5)] == ["a", "b", "c", "b", "a"]
    with pytest.raises(UsageError, match=r"a\.csv holds the bucket 'b' more than once"):
        next(rows)


def test_the_same_name_in_two_accounts_is_two_buckets() -> None:
    assert len([*each_once(Report(["a", "a"], account="11112222333"), NAME)]) == 2


def test_what_is_suspected_wrongly_is_cleared_by_reading_once_more() -> None:
    report = Report([f"bucket-{number}" for number in range(500)])
    crowded = Seen(bits=64)

    assert [row.bucket for row in each_once(report, NAME, crowded)] == report.names
    assert len(crowded.suspects) > 100
    assert report.readings == 2


def test_what_was_seen_is_always_suspected() -> None:
    seen = Seen(bits=2**10)
    for _ in range(2):
        for number in range(300):
            seen.add((f"bucket-{number}", None))

    assert seen.suspects >= {(f"bucket-{number}", None) for number in range(300)}
