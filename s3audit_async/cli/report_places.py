"""Where the files of a run go: the report itself, or a spool and the files that are made of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.cli.outcome import anybody_there
from s3audit_async.errors import UsageError
from s3audit_async.output import LEDGER_SUFFIX, PARTIAL_SUFFIX, StateFile, Target, partial_of
from s3audit_async.output.places import is_directory
from s3audit_async.output.replacing import check_replaceable
from s3audit_async.output.splitting import parts_there
from s3audit_async.output.spool import FORMAT, discard
from s3audit_async.sinks import FORMATS, RESUMABLE, suffix_of

if TYPE_CHECKING:
    from s3audit_async.cli.run import RunSettings
    from s3audit_async.output import RunState

_SPOOL_SUFFIX = f".{FORMAT}"


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
        spool = base if forms == (FORMAT,) and not settings.fleet.split else spool_of(base)
    else:
        named = (Target(form, base.with_name(f"{base.name}.{suffix_of(form)}"), wide=settings.wide) for form in forms)
        targets = (*named, *settings.also)
        spool = spool_of(base)
    first = targets[0]
    complete = settings.wide or first.format != "csv" or not settings.needs_all
    if settings.fleet.split:
        for target in targets[: len(forms)]:
            for part in parts_there(target.path):
                check_replaceable(str(part))
    elif len(targets) == 1 and first.format in RESUMABLE and complete:
        return Direct(first.path, first.format)
    return Spooled(spool, targets)


def ledger_of(places: Direct | Spooled) -> Path:
    """Name the side file of a report of many accounts: for the report, or for what the names of several begin with."""
    if isinstance(places, Direct):
        report = places.path
    else:
        reports = [target.path for target in places.targets if target.format in FORMATS]
        report = (
            reports[0] if len(reports) == 1 else places.path.with_name(places.path.name.removesuffix(_SPOOL_SUFFIX))
        )
    return report.with_name(report.name + LEDGER_SUFFIX)


def make_way(places: Direct | Spooled) -> None:
    """See that what an earlier run left does not belong to the report that is to begin, in either of its two forms.

    A spool whose files were all made is removed: what begins makes the same files of newer rows. Raises `UsageError`
    for one that was not finished.
    """
    report = places.path if isinstance(places, Direct) else places.targets[0].path
    state = _claim_on(report)
    unfinished = partial_of(report if state is None else spool_of(report))
    if state is not None and state.made:
        discard(spool_of(report))
    elif state is not None or unfinished.exists():
        raise UsageError(
            f"{unfinished} is an unfinished report, or another run is writing it",
            hint="go on with it by --resume, or remove it",
        )


def to_resume(path: Path) -> Path:
    """Give what to go on with for a file that was to be made of a spool: that. Raises `UsageError` if it has both."""
    if not path.name or not partial_of(spool_of(path)).exists():
        return path
    left = [each for each in (partial_of(path), StateFile(path).path) if each.exists()]
    claimed = _claim_on(path) is not None or StateFile(spool_of(path)).read() is None
    if claimed and left:
        raise UsageError(
            f"{partial_of(spool_of(path))} and {left[0]} are both of {path}",
            hint="remove the one of the run that you do not want to go on with",
        )
    return partial_of(spool_of(path)) if claimed else path


def _claim_on(report: Path) -> RunState | None:
    """Give the state of the spool that is there and of which this report is to be made; None if there is none."""
    spool = spool_of(report)
    state = StateFile(spool).read() if partial_of(spool).exists() else None
    made = () if state is None else state.wanted
    return state if any(spool.parent / each.path == report for each in made) else None


def spool_of(report: Path) -> Path:
    """Name the spool that a report is made of, if it is."""
    return report.with_name(report.name + _SPOOL_SUFFIX)


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
