"""The report of a run, begun over what earlier runs left and gone on with: nothing of theirs is lost or mixed up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from s3audit_async.analysis.finished import open_report
from s3audit_async.cli.deciding import check_of, with_page
from s3audit_async.cli.run import RunSettings
from s3audit_async.cli.run_report import begin
from s3audit_async.cli.run_resumed import go_on
from s3audit_async.errors import UsageError
from s3audit_async.options import Options
from s3audit_async.output import RunState, StateFile, Wanted, record
from tests.rows import KMS, SSE_S3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from s3audit_async.model import Row
    from s3audit_async.recorded import Report

FAILING = replace(
    SSE_S3,
    bucket="fails",
    mode="InternalError",
    key_type="Unknown",
    algorithm=None,
    findings=("bucket-not-audited",),
)
MENDED = replace(SSE_S3, bucket="fails")


def opened(**settings: Any) -> Report:
    """A report as the command opens it with these options."""
    named: dict[str, Any] = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    given = RunSettings(quiet=True, options=Options(), **named)
    check = check_of(given.policy)
    return (begin if given.resume is None else go_on)(with_page(given, check), check)


def ran(*rows: Row, **settings: Any) -> None:
    """A run to its end that audits these."""

    async def audited() -> AsyncIterator[Row]:
        for row in rows:
            yield row

    async def recorded() -> None:
        await record(audited(), report.sink, report.output, begin=report.begin, seen=report.seen)

    report = opened(**settings)
    try:
        anyio.run(recorded)
        report.complete()
    finally:
        report.close()


def interrupted(**settings: Any) -> None:
    """A run that ends when it has audited one bucket."""

    async def flushed() -> None:
        if report.begin:
            report.sink.begin()
        report.sink.write(KMS)
        report.output.buffer.end_row()
        await report.output.flush()

    report = opened(**settings)
    anyio.run(flushed)
    report.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def modes(report: Path) -> dict[str, str]:
    return {row.bucket: row.mode for row in open_report(report).rows()}


# Begun over what is there.


def test_a_row_that_stays_failing_does_not_stop_the_next_run_to_the_same_place(tmp_path: Path) -> None:
    report = tmp_path / "r.csv"
    left = {"r.csv", "r.csv.jsonl.partial", "r.csv.jsonl.resume"}
    for _ in range(2):
        ran(KMS, FAILING, output=report, policy="strict")
        assert names(tmp_path) == left
    ran(KMS, MENDED, output=report, policy="strict")

    assert names(tmp_path) == {"r.csv"}
    assert modes(report)["fails"] == "AES256"


def test_what_is_left_of_a_run_with_a_policy_gives_way_to_a_run_without_and_is_not_resumed(tmp_path: Path) -> None:
    """Else the command that the second run prints would bring back the first one's rows."""
    report = tmp_path / "r.csv"
    ran(replace(FAILING, bucket="old"), output=report, policy="strict")
    ran(KMS, FAILING, output=report)
    assert names(tmp_path) == {"r.csv", "r.csv.resume"}
    ran(MENDED, resume=report)

    assert modes(report).keys() == {"kms", "fails"}
    assert names(tmp_path) == {"r.csv"}


@pytest.mark.parametrize(
    ("first", "then", "left"), [("strict", None, "r.csv.jsonl.partial"), (None, "strict", "r.csv.partial")]
)
def test_an_unfinished_run_is_in_the_way_of_another_whichever_form_either_has(
    tmp_path: Path, first: str | None, then: str | None, left: str
) -> None:
    options = {"output": tmp_path / "r.csv"}
    interrupted(**options, **({"policy": first} if first else {}))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(UsageError, match=f"{left} is an unfinished report"):
        opened(**options, **({"policy": then} if then else {}))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_resumed_run_that_is_interrupted_is_unfinished_again(tmp_path: Path) -> None:
    report = tmp_path / "r.csv"
    ran(SSE_S3, FAILING, output=report, policy="strict")
    state = StateFile(tmp_path / "r.csv.jsonl").read()
    assert state is not None
    assert state.made
    going_on = opened(resume=report, policy="strict")
    going_on.remember("111122223333")
    going_on.close()  # before a row came: as it was
    assert StateFile(tmp_path / "r.csv.jsonl").read() == state

    going_on = opened(resume=report, policy="strict")
    going_on.remember("111122223333")
    going_on.sink.write(KMS)
    going_on.output.buffer.end_row()
    anyio.run(going_on.output.flush)
    going_on.close()
    with pytest.raises(UsageError, match="is an unfinished report"):
        opened(output=report, policy="strict")


def test_the_spool_of_another_report_is_no_matter(tmp_path: Path) -> None:
    """A report of its own that happens to have the name of a spool."""
    interrupted(output=tmp_path / "r.csv.jsonl", formats=("jsonl",))
    left = names(tmp_path)
    ran(KMS, output=tmp_path / "r.csv")

    assert names(tmp_path) == {*left, "r.csv"}


# Gone on with.


def test_it_is_asked_which_of_two_unfinished_runs_is_meant(tmp_path: Path) -> None:
    interrupted(output=tmp_path / "r.csv", policy="strict")
    (tmp_path / "r.csv.resume").write_text("of an older s3audit, which did not see to that")

    with pytest.raises(UsageError, match=r"r.csv.jsonl.partial and .*r.csv.resume are both of"):
        opened(resume=tmp_path / "r.csv")


def test_a_page_is_made_where_it_was_to_be_made_or_not_at_all(tmp_path: Path) -> None:
    interrupted(output=tmp_path / "r.csv", html=tmp_path / "a.html")

    with pytest.raises(UsageError, match=r"--html is .*b.html now, but was .*a.html when"):
        opened(resume=tmp_path / "r.csv", html=tmp_path / "b.html")
    ran(SSE_S3, resume=tmp_path / "r.csv", html=tmp_path / "x" / ".." / "a.html")
    assert names(tmp_path) == {"r.csv", "a.html"}


def test_a_report_of_four_columns_is_not_called_wide_by_its_spool(tmp_path: Path) -> None:
    interrupted(output=tmp_path / "r.csv", policy="strict")

    with pytest.raises(UsageError, match=r"is a report in csv$"):
        go_on(RunSettings(resume=str(tmp_path / "r.csv"), wide=True, options=Options()))


@pytest.mark.parametrize(("policy", "identify"), [(None, False), ("strict", True)])
def test_a_policy_needs_the_account_of_four_columns_too(tmp_path: Path, policy: str | None, identify: bool) -> None:
    interrupted(output=tmp_path / "r.csv")
    report = opened(resume=tmp_path / "r.csv", **({"policy": policy} if policy else {}))
    report.close()

    assert report.options.identify is identify


@pytest.mark.parametrize("option", ["stats", "policy"])
def test_what_a_resumed_run_makes_is_kept_apart_from_its_other_files(tmp_path: Path, option: str) -> None:
    interrupted(output=tmp_path / "r.csv", html=tmp_path / "a.html")
    (tmp_path / "a.html").write_text('title = "x"\nfail = ["no-default-encryption"]\n')
    if option == "stats":
        (tmp_path / "a.html").unlink()

    with pytest.raises(UsageError, match=r"a\.html"):
        opened(resume=tmp_path / "r.csv", **{option: tmp_path / "a.html"})


# A state from elsewhere.


def left_by(folder: Path, path: str, form: str = "csv", *, others_write: bool = False) -> Path:
    """An unfinished report whose state asks for a file there."""
    folder.mkdir()
    (folder / "r.jsonl.partial").write_bytes(b"")
    file = StateFile(folder / "r.jsonl")
    file.write(RunState(format="jsonl", wide=True, wanted=(Wanted(form, path, wide=True),)))
    file.path.chmod(0o666 if others_write else 0o600)
    interrupted_row = {"bucket_name": "x"}
    (folder / "r.jsonl.partial").write_text(json.dumps(interrupted_row)[:-1])
    return folder / "r.jsonl.partial"


@pytest.mark.parametrize("path", ["../stolen.csv", "{}/stolen.csv"])
def test_a_state_that_others_can_write_names_no_file_elsewhere(tmp_path: Path, path: str) -> None:
    partial = left_by(tmp_path / "in", path.format(tmp_path), others_write=True)

    with pytest.raises(UsageError, match="names a file elsewhere"):
        opened(resume=partial)


@pytest.mark.parametrize(("form", "said"), [("csv", "is no report of s3audit"), ("html", "is no page")])
def test_a_state_does_not_have_written_over_what_is_no_report(tmp_path: Path, form: str, said: str) -> None:
    (tmp_path / "notes").write_text("mine")
    partial = left_by(tmp_path / "in", "../notes", form)

    with pytest.raises(UsageError, match=said):
        opened(resume=partial)
    assert (tmp_path / "notes").read_text() == "mine"
