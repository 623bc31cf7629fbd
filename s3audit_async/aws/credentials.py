"""The credentials of one run: fresh before each request, refreshed by one task at a time, and never inside a request.

The SDK refreshes what a session holds while it signs, and so within the time and the slot of whichever request comes
then; within 15 minutes of the end, and so always for credentials that live no longer, it does so for every request.
Here the SDK's own providers still do the refreshing, but when is decided by `fresh` and `renew`, and requests are
signed with what is there.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio
from botocore import exceptions as sdk

from s3audit_async.aws.errors import NO_CREDENTIALS
from s3audit_async.codes import Reaction, react
from s3audit_async.errors import CredentialsError
from s3audit_async.redaction import Secrets, plain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EARLY_SECONDS = 900.0
"""Seconds before the end when a refresh is first tried, or half of the time that is left at the beginning, if less.
Whoever tries waits for it; all others go on with what there is. The SDK's own advisory time."""
LATE_SECONDS = 120.0
"""Seconds before the end when everybody waits for a refresh, or an eighth of the time at the beginning, if less."""

_ATTEMPTS = 5
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 10.0
_EARLY_PATIENCE = 20.0
"""Seconds that a refresh may take which is not urgent: the request that waits for it has other credentials."""


@dataclass(slots=True)
class _Issue:
    """Credentials as they were issued once."""

    generation: int
    frozen: Any
    life: float
    """Seconds until the end, when they were first seen."""
    forced: bool = False
    accepted: bool = False
    """Whether any answer came that did not refuse them."""


class RunCredentials:
    """What the requests of a run are signed with, in the place of the session's own credentials."""

    def __init__(
        self,
        load: Callable[[], Awaitable[Any]],
        secrets: Secrets,
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._load = load
        self._secrets = secrets
        self._sleep = sleep
        self._refreshing = anyio.Lock()
        self._source: Any = None
        self._issue: _Issue | None = None
        self._not_before = 0.0

    @property
    def generation(self) -> int:
        """How often credentials were issued so far: tells those that a request was signed with from later ones."""
        return self._issue.generation if self._issue else 0

    async def get_frozen_credentials(self) -> Any:  # noqa: ANN401 - botocore's ReadOnlyCredentials
        """Give the credentials to sign with; None where there are none, as the SDK wants it."""
        if self._issue is None:
            await self.fresh()
        return self._issue.frozen if self._issue else None

    def accepted(self, generation: int) -> None:
        """Know that the server took the credentials of a generation."""
        if self._issue is not None and self._issue.generation == generation:
            self._issue.accepted = True

    def is_due(self) -> bool:
        """Tell whether `fresh` has anything to do, and take over credentials that others have refreshed meanwhile."""
        if self._issue is None:
            return True
        held = getattr(self._source, "_frozen_credentials", None)
        if held is not None and held is not self._issue.frozen:  # the session's owner, or another run, refreshed them
            self._keep(held)
        return self._is_early()

    async def fresh(self) -> None:
        """Get credentials, and new ones before they end. Takes no time when nothing is due.

        Raises what the SDK raises when the first ones cannot be had. Later, a refresh that fails for a reason that may
        pass is tried again, and `CredentialsError` is only raised once the end is near.
        """
        if not self.is_due():
            return
        if self._issue is None:
            async with self._refreshing:
                if self._issue is None:
                    await self._first()
            return
        if self._is_late():
            async with self._refreshing:
                if self._is_late():
                    await self._refresh()
        elif not self._refreshing.locked() and monotonic() >= self._not_before:
            async with self._refreshing:
                await self._refresh_early()

    async def renew(self, generation: int) -> bool:
        """Get others than those of `generation`, which a server has refused as expired; False if there are none.

        However many requests were refused at once, the first does it for all. What was got this way and is refused
        before it was ever accepted is not renewed again.
        """
        async with self._refreshing:
            refused = self._issue
            if refused is None or not _is_refreshable(self._source):
                return False
            if refused.generation != generation:
                return True
            if refused.forced and not refused.accepted:
                return False
            await self._refresh(forced=True)
            got = self._issue or refused
            return (got.frozen.access_key, got.frozen.token) != (refused.frozen.access_key, refused.frozen.token)

    async def _first(self) -> None:
        self._source = await self._load()
        if self._source is None:
            return
        try:
            self._keep(await self._source.get_frozen_credentials())
        except RuntimeError as error:
            raise _unusable(error, self._secrets) from error

    async def _refresh_early(self) -> None:
        """Try once. Nothing is lost yet if that fails, for whatever reason: the last try is the one to complain."""
        with anyio.move_on_after(_EARLY_PATIENCE), suppress(Exception):
            await self._ask_source(forced=False)
        if self._is_early():
            self._not_before = monotonic() + min(_LONGEST_PAUSE, self._remaining() / 4)

    async def _refresh(self, *, forced: bool = False) -> None:
        """Try until it is done, or for `_ATTEMPTS` times."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._ask_source(forced=forced)
            except Exception as error:
                if _is_lasting(error):
                    raise
                if attempt == _ATTEMPTS:
                    raise _unusable(error, self._secrets) from error
            else:
                return
            await self._sleep(_FIRST_PAUSE * 2 ** (attempt - 1))

    async def _ask_source(self, *, forced: bool) -> None:
        # Private, as the SDK has no public way to have credentials refreshed that it thinks are good: its fetchers for
        # roles and SSO would give those again that they got last (aiobotocore 2.25 and 3.10, credentials.py).
        source = self._source
        fetcher = getattr(source._refresh_using, "__self__", None)  # noqa: SLF001
        if isinstance(cache := getattr(fetcher, "_cache", None), dict):
            cache.pop(getattr(fetcher, "_cache_key", None), None)
        async with source._refresh_lock:  # noqa: SLF001
            await source._protected_refresh(is_mandatory=True)  # noqa: SLF001
        self._keep(source._frozen_credentials, forced=forced)  # noqa: SLF001

    def _keep(self, frozen: Any, *, forced: bool = False) -> None:  # noqa: ANN401 - botocore's ReadOnlyCredentials
        self._secrets.add(frozen.access_key, frozen.secret_key, frozen.token)
        self._issue = _Issue(self.generation + 1, frozen, self._remaining(), forced)
        self._not_before = 0.0

    def _remaining(self) -> float:
        """Seconds until the end; infinite where there is none."""
        if not _is_refreshable(self._source):
            return float("inf")
        return float(self._source._seconds_remaining())  # noqa: SLF001 - public is only whether it is less than so much

    def _is_early(self) -> bool:
        return self._issue is not None and self._remaining() < min(EARLY_SECONDS, self._issue.life / 2)

    def _is_late(self) -> bool:
        return self._issue is not None and self._remaining() < min(LATE_SECONDS, self._issue.life / 8)


def _is_refreshable(source: Any) -> bool:  # noqa: ANN401 - untyped SDK object
    return getattr(source, "_expiry_time", None) is not None


def _is_lasting(error: Exception) -> bool:
    """Tell whether asking for credentials again is of no use: denied, signed out, wrongly configured."""
    if isinstance(error, sdk.ClientError):
        answer = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return react(str(answer.get("Code")), status) is Reaction.FINAL
    # A credential_process that fails, and a metadata service that says nothing useful, may do better next time.
    return isinstance(error, NO_CREDENTIALS) and not isinstance(error, sdk.CredentialRetrievalError)


def _unusable(error: Exception, secrets: Secrets) -> CredentialsError:
    return CredentialsError(
        f"the credentials cannot be refreshed: {plain(error, secrets) or type(error).__name__}",
        hint="sign in again, or see why the source of the credentials fails; then go on with --resume",
    )
