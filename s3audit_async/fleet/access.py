"""How the accounts of a run are entered: settings, none of them secret, that a worker elsewhere can follow, too."""

from __future__ import annotations

from dataclasses import dataclass, field

from s3audit_async.names import (
    check_external_id,
    check_partition,
    check_role_name,
    check_session_duration,
    check_session_name,
)

SESSION_NAME = "s3audit"
MOST_PROCESSES = 64
"""Worker processes of one run on one machine."""
DURATION = 3600
"""Seconds that a role's credentials live: as long as any role allows, and role chaining at most (IAM User Guide)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whose credentials are used, and which role of each account is assumed with them.

    Credentials are always looked for where the work is done. Raises `UsageError` for what STS refuses.

    - `role_name`: the role to assume in each account but the caller's own, with its path if it has one. None where
      each account has a profile of its own, or where the caller's own account is the only one.
    - `external_id`: what the role's trust policy asks for (ExternalId).
    - `session_name`: what CloudTrail shows of who it was (RoleSessionName).
    - `duration`: seconds, of DurationSeconds. Cut to an hour where the caller's own credentials are those of a role.
    - `partition`: of the accounts; None for the caller's own.
    - `profile`, `region`: of the caller, as `--profile` and `--region`.
    """

    role_name: str | None = None
    external_id: str | None = field(default=None, repr=False)
    session_name: str = SESSION_NAME
    duration: int = DURATION
    partition: str | None = None
    profile: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        check_session_duration(self.duration)
        check_session_name(self.session_name)
        for value, check in (
            (self.role_name, check_role_name),
            (self.external_id, check_external_id),
            (self.partition, check_partition),
        ):
            if value is not None:
                check(value)
