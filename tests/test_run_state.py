"""What stands beside a report: who may read it, when it is there, and what may not change between two runs."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from s3audit_async.analysis.reading import Layout
from s3audit_async.errors import UsageError
from s3audit_async.options import Options
from s3audit_async.output import FleetState, RunState, StateFile, Wanted
from s3audit_async.resume import look_at, restored, restored_fleet, state_of

if TYPE_CHECKING:
    from pathlib import Path

NARROW = Layout("csv", wide=False)
FLEET = FleetState(
    accounts="accounts.csv",
    organization=True,
    ous=("ou-abcd-11111111", "ou-abcd-22222222"),
    tags=("env=prod",),
    include=("111122223333",),
    exclude=("444455556666",),
    profiles=("one", "two"),
    role_name="audit",
    partition="aws-cn",
    split=True,
)
HEADER = b"Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\n"
STATE = RunState(
    account="111122223333",
    format="csv",
    wide=False,
    prefix="prod-\udc80é",
    include_regions=("eu-west-1", "us-east-1"),
    exclude_regions=("sa-east-1",),
    wanted=(Wanted("parquet", "r.parquet", wide=False), Wanted("csv", "r.csv", wide=True)),
    fleet=FLEET,
)


def beside(folder: Path) -> StateFile:
    return StateFile(folder / "report.csv")


@pytest.mark.parametrize("made", [False, True])
def test_a_state_is_read_as_it_was_written_and_for_its_owner_only(tmp_path: Path, made: bool) -> None:
    file = beside(tmp_path)
    file.write(replace(STATE, made=made))

    assert beside(tmp_path).read() == replace(STATE, made=made)
    assert file.is_ours()
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv.resume"]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_state_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert beside(tmp_path).read() is None


def test_a_state_is_replaced_and_removed(tmp_path: Path) -> None:
    file = beside(tmp_path)
    file.write(STATE)
    (tmp_path / "report.csv.resume.tmp").write_bytes(b"what a killed run left")
    file.write(RunState(format="jsonl", wide=True))
    replaced = beside(tmp_path).read()
    file.remove()
    file.remove()

    assert replaced == RunState(format="jsonl", wide=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("before", [None, STATE])
def test_a_run_that_leaves_nothing_puts_back_what_it_found(tmp_path: Path, before: RunState | None) -> None:
    if before is not None:
        beside(tmp_path).write(before)
    file = beside(tmp_path)
    file.put_back()
    file.write(RunState(format="csv", wide=True))
    file.write(RunState(format="csv", wide=True, account="1"))
    file.put_back()
    file.put_back()

    assert beside(tmp_path).read() == before
    assert len(list(tmp_path.iterdir())) == (before is not None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        json.dumps({"version": 4}).encode(),
        *(
            json.dumps({"version": 3, **asdict(STATE), name: value}).encode()
            for name, value in [
                ("version", 4),
                ("account", 7),
                ("format", "xls"),
                ("buckets", "name"),
                ("prefix", []),
                ("include_regions", [1]),
                ("format", "parquet"),
                ("wanted", "r.parquet"),
                ("wanted", [{"format": "parquet"}]),
                ("fleet", None),
                ("fleet", {}),
                ("fleet", {**asdict(FLEET), "ous": "ou-1"}),
                ("fleet", {**asdict(FLEET), "accounts": 111122223333}),
            ]
        ),
    ],
)
def test_a_state_of_something_else_is_refused_with_what_to_do(tmp_path: Path, data: bytes) -> None:
    beside(tmp_path).path.write_bytes(data)

    with pytest.raises(UsageError, match="is not the state of a run") as refused:
        beside(tmp_path).read()

    assert "remove it" in refused.value.hint


@pytest.mark.parametrize(
    ("version", "unknown"),
    [(1, {"wanted": (), "fleet": FleetState()}), (2, {"fleet": FleetState()})],
)
def test_a_state_that_an_earlier_version_has_left_lacks_what_that_did_not_know(
    tmp_path: Path, version: int, unknown: dict[str, Any]
) -> None:
    before = {name: value for name, value in asdict(STATE).items() if name not in unknown}
    beside(tmp_path).path.write_text(json.dumps({"version": version, **before}))

    assert beside(tmp_path).read() == replace(STATE, **unknown)


# What goes on.


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(prefix="a"),
        Options(buckets=("one", "two")),
        Options(include_regions=frozenset({"eu-west-1", "us-east-1"})),
        Options(exclude_regions=frozenset({"eu-west-1"}), prefix="a"),
    ],
)
def test_options_that_are_not_given_again_are_restored_and_equal_ones_accepted(options: Options) -> None:
    begun = state_of(options, NARROW)

    assert restored(Options(), begun) == options
    assert restored(options, begun) == options


def test_the_order_of_names_and_regions_does_not_matter() -> None:
    begun = state_of(Options(buckets=("one", "two")), NARROW)

    assert restored(Options(buckets=("two", "one")), begun).buckets == ("one", "two")


def test_limits_are_those_of_the_run_that_goes_on() -> None:
    begun = state_of(Options(prefix="a", max_concurrency=3, account="1"), NARROW)
    now = restored(Options(max_concurrency=9, endpoint_url="http://host"), begun)

    assert (now.max_concurrency, now.endpoint_url, now.prefix, now.account) == (9, "http://host", "a", "1")


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (Options(), Options(prefix="dev-"), "--prefix is dev- now, but was not given when"),
        (Options(prefix="prod-"), Options(prefix="dev-"), "--prefix is dev- now, but was prod- when"),
        (Options(prefix="prod-"), Options(buckets=("one",)), "--bucket is one now, but was not given when"),
        (Options(buckets=("one",)), Options(prefix="a"), "--prefix is a now, but was not given when"),
        (
            Options(buckets=tuple(f"bucket-{number}" for number in range(9))),
            Options(buckets=("one", "two")),
            "--bucket is one, two now, but was bucket-0, bucket-1, bucket-2 and 6 more when",
        ),
        (
            Options(include_regions=frozenset({"eu-west-1"})),
            Options(include_regions=frozenset({"us-east-1"})),
            "--include-region is us-east-1 now, but was eu-west-1 when",
        ),
        (
            Options(include_regions=frozenset({"eu-west-1"})),
            Options(exclude_regions=frozenset({"us-east-1"})),
            "--exclude-region is us-east-1 now, but was not given when",
        ),
    ],
)
def test_an_option_that_differs_is_refused_with_both_values(before: Options, now: Options, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        restored(now, state_of(before, NARROW))

    assert str(refused.value).startswith(said)
    assert said.split(maxsplit=1)[0] in refused.value.hint


@pytest.mark.parametrize("name", [field.name for field in fields(FleetState)])
def test_how_accounts_are_chosen_is_restored_and_cannot_change(name: str) -> None:
    begun = state_of(Options(), NARROW, fleet=FLEET)
    again = replace(FleetState(), **{name: getattr(FLEET, name)})

    assert restored_fleet(FleetState(), begun) == FLEET
    assert restored_fleet(again, begun) == FLEET
    with pytest.raises(UsageError, match=r"^--[a-z-]+ is .* now, but was not given when the report was begun$"):
        restored_fleet(again, state_of(Options(), NARROW))


def test_a_choice_of_accounts_that_differs_is_refused_with_both_values() -> None:
    with pytest.raises(UsageError, match=r"^--profiles is two now, but was one, two when") as refused:
        restored_fleet(FleetState(profiles=("two",)), state_of(Options(), NARROW, fleet=FLEET))

    assert "leave --profiles out" in refused.value.hint


# What is found.


@pytest.mark.parametrize("torn", [b"", b"Bucket Na", HEADER[:20]])
def test_a_report_whose_header_is_torn_off_has_the_layout_it_was_begun_with(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "report.csv.partial"
    path.write_bytes(torn)
    beside(tmp_path).write(RunState(format="csv", wide=True))

    assert look_at(path).layout == Layout("csv", wide=True)


@pytest.mark.parametrize(
    ("data", "state"),
    [(HEADER, RunState(format="csv", wide=True)), (b'{"bucket_name": ', RunState(format="csv", wide=False))],
)
def test_a_state_of_another_report_is_refused(tmp_path: Path, data: bytes, state: RunState) -> None:
    path = tmp_path / "report.csv.partial"
    path.write_bytes(data)
    beside(tmp_path).write(state)

    with pytest.raises(UsageError, match="belongs to another report"):
        look_at(path)


def test_a_report_without_a_state_is_found_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "report.csv.partial"
    path.write_bytes(HEADER)

    assert (look_at(path).layout, look_at(path).state) == (NARROW, None)
