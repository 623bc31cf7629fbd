"""The closing summary on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from s3audit_async.analysis.regions import Apart
from s3audit_async.cli.outcome import on_terminal, print_event, print_line, print_text, speaks_json
from s3audit_async.cli.stdout import page
from s3audit_async.cli.tables import findings_table
from s3audit_async.fleet.units import Status
from s3audit_async.options import GENERAL_ONLY
from s3audit_async.redaction import printable

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from s3audit_async.analysis.regions import RegionApart
    from s3audit_async.analysis.summary import Named, Summary
    from s3audit_async.fleet.outcome import FleetOutcome
    from s3audit_async.output import Ledger
    from s3audit_async.stats import RunStats

_WIDTH_OFF_TERMINAL = 100
_REGIONS_SHOWN = 20
_ACCOUNTS_SHOWN = 10
"""Accounts with one status that are told of; the rest is in the side file."""
_TOLD = {Status.NOT_ENTERED: "Not entered", Status.INCOMPLETE: "Incomplete", Status.SKIPPED: "Skipped"}
"""What accounts with a status are headed by; those that are complete are counted only."""
_APART = {
    Apart.NO_ANSWER: ("No answer", ""),
    Apart.NOT_ENABLED: ("Not enabled", "  (not enabled for the account, or does not take these tokens)"),
    Apart.DENIED: ("Denied all", "  (a policy may forbid the region, as a region-deny control does)"),
}


def print_summary(summary: Summary, stats: RunStats, place: str, ledger: Ledger | None = None) -> None:
    """Print the counts of a report, what the run cost, and where the report is; of many accounts, what became of each.

    `ledger` has what became of them; None for a report of one.
    """
    if speaks_json():
        print_event("summary", "", report=place, **_for_a_log(summary, stats, ledger))
        return
    console = Console(stderr=True, width=None if on_terminal() else _WIDTH_OFF_TERMINAL, highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    if ledger is not None:
        _add_accounts(table, ledger.outcome)
    table.add_row("Buckets", Text(f"{summary.rows}"))
    table.add_row("Encryption", _counts(summary.modes))
    table.add_row("Key type", _counts(summary.key_types))
    if summary.bucket_keys:
        table.add_row("Bucket Key", _counts(summary.bucket_keys, tail="  (of the KMS buckets)"))
    if summary.kinds.keys() - GENERAL_ONLY:
        table.add_row("Kinds", _counts(summary.kinds))
    table.add_row("Regions", _counts(summary.regions, most=_REGIONS_SHOWN))
    for why, (heading, hint) in _APART.items():
        if regions := [region for region in summary.apart if region.why is why]:
            table.add_row(heading, _apart(regions, hint))
    for said in _not_listed(stats):
        table.add_row("Not listed", said)
    for heading, named in (("Denied", summary.denied), ("Failed", summary.failed)):
        if named.count:
            table.add_row(heading, _names(named))
    table.add_row("Calls", _counts(stats.calls, tail=_trouble(stats)))
    rate = f", {stats.rows / stats.seconds:.0f} buckets/s" if stats.rows and stats.seconds else ""
    table.add_row("Elapsed", Text(f"{stats.seconds:.1f} s{rate}, at most {stats.peak_in_flight} calls in flight"))
    with console.capture() as drawn:
        console.print(table)
    print_text("".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines()))
    if findings := findings_table(summary, page(sys.stderr)):
        print_text(findings.rstrip("\n") + "\n\n")
    print_line(f"Report: {place}")
    if ledger is not None and ledger.place is not None:
        print_line(f"What became of each account: {ledger.place}")


def _for_a_log(summary: Summary, stats: RunStats, ledger: Ledger | None) -> dict[str, object]:
    """Give it all as JSON, but for what may be too long for a line of a log: each lane, each of many accounts."""
    told: dict[str, object] = summary.as_dict()
    if ledger is not None:
        del told["accounts"]
        told |= {"fleet": _fleet(ledger.outcome), "accounts_file": ledger.place}
    return {**told, "run": {name: value for name, value in stats.as_dict().items() if name != "lanes"}}


def _add_accounts(table: Table, outcome: FleetOutcome) -> None:
    counts = (f"{count} {status.replace('-', ' ')}" for status, count in outcome.counts.items())
    table.add_row("Accounts", Text(", ".join(counts) or "0"))
    for status, heading in _TOLD.items():
        records = outcome.of(status)
        for record in records[:_ACCOUNTS_SHOWN]:
            why = f": {printable(record.why)}" if record.why else ""
            table.add_row(heading, Text(f"{printable(record.label)}{why}"))
        if len(records) > _ACCOUNTS_SHOWN:
            table.add_row("", Text(f"and {len(records) - _ACCOUNTS_SHOWN} more"))


def _fleet(outcome: FleetOutcome) -> dict[str, object]:
    """Give what became of the accounts as JSON: how many of each, and the first of those to be told of."""
    told = [record for status in _TOLD for record in outcome.of(status)[:_ACCOUNTS_SHOWN]]
    return {
        **{status.replace("-", "_"): len(outcome.of(status)) for status in Status},
        "told": [
            {
                "account": record.account.id,
                "name": record.account.name or None,
                "status": record.status,
                "code": record.code or None,
                "message": record.message or None,
            }
            for record in told
        ],
    }


def _counts(counter: Counter[str], *, most: int | None = None, tail: str = "") -> Text:
    ordered = sorted(counter.items(), key=lambda entry: (-entry[1], entry[0]))
    shown = [f"{printable(name)} {count}" for name, count in ordered[:most]]
    more = len(counter) - len(shown)
    return Text(", ".join(shown) + (f", {more} more" if more else "") + tail)


def _apart(regions: list[RegionApart], hint: str) -> Text:
    shown = [
        f"{printable(region.region)} ({region.rows} {'bucket' if region.rows == 1 else 'buckets'})"
        + (f": {', '.join(map(printable, region.codes))}" if region.codes else "")
        for region in regions[:_REGIONS_SHOWN]
    ]
    more = len(regions) - len(shown)
    return Text("; ".join(shown) + (f"; {more} more" if more else "") + hint)


def _not_listed(stats: RunStats) -> Iterator[Text]:
    """Say which buckets the report lacks, by kind and reason."""
    regions: dict[tuple[str, str], set[str]] = {}
    for each in stats.not_listed:
        regions.setdefault((each.kind, each.code), set()).add(each.region)
    for (kind, code), named in sorted(regions.items()):
        more = len(named) - _REGIONS_SHOWN
        where = ", ".join(map(printable, sorted(named)[:_REGIONS_SHOWN])) + (f" and {more} more" if more > 0 else "")
        yield Text(f"{kind} buckets in {where}: {printable(code)}  (the report lacks those there may be)")


def _names(named: Named) -> Text:
    more = named.count - len(named.first)
    names = ", ".join(map(printable, sorted(named.first)))
    return Text(f"{named.count}: {names}" + (f" and {more} more" if more else ""))


def _trouble(stats: RunStats) -> str:
    return f"  ({stats.retries} retries, {stats.throttles} throttled)" if stats.retries or stats.throttles else ""
