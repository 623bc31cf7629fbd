"""The page's headline figures and charts, worked out from a summary's counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from s3audit_async import classify, codes
from s3audit_async.analysis.html.labels import KEY_TYPES, MODES, short_key, visible
from s3audit_async.findings import catalogue
from s3audit_async.findings.catalogue import Severity

if TYPE_CHECKING:
    from s3audit_async.analysis.summary import Summary

BARS = 8
"""Bars that a chart shows at once; the others are behind a click, up to `MOST_BARS`."""
MOST_BARS = 60

NO_SHARE = "\N{EN DASH}"
"""What stands for a share of nothing."""

UNRATED = "unrated"
"""Severity of a finding that the catalogue does not know."""
SEVERITIES = (*(severity.value for severity in Severity), UNRATED)


@dataclass(frozen=True, slots=True)
class Figure:
    """One headline figure: a value in large letters, and in small ones what it is of."""

    name: str
    label: str
    value: str
    note: str
    share: float | None = None
    """Of 100, where it is one."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart. `value` is what the table is filtered by."""

    label: str
    value: str
    count: int
    share: float
    """Of the whole, in per cent."""
    length: float
    """As it is drawn, in per cent: of the longest bar, or of all that is drawn in one."""
    title: str = ""
    """The label in full, where it is shortened."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart of one facet of the buckets. It has no bars where the report cannot tell, or nothing is there."""

    facet: str
    title: str
    note: str
    bars: tuple[Bar, ...]
    rest: tuple[Bar, ...] = ()
    left_out: int = 0
    """Values that are not shown at all."""
    empty: str = ""
    """What is said where there are no bars."""


def figures(summary: Summary) -> tuple[Figure, ...]:
    """Work the headline figures out. What is unknown is in none of the shares; it is named beside them."""
    unread = summary.unread
    gone = summary.modes[codes.NO_SUCH_BUCKET]
    read = summary.rows - unread
    customer = summary.key_types[classify.CUSTOMER_MANAGED]
    kms = summary.bucket_keys.total()
    on = summary.bucket_keys["on"]
    missing = summary.key_types[classify.KEY_NOT_FOUND]
    unverified = kms - customer - summary.key_types[classify.AWS_MANAGED] - missing
    regions = [region for region in summary.regions if region != _NOWHERE]
    accounts = [account for account in summary.accounts if account != _NOWHERE]
    where = [_counted(len(regions), "region")] if regions else []
    where += [_counted(len(accounts), "account")] if accounts else []
    unread_notes = [
        f"{count} {what}"
        for count, what in (
            (summary.denied.count, "denied"),
            (unread - gone - summary.denied.count, "failed"),
        )
        if count
    ]
    if gone:
        unread_notes.append(f"besides {gone} gone since the listing")
    return (
        Figure("buckets", "Buckets", f"{summary.rows:,}", "in " + ", ".join(where) if where else ""),
        Figure(
            "customer",
            "KMS with a customer key",
            _percent(customer, read),
            f"{customer:,} of {read:,} that could be read"
            + (f"; the key of {unverified:,} not verified" if unverified > 0 else ""),
            _share(customer, read),
        ),
        Figure(
            "bucket-key",
            "Bucket Key on",
            _percent(on, kms),
            f"{on:,} of {_counted(kms, 'bucket')} with KMS",
            _share(on, kms),
        ),
        Figure("unread", "Not readable", f"{unread - gone:,}", ", ".join(unread_notes) or "every bucket was read"),
    )


def charts(summary: Summary) -> tuple[Chart, ...]:
    """Make the charts."""
    key_types = summary.key_types - Counter(
        {classify.UNKNOWN: summary.unread, classify.NOT_APPLICABLE: summary.key_types[classify.NOT_APPLICABLE]}
    )
    of_kms = "Of the buckets encrypted with KMS"
    no_kms = f"No bucket {'that could be read ' if summary.unread else ''}is encrypted with KMS."
    empty = {"region": _NOT_TOLD, "key_type": no_kms, "bucket_key": no_kms, "key": no_kms} if summary.rows else {}
    made = [
        _chart("kind", "Encryption", "Of all buckets", summary.modes, MODES),
        _chart("key_type", "Key type", of_kms, key_types, KEY_TYPES),
        _chart("bucket_key", "Bucket Key", of_kms, summary.bucket_keys, _BUCKET_KEYS),
        _chart("region", "Region", "Of all buckets", _known(summary.regions), _UNKNOWN),
        _chart("key", "Top keys", f"{len(summary.keys):,} distinct, by number of buckets", summary.keys, {}),
    ]
    if len(summary.accounts) > 1:
        made.append(_chart("account", "Account", "Of all buckets", summary.accounts, _UNKNOWN))
    return tuple(replace(chart, empty=empty.get(chart.facet, _NO_BUCKETS)) for chart in made)


def by_severity(summary: Summary) -> tuple[Bar, ...]:
    """Count findings by severity, the gravest first: how many times a bucket has a finding of it."""
    counts = Counter(dict.fromkeys(SEVERITIES[:-1], 0))
    for finding, count in summary.findings.items():
        counts[severity_of(finding)] += count
    total = counts.total()
    drawn = {severity: max(_THINNEST, _of(count, total)) for severity, count in counts.items() if count}
    scale = 100 / (sum(drawn.values()) or 1)
    return tuple(
        Bar(
            severity.capitalize(),
            severity,
            counts[severity],
            _of(counts[severity], total),
            round(scale * drawn.get(severity, 0), 2),
        )
        for severity in SEVERITIES
        if severity in counts
    )


def severity_of(finding: str) -> str:
    """Name a finding's severity, as the page does."""
    return str(catalogue.severity_of(finding) or UNRATED)


_NOT_TOLD = "The report does not tell."
_NO_BUCKETS = "There are no buckets."
_NOWHERE = "unknown"
_THINNEST = 0.8  # of 100: what is drawn in one bar with much more is still to be seen
_UNKNOWN = {_NOWHERE: "Unknown"}
_BUCKET_KEYS = {"on": "On", "off": "Off", "not configured": "Not configured"}


def _chart(facet: str, title: str, note: str, counts: Counter[str], labels: dict[str, str]) -> Chart:
    ordered = sorted(((name, count) for name, count in counts.items() if count), key=lambda each: (-each[1], each[0]))
    total, longest = counts.total(), ordered[0][1] if ordered else 0
    bars = tuple(
        Bar(
            labels.get(name) or short_key(visible(name)),
            name,
            count,
            _of(count, total),
            _of(count, longest),
            labels.get(name) or visible(name),
        )
        for name, count in ordered[:MOST_BARS]
    )
    return Chart(facet, title, note, bars[:BARS], bars[BARS:], max(0, len(ordered) - MOST_BARS))


def _known(counts: Counter[str]) -> Counter[str]:
    """Give nothing where nothing is known: a bar of unknowns is no chart."""
    return counts if set(counts) - {_NOWHERE} else Counter()


def _of(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _share(part: int, whole: int) -> float | None:
    return _of(part, whole) if whole else None


def _percent(part: int, whole: int) -> str:
    """Write a share without rounding it up to all, or down to nothing."""
    if not whole:
        return NO_SHARE
    if 0 < part < whole:
        return f"{min(99, max(1, round(100 * part / whole)))} %"
    return "100 %" if part else "0 %"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
