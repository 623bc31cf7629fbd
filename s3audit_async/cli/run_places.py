"""The places that a run reads from and writes to, seen together: none may be another's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.analysis.policy.builtin import BUILT_IN
from s3audit_async.cli.report_places import spool_of
from s3audit_async.errors import UsageError
from s3audit_async.fleet.accounts_file import file_of
from s3audit_async.output import LEDGER_SUFFIX, PARTIAL_SUFFIX, STATE_SUFFIX
from s3audit_async.output.places import is_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3audit_async.cli.run import RunSettings

_REPORT = "where the report goes"


def check_apart(settings: RunSettings, made: Iterable[Path] = ()) -> None:
    """Raise `UsageError` where two of a run's files are one, or its figures cannot be.

    `made` are the files that a run which is gone on with makes, its page among them.
    """
    taken = {_resolved(place): what for place, what in _read(settings)}
    places = {_resolved(str(path)) for path in made}
    for place in places & taken.keys():
        raise UsageError(f"{place}, which is made of the report, is {taken[place]}", hint="name another file")
    for option, named, names, what in _written(settings):
        clash = next((taken[name] for name in names if name in taken), None)
        if clash is not None:
            raise UsageError(f"{option} {named} is {clash}", hint="name another file")
        taken |= dict.fromkeys(names, what)
        if option == "--stats":
            _check_stats(names[0])
            if names[0] in places:
                raise UsageError(f"{option} {named} is {_REPORT}", hint="name another file")


def _read(settings: RunSettings) -> Iterator[tuple[str, str]]:
    if settings.buckets_from not in {None, "-"}:
        yield settings.buckets_from or "", "the list of buckets"
    listed = file_of(settings.fleet.accounts)
    if listed is not None:
        yield listed, "the list of accounts"
    if settings.policy is not None and settings.policy not in BUILT_IN:
        yield settings.policy, "the policy"


def _written(settings: RunSettings) -> Iterator[tuple[str, str, tuple[Path, ...], str]]:
    """Give option, place as it was named, all names that are in use there, and what they are in use for."""
    if settings.output is not None and settings.output != "-":
        yield "-o", settings.output, _of_report(settings.output), _REPORT
    if settings.resume:
        yield "--resume", settings.resume, _of_report(settings.resume), _REPORT
    if settings.html is not None:
        yield "--html", settings.html, (_resolved(settings.html),), "where the page goes"
    if settings.stats is not None:
        yield "--stats", settings.stats, (_resolved(settings.stats),), "where the figures go"


def _of_report(place: str) -> tuple[Path, ...]:
    path = _resolved(place)
    if is_directory(path) or place.endswith("/"):
        return (path,)  # names in it have the time in them
    final = path.with_name(path.name.removesuffix(PARTIAL_SUFFIX) or path.name)
    return tuple(
        each.with_name(f"{each.name}{suffix}{coming}")
        for each in (final, spool_of(final))
        for suffix in ("", PARTIAL_SUFFIX, STATE_SUFFIX)
        for coming in ("", ".tmp")
    ) + tuple(
        final.with_name(f"{final.name}{LEDGER_SUFFIX}{suffix}")
        for suffix in ("", PARTIAL_SUFFIX, f"{PARTIAL_SUFFIX}.tmp")
    )


def _check_stats(path: Path) -> None:
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory for --stats {path}", hint="make it first")
    if path.is_dir():
        raise UsageError(f"--stats {path} is a directory", hint="name a file in it")


def _resolved(place: str) -> Path:
    return Path(place).expanduser().resolve()
