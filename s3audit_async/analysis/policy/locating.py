"""Finds the lines of a TOML text on which its keys and array elements stand: tomllib gives values without places."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Where something stands in a document: keys of tables, indices of arrays. `("rule", 1, "buckets", 0)`."""

# TOML 1.0. Up to two more quotes of a text's own may stand before the three that end it.
_TOKEN = re.compile(
    r'''
      (?P<string>"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    | (?P<comment>\#[^\n]*)
    | (?P<newline>\n)
    | (?P<mark>[\[\]{}=,.])
    | (?P<bare>[^\s\[\]{}=,.\#"']+)
    ''',
    re.DOTALL | re.VERBOSE,
)
_END = ""


def lines_of(text: str) -> Mapping[Path, int]:
    """Map every table, key and array element of a document to its line, from 1.

    The text must be valid TOML: what tomllib refuses is not looked at here.
    """
    return _Locator(text).lines


class _Locator:
    """One pass over a valid document. Nests no deeper in calls than tomllib does."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {(): 1}
        self._tokens: list[str] = []
        self._line_of: list[int] = []
        self._scan(text)
        self._at = 0
        self._lengths: dict[Path, int] = {}
        self._document()

    def _scan(self, text: str) -> None:
        line, seen = 1, 0
        for match in _TOKEN.finditer(text):
            if match.lastgroup == "comment":
                continue
            line += text.count("\n", seen, match.start())
            seen = match.start()
            self._tokens.append(match[0])
            self._line_of.append(line)
        self._tokens.append(_END)
        self._line_of.append(line)

    @property
    def _here(self) -> str:
        return self._tokens[self._at]

    @property
    def _line(self) -> int:
        return self._line_of[self._at]

    def _document(self) -> None:
        table: Path = ()
        while self._here != _END:
            if self._here == "\n":
                self._at += 1
            elif self._here == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        line = self._line
        of_array = self._tokens[self._at + 1] == "["
        self._at += 1 + of_array
        *parents, last = self._key("]")
        self._at += 1 + of_array
        path: Path = ()
        for parent in parents:
            path = self._latest((*path, parent))
            self.lines.setdefault(path, line)
        path = (*path, last)
        self.lines.setdefault(path, line)
        if of_array:
            self._lengths[path] = self._lengths.get(path, 0) + 1
            path = self._latest(path)
            self.lines[path] = line
        return path

    def _latest(self, path: Path) -> Path:
        """Go on to the latest table of an array of tables, if that is what stands there."""
        return (*path, self._lengths[path] - 1) if path in self._lengths else path

    def _pair(self, table: Path) -> None:
        line = self._line
        path = table
        for part in self._key("="):
            path = (*path, part)
            self.lines.setdefault(path, line)
        self._at += 1
        self._value(path)

    def _key(self, end: str) -> list[str]:
        """Read a dotted key up to the mark that ends it."""
        parts = []
        while self._here != end:
            if self._here != ".":
                parts.append(_unquoted(self._here))
            self._at += 1
        return parts

    def _value(self, path: Path) -> None:
        if self._here == "[":
            self._array(path)
        elif self._here == "{":
            self._at += 1
            while self._here != "}":
                if self._here in {",", "\n"}:
                    self._at += 1
                else:
                    self._pair(path)
            self._at += 1
        else:
            while self._here not in {",", "]", "}", "\n", _END}:  # a date with its time is two tokens, a float three
                self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._here != "]":
            if self._here in {",", "\n"}:
                self._at += 1
                continue
            self.lines[(*path, index)] = self._line
            self._value((*path, index))
            index += 1
        self._at += 1


def _unquoted(key: str) -> str:
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key
