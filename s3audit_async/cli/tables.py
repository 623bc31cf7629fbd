"""What a report says, as tables for people: the summary, and the rows by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.padding import Padding
from rich.text import Text

from s3audit_async.analysis.grouping import columns_of
from s3audit_async.analysis.severities import ranked, severity_of, title_of
from s3audit_async.cli.drawing import Column, bar, percent, render, table
from s3audit_async.redaction import printable

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from rich.console import RenderableType

    from s3audit_async.analysis.grouping import Group, Groups
    from s3audit_async.analysis.regions import RegionApart
    from s3audit_async.analysis.summary import Named, Summary
    from s3audit_async.cli.stdout import Page

_ROOMY = 80
_BAR = 16
_SMALL_BAR = 8
_MODES_SHOWN = 4
_APART_SHOWN = 20
_FEW = frozenset({"finding", "mode"})
"""Groups of which there are few enough to show them all."""
_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
_SHORT = {"critical": "crit", "high": "high", "medium": "med", "low": "low", "informational": "info"}


def summary_page(summary: Summary, page: Page, *, top: int, read: int) -> str:
    """Draw the summary of the rows that were chosen, of all that were `read`."""
    parts: list[RenderableType] = [_headline(summary.rows, read, "")]
    whole = summary.rows
    if not whole:
        return render(page, parts)
    sections: list[tuple[str, Counter[str], int | None]] = [
        ("Encryption", summary.modes, None),
        ("Key type", summary.key_types, None),
        ("Bucket Key, of the KMS buckets", summary.bucket_keys, None),
    ]
    if summary.four_columns < whole:
        sections += [("Regions", summary.regions, top), ("Accounts", summary.accounts, top)]
    width = max(cell_len(printable(name)) for _, counter, _ in sections for name in counter)
    for heading, counter, most in sections:
        parts += _counted(heading, counter, page, most, width=min(width, page.width // 3))
    parts += _counted("KMS keys, by buckets", summary.keys, page, top)
    parts += _findings(summary, page)
    parts += _named("Denied", summary.denied, "the policy that is lacking: s3audit iam-policy")
    parts += _named("Failed", summary.failed, "errors that retries did not clear")
    parts += _apart(summary.apart)
    return render(page, parts)


def findings_table(summary: Summary, page: Page) -> str:
    """Draw the findings alone, by severity."""
    return render(page, _findings(summary, page))


def groups_page(groups: Groups, page: Page, *, top: int, read: int) -> str:
    """Draw one line for each group; of those that may be many, the `top` ones with the most buckets."""
    parts: list[RenderableType] = [_headline(groups.rows, read, f" by {groups.by}")]
    ordered = groups.ordered()
    if groups.by == "finding":
        order = ranked((name, group.rows) for name, group in ordered)
        ordered = [(name, groups.found[name]) for name in order]
    shown = ordered if groups.by in _FEW else ordered[:top]
    if not shown:
        return render(page, parts)
    found = [group for _, group in shown]
    label = Column(groups.by.capitalize(), [name for name, _ in shown])
    counts = [group.rows for group in found]
    columns = [_numbers("Buckets", counts)]
    drawn = [
        Column("Share", [percent(count, groups.rows) for count in counts], right=True, styles=("dim",)),
        Column("", _bars(counts, groups.rows, _SMALL_BAR, page), styles=("green",)),
    ]
    if groups.by == "finding":
        columns = [
            *_severity_column([name for name, _ in shown], page),
            *columns,
            _numbers("Unknown", [group.unknown for group in found]),
        ]
        optional = [*_titles([name for name, _ in shown]), *drawn]
    else:
        optional = [*drawn, *_details(groups.by, found)]
    parts += [Text(), table(page, label, columns, optional)]
    parts += _more(len(ordered) - len(shown))
    if groups.by == "finding":
        parts += _explain([name for name, group in shown if group.rows])
    return render(page, parts)


def _details(by: str, found: Sequence[Group]) -> list[Column]:
    unknown = _numbers("Unknown", [group.unknown for group in found])
    troubled = _numbers("With findings", [group.troubled for group in found])
    if by in {"region", "account"}:
        return [troubled, unknown, *_modes(found)]
    return [troubled, unknown, Column("Most frequent finding", [_commonest(group) for group in found])]


def _modes(found: Sequence[Group]) -> list[Column]:
    named = columns_of(found, _MODES_SHOWN)
    columns = [_numbers(printable(mode), [group.modes[mode] for group in found]) for mode in named]
    others = [group.rows - sum(group.modes[mode] for mode in named) for group in found]
    return [*columns, _numbers("Other", others)] if any(others) else columns


def _commonest(group: Group) -> str:
    if not group.findings:
        return ""
    finding, count = min(group.findings.items(), key=lambda entry: (-entry[1], entry[0]))
    return f"{printable(finding)} {count:,}"


def _headline(rows: int, read: int, by: str) -> Text:
    of = f" of {read:,}" if read != rows else ""
    return Text(f"{rows:,}{of} {'bucket' if rows == 1 and not of else 'buckets'}{by}", style="bold")


def _counted(
    heading: str, counter: Counter[str], page: Page, top: int | None, *, width: int = 0
) -> list[RenderableType]:
    ordered = sorted(counter.items(), key=lambda entry: (-entry[1], entry[0]))
    shown = ordered[:top]
    if not shown:
        return []
    counts = [count for _, count in shown]
    whole = counter.total()
    length = _BAR if width and page.width >= _ROOMY else _SMALL_BAR  # ARNs need the room
    drawn = table(
        page,
        Column("", [name for name, _ in shown]),
        [_numbers("", counts), Column("", [percent(count, whole) for count in counts], right=True, styles=("dim",))],
        [Column("", _bars(counts, whole, length, page), styles=("green",))],
        heads=False,
        least=width,
    )
    return [Text(), Text(heading, style="bold"), drawn, *_more(len(ordered) - len(shown))]


def _findings(summary: Summary, page: Page) -> list[RenderableType]:
    ids = ranked(summary.findings.items())
    parts: list[RenderableType] = []
    if ids:
        counts = [summary.findings[name] for name in ids]
        columns = [
            *_severity_column(ids, page),
            _numbers("Buckets", counts),
            _numbers("Unknown", [summary.unknown[name] for name in ids]),
        ]
        optional = [
            *_titles(ids),
            Column("", _bars(counts, summary.rows, _SMALL_BAR, page), styles=("green",)),
        ]
        parts += [Text(), Text("Findings", style="bold"), table(page, Column("Finding", ids), columns, optional)]
        parts += _explain(ids)
    if open_ones := ranked((name, count) for name, count in summary.unknown.items() if not summary.findings[name]):
        listed = ", ".join(f"{printable(name)} {summary.unknown[name]:,}" for name in open_ones)
        parts += [Text(), Text("Not found, but unknown of some buckets", style="bold"), _indented(listed)]
    return parts


def _explain(ids: Sequence[str]) -> list[RenderableType]:
    if not ids:
        return []
    return [_indented(f"What it means and how to mend it: s3audit explain {printable(ids[0])}", style="dim")]


def _titles(ids: Sequence[str]) -> list[Column]:
    titles = [title_of(name) for name in ids]
    return [Column("", titles, fold=True)] if any(titles) else []


def _severity_column(ids: Sequence[str], page: Page) -> list[Column]:
    severities = [severity_of(name) for name in ids]
    if not any(severities):
        return []
    words = [str(severity or "") for severity in severities]
    styles = [_STYLES.get(word, "dim") for word in words]
    roomy = page.width >= _ROOMY
    return [
        Column("Severity" if roomy else "", words if roomy else [_SHORT.get(word, "") for word in words], styles=styles)
    ]


def _named(heading: str, named: Named, hint: str) -> list[RenderableType]:
    if not named.count:
        return []
    more = named.count - len(named.first)
    names = ", ".join(map(printable, sorted(named.first))) + (f" and {more:,} more" if more else "")
    return [
        Text(),
        Text(f"{heading}: {named.count:,}", style="bold"),
        _indented(names),
        _indented(f"({hint})", style="dim"),
    ]


def _apart(regions: Sequence[RegionApart]) -> list[RenderableType]:
    if not regions:
        return []
    listed = [f"{printable(region.region)} ({region.why.value}, {region.rows:,})" for region in regions[:_APART_SHOWN]]
    more = len(regions) - len(listed)
    return [
        Text(),
        Text("Regions set apart", style="bold"),
        _indented(", ".join(listed) + (f", {more} more" if more else "")),
    ]


def _numbers(head: str, counts: Sequence[int]) -> Column:
    return Column(head, [f"{count:,}" for count in counts], right=True)


def _bars(counts: Sequence[int], whole: int, width: int, page: Page) -> list[str]:
    return [bar(count / whole if whole else 0, width, page) for count in counts]


def _more(count: int) -> list[RenderableType]:
    return [_indented(f"{count:,} more: see --top", style="dim")] if count > 0 else []


def _indented(text: str, style: str = "") -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, 2))
