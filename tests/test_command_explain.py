"""`s3audit explain`: the catalogue on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from s3audit_async.cli import main
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import CATALOGUE, entry
from tests.command import COMMAND, environment, s3audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3audit_async.findings.catalogue import Entry

BOLD = "\x1b[1m"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["explain", *arguments]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


def on_terminal(*arguments: str, **variables: str) -> str:
    """What the command shows on a terminal."""
    ours, theirs = pty.openpty()
    try:
        running = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env={**environment(), "TERM": "xterm", **variables},
        )
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # how Linux says that the other end is closed
            while piece := os.read(ours, 65_536):
                shown += piece
        _, said = running.communicate()
        assert (running.returncode, said) == (0, b"")
        return shown.decode()
    finally:
        os.close(ours)


@pytest.mark.parametrize("each", CATALOGUE, ids=lambda each: each.finding)
def test_a_page_holds_all_of_an_entry(each: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    page = " ".join(printed(capsys, each.finding).split())
    for part in (each.finding, f"{each.title} ({each.severity})", each.meaning, each.why, each.mend):
        assert part in page
    for reference in each.references:
        assert f"{reference.title} {reference.url}" in page
    assert "For example" in page


def test_without_a_finding_all_are_listed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys).splitlines()
    assert [line.split()[0] for line in lines] == [str(finding) for finding in Finding]
    assert all(each.severity in line and each.title in line for each, line in zip(CATALOGUE, lines, strict=True))
    assert max(map(len, lines)) <= 80


def test_several_findings_are_explained_in_the_order_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys, "key-disabled", "sse-s3-only", "key-disabled")
    headings = [line for line in page.splitlines() if entry(line)]
    assert headings == ["key-disabled", "sse-s3-only"]


@pytest.mark.parametrize(("columns", "longest"), [("60", 60), ("300", 100), ("", 80), ("5", 40)])
def test_text_is_wrapped_to_the_terminal_and_commands_are_not(
    columns: str, longest: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = printed(capsys, "sse-s3-only").splitlines()
    text = [line for line in lines if not line.startswith(("  aws ", "    https://"))]
    assert longest - 20 < max(map(len, text)) <= longest
    assert any(line.startswith("  aws s3api put-bucket-encryption ") and line.endswith("}'") for line in lines)


@pytest.mark.parametrize(
    ("variables", "bold"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)], ids=str
)
def test_headings_are_bold_on_a_terminal_that_may_have_colour(variables: Mapping[str, str], bold: bool) -> None:
    shown = on_terminal("explain", "bucket-key-off", **variables)
    assert "Why it matters" in shown
    assert (f"{BOLD}Why it matters" in shown) == bold
    assert ("\x1b" in shown) == bold


def test_colour_can_be_had_off_a_terminal_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a pager, say."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert f"{BOLD}Why it matters" in printed(capsys, "bucket-key-off")


def test_off_a_terminal_nothing_is_bold(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in printed(capsys, "bucket-key-off")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("key-disable", "(did you mean key-disabled?)"),
        ("sse-s3", "(did you mean sse-s3-only?)"),
        ("quux", "('s3audit explain' lists them all)"),
    ],
)
def test_an_id_that_is_none_is_one_line_with_the_nearest(
    asked: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "sse-s3-only", asked]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"s3audit: no such finding: {asked} {said}\n"


def test_what_only_a_policy_finds_is_said_to_be_that(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "key-not-allowed"]) == 2
    assert "a policy finds it, by its allowed_keys" in capsys.readouterr().err


def test_an_id_may_be_written_as_in_other_places(capsys: pytest.CaptureFixture[str]) -> None:
    """As a Python name, say."""
    assert printed(capsys, "SSE_S3_ONLY") == printed(capsys, "sse-s3-only")


def test_the_real_command_gives_2_for_an_id_that_is_none() -> None:
    done = s3audit("explain", "\x1b]0;owned\x07")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
