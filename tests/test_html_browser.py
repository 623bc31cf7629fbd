"""The page in a real browser: what people see and do, and that none of it leaves the page."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from s3audit_async.analysis.html import write_page
from s3audit_async.analysis.html.figures import charts, figures
from s3audit_async.assessment import assess
from s3audit_async.findings.mending import steps
from s3audit_async.model import Kind
from s3audit_async.sinks.csv import CsvSink
from tests import browser
from tests.html_rows import HOSTILE, MADE_AT, ROWS, many, narrow, summed_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from s3audit_async.model import Row

pytestmark = pytest.mark.skipif(browser.executable() is None and not browser.REQUIRED, reason=browser.HOW_TO)

MANY = 100_000
PATIENCE = 10_000
"""ms until something that should appear is taken to be missing."""

CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, under) => {
    canvas.fillStyle = `rgb(${under})`; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => {
    const linear = (each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = colour.map((each) => linear(each / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const under = element.parentElement ? ground(element.parentElement) : [255, 255, 255];
    return rgb(getComputedStyle(element).backgroundColor, under);
  };
  const found = {};
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!text || !element.checkVisibility() || element.disabled) continue;
    const under = ground(element);
    const [a, b] = [light(rgb(getComputedStyle(element).color, under)), light(under)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = `${element.tagName.toLowerCase()}.${element.className}`;
    found[name] = Math.min(found[name] ?? 21, contrast);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with browser.chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; nothing may go wrong in it, and nothing may be asked of anybody."""
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: wrong.append(message.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.emulate_media(reduced_motion="reduce", color_scheme="light")
    yield tab
    here = tab.url
    tab.close()
    assert wrong == []
    assert {url.split("#")[0] for url in asked if not url.startswith(("data:", "blob:file:", "blob:null"))} == {
        here.split("#")[0]
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes the page of a kind of report when it is asked for: each worker that runs some of these has its own."""
    folder = tmp_path_factory.mktemp("pages")
    reports: dict[str, Callable[[], Iterable[Row]]] = {
        "all": lambda: ROWS,
        "hostile": lambda: HOSTILE,
        "narrow": lambda: [narrow(row) for row in ROWS],
        "many": lambda: many(MANY),
        "empty": list,
    }

    @cache
    def write(name: str) -> Path:
        file = folder / f"{name}.html"
        with file.open("wb") as out:
            policy = {"name": "strict", "outcome": "violated", "violations": {"sse-s3-only": 7}}
            write_page(reports[name](), out, title="Buckets", source="report.csv", made_at=MADE_AT, policy=policy)
        return file

    return write


@pytest.fixture
def shown(page: Page, written: Callable[[str], Path]) -> Page:
    """The page of all kinds of rows."""
    browser.show(page, written("all"))
    return page


def names(page: Page) -> list[str]:
    """The buckets in the table, from top to bottom."""
    return page.locator("#body .name").all_text_contents()


def status(page: Page) -> str:
    return page.locator("#count").inner_text()


def bar(page: Page, facet: str, label: str) -> Any:
    return page.locator(f"#chart-{facet} .bar", has=page.get_by_text(label, exact=True))


def in_kind(kind: str) -> set[str]:
    return {row.bucket for row in ROWS if summed_up([row]).modes[kind]}


def exported(page: Page) -> bytes:
    with page.expect_download() as download:
        page.click("#export")
    return download.value.path().read_bytes()


def as_csv(rows: Iterable[Row], *, wide: bool = True) -> bytes:
    out = io.BytesIO()
    sink = CsvSink(out, wide=wide)
    sink.begin()
    for row in rows:
        sink.write(row)
    return out.getvalue()


def test_the_page_shows_the_figures_charts_and_rows_of_the_report(shown: Page) -> None:
    summary = summed_up(ROWS)
    for figure in figures(summary):
        tile = shown.locator(f"#figure-{figure.name}").inner_text()
        assert figure.label in tile
        assert figure.value in tile
    for chart in charts(summary):
        counts = shown.locator(f"#chart-{chart.facet} .bars").first.locator(".bar-count").all_inner_texts()
        assert [text.split()[0] for text in counts] == [str(each.count) for each in chart.bars]
    assert set(names(shown)) == {row.bucket for row in ROWS}
    assert status(shown) == f"All {len(ROWS)} buckets"
    assert "Policy strict: violated" in shown.locator("h2").all_text_contents()


def test_clicking_a_bar_filters_the_table_and_clicking_it_again_ends_that(shown: Page) -> None:
    bar(shown, "kind", "SSE-S3").click()
    assert set(names(shown)) == in_kind("SSE-S3")
    assert bar(shown, "kind", "SSE-S3").get_attribute("aria-pressed") == "true"
    fitting = sum(row.region == "us-east-1" for row in ROWS if row.bucket in in_kind("SSE-S3"))
    assert f"{fitting} of {summed_up(ROWS).regions['us-east-1']}" in bar(shown, "region", "us-east-1").inner_text()

    bar(shown, "kind", "SSE-S3").click()
    assert len(names(shown)) == len(ROWS)


def test_filters_of_one_chart_add_up_and_those_of_two_narrow_each_other(shown: Page) -> None:
    bar(shown, "kind", "SSE-S3").click()
    bar(shown, "kind", "DSSE-KMS").click()
    assert set(names(shown)) == in_kind("SSE-S3") | in_kind("DSSE-KMS")

    bar(shown, "region", "us-east-1").click()
    assert set(names(shown)) == {row.bucket for row in ROWS if row.region == "us-east-1"} & in_kind("SSE-S3")


def test_filters_are_set_and_removed_by_keyboard(shown: Page) -> None:
    bar(shown, "kind", "SSE-S3").focus()
    shown.keyboard.press("Space")
    bar(shown, "region", "us-east-1").focus()
    shown.keyboard.press("Enter")
    chips = shown.get_by_role("list", name="Filters in use").get_by_role("button")
    assert chips.all_inner_texts() == ["Encryption: SSE-S3", "Region: us-east-1", "Remove all"]

    chips.first.focus()
    shown.keyboard.press("Enter")
    assert set(names(shown)) == {row.bucket for row in ROWS if row.region == "us-east-1"}
    assert shown.evaluate("document.activeElement.className") == "chip"  # the focus is not lost with the chip


def test_the_buckets_of_a_finding_are_shown_and_those_that_nobody_can_tell(shown: Page) -> None:
    finding = shown.locator("details.finding", has=shown.get_by_text("key-disabled", exact=True))
    finding.locator("summary").click()
    finding.get_by_role("button", name="found").click()
    assert names(shown) == ["data-disabled"]

    finding.get_by_role("button", name="found").click()
    finding.get_by_role("button", name="unknown").click()
    assert set(names(shown)) == {row.bucket for row in ROWS if "key-disabled" in assess(row).unknown}


def test_the_search_looks_at_names_and_at_everything_else_in_the_report(shown: Page) -> None:
    shown.fill("#search", "DATA-  us-east")
    expect(shown.locator("#count")).to_contain_text(" of ")
    assert set(names(shown)) == {row.bucket for row in ROWS if "data-" in row.bucket and row.region == "us-east-1"}

    shown.fill("#search", "no such thing")
    shown.wait_for_selector(".none")
    assert names(shown) == []
    assert shown.is_disabled("#export")


def test_columns_sort_both_ways_and_say_so(shown: Page) -> None:
    header = shown.get_by_role("columnheader", name="Bucket", exact=True)
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert names(shown) == sorted(row.bucket for row in ROWS)

    header.get_by_role("button").press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert names(shown) == sorted((row.bucket for row in ROWS), reverse=True)

    shown.get_by_role("columnheader", name="Region").get_by_role("button").click()
    assert names(shown) == [row.bucket for row in sorted(ROWS, key=lambda row: (row.region or "", row.bucket))]
    assert header.get_attribute("aria-sort") is None


def test_the_export_is_the_csv_report_of_the_rows_shown(shown: Page) -> None:
    """To the byte, as `--format csv --wide` writes it."""
    shown.get_by_role("columnheader", name="Bucket", exact=True).get_by_role("button").click()
    assert exported(shown) == as_csv(sorted(ROWS, key=lambda row: row.bucket))

    bar(shown, "kind", "SSE-S3").click()
    assert exported(shown) == as_csv(row for row in ROWS if row.bucket in in_kind("SSE-S3"))


def test_the_details_of_a_bucket_hold_all_fields_and_its_own_commands(shown: Page) -> None:
    row = next(row for row in ROWS if row.bucket == "data-off")
    (command,) = steps("bucket-key-off", row)
    button = shown.get_by_role("button", name="data-off", exact=True)
    button.focus()
    shown.keyboard.press("Enter")
    dialog = shown.get_by_role("dialog", name="data-off")

    text = dialog.inner_text()
    for value in (row.mode, row.account, row.key_arn, "2020-02-29T23:59:59Z", "2026-11-24T12:00:00Z", "blocked"):
        assert str(value) in text
    assert command in dialog.locator("pre").all_text_contents()

    shown.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert button.evaluate("button => button === document.activeElement")


@pytest.mark.parametrize(("name", "rows"), [("all", ROWS), ("hostile", HOSTILE)])
def test_the_commands_of_every_bucket_are_those_that_the_catalogue_gives(
    page: Page, written: Callable[[str], Path], name: str, rows: list[Row]
) -> None:
    """Put together in the page from what many buckets have in common; asked for one by one here."""
    browser.show(page, written(name))
    found = page.evaluate(
        """() => report.names.map((name, row) => {
          const profile = report.profiles[report.profile[row]];
          const commands = (steps) => steps.map((step) => commandFor(name, profile, step));
          return profile.steps.map(([finding, steps]) => [finding, commands(steps)]);
        })"""
    )
    for row, shown in zip(rows, found, strict=True):
        if row.bucket.isascii() or row.bucket.isprintable():  # half a surrogate pair does not come through evaluate
            expected = {finding: list(steps(finding, row)) for finding in assess(row).found}
            assert dict(shown) == {finding: commands for finding, commands in expected.items() if commands}


def test_the_table_is_walked_by_keyboard(shown: Page) -> None:
    """One stop for Tab; the arrow keys go on from there."""
    assert shown.locator("#body .name[tabindex='0']").count() == 1
    shown.locator("#body .name[tabindex='0']").focus()
    order = names(shown)
    for key, place in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", -1), ("Home", 0)):
        shown.keyboard.press(key)
        assert shown.evaluate("document.activeElement.textContent") == order[place]


def test_the_table_stays_within_reach_of_the_keyboard_when_it_was_scrolled(
    page: Page, written: Callable[[str], Path]
) -> None:
    """Rows out of view are taken out of the page: the stop for Tab goes to one in view, the focus to the table."""
    browser.show(page, written("many"))
    page.locator("#body .name[tabindex='0']").focus()
    page.evaluate("viewport.scrollTop = 20000")
    expect(page.locator("#body tr[aria-rowindex='2']")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "viewport"
    assert page.locator("#body .name[tabindex='0']").count() == 1

    for _ in range(page.locator("#head button").count() + 1):
        page.keyboard.press("Tab")
    within = "(top, box) => top >= box.top && top < box.bottom"
    at = "document.activeElement.getBoundingClientRect().top, viewport.getBoundingClientRect()"
    assert page.evaluate("document.activeElement.className") == "name"
    assert page.evaluate(f"({within})({at})")
    before = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") != before


def test_a_row_that_was_clicked_is_the_one_stop_for_tab(shown: Page) -> None:
    shown.get_by_role("button", name="data-off", exact=True).click()
    shown.keyboard.press("Escape")
    assert shown.locator("#body .name[tabindex='0']").all_text_contents() == ["data-off"]


def test_headings_landmarks_and_the_table_are_what_they_seem(shown: Page) -> None:
    levels = shown.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert shown.get_by_role("region", name="Buckets", exact=True).count() == 1
    assert shown.get_by_role("region", name="Table of buckets", exact=True).count() == 1
    table = shown.get_by_role("table", name="Buckets")
    assert table.get_attribute("aria-rowcount") == str(len(ROWS) + 1)
    assert shown.locator("#body tr[aria-rowindex='2']").count() == 1
    for role in ("button", "searchbox", "link"):
        assert shown.get_by_role(role).count() == shown.get_by_role(role, name=re.compile(r"\w")).count() > 0
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "Skip to the table of buckets"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground(shown: Page, scheme: Any) -> None:
    """4.5 to 1 at least, as WCAG's AA asks for, with filters in use and a dialog open."""
    shown.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    bar(shown, "kind", "SSE-KMS").click()
    shown.locator("details.finding summary").first.click()
    shown.get_by_role("button", name="data-off", exact=True).click()
    contrasts = shown.evaluate(CONTRASTS)
    assert len(contrasts) > 30
    assert {name: contrast for name, contrast in contrasts.items() if contrast < 4.5} == {}


def test_the_theme_follows_the_system_until_it_is_chosen(shown: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = shown.evaluate(ground)
    shown.get_by_role("button", name="Change to the dark theme").click()
    dark = shown.evaluate(ground)
    assert dark != light
    shown.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert shown.evaluate(ground) == dark
    shown.get_by_role("button", name="Change to the light theme").click()
    assert shown.evaluate(ground) == light


def test_on_paper_everything_is_open_and_there_is_nothing_to_press(shown: Page) -> None:
    shown.emulate_media(media="print", color_scheme="dark", reduced_motion="reduce")
    expect(shown.locator("details.finding:not([open])")).to_have_count(0)
    assert len(names(shown)) == len(ROWS)
    assert not shown.is_visible("#search")
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    shown.emulate_media(media="screen", color_scheme="light", reduced_motion="reduce")
    expect(shown.locator("details.finding[open]")).to_have_count(0)


@pytest.mark.parametrize("name", ["all", "hostile", "narrow"])
def test_a_narrow_screen_scrolls_down_only(page: Page, written: Callable[[str], Path], name: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    browser.show(page, written(name))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#body .name").last.click()
    assert page.evaluate("document.getElementById('details').scrollWidth") <= 360


def test_hostile_names_are_text_and_nothing_but_text(page: Page, written: Callable[[str], Path]) -> None:
    """In the charts, the table, the details, the filters and the export."""
    browser.show(page, written("hostile"))
    for facet in ("region", "key", "key_type"):
        page.locator(f"#chart-{facet} .bar").first.click()
        page.locator(f"#chart-{facet} .bar").first.click()
    assert "native code" not in page.locator("main").inner_text()  # of `constructor`, which every object has
    assert page.locator("#chips").inner_text() == ""
    page.evaluate("toggleFilter('key_type', 'constructor'); update()")
    assert page.locator("#chips").inner_text() == "Key type: constructor"
    assert set(names(page)) == {row.bucket for row in HOSTILE if row.key_type == "constructor"}
    page.evaluate("view.filters.clear(); update()")
    for name in page.locator("#body .name").all():
        name.evaluate("name => { name.click(); }")
        page.evaluate("document.getElementById('details').close()")
    assert page.locator("main img, #details img, body > img").count() == 0
    assert page.title() == "Buckets"

    page.get_by_role("columnheader", name="Bucket", exact=True).get_by_role("button").click()
    in_order = sorted(HOSTILE, key=lambda row: row.bucket.encode("utf-16-be", "surrogatepass"))
    assert without_surrogates(exported(page)) == without_surrogates(as_csv(in_order))


def without_surrogates(csv: bytes) -> bytes:
    """Half a surrogate pair is in no UTF-8: one side writes a question mark for it, the other U+FFFD."""
    return csv.replace("\ufffd".encode(), b"?")


@pytest.mark.parametrize("kinds", [1, 2])
def test_the_kind_of_a_bucket_is_a_column_where_there_are_several(page: Page, kinds: int, tmp_path: Path) -> None:
    file = tmp_path / "kinds.html"
    rows = [replace(ROWS[0], bucket="tables", kind=Kind.TABLE), ROWS[0]]
    with file.open("wb") as out:
        write_page(rows[:kinds], out, title="Buckets", source="report.csv", made_at=MADE_AT)
    browser.show(page, file)

    headers = [text.strip() for text in page.locator("#head th").all_inner_texts()]
    assert ("Kind" in headers) is (kinds > 1)
    if kinds > 1:
        page.get_by_role("button", name="Kind", exact=True).click()
        assert names(page)[1] == "tables"
        assert page.locator("#body tr", has_text="tables").get_by_text("table", exact=True).count() == 1


def test_a_report_of_four_columns_says_what_it_cannot_know(page: Page, written: Callable[[str], Path]) -> None:
    browser.show(page, written("narrow"))
    headers = [text.strip() for text in page.locator("#head th").all_inner_texts()]
    assert "Region" not in headers
    assert "Key state" not in headers
    assert page.get_by_text("This report has four columns.").is_visible()
    page.get_by_role("columnheader", name="Bucket", exact=True).get_by_role("button").click()
    assert exported(page) == as_csv(map(narrow, sorted(ROWS, key=lambda row: row.bucket)), wide=False)


@pytest.mark.parametrize(
    ("bucket", "cell", "heading"),
    [
        ("gone", "\N{EN DASH}", "Not there any more"),
        ("data-unnamed", "1 unknown", "None known"),
        ("data-0", "none", "No findings"),
    ],
)
def test_no_findings_is_said_only_where_there_are_none(shown: Page, bucket: str, cell: str, heading: str) -> None:
    """Not of a bucket that is gone, nor where something is unknown."""
    row = shown.locator("#body tr", has=shown.get_by_role("button", name=bucket, exact=True))
    assert row.locator("td").last.inner_text() == cell
    row.locator("button").click()
    headings = shown.get_by_role("dialog").locator("h3").all_text_contents()
    assert headings[1] == heading


def test_rows_that_are_beyond_the_tables_end_are_spoken_of(page: Page, written: Callable[[str], Path]) -> None:
    """Browsers have no element that is tall enough for all of them."""
    browser.show(page, written("all"))
    page.evaluate(
        """() => {
          while (report.names.length <= 300_000) {
            report.names.push(`bucket-${report.names.length}`);
            report.profile.push(0);
          }
          byName = null;
          update();
        }"""
    )
    assert status(page) == "All 300,001 buckets: the first 300,000 are in the table; search or filter for the others"


def test_an_empty_report_says_so(page: Page, written: Callable[[str], Path]) -> None:
    browser.show(page, written("empty"))
    assert status(page) == "All 0 buckets"
    assert page.get_by_text("There are no buckets in this report.").is_visible()


def test_a_hundred_thousand_buckets_stay_usable(page: Page, written: Callable[[str], Path]) -> None:
    """As many rows exist as are in view, wherever that is."""
    browser.show(page, written("many"))
    assert status(page) == "All 100,000 buckets"
    assert page.locator("#body tr").count() < 60

    page.get_by_role("columnheader", name="Bucket", exact=True).get_by_role("button").click()
    page.locator("#body .name").first.focus()
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.textContent") == f"bucket-{MANY - 1:07}"
    assert page.locator("#body tr").count() < 60
    assert page.get_by_role("table", name="Buckets").get_attribute("aria-rowcount") == str(MANY + 1)

    page.fill("#search", "bucket-0054321")
    expect(page.locator("#count")).to_have_text("1 of 100,000 buckets")
    assert names(page) == ["bucket-0054321"]
