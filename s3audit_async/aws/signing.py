"""Who signs: clients are shared by all accounts of a run, and each request is signed for the account that makes it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Signer(Protocol):
    """Whose credentials requests are signed with."""

    async def get_frozen_credentials(self) -> Any:  # noqa: ANN401 - botocore's ReadOnlyCredentials
        """Give the credentials, as the SDK wants them."""
        ...


class _Nobody:
    """Signs nothing: for a request that is prepared, and never sent."""

    async def get_frozen_credentials(self) -> Any:  # noqa: ANN401 - as above
        raise RuntimeError("a request would be signed for nobody in particular")


NOBODY = _Nobody()

_signer: ContextVar[Signer] = ContextVar("s3audit_signer", default=NOBODY)
"""Of the task that asks: the SDK signs within the call, and so in the same task."""


@contextmanager
def signing_as(credentials: Signer) -> Iterator[None]:
    """Have what this task asks of clients, while the block lasts, signed with these credentials."""
    before = _signer.set(credentials)
    try:
        yield
    finally:
        _signer.reset(before)


def sign_as_asked(client: Any) -> None:  # noqa: ANN401 - untyped SDK object
    """Have a client's requests signed with the credentials of `signing_as` instead of the session's.

    The session's would be refreshed at any time, and be of one account.
    """

    def hand_over(request: Any, **_: object) -> None:  # noqa: ANN401 - untyped SDK object
        request.context["signing"] = {**request.context.get("signing", {}), "request_credentials": _signer.get()}

    client.meta.events.register("before-sign", hand_over)
