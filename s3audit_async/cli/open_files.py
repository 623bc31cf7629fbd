"""The limit of open files, which the connections of a run have to fit in."""

from __future__ import annotations

import resource

from s3audit_async.errors import UsageError

_FOR_EACH_CALL = 4
"""Connections for each call in flight: each region's clients keep theirs for some seconds after they were used."""
_BESIDES = 128
"""Files open besides connections: report, libraries, modules that are loaded late."""
_MOST = 65_536
"""As far as the limit is raised unasked, where it may be."""


def make_room_for(calls: int) -> None:
    """Raise this process's limit of open files for so many calls in flight; with room to spare, where there is.

    Raises `UsageError` if they need more than it may be: out of files, a connection is refused like any other.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FOR_EACH_CALL * calls + _BESIDES
    most = _MOST if hard == resource.RLIM_INFINITY else hard
    if most < needed:
        fitting = (most - _BESIDES) // _FOR_EACH_CALL
        instead = f", or use --max-concurrency {fitting} at most" if fitting > 0 else ""
        raise UsageError(
            f"--max-concurrency {calls} needs {needed} open files, and {most} are allowed here",
            hint=f"raise the limit ('ulimit -n'){instead}",
        )
    if soft != resource.RLIM_INFINITY and soft < min(most, _MOST):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _MOST), hard))
