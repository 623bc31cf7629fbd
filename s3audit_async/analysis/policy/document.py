"""A TOML text as typed values, of which each that is refused is refused with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from s3audit_async.analysis.policy.locating import lines_of
from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from s3audit_async.analysis.policy.locating import Path

_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
_LONGEST_QUOTED = 80
"""Characters of a policy's text that a message repeats."""
_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    datetime: "a date with a time",
    date: "a date",
    time: "a time",
    list: "a list",
    dict: "a table",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the document, with its place."""

    value: str
    path: Path


class Document:
    """A document and its lines. `name` is what messages call it."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            match = _PLACE.search(str(error))
            line = int(match["line"]) if match and match["line"] else text.rstrip("\n").count("\n") + 1
            what = str(error)[: match.start()] if match else str(error)
            raise self.refused(line, f"not valid TOML: {_lower(what)}") from error
        except RecursionError as error:
            raise self.refused(1, "not readable: it nests too deeply") from error
        self._lines = lines_of(text)
        self.top = Table(self, (), values)

    def line(self, path: Path) -> int:
        """Give the line on which something stands."""
        return self._lines[path]

    def refused(self, line: int, message: str, hint: str = "") -> UsageError:
        """Make the error that says what is wrong on a line."""
        return UsageError(f"{self._name}, line {line}: {message}", hint=hint)


class Table:
    """A table of a document. What is asked of it and is not so raises `UsageError`."""

    def __init__(self, document: Document, path: Path, values: Mapping[str, Any]) -> None:
        self._document = document
        self._path = path
        self._values = values

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def line(self) -> int:
        """Where it begins."""
        return self._document.line(self._path)

    def refused(self, place: str | Path, message: str, hint: str = "") -> UsageError:
        """Make the error that says what is wrong: at a key, at a whole path, or (an empty one) at the table."""
        path = place if isinstance(place, tuple) else (*self._path, place) if place else self._path
        return self._document.refused(self._document.line(path), message, hint)

    def only(self, known: Iterable[str], what: str) -> None:
        """See that no other keys are there."""
        names = tuple(known)
        for key in self._values:
            if key not in names:
                raise self.refused(key, f"{what} has no {quoted(key)}", nearest(key, names))

    def text(self, key: str) -> str | None:
        """Give a text that is not empty; None where there is none."""
        if key not in self._values:
            return None
        value = self._values[key]
        if not isinstance(value, str):
            raise self._wrong(key, value, "text", hint=_quotes(value))
        if not value.strip():
            raise self.refused(key, f"{key} is empty")
        return value

    def texts(self, key: str) -> tuple[Text, ...]:
        """Give a list of texts, which may be one text; nothing where there is none, or an empty one."""
        if key not in self._values:
            return ()
        value = self._values[key]
        path = (*self._path, key)
        if isinstance(value, str):
            return (Text(value, path),)
        if not isinstance(value, list):
            raise self._wrong(key, value, "a list of texts", hint=_quotes(value))
        for index, each in enumerate(value):
            if not isinstance(each, str):
                message = f"{key} holds {_KINDS[type(each)]} where text is expected"
                raise self.refused((*path, index), message, _quotes(each))
        return tuple(Text(each, (*path, index)) for index, each in enumerate(value))

    def filled(self, key: str) -> tuple[Text, ...]:
        """Give a list of texts that is not empty; nothing where there is none."""
        texts = self.texts(key)
        if not texts and key in self._values:
            raise self.refused(key, f"{key} is an empty list")
        return texts

    def day(self, key: str) -> date | None:
        """Give a date without a time; None where there is none."""
        if key not in self._values:
            return None
        value = self._values[key]
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self._wrong(key, value, "a date", hint="write it without quotes and without a time, as 2027-01-31")
        return value

    def tables(self, key: str) -> Iterator[Table]:
        """Give the tables of an array of tables; none where there is none."""
        if key not in self._values:
            return
        value = self._values[key]
        if isinstance(value, dict):
            raise self.refused(key, f"{key} is a single table", f"write [[{key}]], with two brackets")
        if not isinstance(value, list):
            raise self._wrong(key, value, "a table", hint=f"write [[{key}]] on a line of its own, its keys below")
        path = (*self._path, key)
        for index, each in enumerate(value):
            if not isinstance(each, dict):
                message = f"{key} holds {_KINDS[type(each)]} where a table is expected"
                raise self.refused((*path, index), message, f"write [[{key}]] on a line of its own, its keys below")
            yield Table(self._document, (*path, index), each)

    def checked(self, key: str, problem: Callable[[str], str]) -> tuple[str, ...]:
        """Give a list of texts of each of which `problem` says nothing; an empty one only where there is none."""
        texts = self.filled(key)
        for text in texts:
            if wrong := problem(text.value):
                raise self.refused(text.path, f"{key} holds {quoted(text.value)}: {wrong}")
        return tuple(text.value for text in texts)

    def _wrong(self, key: str, value: object, expected: str, *, hint: str) -> UsageError:
        return self.refused(key, f"{key} is {_KINDS[type(value)]} where {expected} is expected", hint)


def quoted(text: str) -> str:
    """Quote what stands in a policy, cut to a length that a line of a terminal can take."""
    return f'"{text if len(text) <= _LONGEST_QUOTED else text[:_LONGEST_QUOTED] + "..."}"'


def nearest(word: str, known: Iterable[str]) -> str:
    """Make a hint: the known word that is most like another one, or all of them."""
    names = tuple(known)
    close = difflib.get_close_matches(word.lower().replace("_", "-"), names, 1) or difflib.get_close_matches(
        word.lower(), names, 1
    )
    return f"did you mean {quoted(close[0])}?" if close else f"known are {', '.join(names)}"


def _quotes(value: object) -> str:
    return f'write it in quotes, as "{value}"' if isinstance(value, int) and not isinstance(value, bool) else ""


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
