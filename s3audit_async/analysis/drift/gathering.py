"""Gathers what changed between two reports: buckets added, removed and changed, in whatever order the rows stand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from s3audit_async.analysis.drift.comparison import BLIND, Direction, compare, gravest_first, gravity_of
from s3audit_async.assessment import assess, is_gone
from s3audit_async.errors import UsageError
from s3audit_async.findings.catalogue import Severity
from s3audit_async.model import Row, name_in, skip_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from s3audit_async.analysis.drift.comparison import Comparison

_Content = tuple[Any, ...]
_SLIGHT = frozenset({Severity.LOW, Severity.INFORMATIONAL})
_LEFT_OUT = frozenset({"bucket", "error", "created", "audited_at"})
_FIELDS = tuple(each.name for each in fields(Row) if each.name not in _LEFT_OUT)
_content: Callable[[Row], _Content] = attrgetter(*_FIELDS)
"""Takes all that is compared, or shown, out of a row."""
_Key = str | tuple[str, str]
_Pair = tuple[_Content | None, _Content | None]
_NEITHER: _Pair = (None, None)


class Kind(StrEnum):
    """What can have happened to a bucket that is worth an exit code."""

    WORSE = "worse"
    UNKNOWN = "unknown"
    """Changed, and nobody can tell which way; or added, and it or its key could not be read."""
    CHANGED = "changed"
    ADDED = "added"
    ADDED_WITH_FINDINGS = "added-with-findings"
    """Added, with a finding of medium severity or graver."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Present:
    """A bucket that one of the reports has and the other has not. `row` lacks its name and its times."""

    bucket: str
    row: Row

    @property
    def found(self) -> tuple[str, ...]:
        """Its findings, the gravest first."""
        return gravest_first(assess(self.row).found)


@dataclass(frozen=True, slots=True)
class Change:
    """A bucket that both reports have and of which they do not say the same. The rows lack its name and its times."""

    bucket: str
    old: Row
    new: Row
    comparison: Comparison

    @property
    def account(self) -> str | None:
        """Whose bucket it is, as far as either report knows."""
        return self.new.account or self.old.account

    @property
    def region(self) -> str | None:
        """Where the bucket is, as far as either report knows."""
        return self.new.region or self.old.region


@dataclass(slots=True)
class Drift:
    """What changed. Each list is sorted, what is gravest first."""

    old_buckets: int = 0
    new_buckets: int = 0
    added: list[Present] = field(default_factory=list)
    removed: list[Present] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    by_direction: Counter[Direction] = field(default_factory=Counter)
    four_columns: bool = False
    """Whether rows were compared by four columns only, because one of the reports has no more."""

    @property
    def unchanged(self) -> int:
        """How many buckets both reports say the same of."""
        return self.new_buckets - len(self.added) - len(self.changed)

    @property
    def several_accounts(self) -> bool:
        """Whether the buckets named here belong to more than one account."""
        accounts = {each.row.account for each in (*self.added, *self.removed)}
        return len((accounts | {each.account for each in self.changed}) - {None}) > 1

    def going(self, direction: Direction) -> list[Change]:
        """List the changes that go one way."""
        return [change for change in self.changed if change.comparison.direction is direction]

    def count(self, kind: Kind) -> int:
        """Count the buckets to which this happened."""
        if kind is Kind.ADDED_WITH_FINDINGS:
            return sum(any(gravity_of(each) not in _SLIGHT for each in added.found) for added in self.added)
        unread = sum(not BLIND.isdisjoint(added.found) for added in self.added)
        return {
            Kind.WORSE: self.by_direction[Direction.WORSE],
            Kind.UNKNOWN: self.by_direction[Direction.UNKNOWN] + unread,
            Kind.CHANGED: len(self.changed),
            Kind.ADDED: len(self.added),
            Kind.REMOVED: len(self.removed),
        }[kind]


def gather(
    old: Iterable[Row], new: Iterable[Row], *, by_account: bool, names: tuple[str, str] = ("OLD", "NEW")
) -> Drift:
    """Compare two reports.

    A bucket is known by its name; with `by_account`, which needs two reports that have that column, by account and
    name, unless one of the two does not know the account. Rows of buckets that were gone by the time they were asked
    about are passed over: those buckets are not there. Memory: about 0.3 KiB for each bucket of the two reports
    together, as rows that say the same are kept once; about 1 KiB where no two of them do, as each has its own key.

    Raises `UsageError` for a report that has a bucket twice; `names` are what messages call the two.
    """
    index = _Index(by_account=by_account)
    drift = Drift(old_buckets=index.read(old, 0, names[0]), new_buckets=index.read(new, 1, names[1]))
    drift.four_columns = index.four_columns
    _fill(drift, index.pairs)
    drift.by_direction.update(change.comparison.direction for change in drift.changed)
    drift.added.sort(key=_by_gravity)
    drift.removed.sort(key=_by_gravity)
    drift.changed.sort(key=_by_direction_and_gravity)
    return drift


class _Index:
    """What each report says of each bucket. What is equal is kept once: texts, contents of rows, and pairs of them."""

    def __init__(self, *, by_account: bool) -> None:
        self.pairs: dict[_Key, _Pair] = {}
        self.four_columns = False
        self._by_account = by_account
        self._contents: dict[_Content, _Content] = {}
        self._texts: dict[str, str] = {}

    def read(self, rows: Iterable[Row], side: int, name: str) -> int:
        """Read the report that is to stand on one side of the pairs, OLD before NEW, and count its buckets."""
        count = 0
        known: dict[tuple[int, int], _Pair] = {}
        for row in rows:
            self.four_columns = self.four_columns or row.findings is None
            if is_gone(row):
                continue
            told_apart = skip_key(row.kind, row.region, row.bucket)
            key = (row.account, told_apart) if self._by_account and row.account else told_apart
            there = self.pairs.get(key, _NEITHER)
            if there[side] is not None:
                raise UsageError(f"{name} has the bucket {row.bucket} twice", hint="name one report of s3audit")
            content = self._kept(_content(row))
            pair = (there[0], content) if side else (content, None)
            self.pairs[key] = known.setdefault((id(pair[0]), id(pair[1])), pair)
            count += 1
        return count

    def _kept(self, content: _Content) -> _Content:
        kept = self._contents.get(content)
        if kept is None:
            kept = tuple(self._texts.setdefault(each, each) if type(each) is str else each for each in content)
            self._contents[kept] = kept
        return kept


def _fill(drift: Drift, pairs: dict[_Key, _Pair]) -> None:
    """Sort the buckets into what was added, removed and changed. Each distinct pair of contents is compared once."""
    compared: dict[tuple[int, int], tuple[Row, Row, Comparison | None]] = {}
    removed: dict[_Key, _Content] = {}
    added: dict[_Key, _Content] = {}

    def add_changed(bucket: str, old: _Content, new: _Content) -> None:
        both = (id(old), id(new))
        if both not in compared:
            before, after = _row(old), _row(new)
            compared[both] = (before, after, compare(before, after))
        before, after, comparison = compared[both]
        if comparison is not None:
            drift.changed.append(Change(name_in(bucket, after.kind), before, after, comparison))

    for key, (old, new) in pairs.items():
        if old is None:
            if new is not None:
                added[key] = new
        elif new is None:
            removed[key] = old
        elif old is not new:
            add_changed(_bucket(key), old, new)
    for earlier, later in _same_but_for_the_account(removed, added):
        add_changed(_bucket(earlier), removed.pop(earlier), added.pop(later))
    drift.removed = [_present(key, content) for key, content in removed.items()]
    drift.added = [_present(key, content) for key, content in added.items()]


def _present(key: _Key, content: _Content) -> Present:
    row = _row(content)
    return Present(name_in(_bucket(key), row.kind), row)


def _same_but_for_the_account(before: Iterable[_Key], after: Iterable[_Key]) -> list[tuple[_Key, _Key]]:
    """Pair what is left over by name, where one report does not know the account and each has one such bucket."""
    earlier, later = _by_name(before), _by_name(after)
    alone = [(earlier[name], later[name]) for name in earlier.keys() & later.keys()]
    return [
        (old[0], new[0])
        for old, new in alone
        if len(old) == len(new) == 1 and isinstance(old[0], str) is not isinstance(new[0], str)
    ]


def _by_name(keys: Iterable[_Key]) -> dict[str, list[_Key]]:
    named: dict[str, list[_Key]] = {}
    for key in keys:
        named.setdefault(_bucket(key), []).append(key)
    return named


def _row(content: _Content) -> Row:
    return Row(bucket="", **dict(zip(_FIELDS, content, strict=True)))


def _bucket(key: _Key) -> str:
    return key if isinstance(key, str) else key[1]


def _gravity(findings: Iterable[str]) -> int:
    return min((gravity_of(finding).rank for finding in findings), default=len(Severity))


def _by_gravity(present: Present) -> tuple[int, str, str]:
    return _gravity(present.found), present.bucket, present.row.account or ""


def _by_direction_and_gravity(change: Change) -> tuple[int, int, str, str]:
    told = change.comparison
    gravity = _gravity((*told.gained, *told.lost, *told.now_known, *told.no_longer_known))
    return list(Direction).index(told.direction), gravity, change.bucket, change.account or ""
