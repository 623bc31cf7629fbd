"""The report of a run of many accounts, as the command opens and completes it: its side file, what is gone on with."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from s3audit_async.analysis.finished import open_report
from s3audit_async.cli import main
from s3audit_async.cli.accounts import AccountOptions
from s3audit_async.cli.deciding import check_of, with_page
from s3audit_async.cli.next_steps import next_steps, readable_place
from s3audit_async.cli.outcome import ExitCode, use_log_format
from s3audit_async.cli.run import RunSettings
from s3audit_async.cli.run_end import conclude
from s3audit_async.cli.run_report import begin
from s3audit_async.cli.run_resumed import go_on
from s3audit_async.cli.run_rows import told_by
from s3audit_async.errors import UsageError
from s3audit_async.fleet.units import Account, AccountRecord, Status
from s3audit_async.options import Options
from s3audit_async.output import FleetState, StateFile, record
from s3audit_async.recorded.to_file import audit_to_file
from s3audit_async.stats import RunStats
from tests.rows import KMS, SSE_S3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from s3audit_async.model import Row
    from s3audit_async.recorded import Report

ONE, TWO, THREE = "111122223333", "222233334444", "333344445555"
FLEET = FleetState(organization=True, role_name="audit")
FAILING = replace(KMS, bucket="fails", account=TWO, mode="InternalError", key_type="Unknown", findings=())
DENIED = AccountRecord(
    account=Account(TWO, "payments\x1b"), status=Status.NOT_ENTERED, code="AccessDenied", message="not authorized"
)
SUSPENDED = AccountRecord(account=Account(THREE, "old"), status=Status.SKIPPED, code="SUSPENDED")


def of(account: str, *names: str) -> list[Row]:
    return [replace(SSE_S3, bucket=name, account=account) for name in names]


def complete(account: str, rows: int) -> AccountRecord:
    return AccountRecord(account=Account(account), status=Status.COMPLETE, rows=rows)


def settings_of(**given: Any) -> RunSettings:
    named: dict[str, Any] = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    accounts = AccountOptions(fleet=named.pop("fleet", FLEET), external_id=named.pop("external_id", None))
    settings = RunSettings(options=Options(), accounts=accounts, **named)
    return with_page(settings, check_of(settings.policy))


def opened(**given: Any) -> Report:
    settings = settings_of(quiet=True, **given)
    return (begin if settings.resume is None else go_on)(settings, check_of(settings.policy))


def go(report: Report, events: Iterable[Row | AccountRecord], *, killed: bool = False) -> None:
    """A run into a report, as the command makes it: rows, and what became of accounts."""
    assert report.ledger is not None
    ledger = report.ledger

    async def rows() -> AsyncIterator[Row]:
        for event in events:
            if isinstance(event, AccountRecord):
                ledger.add(event)
            else:
                yield event
        if killed:
            raise KeyboardInterrupt

    async def recorded() -> None:
        await record(
            rows(),
            report.sink,
            report.output,
            begin=report.begin,
            seen=report.seen,
            flushing=ledger.flushing,
        )
        ledger.finish()
        report.complete()

    try:
        anyio.run(recorded)
    finally:
        report.close()


def cut_off(report: Report, *events: Row | AccountRecord) -> None:
    """A run that is killed when these are on the disk."""
    assert report.ledger is not None
    if report.begin:
        report.sink.begin()
    for event in events:
        if isinstance(event, AccountRecord):
            report.ledger.add(event)
            continue
        report.sink.write(event)
        report.output.buffer.end_row()
        report.seen(event)
    then = report.ledger.flushing()
    anyio.run(report.output.flush)
    if then is not None:
        then()
    report.close()


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def told(path: Path) -> dict[str, tuple[str, int]]:
    lines = map(json.loads, path.read_text().splitlines())
    return {line["account"]: (line["status"], line["rows"]) for line in lines}


def buckets(path: Path) -> list[tuple[str | None, str]]:
    return [(row.account, row.bucket) for row in open_report(path).rows()]


# The side file.


@pytest.mark.parametrize(
    ("output", "settings", "left"),
    [
        ("r.csv", {"wide": True}, {"r.csv", "r.csv.accounts.jsonl"}),
        ("r.csv", {}, {"r.csv", "r.csv.accounts.jsonl"}),
        ("r.jsonl", {"formats": ("jsonl",)}, {"r.jsonl", "r.jsonl.accounts.jsonl"}),
        ("r.csv", {"html": "r.html", "wide": True}, {"r.csv", "r.html", "r.csv.accounts.jsonl"}),
        ("", {"formats": ("csv", "jsonl")}, {"R.csv", "R.jsonl", "R.accounts.jsonl"}),
        ("", {"formats": ("jsonl",), "wide": True}, {"R.jsonl", "R.jsonl.accounts.jsonl"}),
        ("", {}, {"R.csv", "R.csv.accounts.jsonl"}),
        (
            "r.jsonl",
            {"formats": ("jsonl",), "fleet": replace(FLEET, split=True)},
            {f"account_id={ONE}/r.jsonl", f"account_id={TWO}/r.jsonl", "r.jsonl.accounts.jsonl"},
        ),
        (
            "",
            {"fleet": replace(FLEET, split=True), "formats": ("jsonl",)},
            {f"account_id={ONE}/R.jsonl", f"account_id={TWO}/R.jsonl", "R.jsonl.accounts.jsonl"},
        ),
        (
            "",
            {"fleet": replace(FLEET, split=True), "formats": ("csv", "markdown")},
            {
                *(f"account_id={ONE}/R.{suffix}" for suffix in ("csv", "md")),
                *(f"account_id={TWO}/R.{suffix}" for suffix in ("csv", "md")),
                "R.accounts.jsonl",
            },
        ),
    ],
)
def test_the_side_file_stands_beside_the_report_in_every_form(
    tmp_path: Path, output: str, settings: dict[str, Any], left: set[str]
) -> None:
    if "html" in settings:
        pytest.importorskip("jinja2")
        settings = {**settings, "html": tmp_path / settings["html"]}
    report = opened(output=f"{tmp_path}/{output}", **settings)
    stem = report.output.place.rpartition("/")[2].split(".")[0] if not output else "R"
    go(report, [*of(ONE, "a", "b"), complete(ONE, 2), complete(TWO, 0), SUSPENDED])

    assert {name.replace(stem, "R") for name in names(tmp_path)} == left
    (side,) = tmp_path.glob("*.accounts.jsonl")
    assert told(side) == {ONE: ("complete", 2), TWO: ("complete", 0), THREE: ("skipped", 0)}


def test_four_columns_of_many_accounts_are_made_of_rows_that_name_theirs(tmp_path: Path) -> None:
    report = opened(output=tmp_path / "r.csv")
    go(report, [*of(ONE, "a"), *of(TWO, "a"), complete(ONE, 1), complete(TWO, 1)])

    assert (tmp_path / "r.csv").read_bytes().splitlines()[1:] == [b"a,AES256,N/A,False"] * 2


def test_a_report_on_standard_output_is_not_split() -> None:
    with pytest.raises(UsageError, match="--split makes several files"):
        opened(output="-", fleet=replace(FLEET, split=True))


@pytest.mark.parametrize("ours", [False, True])
def test_a_report_of_one_account_leaves_no_side_file_of_the_report_that_it_replaces(tmp_path: Path, ours: bool) -> None:
    path = tmp_path / "r.csv"
    go(opened(output=path, wide=True), [*of(ONE, "a"), complete(ONE, 1)])
    side = tmp_path / "r.csv.accounts.jsonl"
    if not ours:
        side.write_text("something else\n")

    one = begin(settings_of(output=path, fleet=FleetState()))
    assert side.exists()
    anyio.run(one.output.finish)
    one.complete()
    one.close()

    assert side.exists() is not ours


def test_a_part_does_not_take_the_place_of_what_is_no_report(tmp_path: Path) -> None:
    other = tmp_path / f"account_id={ONE}" / "r.csv"
    other.parent.mkdir()
    other.write_text("#!/bin/sh")

    with pytest.raises(UsageError, match="is no report of s3audit"):
        opened(output=tmp_path / "r.csv", fleet=replace(FLEET, split=True))
    assert names(tmp_path) == {f"account_id={ONE}/r.csv"}


# What is gone on with.


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_a_run_that_was_cut_off_goes_on_with_the_accounts_that_are_not_finished(
    tmp_path: Path, wide: bool, split: bool
) -> None:
    path = tmp_path / "r.csv"
    fleet = replace(FLEET, split=split)
    cut_off(opened(output=path, wide=wide, fleet=fleet), *of(ONE, "a", "b"), *of(TWO, "a"), complete(ONE, 2), SUSPENDED)
    report = opened(resume=path, fleet=FleetState())
    assert (report.fleet, sorted(report.finished)) == (fleet, [ONE])
    assert report.done == {ONE: {"a", "b"}, TWO: {"a"}}
    assert (report.kept, report.options.account) == (3, None)
    go(report, [*of(TWO, "b"), complete(TWO, 1), SUSPENDED])

    assert told(tmp_path / "r.csv.accounts.jsonl") == {
        ONE: ("complete", 2),
        TWO: ("complete", 2),
        THREE: ("skipped", 0),
    }
    if split:
        assert names(tmp_path) == {f"account_id={each}/r.csv" for each in (ONE, TWO)} | {"r.csv.accounts.jsonl"}
    else:
        assert names(tmp_path) == {"r.csv", "r.csv.accounts.jsonl"}
        assert sorted(name for _, name in buckets(path)) == ["a", "a", "b", "b"]


@pytest.mark.parametrize("wide", [False, True])
def test_an_account_that_could_not_be_entered_is_entered_later_and_no_other(tmp_path: Path, wide: bool) -> None:
    path = tmp_path / "r.csv"
    go(opened(output=path, wide=wide), [*of(ONE, "a"), complete(ONE, 1), DENIED])
    assert {"r.csv", "r.csv.accounts.jsonl"} < names(tmp_path)

    report = opened(resume=path, fleet=FleetState())
    assert (report.fleet, sorted(report.finished)) == (FLEET, [ONE])
    go(report, [*of(TWO, "b"), complete(TWO, 1)])

    assert names(tmp_path) == {"r.csv", "r.csv.accounts.jsonl"}
    assert told(tmp_path / "r.csv.accounts.jsonl") == {ONE: ("complete", 1), TWO: ("complete", 1)}


def test_a_row_with_an_error_is_asked_again_in_its_account(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    go(opened(output=path, wide=True), [*of(ONE, "a"), *of(TWO, "b"), FAILING, complete(ONE, 1), complete(TWO, 2)])

    report = opened(resume=path, fleet=FleetState())
    assert report.finished == {ONE}
    assert report.done[TWO] == {"b"}
    go(report, [replace(FAILING, mode="AES256", key_type="N/A"), complete(TWO, 1)])

    assert told(tmp_path / "r.csv.accounts.jsonl") == {ONE: ("complete", 1), TWO: ("complete", 2)}
    assert names(tmp_path) == {"r.csv", "r.csv.accounts.jsonl"}


def test_a_run_that_is_killed_between_its_report_and_the_side_file_has_the_latter_completed(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    report = opened(output=path, wide=True)
    cut_off(report, *of(ONE, "a"), complete(ONE, 1))
    (tmp_path / "r.csv.partial").replace(path)

    report = opened(resume=path)
    assert report.finished == {ONE}
    go(report, [])
    assert names(tmp_path) == {"r.csv", "r.csv.accounts.jsonl"}
    assert told(tmp_path / "r.csv.accounts.jsonl") == {ONE: ("complete", 1)}


def test_a_record_that_was_wrong_does_not_become_right_by_another_row(tmp_path: Path) -> None:
    """Its account lost a row with an error; a run that is cut off then adds one of a new bucket."""
    path = tmp_path / "r.csv"
    cut_off(opened(output=path, wide=True), *of(TWO, "b"), FAILING, complete(TWO, 2))
    cut_off(opened(resume=path), *of(TWO, "new"))

    assert not opened(resume=path).finished


def test_a_run_that_goes_on_and_brings_nothing_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    go(opened(output=path, wide=True), [*of(ONE, "a"), complete(ONE, 1), DENIED])
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    opened(resume=path).close()

    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_a_new_run_does_not_believe_what_the_one_before_it_left(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    go(opened(output=path, wide=True), [complete(ONE, 0), complete(TWO, 0)])
    cut_off(opened(output=path, wide=True), *of(ONE, "a"))

    assert not opened(resume=path).finished


def test_another_choice_of_accounts_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    cut_off(opened(output=path), *of(ONE, "a"))
    before = names(tmp_path)

    with pytest.raises(UsageError, match="--profiles is dev now, but was not given"):
        opened(resume=path, fleet=FleetState(profiles=("dev",)))
    assert names(tmp_path) == before


def test_a_report_of_one_account_is_not_gone_on_with_as_one_of_many(tmp_path: Path) -> None:
    one = begin(settings_of(output=tmp_path / "r.csv", wide=True, fleet=FleetState()))
    one.sink.begin()
    one.sink.write(SSE_S3)
    one.output.buffer.end_row()
    anyio.run(one.output.flush)
    one.close()

    with pytest.raises(UsageError, match="--organization is given now, but was not given"):
        opened(resume=tmp_path / "r.csv")


def test_a_report_that_has_lost_its_state_goes_on_if_its_accounts_are_chosen_again(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    cut_off(opened(output=path, wide=True), *of(ONE, "a"), *of(TWO, "b"), complete(ONE, 1))
    StateFile(path).remove()
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}

    with pytest.raises(UsageError, match="is of several accounts, and there is no"):
        opened(resume=path, fleet=FleetState())
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    assert opened(resume=path).finished == {ONE}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fleet": FleetState()}, "is of several accounts, and there is no"),
        ({}, "has four columns, which do not tell accounts and kinds apart"),
    ],
)
def test_a_finished_report_of_four_columns_is_not_gone_on_with(
    given: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """Nobody can tell which of its rows are whose: each account's buckets were audited again, into a second row."""
    path = tmp_path / "r.csv"
    go(opened(output=path), [*of(ONE, "a"), *of(TWO, "b"), complete(ONE, 1), complete(TWO, 1)])
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}

    with pytest.raises(UsageError, match=said):
        opened(resume=path, **given)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


async def test_a_library_call_does_not_go_on_with_a_report_of_many_accounts(tmp_path: Path) -> None:
    report = opened(output=tmp_path / "r.csv", wide=True)
    assert report.ledger is not None
    report.sink.begin()
    await report.output.flush()
    report.output.close(discard=False)
    report.ledger.close(discard=False)

    with pytest.raises(UsageError, match="is of many accounts"):
        await audit_to_file(tmp_path / "r.csv")


def test_an_external_id_is_in_the_command_that_goes_on_and_in_no_file(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "r.csv"
    report = opened(output=path, wide=True, external_id="agreed")
    go(report, [*of(ONE, "a"), complete(ONE, 1), DENIED])
    conclude(settings_of(output=path, wide=True, external_id="agreed"), report, RunStats(), None)

    assert f"s3audit run --resume {path} --external-id agreed\n" in capsys.readouterr().err
    assert StateFile(path).read() is not None
    assert not [name for name in names(tmp_path) if b"agreed" in (tmp_path / name).read_bytes()]


# What is said at the end.


@pytest.fixture
def ended(tmp_path: Path) -> Report:
    report = opened(output=tmp_path / "r.csv", wide=True)
    many = [replace(DENIED, account=Account(f"9{number:011}")) for number in range(12)]
    go(report, [*of(ONE, "a"), complete(ONE, 1), DENIED, SUSPENDED, *many])
    return report


@pytest.fixture
def _json() -> Iterator[None]:
    use_log_format("json")
    yield
    use_log_format("plain")


def test_accounts_that_were_not_audited_are_named_and_make_3(ended: Report, tmp_path: Path, capsys: Any) -> None:
    code = conclude(settings_of(output=tmp_path / "r.csv"), ended, RunStats(), None)
    said = [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()]

    assert code is ExitCode.INCOMPLETE
    assert "Accounts 1 complete, 13 not entered, 1 skipped" in said
    assert f"Not entered {TWO} (payments ): AccessDenied: not authorized" in said
    assert len([line for line in said if line.startswith("Not entered")]) == 10
    assert "and 3 more" in said
    assert f"Skipped {THREE} (old): SUSPENDED" in said
    assert f"What became of each account: {tmp_path}/r.csv.accounts.jsonl" in said
    assert f"13 accounts are not audited to the end. Ask them again with: s3audit run --resume {tmp_path}/r.csv" in said
    (step,) = [line for line in said if line.startswith("13 accounts were denied")]
    why, _, command = step.partition(": ")
    assert why.endswith("the role to have in each, with the account that runs s3audit for ACCOUNT, is")
    assert main([ONE if word == "ACCOUNT" else word for word in shlex.split(command)[1:]]) == 0
    template = json.loads(capsys.readouterr().out)
    assert template["Resources"]["Role"]["Properties"]["RoleName"]["Ref"] == "RoleName"
    assert template["Parameters"]["RoleName"]["Default"] == "audit"


def test_no_role_is_shown_where_accounts_have_profiles(tmp_path: Path, capsys: Any) -> None:
    by_profiles = FleetState(profiles=("a", "b"))
    report = opened(output=tmp_path / "r.csv", fleet=by_profiles)
    go(report, [*of(ONE, "a"), complete(ONE, 1), DENIED])
    conclude(settings_of(output=tmp_path / "r.csv", fleet=by_profiles), report, RunStats(), None)

    assert "iam-policy --organization" not in capsys.readouterr().err


@pytest.mark.usefixtures("_json")
def test_the_summary_tells_programs_of_accounts_too(ended: Report, tmp_path: Path, capsys: Any) -> None:
    conclude(settings_of(output=tmp_path / "r.csv"), ended, RunStats(), None)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (summary,) = (event for event in events if event["event"] == "summary")

    assert summary["accounts_file"] == f"{tmp_path}/r.csv.accounts.jsonl"
    assert "accounts" not in summary
    fleet = summary["fleet"]
    told_of = fleet.pop("told")
    assert fleet == {"complete": 1, "not_entered": 13, "incomplete": 0, "skipped": 1}
    assert told_of[0] == {
        "account": TWO,
        "name": "payments\x1b",
        "status": "not-entered",
        "code": "AccessDenied",
        "message": "not authorized",
    }
    assert len(told_of) == 11


def test_skipped_accounts_leave_a_run_complete(tmp_path: Path) -> None:
    report = opened(output=tmp_path / "r.csv", wide=True)
    go(report, [*of(ONE, "a"), complete(ONE, 1), SUSPENDED])

    assert conclude(settings_of(output=tmp_path / "r.csv", quiet=True), report, RunStats(), None) is ExitCode.COMPLETE


def test_a_split_report_is_not_named_as_one_that_can_be_read(tmp_path: Path) -> None:
    report = opened(output=tmp_path / "r.csv", fleet=replace(FLEET, split=True))
    go(report, [*of(ONE, "a"), complete(ONE, 1)])

    assert readable_place(report) is None
    assert next_steps(report.summary, report.options, readable_place(report), report.outcome) == []


# What a report of some accounts amounts to.


def test_no_policy_is_passed_by_a_report_of_which_accounts_are_lacking(
    ended: Report, tmp_path: Path, capsys: Any
) -> None:
    path, policy = tmp_path / "r.csv", tmp_path / "p.toml"
    policy.write_text('title = "One"\nfail = ["key-disabled"]\n')

    assert main(["report", str(path), "--policy", str(policy)]) == ExitCode.INCOMPLETE
    assert (
        f"13 accounts were not audited to the end (see {path}.accounts.jsonl): that is no pass"
        in capsys.readouterr().err
    )
    (tmp_path / "r.csv.accounts.jsonl").unlink()
    assert main(["report", str(path), "--policy", str(policy)]) == ExitCode.COMPLETE


def test_a_diff_says_that_accounts_are_lacking(ended: Report, tmp_path: Path, capsys: Any) -> None:
    whole = tmp_path / "before" / "r.csv"
    whole.parent.mkdir()
    go(opened(output=whole, wide=True), [*of(ONE, "a"), *of(TWO, "b"), complete(ONE, 1), complete(TWO, 1)])

    assert main(["diff", str(whole), str(tmp_path / "r.csv")]) == 0
    assert capsys.readouterr().err == (
        f"note: {tmp_path}/r.csv: 13 accounts were not audited to the end (see {tmp_path}/r.csv.accounts.jsonl); "
        "their buckets may seem removed.\n"
    )


@pytest.mark.parametrize(("status", "gaps"), [(Status.INCOMPLETE, 1), (Status.SKIPPED, 0)])
def test_a_policy_knows_of_a_lacking_account_before_a_page_is_made(tmp_path: Path, status: Status, gaps: int) -> None:
    report = opened(output=tmp_path / "r.csv", html=tmp_path / "p.html", policy="strict")
    assert report.check is not None
    for _ in range(2):
        told_by(report)(replace(DENIED, status=status))
    report.close()

    assert len(report.check.gaps) == gaps
