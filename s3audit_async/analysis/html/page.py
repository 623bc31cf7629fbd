"""Writes the page: rows are read once and spooled as they come, then the template is rendered around them."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from datetime import UTC
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from s3audit_async import __version__
from s3audit_async.analysis.html import figures
from s3audit_async.analysis.html.labels import KEY_TYPES, MODES, visible
from s3audit_async.analysis.html.profiles import FIELDS, KEY_MARKS, NAME_MARK, Profiles, embedded
from s3audit_async.analysis.html.told import absent, titles, told
from s3audit_async.analysis.summary import Summary
from s3audit_async.assessment import assess
from s3audit_async.sinks.columns import NARROW, WIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from typing import BinaryIO

    from s3audit_async.model import Row

SCRIPTS = ("data.js", "view.js", "table.js", "details.js", "page.js")
"""In the order they run in. Together they are one script element, so that the page needs no other file."""

_IN_MEMORY = 8 * 1024 * 1024  # bytes of encoded rows; what is above goes to a temporary file


def write_page(
    rows: Callable[[], Iterator[Row]] | Iterable[Row],
    out: BinaryIO,
    *,
    title: str,
    source: str,
    made_at: datetime,
    policy: Mapping[str, Any] | None = None,
) -> None:
    """Write the page of a report's rows, which are read once.

    `source` says where they come from. `policy` is the outcome of a policy check: `name`, `outcome` (`passed`,
    `violated` or `incomplete`), and if there are any `violations` and `unknown`, buckets by finding. Memory grows with
    the distinct keys and errors, not with the rows; some 60 bytes a bucket are written.
    """
    summary = Summary()
    examples: dict[str, Row] = {}
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        for chunk in _chunks(rows() if callable(rows) else rows, summary, examples):
            spool.write(chunk.encode() + b"\n")  # JSON has no line breaks of its own
        spool.seek(0)
        told_of = {"title": title, "source": source, "made_at": made_at.astimezone(UTC), "policy": policy}
        pieces = _rendered(summary, examples, map(bytes.decode, spool), told_of)
        out.writelines(piece.encode("utf-8", "replace") for piece in pieces)


def _chunks(rows: Iterable[Row], summary: Summary, examples: dict[str, Row]) -> Iterator[str]:
    profiles = Profiles()
    known = 0
    for row in rows:
        summary.add(row)
        profiles.add(row)
        if profiles.count > known:  # only a new kind of bucket can have a finding that no bucket had before
            known = profiles.count
            for finding in assess(row).found:
                examples.setdefault(finding, row)
        if profiles.full:
            yield profiles.chunk()
    yield profiles.chunk()


def _rendered(
    summary: Summary,
    examples: Mapping[str, Row],
    chunks: Iterable[str],
    told_of: Mapping[str, Any],
) -> Iterator[str]:
    """Render the page piece by piece."""
    # Some 50 ms to import, for those who want a page.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    environment = Environment(
        autoescape=True,
        loader=PackageLoader("s3audit_async.analysis.html", "assets"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["visible"] = visible
    style = _asset("page.css")
    script = "".join(_asset(name) for name in SCRIPTS)
    charts = figures.charts(summary)
    return environment.get_template("page.html.j2").generate(
        absent=absent(summary),
        charts=charts,
        chunks=map(Markup, chunks),
        figures=figures.figures(summary),
        four_columns=summary.four_columns,
        meta=Markup(embedded(_meta(summary, charts))),  # noqa: S704 - `embedded` leaves nothing to escape
        rows=summary.rows,
        script=Markup(script),  # noqa: S704 - our own
        script_hash=_hash(script),
        severities=figures.by_severity(summary),
        style=Markup(style),  # noqa: S704 - our own
        style_hash=_hash(style),
        told=told(summary, examples),
        version=__version__,
        **told_of,
    )


def _meta(summary: Summary, charts: Iterable[figures.Chart]) -> dict[str, Any]:
    columns = NARROW if summary.rows and summary.four_columns == summary.rows else WIDE
    return {
        "fields": FIELDS,
        "name_mark": NAME_MARK,
        "marks": {"key_arn": KEY_MARKS["key_arn"], "default_encryption_mode": KEY_MARKS["mode"]},
        "columns": [[column.header, column.name] for column in columns],
        "findings": titles(),
        "severities": figures.SEVERITIES,
        "key_types": KEY_TYPES,
        "kinds": MODES,
        "bars": {chart.facet: [bar.value for bar in (*chart.bars, *chart.rest)] for chart in charts},
    }


def _asset(name: str) -> str:
    return files("s3audit_async.analysis.html").joinpath("assets", name).read_text("utf-8")


def _hash(text: str) -> str:
    """Hash an inline script or style as a Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
