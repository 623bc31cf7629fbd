"""The table of options in docs/configuration.md: a test compares, `python -m tests.option_table --write` renews."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from s3audit_async.cli.app import app
from s3audit_async.cli.configuration import ConfiguredOption

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

_TABLE = re.compile(r"\| option \| variable \| value \| commands \|\n\| --- \| --- \| --- \| --- \|\n((?:\|.*\n)*)")


def options() -> dict[str, dict[str, ConfiguredOption]]:
    """Every option that can be configured, by its long name (a command's own: with the command) and the commands."""
    found: dict[str, dict[str, ConfiguredOption]] = {}
    for name in app.list_commands(app.make_context("s3audit", [], resilient_parsing=True)):
        for option in app.commands[name].params:
            if isinstance(option, ConfiguredOption):
                shown = f"{name} --{option.long_name}" if option.own else f"--{option.long_name}"
                found.setdefault(shown, {})[name] = option
    return found


def table() -> str:
    """The rows as they should be."""
    lines = []
    for name, by_command in sorted(options().items()):
        option = next(iter(by_command.values()))
        value = "`true` or `false`" if option.is_flag else _shown(option)
        commands = ", ".join(f"`{command}`" for command in by_command)
        lines.append(f"| `{name}` | `{option.envvar}` | {value} | {commands} |\n")
    return "".join(lines)


def shown() -> str:
    """The rows in the page."""
    match = _TABLE.search(PAGE.read_text())
    return match[1] if match else ""


def _shown(option: ConfiguredOption) -> str:
    choices = getattr(option.type, "choices", None)
    value = (
        " or ".join(f"`{choice}`" for choice in choices) if choices else (option.metavar or "TEXT").replace("|", " or ")
    )
    return f"{value}, several" if option.multiple else value


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    page = PAGE.read_text()
    PAGE.write_text(page.replace(shown(), table()) if shown() else page)
