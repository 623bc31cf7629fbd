"""The catalogue: complete, in order, and fit to be printed."""

from __future__ import annotations

import re

import pytest

from s3audit_async.analysis.drift.comparison import gravity_of
from s3audit_async.analysis.html.figures import UNRATED
from s3audit_async.analysis.html.figures import severity_of as rated
from s3audit_async.cli.explain import example
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import CATALOGUE, Entry, Severity, entry, rank_of, severity_of
from s3audit_async.findings.mending import steps
from s3audit_async.sinks.verdicts import Status, Verdict
from s3audit_async.sinks.verdicts import severity_of as exported_as
from tests import findings_page

UNKNOWNS = {Finding.KEY_NOT_VERIFIED, Finding.ENCRYPTION_UNREADABLE, Finding.BUCKET_NOT_AUDITED}
EVERY = pytest.mark.parametrize("each", CATALOGUE, ids=lambda each: each.finding)


def test_every_finding_has_one_entry_in_the_order_of_the_ids() -> None:
    assert [each.finding for each in CATALOGUE] == list(Finding)


def test_an_entry_is_looked_up_by_the_id_as_text() -> None:
    found = entry("sse-s3-only")
    assert found is not None
    assert found.severity is Severity.MEDIUM  # as Security Hub has S3.17
    assert entry("made-up") is None


@EVERY
def test_the_texts_are_whole_sentences_of_plain_text(each: Entry) -> None:
    for text in (each.meaning, each.why, each.mend):
        assert re.fullmatch(r"[A-Z][ -~]*\.", text), text
        assert "  " not in text
        assert text.count("(") == text.count(")")


@EVERY
def test_a_title_fits_a_table_row(each: Entry) -> None:
    assert re.fullmatch(r"[A-Z][ -~]*[^.]", each.title)
    assert len(each.title) <= 41  # beside id and severity in a terminal of 80 columns


@EVERY
def test_every_entry_names_pages_of_the_aws_documentation(each: Entry) -> None:
    assert each.references
    assert len({reference.url for reference in each.references}) == len(each.references)
    for reference in each.references:
        assert re.fullmatch(r"https://docs\.aws\.amazon\.com/[\w/-]+\.html", reference.url)
        assert reference.title


@EVERY
def test_an_unknown_is_called_one_and_is_no_failure(each: Entry) -> None:
    """In the title, and by its severity; nothing that is known is called so."""
    unknown = each.finding in UNKNOWNS
    assert each.title.startswith("Unknown: ") == unknown
    assert (each.severity is Severity.INFORMATIONAL) == unknown


def test_severities_rank_from_the_gravest() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank) == list(Severity)
    assert Severity.CRITICAL.rank == 0


def test_a_finding_ranks_by_its_severity_and_one_that_is_not_known_comes_last() -> None:
    assert (severity_of("sse-s3-only"), severity_of("made-up")) == (Severity.MEDIUM, None)
    assert [rank_of(each.finding) for each in CATALOGUE] == [each.severity.rank for each in CATALOGUE]
    assert rank_of("made-up") > max(severity.rank for severity in Severity)


@pytest.mark.parametrize(
    ("finding", "weighed", "page", "exported"),
    [*((each.finding, *[each.severity.value] * 3) for each in CATALOGUE), ("made-up", "medium", UNRATED, None)],
)
def test_all_who_tell_how_grave_a_finding_is_say_the_same(
    finding: str, weighed: str, page: str, exported: str | None
) -> None:
    """Of one that is not known they say what they do with it."""
    assert gravity_of(finding) == weighed
    assert rated(finding) == page
    assert exported_as(Verdict(finding, Status.FAIL)) == exported


@EVERY
def test_every_finding_has_commands_that_mend_its_example(each: Entry) -> None:
    assert steps(each.finding, example(each.finding))


def test_the_page_of_findings_is_the_catalogue() -> None:
    """To the letter; `python -m tests.findings_page --write` renews it."""
    assert findings_page.PAGE.read_text() == findings_page.page()
