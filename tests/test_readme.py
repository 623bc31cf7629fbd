"""README says what is so: its outputs, its exit codes, its library example."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.stub import Behaviour, StubAccount, StubAws, StubBucket
from s3audit_async.options import MAX_CONCURRENCY
from tests import readme, shell_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = readme.README.read_text()


@pytest.mark.parametrize("arguments", ["run --help", "iam-policy", "demo -o demo.csv"])
def test_the_output_shown_is_the_commands(arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the letter, as far as it is the same in each run; and nothing is left where README is renewed."""
    monkeypatch.chdir(tmp_path)
    shown = readme.blocks(TEXT)[arguments]
    assert readme.stable(arguments, shown) == readme.stable(arguments, readme.printed(arguments))
    assert list(tmp_path.iterdir()) == []


def test_of_the_demo_only_what_differs_in_each_run_is_not_compared() -> None:
    """Two of its lines."""
    shown = readme.blocks(TEXT)["demo -o demo.csv"]
    compared = readme.stable("demo -o demo.csv", shown)

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
        "[profile audit]\nregion = eu-central-1\naws_access_key_id = AKIA\naws_secret_access_key = x\n"
    )
    (tmp_path / "reports").mkdir()
    for place in (tmp_path, tmp_path / "reports"):
        partial = place / "bucketEncryptionReport_20261123-101500.csv.partial"
        partial.write_text("Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\n")
    shell = shell_lines.install(tmp_path / "bin")
    account = StubAccount(buckets=[StubBucket("prod-here", "eu-central-1"), StubBucket("there", "eu-west-1")])
    failed = {}
    with StubAws(account, Behaviour()) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        typed = shell_lines.commands(TEXT)
        for line in typed:
            done = shell_lines.type_in(line, tmp_path, shell)
            if done.returncode not in {0, 1} or "s3audit: " in done.stderr:
                failed[line] = f"{done.returncode}: {done.stderr}"

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
