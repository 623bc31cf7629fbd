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
from s3audit_async.redaction import printable

if TYPE_CHECKING:
    from collections import Counter

    from s3audit_async.analysis.regions import RegionApart
    from s3audit_async.analysis.summary import Named, Summary
    from s3audit_async.stats import RunStats

_WIDTH_OFF_TERMINAL = 100
_REGIONS_SHOWN = 20
_APART = {
    Apart.NO_ANSWER: ("No answer", ""),
    Apart.NOT_ENABLED: ("Not enabled", "  (not enabled for the account, or does not take these tokens)"),
    Apart.DENIED: ("Denied all", "  (a policy may forbid the region, as a region-deny control does)"),
}


def print_summary(summary: Summary, stats: RunStats, place: str) -> None:
    """Print the counts of a report, what the run cost, and where the report is."""
    if speaks_json():
        run = {name: value for name, value in stats.as_dict().items() if name != "lanes"}  # too long for a log
        print_event("summary", "", report=place, **summary.as_dict(), run=run)
        return
    console = Console(stderr=True, width=None if on_terminal() else _WIDTH_OFF_TERMINAL, highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("Buckets", Text(f"{summary.rows}"))
    table.add_row("Encryption", _counts(summary.modes))
    table.add_row("Key type", _counts(summary.key_types))
    if summary.bucket_keys:
        table.add_row("Bucket Key", _counts(summary.bucket_keys, tail="  (of the KMS buckets)"))
    table.add_row("Regions", _counts(summary.regions, most=_REGIONS_SHOWN))
    for why, (heading, hint) in _APART.items():
        if regions := [region for region in summary.apart if region.why is why]:
            table.add_row(heading, _apart(regions, hint))
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


def _names(named: Named) -> Text:
    more = named.count - len(named.first)
    names = ", ".join(map(printable, sorted(named.first)))
    return Text(f"{named.count}: {names}" + (f" and {more} more" if more else ""))


def _trouble(stats: RunStats) -> str:
    return f"  ({stats.retries} retries, {stats.throttles} throttled)" if stats.retries or stats.throttles else ""
