"""Which workers a run has: none, processes of this machine, or those of a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from s3audit_async.fleet.executing import Crew


def crew_of(*, processes: int = 1, dask: str | None = None) -> AbstractContextManager[Crew] | None:
    """Give the crew that `--processes N` or `--dask ADDRESS` means, to be entered; None where this process does it all.

    Raises `UsageError` if both are asked for, or a number of processes that cannot work. Entering raises it for a
    cluster that cannot be used, and takes seconds at most: to be done before the event loop runs.
    """
    if dask is not None:
        if processes != 1:
            raise UsageError("--processes and --dask exclude each other", hint="leave one of the two out")
        from s3audit_async.fleet.dask import DaskCrew  # noqa: PLC0415 - for this option only

        return DaskCrew(dask)
    if processes == 1:
        return None
    from s3audit_async.fleet.processes import ProcessCrew  # noqa: PLC0415 - as above

    return ProcessCrew(processes)
