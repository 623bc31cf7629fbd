"""Goes on from a report that was interrupted: which rows stay, whom not to ask twice, and what has to be the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from s3audit_async.analysis.reading import Layout, ReportReader
from s3audit_async.analysis.summary import Summary
from s3audit_async.classify import is_unresolved
from s3audit_async.errors import UsageError
from s3audit_async.output import PARTIAL_SUFFIX, FileOutput, RunState, StateFile, partial_of
from s3audit_async.output.places import is_special

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from s3audit_async.model import Row
    from s3audit_async.options import Options
    from s3audit_async.output import Wanted

_SHOWN = 3
"""How many names or regions of an option are shown."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A report that can be gone on with, as it was found; nothing of it is touched yet."""

    path: Path
    layout: Layout
    state: RunState | None
    """What the run that began it left beside it; None if that cannot be read."""
    state_file: StateFile


@dataclass(slots=True)
class Resumption:
    """What an interrupted report brings into the run that completes it. `names` costs about 0.1 KiB a bucket."""

    layout: Layout
    output: FileOutput
    names: set[str]
    summary: Summary
    asked_again: int
    """Rows that held an error and were left out."""
    torn: bool
    """Whether the last line was not whole."""
    begun: bool
    """Whether the report has what stands before its first row."""
    account: str | None
    """The account that all rows name which name one; None if they name several."""


@dataclass(slots=True)
class _Sieve:
    """Passes on the pieces of a report that stay, and remembers what they were."""

    reader: ReportReader
    seen: Callable[[Row], object]
    names: set[str] = field(default_factory=set)
    summary: Summary = field(default_factory=Summary)
    accounts: set[str | None] = field(default_factory=set)
    left_out: int = 0

    def __iter__(self) -> Iterator[bytes]:
        yield self.reader.header
        for record in self.reader:
            row = record.row
            self.accounts.add(row.account)
            if row.bucket in self.names:
                continue
            if is_unresolved(row.mode, row.key_type):
                self.left_out += 1
                continue
            self.names.add(row.bucket)
            self.summary.add(row)
            self.seen(row)
            yield record.raw

    def account(self) -> str | None:
        named = self.accounts - {None}
        return named.pop() if len(named) == 1 else None


def look_at(path: Path) -> Unfinished:
    """Tell what `resume` would go on with. Raises `UsageError` as that does, and for a run state of something else."""
    reader = _reader(path)
    layout = reader.layout
    state_file = StateFile(_final(path))
    state = state_file.read()
    if state is not None:
        begun_as = Layout(state.format, wide=state.wide)
        if not reader.header and layout.format == "csv":
            layout = begun_as  # its header is torn off, so that it could be any report
        elif layout != begun_as:
            raise UsageError(
                f"{state_file.path} belongs to another report than {path}",
                hint="remove it to go on unchecked, and then give the same options again",
            )
    return Unfinished(path, layout, state, state_file)


def resume(
    path: Path, *, into: Callable[..., FileOutput] = FileOutput, seen: Callable[[Row], object] = lambda _: None
) -> Resumption:
    """Open a report to go on with. `path` is its partial file, or a report that holds errors or lost its end.

    Rows without an error stay, to the byte; those with one, and a last line that is not whole, are left out and their
    buckets asked again. The file read is replaced only when the first new row comes. `into` makes the output, given
    what `FileOutput` is given; `seen` is told of each row that stays. Raises `UsageError` for a file that is not a
    report of s3audit, or that another run is writing.
    """
    reader = _reader(path)
    sieve = _Sieve(reader, seen)
    output = into(_final(path), kept=sieve)
    begun = bool(reader.header) or bool(sieve.names)
    return Resumption(
        reader.layout, output, sieve.names, sieve.summary, sieve.left_out, reader.torn, begun, sieve.account()
    )


def state_of(options: Options, layout: Layout, wanted: tuple[Wanted, ...] = ()) -> RunState:
    """Give what whoever goes on with a report has to know of the run that began it."""
    return RunState(
        account=options.account,
        format=layout.format,
        wide=layout.wide,
        buckets=options.buckets,
        prefix=options.prefix,
        include_regions=tuple(sorted(options.include_regions)),
        exclude_regions=tuple(sorted(options.exclude_regions)),
        wanted=wanted,
    )


def restored(options: Options, state: RunState) -> Options:
    """Give the options of the run that goes on: those that choose buckets stay as they were.

    One that is not given again is restored. Raises `UsageError` for one that is given, and differs: the report would
    hold too few buckets, or too many.
    """
    for name, option in (
        ("buckets", "--bucket"),
        ("prefix", "--prefix"),
        ("include_regions", "--include-region"),
        ("exclude_regions", "--exclude-region"),
    ):
        given, before = getattr(options, name), getattr(state, name)
        if given and not _equal(given, before):
            raise UsageError(
                f"{option} is {_shown(given)} now, but {f'was {_shown(before)}' if before else 'was not given'} when "
                "the report was begun",
                hint=f"leave {option} out, it stays as it was; or begin another report with -o",
            )
    return replace(
        options,
        account=state.account,
        buckets=state.buckets,
        prefix=state.prefix,
        include_regions=frozenset(state.include_regions),
        exclude_regions=frozenset(state.exclude_regions),
    )


def _equal(given: str | Collection[str], before: str | Collection[str] | None) -> bool:
    if isinstance(given, str):
        return given == before
    return set(given) == set(before or ())


def _shown(value: str | Collection[str]) -> str:
    if isinstance(value, str):
        return value
    more = len(value) - _SHOWN
    return ", ".join(sorted(value)[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _reader(path: Path) -> ReportReader:
    unfinished = partial_of(_final(path))
    if is_special(path) or is_special(unfinished):
        raise UsageError(f"{path} is no ordinary file", hint="name a report, or its .partial file")
    return ReportReader(unfinished if unfinished.exists() else path)


def _final(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(PARTIAL_SUFFIX) or path.name)
