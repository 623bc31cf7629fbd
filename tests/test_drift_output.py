"""What changed, told as text, JSON and Markdown: whole, within bounds, and inert whatever a bucket's key is called."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from s3audit_async import classify
from s3audit_async.analysis.drift.as_json import as_json
from s3audit_async.analysis.drift.as_markdown import LONGEST, as_markdown
from s3audit_async.analysis.drift.as_text import MOST_SHOWN, as_text
from s3audit_async.analysis.drift.gathering import Drift, gather
from s3audit_async.findings import Finding
from s3audit_async.model import Kind
from tests.drifting import DENIED, DISABLED, KINDS, NO_BUCKET_KEY, OTHER_KEY, SOUND, SSE_S3, named

if TYPE_CHECKING:
    from s3audit_async.model import Row

NAMES = ("old.csv", "new.jsonl")
HOSTILE = (
    "`|\\|<script>alert(1)</script> @team #1 [x](https://a.example) ![y](//b.example) **b** www.c.example"
    "\r\n\n# h\x1b[2J"
)


def drift_of(old: list[Row], new: list[Row]) -> Drift:
    return gather(old, new, by_account=True)


def of_every_kind() -> Drift:
    """Every kind of bucket turned into every other one, added, and removed."""
    old = named([row for row in KINDS for _ in KINDS] + KINDS)
    new = named([*KINDS * len(KINDS)])
    added = [replace(row, bucket=f"new-{number}") for number, row in enumerate(KINDS)]
    return drift_of(old, new + added)


def hostile(text: str) -> Drift:
    """Something of each section, with that text wherever a report holds text."""
    row = replace(SOUND, bucket=text, mode=text, key_type=text, region=text, account=text, key_state=text)
    other = replace(row, mode="x" + text, key_type="y" + text, findings=(text,))
    return drift_of([row, replace(row, bucket="x" + text)], [other, replace(row, bucket="y" + text)])


def text_of(drift: Drift, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, force_terminal=False)
    with console.capture() as drawn:
        console.print(as_text(drift, NAMES))
    return drawn.get()


def test_a_finding_of_a_later_version_is_called_unrated() -> None:
    later = replace(SSE_S3, findings=("of-the-future",))
    drift = drift_of([replace(SSE_S3, findings=())], [later, replace(later, bucket="added")])

    for told in (text_of(drift), as_markdown(drift, NAMES)):
        assert told.count("of-the-future (unrated)") == 2
    document = json.loads(as_json(drift, NAMES))
    findings = [*document["changed"][0]["findings_gained"], *document["added"][0]["findings"]]
    assert findings == [{"finding": "of-the-future", "severity": None}] * 2


# Markdown.


def parsed(text: str) -> tuple[list[str], list[str], int]:
    """The kinds of all that stands in lines of a Markdown text, its code spans, and the number of its table rows."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert {each.content for each in inline if each.type == "html_inline"} <= {"<br>"}
    outside = "".join(each.content for each in inline if each.type == "text")
    assert not set("@<>[]`|#*\\\x1b") & set(outside)
    assert "example" not in outside
    kinds = [token.type for token in tokens] + [each.type for each in inline]
    return kinds, [each.content for each in inline if each.type == "code_inline"], kinds.count("tr_open")


MEANT = {word for word in vars(classify).values() if isinstance(word, str)} | {*Finding, "NoSuchBucket", "AES256"}
"""Texts that mean something where `hostile` puts them, so that other things are said of them."""


@settings(deadline=None)
@given(st.text(st.sampled_from("`|\\\n\r <>@#*_[]()!~&;:/.x") | st.characters(exclude_categories=["Cs"])))
@example(HOSTILE)
@example("\\|`")
@example("``|``")
@example(" ")
@example("")
@example("x" * 5000)
def test_no_text_of_a_report_is_markup_in_a_comment(text: str) -> None:
    plain_kinds, plain_spans, plain_rows = parsed(as_markdown(hostile("plain"), NAMES))
    assume(text not in MEANT)
    kinds, spans, rows = parsed(as_markdown(hostile(text), NAMES))

    assert sorted(kinds) == sorted(plain_kinds)
    assert (len(spans), rows) == (len(plain_spans), plain_rows)


def test_a_comment_is_cut_to_the_length_that_is_allowed() -> None:
    many = 3000
    old = named([SOUND] * many + [SSE_S3] * many)
    new = named([DISABLED] * many + [SOUND] * many)
    added = [replace(DENIED, bucket=f"ключ-{number}") for number in range(many)]
    text = as_markdown(drift_of(old, new + added), NAMES)

    assert LONGEST * 0.95 < len(text.encode()) <= LONGEST
    sections = text.split("\n#### ")[1:]
    assert [section.partition("\n")[0] for section in sections] == ["Worse (3000)", "Better (3000)", "Added (3000)"]
    for section in sections:
        shown = section.count("\n| `")
        assert f"\nand {many - shown} more\n" in section
    assert sections[0].count("\n| `") > 300


def test_a_comment_that_fits_leaves_nothing_out() -> None:
    text = as_markdown(drift_of(named([SOUND] * 50), named([NO_BUCKET_KEY] * 50)), NAMES)

    assert text.count("\n| `bucket-") == 50
    assert " more" not in text
    assert "**0 added, 0 removed, 50 changed (50 worse, 0 cannot be told, 0 better, 0 neutral), 0 unchanged**" in text


# JSON.


def test_json_has_everything() -> None:
    drift = of_every_kind()
    document = json.loads(as_json(drift, NAMES))

    assert (document["old"]["report"], document["new"]["report"]) == NAMES
    assert document["old"]["buckets"] == drift.old_buckets
    for kind in ("added", "removed", "changed"):
        assert len(document[kind]) == document["counts"][kind] == len(getattr(drift, kind)) > 0
    directions = [each["direction"] for each in document["changed"]]
    assert {each: directions.count(each) for each in set(directions)} == {
        each: document["counts"][each] for each in ("worse", "unknown", "better", "neutral")
    }


def test_json_tells_what_differs_in_the_report_s_own_words() -> None:
    (change,) = json.loads(as_json(drift_of([SOUND], [NO_BUCKET_KEY]), NAMES))["changed"]

    assert change["columns"] == {"bucket_key": {"old": True, "new": False}}
    assert [each["finding"] for each in change["findings_gained"]] == ["bucket-key-off"]
    assert change["findings_lost"] == change["findings_undecided"] == []


def test_json_is_one_line_that_any_terminal_can_show() -> None:
    text = as_json(hostile(HOSTILE + "\ud800ü"), NAMES)

    assert text.isascii()
    assert (text.count("\n"), text[-1]) == (1, "\n")
    assert text[:-1].isprintable()


# Text.


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_text_fits_a_terminal_of_any_width(width: int) -> None:
    assert max(map(len, text_of(of_every_kind(), width).splitlines())) <= width


def test_text_names_every_bucket_once_and_counts_the_others() -> None:
    drift = drift_of(named([SOUND] * 250), named([NO_BUCKET_KEY] * 250))
    lines = text_of(drift).splitlines()

    assert sum(line.startswith("bucket-") for line in lines) == MOST_SHOWN
    assert "and 150 more (--format json names them all)" in lines


def test_text_holds_nothing_that_a_terminal_would_obey() -> None:
    text = text_of(hostile(f"[red]x[/red]{HOSTILE}\u202e\ud800"), 400)

    assert all(character.isprintable() or character == "\n" for character in text)
    assert "[red]x[/red]" in text


def test_another_key_is_told_without_all_that_differs_with_it() -> None:
    """Its ARN is its mode; that the key that was is disabled is told where the key is the same."""
    assert "Key ARN" not in text_of(drift_of([SOUND], [OTHER_KEY]))
    assert "Key State: Enabled -> Disabled" in text_of(drift_of([SOUND], [DISABLED]))


@pytest.mark.parametrize("several", [False, True])
def test_accounts_are_named_where_there_are_several(several: bool) -> None:
    drift = drift_of(
        [SOUND], [NO_BUCKET_KEY, replace(SOUND, bucket="c", account="2" * 12 if several else SOUND.account)]
    )

    assert (f"c ({'2' * 12})" in text_of(drift)) is several
    assert (f"`c` `{'2' * 12}`" in as_markdown(drift, NAMES)) is several


def test_buckets_of_one_name_are_told_apart() -> None:
    """As table and vector buckets of two regions may be called."""
    table = replace(SSE_S3, bucket="t", kind=Kind.TABLE, region="eu-west-1")
    vector = replace(table, kind=Kind.VECTOR)
    drift = drift_of([table, vector, SSE_S3], [replace(vector, region="us-east-1")])

    for place in ("table, eu-west-1", "vector, eu-west-1", "vector, us-east-1"):
        assert f"t ({place})" in text_of(drift)
        assert f"`t` {' '.join(f'`{part}`' for part in place.split(', '))} |" in as_markdown(drift, NAMES)
    assert f"{SSE_S3.bucket} (" not in text_of(drift)
    told = json.loads(as_json(drift, NAMES))
    assert [each["kind"] for each in told["removed"] if each["bucket_name"] == "t"] == ["table", "vector"]
