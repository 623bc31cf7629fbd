"""The borders of the house: who may import whom, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import s3audit_async

PACKAGE = Path(s3audit_async.__file__).parent
SDK = {"aioboto3", "aiobotocore", "boto3", "botocore"}

# From the ground up: a module imports only from its own room and from rooms above it in this list.
ROOMS = [
    {"model"},
    {"errors"},
    {"redaction"},
    {"references"},
    {"names"},
    {"codes"},
    {"findings"},
    {"classify"},
    {"assessment"},
    {"options", "ports"},
    {"observe", "stats", "permissions"},
    {"organization_permissions"},
    {"pacing", "breaker"},
    {"retry", "limiter", "keys"},
    {"engine"},
    {"aws"},
    {"fleet"},
    {"sinks"},
    {"analysis"},
    {"output"},
    {"resume"},
    {"api"},
    {"recorded"},
    {"demo"},
    {"cli"},
]
LEVEL = {name: level for level, room in enumerate(ROOMS) for name in room}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The folder of the package that a module stands in, or the module itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imports(path: Path, *, checked_only: bool = False) -> set[str]:
    """Full names of all that a module imports, wherever in it; without those for type checkers, if so wished."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(node)
        for branch in ast.walk(tree)
        if checked_only and isinstance(branch, ast.If) and getattr(branch.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_the_rooms_above_it_only(path: Path) -> None:
    """No room knows of those built on it."""
    room = room_of(path)
    if room in {"__init__", "__main__"}:
        return
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package == "s3audit_async" and rest and rest.split(".")[0] != "__version__":
            other = rest.split(".")[0]
            assert other == room or LEVEL[other] < LEVEL[room], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_aws_room_imports_the_sdk(path: Path) -> None:
    """Elsewhere its names serve type checkers at most."""
    if room_of(path) != "aws":
        assert not {name.split(".")[0] for name in imports(path, checked_only=True)} & SDK


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_decisions_are_pure(path: Path) -> None:
    """The modules that decide contain nothing asynchronous and import nothing that does I/O."""
    if room_of(path) not in {
        "model",
        "errors",
        "redaction",
        "references",
        "names",
        "codes",
        "findings",
        "classify",
        "assessment",
    }:
        return
    tree = ast.parse(path.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]
    allowed = {
        "__future__",
        "collections",
        "dataclasses",
        "datetime",
        "enum",
        "json",
        "re",
        "shlex",
        "typing",
        "urllib",
        "s3audit_async",
    }
    assert {name.split(".")[0] for name in imports(path)} <= allowed


def test_every_room_is_known() -> None:
    """A new room has to take its place in the list."""
    rooms = {room_of(path) for path in MODULES} - {"__init__", "__main__"}
    assert rooms == set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_owns_and_is_not_too_long(path: Path) -> None:
    """One docstring, at most 400 lines."""
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 400
