"""The catalogue: complete, in order, and fit to be printed."""

from __future__ import annotations

import re

import pytest

from s3audit_async.cli.explain import example
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import CATALOGUE, Entry, Severity, entry
from s3audit_async.findings.mending import steps
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


@EVERY
def test_every_finding_has_commands_that_mend_its_example(each: Entry) -> None:
    assert steps(each.finding, example(each.finding))


def test_the_page_of_findings_is_the_catalogue() -> None:
    """To the letter; `python -m tests.findings_page --write` renews it."""
    assert findings_page.PAGE.read_text() == findings_page.page()
