"""README says what is so: its outputs, its exit codes, its library example."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.stub import Behaviour, StubAccount, StubAws, StubBucket
from s3audit_async.options import MAX_CONCURRENCY
from tests import readme

if TYPE_CHECKING:
    from pathlib import Path

TEXT = readme.README.read_text()


@pytest.mark.parametrize("arguments", ["run --help", "iam-policy", "demo -o demo.csv"])
def test_the_output_shown_is_the_commands(arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the letter, as far as it is the same in each run."""
    monkeypatch.chdir(tmp_path)
    shown = readme.blocks(TEXT)[arguments]
    assert readme.stable(arguments, shown) == readme.stable(arguments, readme.printed(arguments))


def test_the_exit_codes_are_the_programs() -> None:
    """The same numbers, in the same words."""
    assert readme.shown_exit_table(TEXT) == readme.exit_table() != ""


def test_the_figures_named_are_the_defaults() -> None:
    """How many calls are in flight."""
    assert f"one client for each region, {MAX_CONCURRENCY} calls in flight" in TEXT


def test_the_library_example_runs(
    isolated: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands in README."""
    (isolated / ".aws").mkdir()
    (isolated / ".aws" / "config").write_text(
        "[profile audit]\nregion = eu-central-1\naws_access_key_id = AKIA\naws_secret_access_key = x\n"
    )
    example = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert example
    names: dict[str, Any] = {}
    exec(example[1], names)
    account = StubAccount(buckets=[StubBucket("here", "eu-central-1"), StubBucket("there", "eu-west-1")])
    with StubAws(account, Behaviour(denied={"GetBucketEncryption"})) as stub:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        asyncio.run(names["main"]())
    assert capsys.readouterr().out == "here AccessDenied\n"
