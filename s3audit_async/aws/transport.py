"""The HTTP session of the SDK's clients, kept from asking twice on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiobotocore.httpsession import AIOHTTPSession

if TYPE_CHECKING:
    from aiohttp import ClientSession


class OneRequestSession(AIOHTTPSession):  # type: ignore[misc]  # aiobotocore has no types
    """Sends each request once.

    aiohttp repeats a GET whose kept connection turns out to be closed (aiohttp, client.py, `_retry_connection`): unseen
    by limits, counts and the retry policy, which are to know of every request.
    """

    async def _get_session(self, proxy_url: str | None) -> Any:  # noqa: ANN401 - as the overridden method
        session: ClientSession = await super()._get_session(proxy_url)
        session._retry_connection = False  # noqa: SLF001 - no public way (aiohttp 3.14)
        return session
