from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from s3audit_async.analysis.grouping import CRITERIA, Groups
from s3audit_async.analysis.severities import ranked, severity_of
from s3audit_async.analysis.summary import Summary
from s3audit_async.cli.drawing import Column, bar, percent, render, shortened, table
from s3audit_async.cli.stdout import Page
from s3audit_async.cli.tables import groups_page, summary_page
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import Severity
from s3audit_async.model import Failure, Operation, Row

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PLAIN = Row("plain", "AES256", "N/A", bucket_key=False, account="111122223333", region="us-east-1", algorithm="AES256")
KMS = Row(
    "kms",
    ARN,
    "CUSTOMER",
    bucket_key=True,
    account="111122223333",
    region="eu-west-1",
    algorithm="aws:kms",
    key_arn=ARN,
    key_state="Enabled",
    key_account="111122223333",
    key_region="eu-west-1",
)
DENIED = Row(
    "denied",
    "AccessDenied",
    "Unknown",
    None,
    findings=("encryption-unreadable",),
    error=Failure(Operation.GET_BUCKET_ENCRYPTION, "AccessDenied"),
)
ROWS = [
    replace(PLAIN, findings=("sse-s3-only",)),
    *(replace(KMS, bucket=f"kms-{number}") for number in range(5)),
    replace(KMS, bucket="off", bucket_key=False, findings=("bucket-key-off",)),
    DENIED,
]


def summary_of(rows: list[Row], page: Page, *, top: int = 10, read: int | None = None) -> str:
    summary = Summary()
    for each in rows:
        summary.add(each)
    return summary_page(summary, page, top=top, read=len(rows) if read is None else read)


def groups_of(by: str, rows: list[Row], page: Page, *, top: int = 10) -> str:
    groups = Groups(by)
    for each in rows:
        groups.add(each)
    return groups_page(groups, page, top=top, read=len(rows))


def test_the_summary_to_the_character() -> None:
    page = summary_of(ROWS, Page(width=80))

    assert page.startswith("""\
8 buckets

Encryption
  SSE-KMS       6  75.0 %  ████████████
  AccessDenied  1  12.5 %  ██
  SSE-S3        1  12.5 %  ██

Key type
  CUSTOMER      6  75.0 %  ████████████
  N/A           1  12.5 %  ██
  Unknown       1  12.5 %  ██

Bucket Key, of the KMS buckets
  on            5  83.3 %  █████████████▍
  off           1  16.7 %  ██▋

Regions
  eu-west-1     6  75.0 %  ████████████
  unknown       1  12.5 %  ██
  us-east-1     1  12.5 %  ██

Accounts
  111122223333  7  87.5 %  ██████████████
  unknown       1  12.5 %  ██

KMS keys, by buckets
  arn:aws:kms:eu-wes…/1234abcd-12ab-34cd-56ef-1234567890ab  6  100.0 %  ████████
""")
    assert page.endswith("""\

Denied: 1
  denied
  (the policy that is lacking: s3audit iam-policy)
""")


def test_findings_are_listed_with_how_many_have_them_and_how_many_may_and_how_to_go_on() -> None:
    lines = summary_of(ROWS, Page(width=100)).splitlines()
    of = {line.split()[0]: line for line in lines if line.startswith("  ") and line.split()[0] in set(Finding)}

    for finding, unknown in (("sse-s3-only", "1"), ("bucket-key-off", "1"), ("encryption-unreadable", "0")):
        words = of[finding].split()
        assert ["1", unknown] == [word for word in words if word.isdecimal()][:2], of[finding]
    assert any("s3audit explain " in line for line in lines)
    assert any("key-disabled 1" in line for line in lines[lines.index("Not found, but unknown of some buckets") :])


def test_groups_to_the_character() -> None:
    assert (
        groups_of("region", ROWS, Page(width=100))
        == """\
8 buckets by region

  Region     Buckets   Share          With findings  Unknown  SSE-KMS  AccessDenied  SSE-S3
  eu-west-1        6  75.0 %  ██████              1        0        6             0       0
  unknown          1  12.5 %  █                   1        1        0             1       0
  us-east-1        1  12.5 %  █                   1        0        0             0       1
"""
    )


def test_groups_in_a_narrow_and_plain_place_to_the_character() -> None:
    assert (
        groups_of("key", ROWS, Page(width=40, unicode=False))
        == """\
8 buckets by key

  Key              Buckets  Share
  arn:...4567890ab       6 75.0 % ######
  no KMS key             1 12.5 % #
  not readable           1 12.5 % #
"""
    )


def test_the_others_are_counted_where_there_are_more_than_shown() -> None:
    rows = [replace(PLAIN, bucket=f"b{number}", region=f"region-{number}") for number in range(12)]

    assert "\n  9 more: see --top\n" in summary_of(rows, Page(), top=3)
    assert "\n  2 more: see --top\n" in groups_of("region", rows, Page())


def test_findings_and_modes_are_few_and_all_shown() -> None:
    shown = groups_of("finding", [replace(PLAIN, findings=tuple(Finding)[:12])], Page(width=80), top=2)

    assert all(str(finding) in shown for finding in [*Finding][:12])
    assert "more:" not in shown


def test_a_report_without_rows_is_one_line() -> None:
    assert summary_of([], Page()) == "0 buckets\n"
    assert summary_of([], Page(), read=7) == "0 of 7 buckets\n"
    assert [groups_of(by, [], Page()) for by in CRITERIA] == [f"0 buckets by {by}\n" for by in CRITERIA]


def test_a_region_that_gave_no_answer_is_set_apart() -> None:
    silent = Row("silent", "ReadTimeout", "Unknown", None, region="me-south-1", findings=("bucket-not-audited",))

    assert "\nRegions set apart\n  me-south-1 (no answer, 2)\n" in summary_of([PLAIN, silent, silent], Page())
    assert "set apart" not in summary_of([PLAIN], Page())


def test_what_four_columns_cannot_tell_is_not_shown_as_a_region() -> None:
    rows = [Row(each.bucket, each.mode, each.key_type, each.bucket_key, findings=None) for each in ROWS]
    page = summary_of(rows, Page())

    assert "Regions" not in page
    assert "Accounts" not in page
    assert "sse-c-not-blocked" in page[page.index("unknown of some buckets") :]


@pytest.mark.parametrize("width", [40, 41, 59, 60, 61, 79, 80, 100, 123, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_page_whatever_the_names_are(width: int, unicode: bool) -> None:
    rows = [
        *ROWS,
        replace(
            KMS, bucket="x" * 63, region="r" * 90, account="9" * 30, key_arn="ключ" * 40, algorithm="aws:" + "n" * 99
        ),
        replace(KMS, mode="鍵" * 60, key_arn=None, findings=("a-later-finding-with-a-long-id" * 3,)),
        replace(DENIED, mode="C" * 80, findings=("bucket-not-audited",)),
    ] * 100
    page = Page(width=width, unicode=unicode)

    for drawn in (summary_of(rows, page), *(groups_of(by, rows, page) for by in CRITERIA)):
        assert max(map(cell_len, drawn.splitlines())) <= width
        assert not any(line.endswith(" ") for line in drawn.splitlines())


def test_nothing_that_a_terminal_obeys_gets_out_and_no_colour_unless_it_is_wished() -> None:
    evil = "\x1b[31m\x07\u202e\r\n[bold]:smile:"
    rows = [
        replace(KMS, bucket=evil, region=evil, account=evil, key_arn=evil, algorithm=evil, findings=(evil,)),
        replace(DENIED, bucket=evil, mode=evil),
    ]
    for drawn in (summary_of(rows, Page()), *(groups_of(by, rows, Page()) for by in CRITERIA)):
        assert drawn.replace("\n", "").isprintable()
        assert "[31m [bold]:smile:" in drawn or "by finding" in drawn
    assert "\x1b[" in summary_of(ROWS, Page(colour=True))
    assert "\x07" not in summary_of(rows, Page(colour=True))


# Drawing.


@pytest.mark.parametrize(
    ("share", "drawn", "plain"),
    [
        (0, "", ""),
        (0.0001, "▏", "#"),
        (0.5, "████", "####"),
        (0.51, "████▏", "####"),
        (1 / 16, "▌", "#"),
        (1, "████████", "########"),
    ],
)
def test_a_bar_is_as_long_as_its_share_and_never_nothing_for_something(share: float, drawn: str, plain: str) -> None:
    assert bar(share, 8, Page()) == drawn
    assert bar(share, 8, Page(unicode=False)) == plain


@pytest.mark.parametrize(
    ("count", "whole", "text"),
    [
        (0, 7, "0.0 %"),
        (7, 7, "100.0 %"),
        (1, 3, "33.3 %"),
        (1, 100_000, "<0.1 %"),
        (99_999, 100_000, ">99.9 %"),
        (0, 0, ""),
    ],
)
def test_a_share_is_rounded_to_neither_nothing_nor_all(count: int, whole: int, text: str) -> None:
    assert percent(count, whole) == text


def test_a_text_that_is_too_long_keeps_both_ends() -> None:
    assert shortened(ARN, 30, Page()) == "arn:aws:k…34cd-56ef-1234567890ab"[:9] + "…" + ARN[-20:]
    assert shortened(ARN, 30, Page(unicode=False)) == ARN[:9] + "..." + ARN[-18:]
    assert shortened("short", 5, Page()) == "short"


def test_optional_columns_are_left_out_from_the_first_that_does_not_fit() -> None:
    label = Column("Name", ["a" * 30])
    wide, small = Column("Wide", ["w" * 40]), Column("Small", ["s"])

    assert render(Page(width=60), [table(Page(width=60), label, [], [wide, small])]).split() == ["Name", "a" * 30]
    assert "Small" in render(Page(width=60), [table(Page(width=60), label, [], [small, wide])])


def test_findings_are_ordered_by_severity_then_count_and_those_of_later_versions_come_last() -> None:
    assert ranked([("later-b", 1), ("later-a", 1), ("later-c", 9)]) == ["later-c", "later-a", "later-b"]
    ids = ranked([("later", 99), *((finding, 1) for finding in Finding)])
    ranks = [len(Severity) if (severity := severity_of(each)) is None else severity.rank for each in ids]
    assert sorted(ids) == sorted(["later", *Finding])
    assert ranks == sorted(ranks)
