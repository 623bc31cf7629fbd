"""The limit of open files, which the connections of a run have to fit in."""

from __future__ import annotations

import resource

from s3audit_async.errors import UsageError

_BESIDES = 128
"""Files open besides the connections in use: report, libraries, and the idle connections of regions that are done."""


def make_room_for(connections: int) -> None:
    """Raise this process's limit of open files as far as `connections` need it, and may.

    Raises `UsageError` if they need more than it may be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _BESIDES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UsageError(
            f"--max-concurrency {connections} needs {needed} open files, and {hard} are allowed here",
            hint=f"raise the limit ('ulimit -n'), or use --max-concurrency {max(1, hard - _BESIDES)} at most",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
