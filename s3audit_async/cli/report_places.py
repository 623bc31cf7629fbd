"""Where the files of a run go: the report itself, or a spool and the files that are made of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.cli.outcome import anybody_there
from s3audit_async.errors import UsageError
from s3audit_async.output import PARTIAL_SUFFIX, Target
from s3audit_async.output.places import is_directory
from s3audit_async.output.spool import FORMAT
from s3audit_async.sinks import RESUMABLE, suffix_of

if TYPE_CHECKING:
    from s3audit_async.cli.run import RunSettings

SPOOL_SUFFIX = f".{FORMAT}"


@dataclass(frozen=True, slots=True)
class Direct:
    """A report that is written as the rows come."""

    path: Path
    format: str


@dataclass(frozen=True, slots=True)
class Spooled:
    """Files that are made when all rows are there; `path` is the spool's final name."""

    path: Path
    targets: tuple[Target, ...]


def places_of(settings: RunSettings, forms: tuple[str, ...]) -> Direct | Spooled:
    """Tell where a run's formats go. Raises `UsageError` for several that are to go into one file."""
    base, single = _where(settings, forms)
    if single:
        targets = (Target(forms[0], base, wide=settings.wide), *settings.also)
        spool = base if forms == (FORMAT,) else base.with_name(base.name + SPOOL_SUFFIX)
    else:
        named = (Target(form, base.with_name(f"{base.name}.{suffix_of(form)}"), wide=settings.wide) for form in forms)
        targets = (*named, *settings.also)
        spool = base.with_name(base.name + SPOOL_SUFFIX)
    first = targets[0]
    complete = settings.wide or first.format != "csv" or not settings.needs_all
    if len(targets) == 1 and first.format in RESUMABLE and complete:
        return Direct(first.path, first.format)
    return Spooled(spool, targets)


def _where(settings: RunSettings, forms: tuple[str, ...]) -> tuple[Path, bool]:
    """Give the file for the one format, or what the names of all files begin with; and which of the two it is."""
    where = settings.output
    if where is None:
        where = _ask_where() if settings.again and sys.stdin.isatty() and anybody_there() else "."
    path = Path(where).expanduser()
    if is_directory(path) or where.endswith("/"):
        return path / f"bucketEncryptionReport_{datetime.now().astimezone():%Y%m%d-%H%M%S}", False
    if len(forms) > 1:
        raise UsageError(f"{path} is no directory, which {len(forms)} formats need", hint="name a directory with -o")
    if path.name.endswith(PARTIAL_SUFFIX):
        raise UsageError(f"{path} would be the name of an unfinished report", hint=f"leave {PARTIAL_SUFFIX} out")
    return path, True


def _ask_where() -> str:
    import click  # noqa: PLC0415 - for a terminal only

    answer: str = click.prompt("Directory or file for the report", default=".", err=True)
    return answer
