"""The configuration file: which one counts, what it may say, and what it must not say unasked.

A file that is found, and not named, came with the directory. It must not send requests elsewhere, choose other
credentials or say whom roles are to trust, nor have anything written outside that directory; and it must belong to
whoever runs the command.
"""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3audit_async.errors import UsageError
from s3audit_async.redaction import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = "s3audit.toml"
SHARED = "pyproject.toml"
"""Whose table `[tool.s3audit]` counts where there is no file of our own."""

_LARGEST = 1024 * 1024  # bytes; it is read as a whole
_NOT_UNASKED = frozenset(
    {"accounts", "caller", "dask", "endpoint-url", "external-id", "profile", "profiles", "role-name"}
)
"""Options that choose credentials, or who gets to see what is asked with them."""
_WRITTEN = frozenset({"output", "stats", "html", "plan", "resume"})
"""Options that name a file which is written."""
_TABLE = "tool.s3audit"
"""What a `pyproject.toml` that concerns us has in it. Others are not even parsed."""
_TRUSTED = "if you trust it, name it: --config"


class Kind(Enum):
    """What an option's value is, in TOML. The values are for people."""

    FLAG = "true or false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    TEXT = "text in quotes"

    def takes(self, value: object) -> bool:
        """Tell whether a value is one."""
        if isinstance(value, bool):
            return self is Kind.FLAG
        types = {Kind.FLAG: (), Kind.INTEGER: (int,), Kind.NUMBER: (int, float), Kind.TEXT: (str,)}
        return isinstance(value, types[self])


@dataclass(frozen=True, slots=True)
class Key:
    """An option, as the file knows it."""

    name: str
    """Its long name, without hyphens before it."""
    kind: Kind
    many: bool = False
    """Whether it may be given a list."""
    own: bool = False
    """Whether only the command's own table sets it: another command's option of that name is something else."""

    def check(self, value: object, place: str) -> None:
        """Raise `UsageError` for a value that is none for this option."""
        values = value if self.many and isinstance(value, list) else [value]
        if not all(map(self.kind.takes, values)):
            often = ", or a list of such" if self.many else ""
            raise UsageError(f"{place}: '{self.name}' is not {self.kind.value}{often}", hint="mend it there")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file that was read."""

    path: Path
    named: bool
    """Whether the user named it, as opposed to its being found."""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What messages call it."""
        return plain(self.path)

    def of_command(self, command: str, commands: Mapping[str, Mapping[str, Key]]) -> dict[str, Any]:
        """Give what it says for one command, by option; the command's own table wins.

        Raises `UsageError` for whatever in it cannot be, for other commands too: a mistake is to be found before it
        matters.
        """
        every = {name: key for keys in commands.values() for name, key in keys.items()}
        chosen: dict[str, Any] = {}
        for name, value in self.values.items():
            if isinstance(value, dict) and name in commands:
                self._check(value, commands[name], f" in [{name}]")
            elif isinstance(value, dict) and name not in every:
                raise self._unknown(name, commands, "table", "command")
            else:
                self._check({name: value}, {**every, **commands[command]}, "")
                if name in commands[command] and not commands[command][name].own:
                    chosen[name] = value
        return {**chosen, **self.values.get(command, {})}

    def _check(self, table: Mapping[str, Any], keys: Mapping[str, Key], where: str) -> None:
        for name, value in table.items():
            key = keys.get(name)
            if key is None:
                raise self._unknown(name, keys, "key", "option", where)
            key.check(value, f"{self.place}{where}")
            if not self.named:
                self._check_harmless(name, value, where)

    def _check_harmless(self, name: str, value: object, where: str) -> None:
        if name in _NOT_UNASKED:
            raise UsageError(
                f"{self.place}{where}: '{name}' does not count in a file that was found",
                hint=f"{_TRUSTED} {self.place}",
            )
        if name in _WRITTEN and value != "-":
            folder = Path.cwd().resolve()
            if not Path(str(value)).expanduser().resolve().is_relative_to(folder):
                raise UsageError(
                    f"{self.place}{where}: '{name}' leads out of this directory", hint=f"{_TRUSTED} {self.place}"
                )

    def _unknown(self, name: str, among: Iterable[str], what: str, of: str, where: str = "") -> UsageError:
        near = get_close_matches(name, list(among), n=1)
        listed = f"did you mean '{near[0]}'?" if near else "see 's3audit --help'"
        return UsageError(f"{self.place}{where}: there is no {of} for {what} '{plain(name)}'", hint=listed)


def find(named: str | None) -> ConfigFile | None:
    """Read the file that counts: the one named, else `s3audit.toml` here, else a table in `pyproject.toml` here.

    Raises `UsageError` for one that cannot be read or used.
    """
    if named is not None:
        path = Path(named).expanduser()
        text, _ = _read(path)
        values = _parsed(path, text) if path.name != SHARED else _table(path, text)
        if values is None:
            raise UsageError(f"{plain(path)} has no table [tool.s3audit]", hint="name another: --config FILE")
        return ConfigFile(path, named=True, values=values)
    path = Path(NAME)
    if os.path.lexists(path):
        text, found = _read_unasked(path)
        _check_owner(path, found)
        return ConfigFile(path, named=False, values=_parsed(path, text))
    path = Path(SHARED)
    if path.is_file():
        text, found = _read_unasked(path)
        values = _table(path, text) if _TABLE in text else None  # what is wrong in somebody else's part is theirs
        if values is not None:
            _check_owner(path, found)
            return ConfigFile(path, named=False, values=values)
    return None


def _read_unasked(path: Path) -> tuple[str, os.stat_result]:
    if not path.is_file():
        raise UsageError(f"{plain(path)} is no ordinary file", hint="remove it, or name another: --config FILE")
    return _read(path)


def _read(path: Path) -> tuple[str, os.stat_result]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
            found = os.fstat(file.fileno())
        text = content.decode()
    except OSError as error:
        raise UsageError(f"cannot read {plain(path)}: {error.strerror}", hint="name another: --config FILE") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{plain(path)} is not UTF-8 text", hint="write it as TOML") from error
    if len(content) > _LARGEST:
        raise UsageError(f"{plain(path)} is too long for a configuration file", hint=f"at most {_LARGEST:,} bytes")
    return text, found


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in {0, os.geteuid()} or found.st_mode & stat.S_IWOTH:
        raise UsageError(
            f"{plain(path)} belongs to another user, or anybody may write it", hint=f"{_TRUSTED} {plain(path)}"
        )


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:  # the first names the line
        raise UsageError(f"{plain(path)}: {plain(error)}", hint="it is read as TOML") from error


def _table(path: Path, text: str) -> dict[str, Any] | None:
    tool = _parsed(path, text).get("tool")
    table = tool.get("s3audit") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{plain(path)}: tool.s3audit is no table", hint="write [tool.s3audit]")
    return table
