"""The SDK's parts: a whole call, and two that it consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.parts.answers import BODY, BUCKET, HEADERS, REGION, shape
from benchmarks.parts.part import Part
from s3audit_async.aws.answers import GuardedParsers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack

_HOST = "http://127.0.0.1:9"  # where nobody listens: nothing is sent
_ACCESS_KEY = "AKIABENCHMARKONLY"
_SECRET_KEY = "good-for-nothing"
_NAME = "GetBucketEncryption"


class _Body:
    """An answer's body as aiobotocore reads it."""

    async def read(self) -> bytes:
        return BODY


async def _call(stack: AsyncExitStack) -> Callable[[], Awaitable[Any]]:
    """Make a client of plain aiobotocore that is answered where the request would be sent."""
    client = await stack.enter_async_context(
        get_session().create_client(
            "s3",
            region_name=REGION,
            endpoint_url=_HOST,
            aws_access_key_id=_ACCESS_KEY,
            aws_secret_access_key=_SECRET_KEY,
            config=AioConfig(s3={"addressing_style": "path"}),
        )
    )

    def respond(request: Any, **_: object) -> AioAWSResponse:  # noqa: ANN401 - untyped SDK object
        return AioAWSResponse(request.url, 200, HEADERS, _Body())

    client.meta.events.register(f"before-send.s3.{_NAME}", respond)

    async def call() -> Any:  # noqa: ANN401 - the SDK's dict
        return await client.get_bucket_encryption(Bucket=BUCKET.name)

    return call


async def _sign(_: AsyncExitStack) -> Callable[[], None]:
    """Sign the same request time and again, each time with new headers, as the ones before are taken off."""
    signer = S3SigV4Auth(Credentials(_ACCESS_KEY, _SECRET_KEY), "s3", REGION)
    request = AWSRequest(
        method="GET", url=f"{_HOST}/{BUCKET.name}?encryption", headers={"User-Agent": "Botocore/1 of a usual length"}
    )

    def sign() -> None:
        signer.add_auth(request)

    return sign


async def _parse(_: AsyncExitStack) -> Callable[[], Awaitable[Any]]:
    parser = GuardedParsers().create_parser("rest-xml")
    response = {"status_code": 200, "headers": HEADERS, "body": BODY, "context": {"operation_name": _NAME}}
    expected = shape()

    async def parse() -> Any:  # noqa: ANN401 - the SDK's dict
        return await parser.parse(response, expected)

    return parse


CALL = Part("sdk-call", "a GetBucketEncryption call of plain aiobotocore, nothing sent", _call, awaited=True)
SIGN = Part("sdk-sign", "sign a request (botocore, SigV4 of S3)", _sign)
PARSE = Part("sdk-parse", "parse an answer's XML (botocore)", _parse, awaited=True)
