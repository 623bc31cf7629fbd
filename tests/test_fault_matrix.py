"""Every kind of fault of every call, once, repeatedly and for good: the row and the exit code that are documented."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from benchmarks.stub import Behaviour, Fault, Request, StubAccount, StubAws, StubBucket, StubKey, StubRule
from s3audit_async.cli import main
from s3audit_async.model import Operation
from tests.fault_matrix import ATTEMPTS, PAGE, TIMES, Case, Family, Outcome, cases, page

if TYPE_CHECKING:
    from pathlib import Path

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
ACCOUNT = StubAccount(
    buckets=[
        StubBucket("plain"),
        StubBucket("keyed", "eu-west-1", rules=(StubRule("aws:kms", KEY, bucket_key=True),)),
        StubBucket("unlisted", "eu-west-1", listed_region=False),
    ],
    keys=[StubKey(KEY)],
)
RIGHT = {
    "plain": ["AES256", "N/A", "False"],
    "keyed": [KEY, "CUSTOMER", "True"],
    "unlisted": ["AES256", "N/A", "False"],
}


def behaviour(case: Case) -> Behaviour:
    """The stub's, in which the case's call fails and nothing else does."""

    def faults(request: Request) -> Fault | None:
        spoiled = request.operation == case.operation and request.nth <= TIMES[case.times]
        return case.kind.make(request) if spoiled else None

    denied = {Operation.GET_BUCKET_LOCATION} if case.operation is Operation.HEAD_BUCKET else set()
    return Behaviour(faults=faults, denied=denied)


def expected(case: Case) -> dict[str, list[str]]:
    """Columns B, C and D of each bucket."""
    s3, kms = case.kind.codes
    match case.outcome:
        case Outcome.RIGHT | Outcome.NOT_NEEDED:
            return RIGHT
        case Outcome.DENIED_BUCKET | Outcome.GONE_BUCKET | Outcome.FAILED_BUCKET:
            return {name: [s3, "Unknown", ""] for name in RIGHT}
        case Outcome.DENIED_KEY | Outcome.GONE_KEY | Outcome.FAILED_KEY:
            return {**RIGHT, "keyed": [KEY, kms, "True"]}
    raise AssertionError(case)


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_a_fault_comes_to_what_is_documented(case: Case, tmp_path: Path) -> None:
    """The whole command, in this process: it is quicker, and its exit codes are tested in processes of their own."""
    report = tmp_path / "report.csv"
    hangs = case.kind.family is Family.SILENT
    with StubAws(ACCOUNT, behaviour(case)) as stub:
        code = main(
            [
                *("run", "--endpoint-url", stub.url, "-o", str(report), "--wide", "-q"),
                *("--max-attempts", str(ATTEMPTS), "--timeout", "0.5" if hangs else "20"),
            ]
        )
        asked = stub.stats

    assert code == case.outcome.exit_code
    assert (asked.writes, asked.unknown, asked.predefined_aliases) == (0, 0, ())
    assert asked.calls[case.operation] > 0
    if case.outcome is Outcome.ENDED:
        assert not report.exists()
        return
    with report.open(newline="") as file:
        _, *lines = csv.reader(file, strict=True)
    assert sorted(line[0] for line in lines) == sorted(RIGHT)
    assert {line[0]: line[1:4] for line in lines} == expected(case)


def test_every_cell_of_the_matrix_has_an_expectation() -> None:
    """No kind of fault and no operation is left out."""
    from tests.fault_matrix import EXPECTED, KINDS, OPERATIONS  # noqa: PLC0415 - for this test only

    assert {(family, operation) for family in Family for operation in OPERATIONS} == EXPECTED.keys()
    assert {kind.family for kind in KINDS} == set(Family)


def test_the_page_is_written_from_this_data() -> None:
    """`python -m tests.fault_matrix --write` renews it."""
    assert PAGE.read_text() == page()
