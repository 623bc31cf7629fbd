"""A job: units of work for one worker process, and the part of the report that comes of it.

A job holds what a worker has to know, and no credentials: it gets those for itself, from its own standard environment.
"""

from __future__ import annotations

import logging
import pickle
import zlib
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Protocol

import anyio

import s3audit_async
from s3audit_async.errors import CredentialsError, ListingError, RunError
from s3audit_async.fleet.access import Access
from s3audit_async.fleet.units import Unit
from s3audit_async.observe import Observers
from s3audit_async.options import GENERAL_ONLY, Share
from s3audit_async.ports import Observer
from s3audit_async.stats import RunStats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from s3audit_async.fleet.units import AccountRecord
    from s3audit_async.model import Notice, Row
    from s3audit_async.options import Options
    from s3audit_async.ports import RowSource
    from s3audit_async.stats import Figures

ROWS_IN_CHUNK = 1_000
"""Rows that are packed together, and so in memory at once where they arrive: about 1 MiB, of which 50 KiB travel."""
LARGEST_BATCH = 25
"""Accounts of a job. When a worker dies, its jobs are begun anew."""
JOBS_PER_WORKER = 4
"""Where there are enough accounts: nobody knows beforehand which of them are large."""
MOST_NOTICES = 200
"""Fallbacks that a job tells of; what is noticed beyond is not worth the way."""

_ASK_SECONDS = 0.25
_SILENT = logging.NullHandler()
_NOTHING = Share(())
"""No general purpose bucket, as others have those. They are asked for: that there are no others is no failure then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker process does at one go. Pickled, sent, and named in the logs of others: nothing secret is in it."""

    units: tuple[Unit, ...]
    options: Options
    """Without `skip` and `share`: those of each unit are its own."""
    access: Access = field(default_factory=Access, repr=False)
    done: Mapping[str | None, frozenset[str]] = field(default_factory=dict, repr=False)
    """By the account's id, keys of rows that are there already (`model.skip_key`)."""
    version: str = s3audit_async.__version__

    @property
    def label(self) -> str:
        """Its accounts, as people know them."""
        labels = [unit.account.label or "the account" for unit in self.units]
        return ", ".join(labels[:3]) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")  # noqa: PLR2004


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What comes of a job. It goes into the report as a whole, or not at all."""

    chunks: tuple[bytes, ...]
    """Rows, `ROWS_IN_CHUNK` of them at a time, pickled and compressed."""
    records: tuple[AccountRecord, ...]
    figures: Figures
    notices: tuple[Notice, ...]
    distinct_keys: int
    bytes_received: int
    error: RunError | None = None
    """What ended the job before all was done, and the run with it; the rows until then are good."""
    fruitful: bool = True
    """Whether anything is known of any of its accounts."""

    def unpacked(self) -> Iterator[list[Row]]:
        """Give the rows, one chunk after the other."""
        for chunk in self.chunks:
            yield pickle.loads(zlib.decompress(chunk))  # noqa: S301 - from our own workers, who run what we tell them


class JobRows(Protocol):
    """Makes the rows of a job. A function of a module, as it is sent to other processes by its name."""

    def __call__(self, job: Job, observer: Observer, concluded: Callable[[AccountRecord], None]) -> RowSource:
        """Give the rows of a job's units, and tell what became of each, once its rows have been read."""
        ...


class _Notices(Observer):
    """Keeps the first few notices."""

    def __init__(self) -> None:
        self.kept: list[Notice] = []

    def noticed(self, notice: Notice) -> None:
        if len(self.kept) < MOST_NOTICES:
            self.kept.append(notice)


def run_job(job: Job, rows_of: JobRows, *, is_wanted: Callable[[], bool] = lambda: True) -> Part:
    """Do a job, in a process that may have nothing in common with the one that sent it but the version of s3audit.

    Stops early, with `InterruptedRunError` in the part, once `is_wanted` says so, asked every `_ASK_SECONDS`. Raises
    `RunError` where even the version differs. What ends the job later is in the part, beside the rows until then.
    """
    if job.version != s3audit_async.__version__:
        raise RunError(
            f"a worker has s3audit {s3audit_async.__version__}, and {job.version} sent it a job",
            hint="install the same version everywhere",
        )
    for name in ("botocore", "aiobotocore", "aiohttp", "asyncio"):
        # What they log of a failure, with its traceback, comes out as an error or a row of ours.
        logging.getLogger(name).addHandler(_SILENT)
    return anyio.run(_do, job, rows_of, is_wanted)


async def _stop_unwanted(rows: RowSource, is_wanted: Callable[[], bool]) -> None:
    while is_wanted():  # noqa: ASYNC110 - what it waits for is told by nobody
        await anyio.sleep(_ASK_SECONDS)
    rows.stop()


async def _do(job: Job, rows_of: JobRows, is_wanted: Callable[[], bool]) -> Part:
    stats, notices = RunStats(), _Notices()
    records: list[AccountRecord] = []
    chunks: list[bytes] = []
    waiting: list[Row] = []
    error: Exception | None = None
    rows = rows_of(job, Observers(stats, notices), records.append)
    try:
        async with rows, anyio.create_task_group() as tasks:
            tasks.start_soon(_stop_unwanted, rows, is_wanted)
            try:
                async for row in rows:
                    waiting.append(row)
                    if len(waiting) == ROWS_IN_CHUNK:
                        chunks.append(_packed(waiting))
                        waiting.clear()
            except Exception as raised:  # noqa: BLE001 - outside of the group, or told
                error = raised
            tasks.cancel_scope.cancel()
    except RunError as raised:  # of entering
        error = raised
    if error is not None and not isinstance(error, RunError):
        raise error
    if waiting:
        chunks.append(_packed(waiting))
    fruitless = len(records) == len(job.units) and all(record.fruitless for record in records)
    if fruitless and isinstance(error, CredentialsError | ListingError):
        error = None  # these accounts refuse; others of the run, in other jobs, may not
    return Part(
        chunks=tuple(chunks),
        records=tuple(records),
        figures=stats.figures(),
        notices=tuple(notices.kept),
        distinct_keys=rows.distinct_keys,
        bytes_received=rows.bytes_received,
        error=error,
        fruitful=not fruitless,
    )


def _packed(rows: list[Row]) -> bytes:
    return zlib.compress(pickle.dumps(rows, pickle.HIGHEST_PROTOCOL), level=1)


def jobs_for(
    units: Sequence[Unit],
    options: Options,
    *,
    workers: int,
    access: Access | None = None,
    done: Mapping[str | None, Iterable[str]] | None = None,
) -> tuple[Job, ...]:
    """Put units together to jobs for so many workers, those first that are known to be large.

    A share of an account is a job of its own; what the account has of other kinds of buckets, which are not in any
    share, is one more. Accounts go together, `LARGEST_BATCH` at most, but so that each worker has `JOBS_PER_WORKER`
    jobs if there are enough. Of `Options.max_concurrency`, each worker has its part.
    """
    options = for_worker(options, workers)
    access, done = access or Access(), done or {}
    shares = [unit for unit in units if unit.share is not None]
    whole = [unit for unit in units if unit.share is None]
    size = min(LARGEST_BATCH, max(1, ceil(len(whole) / (workers * JOBS_PER_WORKER))))
    batches = [tuple(whole[start : start + size]) for start in range(0, len(whole), size)]
    general = replace(options, kinds=GENERAL_ONLY)
    made = [Job(units=(unit,), options=general, access=access, done=_done_of((unit,), done)) for unit in shares]
    if options.kinds - GENERAL_ONLY:
        rests = dict.fromkeys(Unit(unit.account, _NOTHING) for unit in shares)
        made += [Job(units=(rest,), options=options, access=access, done=_done_of((rest,), done)) for rest in rests]
    made += [Job(units=batch, options=options, access=access, done=_done_of(batch, done)) for batch in batches]
    return tuple(made)


def jobs_for_names(
    unit: Unit,
    chunks: Sequence[tuple[str, ...]],
    options: Options,
    *,
    workers: int,
    access: Access | None = None,
    done: Mapping[str | None, Iterable[str]] | None = None,
) -> tuple[Job, ...]:
    """Make a job of each chunk of an account's buckets that were named, in the place of a listing."""
    options = for_worker(options, workers)
    access, skipped = access or Access(), _done_of((unit,), done or {})
    return tuple(
        Job(units=(unit,), options=replace(options, buckets=chunk), access=access, done=skipped) for chunk in chunks
    )


def for_worker(options: Options, workers: int) -> Options:
    """Give one of so many workers its part of the calls in flight, so that the bound of all of them holds."""
    each = max(1, options.max_concurrency // workers)
    return replace(options, max_concurrency=each, skip=frozenset(), share=None)


def _done_of(units: Sequence[Unit], done: Mapping[str | None, Iterable[str]]) -> dict[str | None, frozenset[str]]:
    """Pick what of those that are done a job can meet: all of it, where nobody knows yet whose accounts they are."""
    if any(unit.account.id is None and unit.account.profile is not None for unit in units):
        return {account: frozenset(names) for account, names in done.items()}
    ids = {unit.account.id: unit.share for unit in units if unit.account.id in done}
    return {account: _within(share, done[account]) for account, share in ids.items()}


def _within(share: Share | None, names: Iterable[str]) -> frozenset[str]:
    if share is None:
        return frozenset(names)
    return frozenset(name for name in names if share.after < name and (share.upto is None or name <= share.upto))
