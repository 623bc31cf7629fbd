"""Markdown: a table that stays a table, whatever stands in its cells."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.redaction import printable
from s3audit_async.sinks import make_sink
from s3audit_async.sinks.markdown import escape
from tests.rows import ALL, KMS, NASTY, SSE_S3

if TYPE_CHECKING:
    from s3audit_async.model import Row


def written(*rows: Row, wide: bool = False) -> list[str]:
    out = io.BytesIO()
    sink = make_sink("markdown", out, wide=wide)
    sink.begin()
    for row in rows:
        sink.write(row)
    sink.end()
    return out.getvalue().decode().splitlines()


def test_a_report_to_the_byte() -> None:
    assert written(SSE_S3) == [
        "# Default encryption of S3 buckets",
        "",
        "| Bucket Name | Default Encryption Mode | SSE-KMS Key Type | Bucket Key | Account | Region | Findings |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| sse-s3 | AES256 | N/A | False | 111122223333 | eu-west-1 | sse-s3-only, sse-c-not-blocked |",
        "",
        "1 bucket.",
    ]


def test_a_wide_report_has_all_columns() -> None:
    lines = written(KMS, wide=True)

    assert lines[2].count("|") == 23
    assert "Enabled" in lines[4]


def test_every_row_is_one_line_with_as_many_cells_as_the_header() -> None:
    lines = written(*ALL, wide=True)

    assert len(lines) == len(ALL) + 6
    assert {line.count("|") for line in lines[2:-2]} == {23}
    assert lines[-1] == f"{len(ALL)} buckets."


def test_hostile_text_is_no_markup_no_link_and_no_mention() -> None:
    text = "\n".join(written(NASTY))

    for dangerous in ("<", "`", "@team", "[a]", "https://", "www.x", "$(", "\x1b", "#1 "):
        assert dangerous not in text.removeprefix("# ")


@settings(deadline=None)
@given(text=st.text() | st.text(st.sampled_from("\\|`*_[]{}<>&~#!@$:/w.\n\r\x85\u2028a")))
def test_a_cell_says_what_it_said(text: str) -> None:
    """Once its references are read, but for what a terminal would obey."""
    cell = escape(text)

    assert not set(cell) & set("|\\`<>\n\r\x85\u2028")
    assert html.unescape(cell) == printable(text.encode("utf-8", "replace").decode())
