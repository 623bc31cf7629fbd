"""How a run goes on with a report that was interrupted, or holds errors: with what, and what stays as it was."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from s3audit_async.cli.deciding import HTML
from s3audit_async.cli.outcome import print_line, print_note
from s3audit_async.cli.report_places import Direct, Spooled, ledger_of, to_resume
from s3audit_async.cli.run_places import check_apart
from s3audit_async.errors import UsageError
from s3audit_async.options import GENERAL_ONLY
from s3audit_async.output import Ledger, Spool, Target, is_side_file
from s3audit_async.output.replacing import check_replaceable
from s3audit_async.output.splitting import parts_there
from s3audit_async.recorded import Report, unchecked
from s3audit_async.resume import look_at, restored, restored_fleet, resume
from s3audit_async.sinks import check_formats, make_sink

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3audit_async.analysis.policy import PolicyCheck
    from s3audit_async.cli.run import RunSettings
    from s3audit_async.model import Row
    from s3audit_async.options import Options
    from s3audit_async.output import FileOutput, FleetState, Wanted
    from s3audit_async.resume import Resumption, Unfinished

_PAGE = b"<!doctype html"
"""What a page begins with."""


def go_on(settings: RunSettings, check: PolicyCheck | None = None) -> Report:
    """Go on with a report, and say with what. Raises `UsageError` if it cannot be, with nothing touched."""
    if settings.output is not None:
        raise UsageError("--resume writes to the report it completes", hint="leave -o out")
    path = to_resume(Path(settings.resume or ""))
    found = look_at(path)
    layout = found.layout
    wanted = found.state.wanted if found.state is not None else ()
    forms = tuple(each.format for each in wanted) or (layout.format,)
    if new := {each.format for each in settings.also} - set(forms):
        raise UsageError(
            f"{path} was begun without --{new.pop()}", hint="leave it out, and use 's3audit report' when it is complete"
        )
    targets = _targets(found, wanted, split=found.state is not None and found.state.fleet.split)
    for page in settings.also:
        _check_same(page, targets)
    check_apart(settings, (target.path for target in targets))
    wide = any(each.wide for each in wanted) if wanted else layout.wide
    if (settings.formats and set(settings.formats) != set(forms) - settings.writers.keys()) or (
        settings.wide and not wide
    ):
        kind = f"{'wide ' if wide and forms == ('csv',) else ''}{', '.join(forms)}"
        raise UsageError(f"{path} is a report in {kind}", hint="leave --format and --wide out: they stay as they are")
    options, fleet = settings.options, settings.fleet
    if found.state is not None:
        options, fleet = restored(options, found.state), restored_fleet(fleet, found.state)
    places = Spooled(found.final, targets) if wanted else Direct(found.final, layout.format)
    ledger = Ledger(ledger_of(places)) if fleet.many else None
    several = ledger is not None or options.kinds != GENERAL_ONLY
    if several and not layout.wide:
        raise UsageError(
            f"{path} has four columns, which do not tell accounts and kinds apart",
            hint="begin another report with -o",
        )
    records = None if ledger is None else ledger.read(complete=found.complete)
    seen: Callable[[Row], object] = check.add if check is not None else lambda _: None
    if wanted:
        check_formats(form for form in forms if form not in settings.writers)
        into: Callable[..., FileOutput] = partial(
            Spool,
            targets=targets,
            writers=settings.writers,
            mendable=settings.again,
            ledger=ledger,
            split=fleet.split,
        )
        earlier = resume(path, into=into, seen=seen, records=records)
    else:
        earlier = resume(path, seen=seen, records=records)
    with ExitStack() as failing:
        failing.callback(earlier.output.close, discard=False)
        if ledger is not None:
            ledger.begin(earlier.finished, {each: len(keys) for each, keys in earlier.done.items() if each is not None})
        elif found.state is None and (earlier.several or is_side_file(ledger_of(places))):
            raise UsageError(
                f"{path} is of several accounts, and there is no {found.state_file.path}",
                hint="choose them again, by --accounts, --organization or --profiles",
            )
        failing.pop_all()
    options = replace(
        options,
        account=options.account or earlier.account,
        identify=layout.wide or check is not None,
        skip=earlier.names if ledger is None else frozenset(),
    )
    if not settings.quiet:
        _tell(found, earlier, options, fleet)
    return Report(
        output=earlier.output,
        layout=layout,
        sink=make_sink(layout.format, earlier.output.buffer, wide=layout.wide),
        summary=earlier.summary,
        options=options,
        note=print_note,
        begin=not earlier.begun,
        resumed=True,
        kept=earlier.rows,
        state_file=found.state_file,
        state=found.state,
        wanted=wanted,
        check=check,
        fleet=fleet,
        ledger=ledger,
        done=earlier.done,
        finished=earlier.finished,
    )


def _targets(found: Unfinished, wanted: tuple[Wanted, ...], *, split: bool) -> tuple[Target, ...]:
    """Give the files that a run state asks for. Raises `UsageError` for such as nobody may have asked for.

    The state may have come with a report from elsewhere: it must not name what to write over.
    """
    folder = found.state_file.path.parent
    targets = tuple(Target(each.format, folder / each.path, wide=each.wide) for each in wanted)
    for target in targets:
        if os.path.realpath(target.path.parent) != os.path.realpath(folder) and not found.state_file.is_ours():
            raise UsageError(
                f"{found.state_file.path} names a file elsewhere, {target.path}, and others than you can write to it",
                hint="remove it to go on unchecked, and then give the same options again",
            )
        if target.format != HTML:
            for path in parts_there(target.path) if split else [target.path]:
                check_replaceable(str(path))
        elif not _may_be_page(target.path):
            raise UsageError(f"{target.path} is there, and is no page", hint="move it away first")
    return targets


def _may_be_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(len(_PAGE))
    except OSError:  # there is none, or it cannot be: making it tells
        return True
    return not path.is_symlink() and (not start or start.lower() == _PAGE)


def _check_same(page: Target, targets: tuple[Target, ...]) -> None:
    before = next(target.path for target in targets if target.format == page.format)
    if os.path.realpath(page.path) != os.path.realpath(before):
        raise UsageError(
            f"--{page.format} is {page.path} now, but was {before} when the report was begun",
            hint=f"leave --{page.format} out: it is made there",
        )


def _tell(found: Unfinished, earlier: Resumption, options: Options, fleet: FleetState) -> None:
    again = f", {earlier.asked_again} with errors asked again" if earlier.asked_again else ""
    torn = ", a torn last line dropped" if earlier.torn else ""
    finished = f", {len(earlier.finished)} accounts finished" if fleet.many else ""
    print_line(f"Going on with {earlier.rows} rows that are there{finished}{again}{torn}.")
    if (note := unchecked(found, options, fleet)) is not None:
        print_line(note)
