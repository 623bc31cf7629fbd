"""How the accounts of a run are entered: settings, none of them secret, that a worker elsewhere can follow, too."""

from __future__ import annotations

from dataclasses import dataclass, field

from s3audit_async.errors import UsageError

SESSION_NAME = "s3audit"
DURATION = 3600
"""Seconds that a role's credentials live: as long as any role allows, and role chaining at most (IAM User Guide)."""
SHORTEST_DURATION = 900
LONGEST_DURATION = 43_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whose credentials are used, and which role of each account is assumed with them.

    Credentials are always looked for where the work is done. Raises `UsageError` for a duration that STS refuses.

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
        if not SHORTEST_DURATION <= self.duration <= LONGEST_DURATION:
            raise UsageError(
                f"a role's credentials cannot live {self.duration} seconds",
                hint=f"from {SHORTEST_DURATION} to {LONGEST_DURATION}",
            )
