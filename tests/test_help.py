"""The help page, the nearest command, the version, and what a shell completes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from s3audit_async.cli import main
from s3audit_async.cli.app import app
from s3audit_async.cli.commands.completion import SHELLS
from s3audit_async.cli.help_page import SECTIONS
from s3audit_async.cli.terminal import colour_wanted
from tests.command import environment

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = sorted(app.commands)


def page(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([*arguments, "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, None),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "dumb"}, False),
        ({"CLICOLOR": "0"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, None),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, None),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"CI": "true"}, False),
        ({"CI": "false"}, None),
        ({"CI": "true", "FORCE_COLOR": "1"}, True),
    ],
)
def test_colour_is_wanted_as_the_environment_says(variables: dict[str, str], wanted: bool | None) -> None:
    assert colour_wanted(variables) is wanted


def test_the_page_of_report_names_each_format_that_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    summary = page("report", capsys=capsys).partition("Examples:")[0]
    assert all(name in summary for name in ("CSV", "JSON Lines", "Parquet"))


@pytest.mark.parametrize("command", COMMANDS)
def test_what_an_exit_code_means_stands_in_its_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = page(command, capsys=capsys).splitlines()

    assert [line for line in lines if line.strip().isdecimal()] == []


def test_colour_is_put_on_headings_and_names_and_changes_no_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = page("run", capsys=capsys)
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = page("run", capsys=capsys)

    assert "\x1b" not in plain
    assert click.unstyle(coloured) == plain
    for marked in ("\x1b[1mUsage:", "\x1b[1mLimits:", "\x1b[1m  Examples:", "\x1b[36m--wide"):
        assert marked in coloured


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_examples_and_every_option_under_a_heading(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(command, capsys=capsys)

    assert "  Examples:\n" in shown
    assert f"    s3audit {command}" in shown
    for option in app.commands[command].params:
        if isinstance(option, click.Option):
            assert option.opts[-1] in shown


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("columns", [40, 80])
def test_a_page_fits_the_terminal(
    command: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = page(*command.split(), capsys=capsys).splitlines()

    too_long = [line for line in lines if len(line) > columns and " " in line.strip().removesuffix(" \\")]
    assert too_long == []


def test_commands_stand_in_sections_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys=capsys).splitlines()
    order = [line.split()[0] for line in shown if line.startswith("  ") and line.split()[0] in app.commands]

    assert order == [name for _, names in SECTIONS for name in names if name in app.commands]
    assert {"Audit:", "Set up:"} <= set(shown)
    assert "Other commands:" not in shown


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["rnu"], "No such command 'rnu': did you mean 'run'?"),
        (["complete"], "did you mean 'completion'?"),
        (["xyzzy"], "No such command 'xyzzy' ("),
        (["run", "--prefx", "a"], "--prefix"),
    ],
)
def test_what_is_mistyped_is_told_the_nearest(typed: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(typed) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_prints_the_shells_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert f"_S3AUDIT_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_completion_of_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_options_values_and_files(tmp_path: Path) -> None:
    """The script as bash itself reads and runs it, also beside a configuration file that cannot be used."""
    command = tmp_path / "bin" / "s3audit"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m s3audit_async "$@"\n')
    command.chmod(0o700)
    (tmp_path / "s3audit.toml").write_text("broken =")
    variables = environment()
    variables["PATH"] = f"{command.parent}:{variables['PATH']}"
    script = 'compopt() { echo "compopt $1 $2"; }\nsource <(s3audit completion bash) || exit 1\n'
    for words in (
        ["co"],
        ["run", "--exclude-r"],
        ["run", "--log-format", "j"],
        ["explain", "key-pend"],
        ["run", "-o", "bi"],
    ):
        quoted = " ".join(words)
        script += (
            f"COMP_WORDS=(s3audit {quoted}) COMP_CWORD={len(words)} COMPREPLY=()\n"
            f'_s3audit_completion s3audit "{words[-1]}"; echo "${{COMPREPLY[*]}}"\n'
        )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        check=False,
        capture_output=True,
        cwd=tmp_path,
        env=variables,
        text=True,
        timeout=60,
    )
    assert done.stdout.split("\n") == [
        "completion",
        "--exclude-region",
        "json",
        "key-pending-deletion",
        "compopt -o default",
        "",
        "",
    ], done.stderr
