"""Which files a run writes, and which of them are made of a spool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pytest

from s3audit_async.cli.report_places import Direct, Spooled, places_of
from s3audit_async.cli.run import RunSettings
from s3audit_async.cli.values import FormatList
from s3audit_async.errors import UsageError
from s3audit_async.options import Options
from s3audit_async.output import Target

if TYPE_CHECKING:
    from pathlib import Path


def placed(output: Path, *forms: str, **settings: Any) -> Direct | Spooled:
    return places_of(RunSettings(output=str(output), options=Options(), **settings), forms or ("csv",))


@pytest.mark.parametrize("settings", [{}, {"wide": True}, {"wide": True, "needs_all": True}])
def test_a_single_csv_report_is_written_directly(tmp_path: Path, settings: dict[str, bool]) -> None:
    assert placed(tmp_path / "r.csv", **settings) == Direct(tmp_path / "r.csv", "csv")


def test_a_single_jsonl_report_is_written_directly(tmp_path: Path) -> None:
    assert placed(tmp_path / "r.jsonl", "jsonl", needs_all=True) == Direct(tmp_path / "r.jsonl", "jsonl")


def test_four_columns_are_made_of_a_spool_where_all_are_needed(tmp_path: Path) -> None:
    assert placed(tmp_path / "r.csv", needs_all=True) == Spooled(
        tmp_path / "r.csv.jsonl", (Target("csv", tmp_path / "r.csv"),)
    )


@pytest.mark.parametrize("form", ["parquet", "ocsf", "asff", "markdown"])
def test_the_others_are_made_of_a_spool(tmp_path: Path, form: str) -> None:
    assert placed(tmp_path / "r", form, wide=True) == Spooled(
        tmp_path / "r.jsonl", (Target(form, tmp_path / "r", wide=True),)
    )


def test_further_files_are_made_of_the_report(tmp_path: Path) -> None:
    page = Target("page", tmp_path / "elsewhere" / "page.html")

    assert placed(tmp_path / "r.jsonl", "jsonl", also=(page,)) == Spooled(
        tmp_path / "r.jsonl", (Target("jsonl", tmp_path / "r.jsonl"), page)
    )


def test_several_formats_share_the_time_in_their_names(tmp_path: Path) -> None:
    found = placed(tmp_path, "csv", "ocsf", "jsonl")

    assert isinstance(found, Spooled)
    stem = found.path.name.removesuffix(".jsonl")
    assert [target.path.name for target in found.targets] == [f"{stem}.csv", f"{stem}.ocsf.json", f"{stem}.jsonl"]
    assert stem.startswith("bucketEncryptionReport_")
    assert found.targets[2].path == found.path


@pytest.mark.parametrize(
    ("name", "forms", "said"),
    [("r.csv", ("csv", "jsonl"), "is no directory, which 2"), ("r.csv.partial", ("csv",), "an unfinished report")],
)
def test_a_place_that_cannot_be_is_refused(tmp_path: Path, name: str, forms: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        placed(tmp_path / name, *forms)


# --format.


@pytest.mark.parametrize(
    ("given", "formats"),
    [
        ("csv", ("csv",)),
        ("csv,jsonl,csv", ("csv", "jsonl")),
        (" CSV , ocsf,", ("csv", "ocsf")),
        (["parquet", "asff"], ("parquet", "asff")),
        (("markdown",), ("markdown",)),
        ("", ()),
    ],
)
def test_formats_are_named_once_each_with_commas_or_as_a_list(given: Any, formats: tuple[str, ...]) -> None:
    assert FormatList().convert(given, None, None) == formats


def test_a_format_that_is_none_is_refused_with_all_that_are() -> None:
    with pytest.raises(click.BadParameter, match="'xls' is not one of csv, jsonl, parquet, ocsf, asff, markdown"):
        FormatList().convert("csv,xls", None, None)
