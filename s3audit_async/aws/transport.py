"""The HTTP session of the SDK's clients, kept from asking twice on its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aiobotocore.httpsession import AIOHTTPSession

if TYPE_CHECKING:
    from aiohttp import ClientSession


class OneRequestSession(AIOHTTPSession):  # type: ignore[misc]  # aiobotocore has no types
    """Sends each request once, and to nobody else.

    aiohttp follows a Location header by itself, and takes a session token with it to another host; S3's redirects
    concern the engine, which asks in the right region.

    aiohttp repeats a GET whose kept connection turns out to be closed (aiohttp, client.py, `_retry_connection`): unseen
    by limits, counts and the retry policy, which are to know of every request.
    """

    async def _get_session(self, proxy_url: str | None) -> Any:  # noqa: ANN401 - as the overridden method
        session: ClientSession = await super()._get_session(proxy_url)
        if not isinstance(session.request, partial):
            session._retry_connection = False  # noqa: SLF001 - no public way (aiohttp 3.14)
            session.request = partial(session.request, allow_redirects=False)  # type: ignore[method-assign]
        return session
