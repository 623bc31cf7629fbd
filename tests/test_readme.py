"""README says what is so: its outputs, its exit codes, its library example."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.stub import Behaviour, StubAccount, StubAws, StubBucket, StubMember, StubOrganization
from s3audit_async.options import MAX_CONCURRENCY
from tests import readme, shown_commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMBER = "111122223333"
TEXT = readme.README.read_text()


def test_the_outputs_shown_are_the_commands(tmp_path: Path) -> None:
    """To the letter, as far as they are the same in each run."""
    _, wrong = readme.checked(TEXT, tmp_path)

    assert wrong == []
    assert list(shown_commands.outputs(TEXT)) == [
        "s3audit demo -o demo.csv",
        "s3audit run --help",
        "s3audit iam-policy",
    ]


def test_of_the_demo_only_what_differs_in_each_run_is_not_compared() -> None:
    """Two of its lines."""
    command = "s3audit demo -o demo.csv"
    shown = shown_commands.outputs(TEXT)[command]
    compared = readme.stable(command, shown)

    left_out = [line for line in shown.splitlines() if line not in compared.splitlines()]
    assert [line.split()[0] for line in left_out] == ["Calls", "Elapsed"]
    assert "\nFindings\n" in compared


def test_the_exit_codes_are_the_programs() -> None:
    """The same numbers, in the same words."""
    assert readme.shown_exit_table(TEXT) == readme.exit_table() != ""


def test_the_figures_named_are_the_defaults() -> None:
    """How many calls are in flight."""
    assert f"one client for each region, {MAX_CONCURRENCY} calls in flight" in TEXT


def test_every_command_shown_can_be_typed(isolated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the page, in one directory: none is a usage error, and none fails to go on."""
    (isolated / ".aws").mkdir()
    (isolated / ".aws" / "config").write_text(
        "".join(
            f"[profile {name}]\nregion = eu-central-1\naws_access_key_id = {key}\naws_secret_access_key = x\n"
            for name, key in (("audit", "AKIA"), ("prod", f"AKIA{MEMBER}"), ("staging", "AKIA"))
        )
    )
    (tmp_path / "accounts.csv").write_text(f"account_id,name\n{MEMBER},payments\n")
    (tmp_path / "reports").mkdir()
    for place in (tmp_path, tmp_path / "reports"):
        partial = place / "bucketEncryptionReport_20261123-101500.csv.partial"
        partial.write_text("Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\n")
    account = StubAccount(buckets=[StubBucket("prod-here", "eu-central-1"), StubBucket("there", "eu-west-1")])
    members = [StubMember(account), StubMember(StubAccount(MEMBER))]
    with StubAws(account, Behaviour(), StubOrganization(members)) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        typed = shown_commands.commands(TEXT)
        failed = shown_commands.refused(typed, tmp_path)

    assert len(typed) > 5
    assert failed == {}


@pytest.fixture
def stub(isolated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubAws]:
    """An account that the examples find, in a directory that they can write to."""
    (isolated / ".aws").mkdir()
    (isolated / ".aws" / "config").write_text(
        "[profile audit]\nregion = eu-central-1\naws_access_key_id = AKIA\naws_secret_access_key = x\n"
    )
    (tmp_path / "reports").mkdir()
    monkeypatch.chdir(tmp_path)
    account = StubAccount(buckets=[StubBucket("here", "eu-central-1"), StubBucket("there", "eu-west-1")])
    with StubAws(account, Behaviour(denied={"GetBucketEncryption"})) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


@pytest.mark.usefixtures("stub")
def test_the_library_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    """As they stand in README."""
    rows, file = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {}
    exec(rows, names)
    asyncio.run(names["main"]())
    assert capsys.readouterr().out == "here AccessDenied\n"

    exec(file, names)
    assert capsys.readouterr().out == "reports/monday.csv 2 complete\n"
