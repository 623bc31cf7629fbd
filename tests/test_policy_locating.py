from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from s3audit_async.analysis.policy.locating import Path, lines_of

SCALARS = (
    "1",
    "-1_000.5e-3",
    "true",
    "1979-05-27 07:32:00.999",
    "1979-05-27T07:32:00+01:00",
    "2027-01-31",
    '"plain"',
    '"with ] and } and # and , and = and \\" in it"',
    r"'C:\no\escape # ['",
    '"""\none ] # \\"""\ntwo "" \n"""',
    '"""one quote more""""',
    '""""""',
    "'''\nx = 1 # [\n[table]\n'''",
    "'''one quote more''''",
    "'''two quotes more'''''",
)
KEYS = ("a", "b-2", "c_3", "4", '"quoted . # ] key"', "'literal \" key'", '"tab\\tkey"')


class Drawing:
    """A document as it is drawn, and where each part of it was put."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.text = ""
        self.lines: dict[Path, int] = {(): 1}

    def choose(self, options: Any) -> Any:
        return self._data.draw(st.sampled_from(options))

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def keys(self, most: int = 3) -> list[str]:
        return self._data.draw(st.lists(st.sampled_from(KEYS), max_size=most, unique=True))

    def value(self, path: Path, depth: int) -> None:
        kind = self.choose(("scalar", "scalar", "array", "inline")) if depth else "scalar"
        if kind == "scalar":
            self.text += self.choose(SCALARS)
        elif kind == "array":
            self.text += "["
            for index in range(self.choose((0, 1, 2, 3))):
                self.text += self.choose(("", " ", "\n", " # ] a comment [[x]]\n\n", "\r\n"))
                self.lines[(*path, index)] = self.line
                self.value((*path, index), depth - 1)
                self.text += self.choose((",", " ,", "\n,", ", # , \n"))
            self.text += self.choose(("]", "\n]"))
        else:
            self.text += "{"
            for place, key in enumerate(self.keys()):
                self.text += ", " if place else " "
                self.pair(path, key, depth - 1)
            self.text += "}"

    def pair(self, table: Path, key: str, depth: int = 2) -> None:
        path = (*table, name_of(key))
        self.lines[path] = self.line
        self.text += key
        if self.choose((False, False, True)):
            self.text += " . dotted"
            path = (*path, "dotted")
            self.lines[path] = self.line
        self.text += self.choose(("=", " = "))
        self.value(path, depth)

    def body(self, table: Path) -> None:
        for key in self.keys():
            self.text += self.choose(("", "  ", "\n", "# [comment]\n", "\t"))
            self.pair(table, key)
            self.text += self.choose(("\n", " # = \n", "\r\n"))

    def array_of_tables(self, name: str, inner: str) -> None:
        for index in range(self.choose((1, 2, 3))):
            self.lines.setdefault((name,), self.line)
            self.lines[(name, index)] = self.line
            self.text += self.choose((f"[[{name}]]", f"[[ {name} ]] # [["))
            self.text += "\n"
            self.body((name, index))
            for nested in range(self.choose((0, 1, 2))):
                self.lines.setdefault((name, index, inner), self.line)
                self.lines[(name, index, inner, nested)] = self.line
                self.text += f"[[{name}.{inner}]]\n"
                self.body((name, index, inner, nested))
            if self.choose((True, False)):
                self.lines[(name, index, "table")] = self.line
                self.text += f"[{name} . table]\n"
                self.body((name, index, "table"))


def name_of(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 1")))


def paths(value: Any, path: Path = ()) -> set[Path]:
    """Every place of a parsed document."""
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path}.union(*(paths(child, (*path, key)) for key, child in children))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_every_key_and_element_of_any_document_is_found_on_its_line(data: st.DataObject) -> None:
    """As many places as tomllib knows, each on the line on which it was written."""
    drawing = Drawing(data)
    drawing.body(())
    drawing.array_of_tables("rule", "nested")
    drawing.array_of_tables("exception", "of-it")
    assert paths(tomllib.loads(drawing.text)) == set(drawing.lines)
    assert lines_of(drawing.text) == drawing.lines
