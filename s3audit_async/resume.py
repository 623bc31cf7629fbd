"""Goes on from a report that was interrupted: which rows stay, whom not to ask twice, and what has to be the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from s3audit_async.analysis.reading import Layout, ReportReader
from s3audit_async.analysis.summary import Summary
from s3audit_async.classify import is_unresolved
from s3audit_async.errors import UsageError
from s3audit_async.fleet.units import Status
from s3audit_async.model import Kind, skip_key
from s3audit_async.options import GENERAL_ONLY
from s3audit_async.output import PARTIAL_SUFFIX, FileOutput, FleetState, RunState, StateFile, partial_of
from s3audit_async.output.places import is_special

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from s3audit_async.fleet.units import AccountRecord
    from s3audit_async.model import Row
    from s3audit_async.options import Options
    from s3audit_async.output import Wanted

    Value = str | bool | Collection[str]
    """What an option may be."""

ONE_ACCOUNT = FleetState()
"""The accounts of a run that names none: the one that the credentials belong to."""

_SHOWN = 3
"""How many names or regions of an option are shown."""
_LONGEST_SHOWN = 200
"""Characters of an option that is a text, as a list of ids may be."""
_OF_FLEETS = {
    "accounts": "--accounts",
    "organization": "--organization",
    "ous": "--ou",
    "tags": "--account-tag",
    "include": "--include-account",
    "exclude": "--exclude-account",
    "profiles": "--profiles",
    "role_name": "--role-name",
    "partition": "--partition",
    "split": "--split",
}
"""The options behind the fields of a `FleetState`."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A report that can be gone on with, as it was found; nothing of it is touched yet."""

    path: Path
    layout: Layout
    state: RunState | None
    """What the run that began it left beside it; None if that cannot be read."""
    state_file: StateFile

    @property
    def final(self) -> Path:
        """The name of the report when it is complete."""
        return _final(self.path)

    @property
    def complete(self) -> bool:
        """Whether the run before made what it was to make: what is left is to ask again whoever has an error."""
        return not partial_of(self.final).exists() or (self.state is not None and self.state.made)


@dataclass(slots=True)
class Resumption:
    """What an interrupted report brings into the run that completes it. `done` costs about 0.1 KiB a bucket."""

    layout: Layout
    output: FileOutput
    done: Mapping[str | None, set[str]]
    """The skip keys (`model.skip_key`) of the rows that stay, by account; in a report of one account all under None."""
    finished: frozenset[str]
    """Accounts that need not be entered again: all that is to be known of them is among the rows that stay."""
    summary: Summary
    asked_again: int
    """Rows that held an error and were left out."""
    torn: bool
    """Whether the last line was not whole."""
    begun: bool
    """Whether the report has what stands before its first row."""
    account: str | None
    """The account that all rows name which name one; None if they name several, or many were audited."""
    several: bool
    """Whether rows name several accounts."""

    @property
    def names(self) -> set[str]:
        """The skip keys of a report of one account."""
        return self.done.get(None, set())

    @property
    def rows(self) -> int:
        """How many rows stay."""
        return self.summary.rows


@dataclass(slots=True)
class _Sieve:
    """Passes on the pieces of a report that stay, and remembers what they were."""

    reader: ReportReader
    seen: Callable[[Row], object]
    many: bool
    done: dict[str | None, set[str]] = field(default_factory=dict)
    summary: Summary = field(default_factory=Summary)
    accounts: set[str | None] = field(default_factory=set)
    left_out: Counter[str | None] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[bytes]:
        yield self.reader.header
        for record in self.reader:
            row = record.row
            self.accounts.add(row.account)
            done = self.done.setdefault(row.account if self.many else None, set())
            key = skip_key(row.kind, row.region, row.bucket)
            if key in done:
                continue
            if is_unresolved(row.mode, row.key_type):
                self.left_out[row.account] += 1
                continue
            done.add(key)
            self.summary.add(row)
            self.seen(row)
            yield record.raw

    def account(self) -> str | None:
        named = self.accounts - {None}
        return named.pop() if len(named) == 1 and not self.many else None

    def finished(self, records: Mapping[str, AccountRecord]) -> frozenset[str]:
        """Tell which accounts are complete by their record and by what stays of the report."""
        return frozenset(
            account
            for account, record in records.items()
            if record.status is Status.COMPLETE
            and record.rows == len(self.done.get(account, ()))
            and not self.left_out[account]
        )


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
    path: Path,
    *,
    into: Callable[..., FileOutput] = FileOutput,
    seen: Callable[[Row], object] = lambda _: None,
    records: Mapping[str, AccountRecord] | None = None,
) -> Resumption:
    """Open a report to go on with. `path` is its partial file, or a report that holds errors or lost its end.

    Rows without an error stay, to the byte; those with one, and a last line that is not whole, are left out and their
    buckets asked again. The file read is replaced only when the first new row comes. `into` makes the output, given
    what `FileOutput` is given; `seen` is told of each row that stays. `records` tell what became of the accounts of a
    report of many, and are None for a report of one. Raises `UsageError` for a file that is not a report of s3audit, or
    that another run is writing.
    """
    reader = _reader(path)
    sieve = _Sieve(reader, seen, many=records is not None)
    output = into(_final(path), kept=sieve)
    return Resumption(
        layout=reader.layout,
        output=output,
        done=sieve.done,
        finished=sieve.finished(records or {}),
        summary=sieve.summary,
        asked_again=sieve.left_out.total(),
        torn=reader.torn,
        begun=bool(reader.header) or bool(sieve.summary.rows),
        account=sieve.account(),
        several=len(sieve.accounts - {None}) > 1,
    )


def state_of(
    options: Options, layout: Layout, wanted: tuple[Wanted, ...] = (), fleet: FleetState = ONE_ACCOUNT
) -> RunState:
    """Give what whoever goes on with a report has to know of the run that began it."""
    return RunState(
        account=options.account,
        format=layout.format,
        wide=layout.wide,
        buckets=options.buckets,
        prefix=options.prefix,
        include_regions=tuple(sorted(options.include_regions)),
        exclude_regions=tuple(sorted(options.exclude_regions)),
        kinds=tuple(sorted(options.kinds)),
        wanted=wanted,
        fleet=fleet,
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
        ("kinds", "--kinds"),
    ):
        given = getattr(options, name)
        if not (name == "kinds" and given == GENERAL_ONLY):  # as if it were left out
            _check_same(option, given, getattr(state, name))
    return replace(
        options,
        account=state.account,
        buckets=state.buckets,
        prefix=state.prefix,
        include_regions=frozenset(state.include_regions),
        exclude_regions=frozenset(state.exclude_regions),
        kinds=frozenset(map(Kind, state.kinds)),
    )


def restored_fleet(given: FleetState, state: RunState) -> FleetState:
    """Give how accounts are chosen and entered by the run that goes on: as by the one before it.

    What is not given again is restored. Raises `UsageError`, as `restored` does, for what differs; of the role's name,
    too: another role may see other buckets.
    """
    for name, option in _OF_FLEETS.items():
        _check_same(option, getattr(given, name), getattr(state.fleet, name))
    return state.fleet


def _check_same(option: str, given: Value, before: Value | None) -> None:
    if not given or _equal(given, before):
        return
    now = f"{option} is given now" if given is True else f"{option} is {_shown(given)} now"
    then = f"was {_shown(before)}" if before else "was not given"
    raise UsageError(
        f"{now}, but {then} when the report was begun",
        hint=f"leave {option} out, it stays as it was; or begin another report with -o",
    )


def _equal(given: Value, before: Value | None) -> bool:
    if isinstance(given, str | bool) or isinstance(before, str | bool):
        return given == before
    return set(given) == set(before or ())


def _shown(value: Value) -> str:
    if isinstance(value, str | bool):
        text = str(value)
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    more = len(value) - _SHOWN
    return ", ".join(sorted(value)[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _reader(path: Path) -> ReportReader:
    unfinished = partial_of(_final(path))
    if is_special(path) or is_special(unfinished):
        raise UsageError(f"{path} is no ordinary file", hint="name a report, or its .partial file")
    return ReportReader(unfinished if unfinished.exists() else path)


def _final(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(PARTIAL_SUFFIX) or path.name)
