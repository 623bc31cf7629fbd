"""Files of one run that would be one: refused before anything is asked or written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from s3audit_async.cli.accounts import AccountOptions
from s3audit_async.cli.run import RunSettings
from s3audit_async.cli.run_places import check_apart
from s3audit_async.errors import UsageError
from s3audit_async.options import Options
from s3audit_async.output import FleetState

if TYPE_CHECKING:
    from pathlib import Path


def apart(folder: Path, **places: str) -> None:
    given: dict[str, Any] = {
        name: place if name == "policy" and "." not in place else f"{folder}/{place}" for name, place in places.items()
    }
    accounts = AccountOptions(fleet=FleetState(accounts=given.pop("accounts", "")))
    check_apart(RunSettings(options=Options(), accounts=accounts, **given))


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"output": "x.csv", "html": "x.csv"}, r"--html .*x.csv is where the report goes"),
        ({"output": "x.csv", "html": "x.csv.jsonl.partial"}, "is where the report goes"),
        ({"output": "x.csv", "html": "d/../x.csv.resume"}, "is where the report goes"),
        ({"resume": "x.csv.partial", "html": "x.csv"}, "is where the report goes"),
        ({"resume": "x.csv.partial", "stats": "x.csv.resume"}, "is where the report goes"),
        ({"stats": "p.html", "html": "p.html"}, r"--stats .*p.html is where the page goes"),
        ({"buckets_from": "n.txt", "html": "n.txt"}, "--html .* is the list of buckets"),
        ({"buckets_from": "n.txt", "output": "n.txt"}, "-o .* is the list of buckets"),
        ({"accounts": "a.csv", "stats": "a.csv"}, "--stats .* is the list of accounts"),
        ({"accounts": "a.csv", "output": "a.csv"}, "-o .* is the list of accounts"),
        ({"policy": "p.toml", "html": "p.toml"}, "--html .* is the policy"),
        ({"policy": "p.toml", "stats": "p.toml"}, "--stats .* is the policy"),
        ({"policy": "p.toml", "output": "p.toml"}, "-o .* is the policy"),
        ({"stats": "missing/f.json"}, "there is no directory for --stats"),
        ({"stats": "d"}, "is a directory"),
    ],
)
def test_two_files_of_a_run_that_are_one_are_refused(tmp_path: Path, places: dict[str, str], said: str) -> None:
    (tmp_path / "d").mkdir()
    with pytest.raises(UsageError, match=said):
        apart(tmp_path, **places)


@pytest.mark.parametrize(
    "places",
    [
        {"output": "r.csv", "html": "r.html", "stats": "r.json", "policy": "p.toml", "buckets_from": "n.txt"},
        {"output": "d", "stats": "d.jsonl"},
        {"output": "d", "html": "d/page.html", "stats": "d/figures.json"},
        {"policy": "strict", "html": "strict"},
        {"resume": "r.csv.partial", "html": "r.html"},
    ],
)
def test_files_that_are_apart_are_let_be(tmp_path: Path, places: dict[str, str]) -> None:
    (tmp_path / "d").mkdir()
    apart(tmp_path, **places)
