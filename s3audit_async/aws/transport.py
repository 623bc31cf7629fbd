"""The HTTP session of the SDK's clients: one request for each call, and no more of an answer than is good for us."""

from __future__ import annotations

import ssl
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aiobotocore.httpsession import AIOHTTPSession
from yarl import URL

from s3audit_async.aws.errors import UnusableAnswerError

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

LONGEST_LISTING = 64 * 1024 * 1024
"""Bytes of a page of ListBuckets that are read. 10,000 buckets make 2 MiB, so this blocks nobody but a server that is
no S3; the one listing without paging may have 300,000 buckets. The parsed page costs about ten times as much while it
is read, thirty times if it is made to, and there is one page at a time."""
LONGEST_ANSWER = 1024 * 1024
"""Bytes of any other answer, errors too. They are 0.3 to 4 KiB long; up to `--max-concurrency` are held at once."""

_DOCTYPE = b"<!DOCTYPE"
_NOT_LISTINGS = frozenset({"encryption", "location"})  # sub-resources of a bucket whose name stands in the host


@dataclass(slots=True)
class Traffic:
    """Bytes of answer bodies that were read, all clients of a run together."""

    received: int = 0


class BoundedAnswer:
    """An answer as aiobotocore uses it (`AioAWSResponse.raw`), whose body is read up to a limit and no further."""

    def __init__(self, response: ClientResponse, traffic: Traffic, limit: int | None = None) -> None:
        """Take an answer whose head is there. `limit` is in bytes; None for what its kind of answer may have."""
        self._response = response
        self._traffic = traffic
        self._limit = limit

    @property
    def url(self) -> URL:
        return self._response.url

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return self._response.raw_headers

    @property
    def headers(self) -> dict[str, str]:
        """The headers as aiobotocore hands them to parsers: by their names in small letters."""
        return {name.decode().lower(): value.decode(errors="replace") for name, value in self.raw_headers}

    async def read(self) -> bytes:
        """Read the body. Raises `UnusableAnswerError` for one that is too long, or has a document type.

        The connection is closed then: what is still to come of the answer is not waited for.
        """
        response = self._response
        limit = self._limit or _limit(response)
        announced = response.content_length or 0
        chunks: list[bytes] = []
        size = 0
        try:
            if announced > limit and response.method != "HEAD":
                raise self._unusable(f"an answer of {announced:,} bytes is announced, and at most {limit:,} are read")
            async for chunk in response.content.iter_any():
                self._traffic.received += len(chunk)
                size += len(chunk)
                if size > limit:
                    raise self._unusable(f"the answer does not end within {limit:,} bytes")
                chunks.append(chunk)
            body = b"".join(chunks)
            # No answer of AWS's has one. It can define entities that grow by a thousand million when parsed, which only
            # newer versions of expat notice. Expat takes UTF-16 too, whatever it is told of the encoding.
            if _DOCTYPE in body or (b"\0" in body and _DOCTYPE in body.replace(b"\0", b"")):
                raise self._unusable("the answer has a document type definition, as no answer of AWS's has")
        except BaseException:
            response.close()
            raise
        return body

    def _unusable(self, message: str) -> UnusableAnswerError:
        return UnusableAnswerError(message, status=self._response.status)


class _TrustingContext(ssl.SSLContext):
    """A client's TLS context that reads a CA bundle once, however often it is told to: that takes 40 ms of CPU."""

    _read: frozenset[object] = frozenset()

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:  # noqa: ANN401
        where = cafile, capath, cadata
        if where not in self._read:
            super().load_verify_locations(*where)
            self._read |= {where}


@cache
def _shared_context(*_settings: object) -> _TrustingContext:
    """Give the context of all clients with the same settings; the SDK would make one for each, with the same CAs."""
    return _TrustingContext(
        ssl.PROTOCOL_TLS_CLIENT
    )  # verifies certificates and names (Python, ssl.PROTOCOL_TLS_CLIENT)


class OneRequestSession(AIOHTTPSession):  # type: ignore[misc]  # aiobotocore has no types
    """Sends each request once, and to nobody else; reads of an answer no more than `LONGEST_ANSWER`.

    aiohttp follows a Location header by itself, and takes a session token with it to another host; S3's redirects
    concern the engine, which asks in the right region.

    aiohttp repeats a GET whose kept connection turns out to be closed (aiohttp, client.py, `_retry_connection`): unseen
    by limits, counts and the retry policy, which are to know of every request.

    aiobotocore asks for answers that are not compressed and unpacks none (`auto_decompress=False`), so that a limit on
    what is read is one on what is held.

    And it believes nobody whose certificate is not for the host: botocore's TLS contexts leave names to urllib3, and
    aiohttp leaves them to the context, so that aiobotocore 2.25.1 takes any host's, and with a proxy any at all (mended
    in a later release).
    """

    traffic = Traffic()
    """Set by `counting`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - aiobotocore's arguments
        super().__init__(*args, **kwargs)
        self._proxies: dict[str, str | None] = {}
        self._senders: dict[str | None, _Sender] = {}

    async def __aexit__(self, *raised: object) -> None:
        self._senders.clear()
        await super().__aexit__(*raised)

    @classmethod
    def counting(cls, traffic: Traffic) -> type[OneRequestSession]:
        """Make the class of the sessions of one run: aiobotocore takes a class, and calls it itself."""
        return type(cls.__name__, (cls,), {"traffic": traffic})

    def _get_ssl_context(self) -> ssl.SSLContext:
        if self._proxy_config.settings:  # their certificates go into it, and concern the proxy alone
            return _TrustingContext(ssl.PROTOCOL_TLS_CLIENT)
        return _shared_context(self._verify, self._cert_file, self._key_file)

    def _setup_proxy_ssl_context(self, proxy_url: str) -> ssl.SSLContext:
        # None would mean that nothing is verified, neither the proxy nor who is behind it.
        return super()._setup_proxy_ssl_context(proxy_url) or self._get_ssl_context()

    async def get(self, request: Any) -> tuple[BoundedAnswer, bytes]:  # noqa: ANN401 - as `send`'s
        """Send a GET, as `send` does, but for what that does for each request and comes out the same every time.

        `request` has the `url` and `headers` of an `AWSPreparedRequest`. Raises what `send` raises.
        """
        url: str = request.url
        scheme = url.partition(":")[0]
        try:
            if scheme not in self._proxies:
                self._proxies[scheme] = self._proxy_config.proxy_url_for(url)
            proxy = self._proxies[scheme]
            sender = await self._get_session(proxy)
            answer = await sender.get(url, {**request.headers, "Accept-Encoding": "identity"}, proxy)
            return answer, await answer.read()
        except Exception as error:
            raise await self._as_send_says(error, request) from error

    async def _as_send_says(self, error: Exception, request: Any) -> Exception:  # noqa: ANN401 - as above
        """Give what `send` raises for an error of aiohttp's, by having it meet that error."""

        async def fail(_proxy_url: str | None) -> None:
            raise error

        meeting: Any = copy(self)
        meeting._get_session = fail  # noqa: SLF001 - its own
        try:
            await meeting.send(request)
        except Exception as said:  # noqa: BLE001 - whatever it is, it is what was asked for
            return said
        return error

    async def _get_session(self, proxy_url: str | None) -> _Sender:
        sender = self._senders.get(proxy_url)
        if sender is None:
            session: ClientSession = await super()._get_session(proxy_url)
            session._retry_connection = False  # noqa: SLF001 - no public way (aiohttp 3.14)
            sender = self._senders[proxy_url] = _Sender(session, self.traffic)
        return sender


class _Sender:
    """An aiohttp session that follows nothing: the one method that aiobotocore's `send` calls, and one of our own."""

    def __init__(self, session: ClientSession, traffic: Traffic) -> None:
        self._session = session
        self._traffic = traffic

    async def request(self, method: str, **parameters: Any) -> BoundedAnswer:  # noqa: ANN401 - passed on
        response = await self._session.request(method, allow_redirects=False, **parameters)
        return BoundedAnswer(response, self._traffic)

    async def get(self, url: str, headers: dict[str, str], proxy: str | None) -> BoundedAnswer:
        target = URL(url, encoded=True)
        response = await self._session.request("GET", target, headers=headers, proxy=proxy, allow_redirects=False)
        return BoundedAnswer(response, self._traffic, LONGEST_ANSWER)


def _limit(response: ClientResponse) -> int:
    url = response.url
    lists = response.method == "GET" and url.path == "/" and response.ok and not _NOT_LISTINGS & url.query.keys()
    return LONGEST_LISTING if lists else LONGEST_ANSWER
