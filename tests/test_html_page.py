"""The page as text: nothing in it is another file's, nothing foreign is markup, and its figures are the summary's."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from s3audit_async.analysis.html import write_page
from s3audit_async.analysis.html.figures import NO_SHARE, by_severity, charts, figures
from s3audit_async.analysis.html.labels import visible
from s3audit_async.analysis.html.profiles import ROWS_A_CHUNK, STAND_IN
from s3audit_async.analysis.summary import Summary
from s3audit_async.assessment import assess
from s3audit_async.findings.mending import steps
from tests.html_rows import HOSTILE, MADE_AT, ROWS, many, narrow, summed_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from s3audit_async.model import Row


class Parsed(HTMLParser):
    """Every start tag with its attributes, and the text of each script and style."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, dict[str, str | None], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.tags[-1] if self.tags else ("", {})
        self.texts.append((tag, attributes, data))

    def scripts(self) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, text) for tag, attributes, text in self.texts if tag == "script" and text.strip()]


def page_of(rows: Iterable[Row], *, policy: Mapping[str, Any] | None = None, title: str = "Buckets") -> str:
    out = io.BytesIO()
    write_page(iter(list(rows)), out, title=title, source="r.csv", made_at=MADE_AT, policy=policy)
    return out.getvalue().decode()


def parsed(page: str) -> Parsed:
    parser = Parsed()
    parser.feed(page)
    parser.close()
    return parser


def chunks_of(page: str) -> list[dict[str, Any]]:
    return [json.loads(text) for attributes, text in parsed(page).scripts() if attributes.get("class") == "rows"]


def test_nothing_on_the_page_is_loaded_from_elsewhere() -> None:
    """Links to the documentation are all that leads out, and only when they are followed."""
    for tag, attributes in parsed(page_of(ROWS)).tags:
        assert tag not in {"iframe", "object", "embed", "img", "base", "form"}
        assert not attributes.get("src")
        assert tag in {"a", "link"} or not attributes.get("href")
        if tag == "link":
            assert str(attributes["href"]).startswith("data:")
        assert "style" not in attributes  # the policy would not let it through
        assert not [name for name in attributes if name.startswith("on")]


def test_the_policy_of_the_page_lets_its_own_script_and_style_run_and_nothing_else() -> None:
    page = parsed(page_of(ROWS))
    (policy,) = [str(each["content"]) for tag, each in page.tags if each.get("http-equiv") == "Content-Security-Policy"]
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    (script,) = [text for attributes, text in page.scripts() if not attributes]
    (style,) = [text for tag, _, text in page.texts if tag == "style" and text.strip()]

    assert allowed["default-src"] == "'none'"
    assert allowed["script-src"] == hashed(script)
    assert allowed["style-src"] == hashed(style)
    assert not {"connect-src", "font-src", "frame-src"} & allowed.keys()


def hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_hostile_names_are_neither_markup_nor_the_end_of_a_script() -> None:
    """The same tags as on a page with plain names instead, and the names come out of the JSON as they were."""
    plain = [replace(row, bucket=f"plain-{number}") for number, row in enumerate(HOSTILE)]
    page = page_of(
        HOSTILE, title="<script>alert(1)</script>", policy={"name": "</h2><img src=x>", "outcome": "violated"}
    )

    kinds = Counter(tag for tag, _ in parsed(page).tags)
    expected = Counter(tag for tag, _ in parsed(page_of(plain, policy={"name": "p", "outcome": "violated"})).tags)
    for tag in ("script", "img", "svg", "style", "a"):
        assert kinds[tag] == expected[tag]
    assert [name for chunk in chunks_of(page) for name in chunk["names"]] == [row.bucket for row in HOSTILE]
    assert "\u2028" not in page
    assert "\u202e" not in page


def test_every_row_is_in_the_page_with_its_profile() -> None:
    """Decoded by hand, as data.js does it."""
    texts: list[str] = []
    profiles: list[list[Any]] = []
    seen: list[tuple[str, str, frozenset[str]]] = []
    for chunk in chunks_of(page_of(ROWS)):
        texts += chunk["texts"]
        profiles += chunk["profiles"]
        seen += [
            (name, texts[profiles[profile][0]], frozenset(texts[each] for each in profiles[profile][-2]))
            for name, profile in zip(chunk["names"], chunk["profile"], strict=True)
        ]
    assert seen == [(row.bucket, row.mode, assess(row).unknown) for row in ROWS]
    assert len(profiles) < len(ROWS)


def test_commands_in_a_profile_are_those_of_each_bucket() -> None:
    """Putting a bucket's name in the stand-in's place is the same as asking for that bucket."""
    seen = 0
    for row in ROWS:
        for finding in assess(row).found:
            template = steps(finding, replace(row, bucket=STAND_IN))
            assert tuple(step.replace(STAND_IN, row.bucket) for step in template) == steps(finding, row)
            seen += len(template)
    assert seen


def test_rows_are_written_in_chunks() -> None:
    """So that neither side has to hold all of them in one text."""
    chunks = chunks_of(page_of(many(ROWS_A_CHUNK * 2 + 1)))
    assert [len(chunk["names"]) for chunk in chunks] == [ROWS_A_CHUNK, ROWS_A_CHUNK, 1]
    assert not chunks[1]["texts"]  # what the first one holds is not said again


def test_rows_may_come_from_a_callable_or_an_iterable() -> None:
    once = io.BytesIO()
    write_page(lambda: iter(ROWS), once, title="Buckets", source="r.csv", made_at=MADE_AT)
    assert once.getvalue().decode() == page_of(ROWS)


def test_the_figures_are_those_of_the_summary() -> None:
    summary = summed_up(ROWS)
    shown = {figure.name: figure for figure in figures(summary)}
    not_read = {row.bucket for row in ROWS if row.bucket in {"denied", "denied-too", "gone", "broken"}}
    read = summary.rows - len(not_read)

    assert shown["buckets"].value == str(summary.rows)
    assert shown["customer"].share == round(100 * summary.key_types["CUSTOMER"] / read, 2)
    assert shown["bucket-key"].share == round(100 * summary.bucket_keys["on"] / summary.bucket_keys.total(), 2)
    assert shown["unread"].value == str(len(not_read - {"gone"}))
    assert sum(bar.count for bar in by_severity(summary)) == summary.findings.total()


def test_the_charts_are_the_counters_of_the_summary() -> None:
    summary = summed_up(ROWS)
    drawn = {chart.facet: {bar.value: bar.count for bar in (*chart.bars, *chart.rest)} for chart in charts(summary)}
    assert drawn["kind"] == summary.modes
    assert drawn["bucket_key"] == summary.bucket_keys
    assert drawn["key_type"]["Unknown"] == 1  # of a key: buckets that were not read have none that is known
    assert sum(drawn["key_type"].values()) == summary.bucket_keys.total() == summary.keys.total()
    assert drawn["region"] == summary.regions
    assert drawn["key"] == summary.keys


def test_a_share_is_neither_rounded_up_to_all_nor_down_to_nothing() -> None:
    summary = Summary(
        rows=1000, key_types=Counter({"CUSTOMER": 999, "AWS": 1}), bucket_keys=Counter({"on": 1, "off": 999})
    )
    shown = {figure.name: figure.value for figure in figures(summary)}
    assert (shown["customer"], shown["bucket-key"]) == ("99 %", "1 %")


def test_an_empty_report_has_a_page_without_shares() -> None:
    page = page_of([])
    assert {figure.value for figure in figures(Summary())} == {"0", NO_SHARE}
    assert "Nothing was found." in page


def test_a_report_of_four_columns_says_what_it_cannot_know() -> None:
    rows = [narrow(row) for row in ROWS]
    page = page_of(rows)
    (region,) = [chart for chart in charts(summed_up(rows)) if chart.facet == "region"]
    assert "This report has four columns." in page
    assert not region.bars
    assert "The report does not tell." in page
    assert "This report has four columns." not in page_of(ROWS)


def test_a_report_of_which_some_rows_have_four_columns_says_how_many() -> None:
    page = page_of([*ROWS, narrow(ROWS[0]), narrow(ROWS[1])])
    assert f"2 of {len(ROWS) + 2} rows have four columns." in page
    assert "This report has four columns." not in page


def empty_charts(rows: Iterable[Row]) -> dict[str, str]:
    """What stands in place of a chart's bars, by facet, where there are none."""
    return {chart.facet: chart.empty for chart in charts(summed_up(rows)) if not chart.bars}


def test_an_empty_chart_says_what_is_so() -> None:
    no_kms = dict.fromkeys(("key_type", "bucket_key", "key"), "No bucket is encrypted with KMS.")
    assert empty_charts(ROWS[:5]) == no_kms
    assert empty_charts(map(narrow, ROWS[:5])) == {**no_kms, "region": "The report does not tell."}
    denied = [row for row in ROWS if row.bucket == "denied"]
    assert empty_charts([*ROWS[:5], *denied])["key"] == "No bucket that could be read is encrypted with KMS."
    assert set(empty_charts([]).values()) == {"There are no buckets."}
    assert page_of(ROWS[:5]).count("No bucket is encrypted with KMS.") == 3


def test_severities_are_said_to_count_findings_of_the_whole_report() -> None:
    page = parsed(page_of(ROWS))
    said = [text for _, _, text in page.texts if "findings, not buckets" in text]
    assert said == ["findings, not buckets; of the whole report"]
    labels = [str(each["aria-label"]) for _, each in page.tags if each.get("data-facet") == "severity"]
    shown = by_severity(summed_up(ROWS))
    assert labels == [f"{bar.count} {bar.label}: findings of the whole report, not buckets" for bar in shown]


def test_colours_do_not_depend_on_a_young_function() -> None:
    """Browsers without light-dark() have the light ones, which stand in a rule of their own."""
    (style,) = [text for tag, _, text in parsed(page_of([])).texts if tag == "style" and text.strip()]
    plain, both = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL).split("@supports (color: light-dark(#000, #fff))")
    assert "light-dark(" not in plain
    pairs = re.findall(r"(--[a-z-]+): ([^;]*)light-dark\((#\w+|rgb\([^)]*\)), [^;]*;", both)
    assert len(pairs) == both.count("light-dark(") > 15
    for name, before, light in pairs:
        assert f"{name}: {before}{light};" in plain


def test_a_finding_that_this_version_does_not_know_is_shown_by_its_id() -> None:
    page = page_of([replace(ROWS[0], findings=("from-the-future",))])
    assert "from-the-future" in page
    assert "This version of s3audit has nothing to say of it." in page


@pytest.mark.parametrize("outcome", ["passed", "violated", "incomplete"])
def test_the_outcome_of_a_policy_heads_the_page(outcome: str) -> None:
    page = page_of(ROWS, policy={"name": "strict", "outcome": outcome, "violations": {"sse-s3-only": 2}})
    assert f'class="policy {outcome}"' in page
    assert f"Policy strict: {outcome}" in page
    assert re.search(r"<code>sse-s3-only</code> in 2 buckets", page)


def test_hidden_characters_are_written_out() -> None:
    assert visible("a\u202eb\x00c\u2028ü") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+2028⟩ü"


def test_the_time_is_shown_in_utc() -> None:
    out = io.BytesIO()
    write_page(ROWS, out, title="t", source="s", made_at=datetime.fromisoformat("2026-11-24T01:30:00+02:00"))
    assert "2026-11-23 23:30 UTC" in out.getvalue().decode()
    assert MADE_AT.tzinfo is UTC
