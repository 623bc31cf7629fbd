"""The hot path: GetBucketEncryption in one region, without what the SDK's client does anew for each request.

For each call the client resolves the endpoint by its rules (its cache goes by the bucket, so it always misses), puts
the user agent together, asks its retry mode, and tells some thirty event handlers of it: more than half of its time.
Here the client prepares one request, for a bucket that is never asked for, and all others differ from that in the name.
Signing, connections and parsing are still the SDK's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.auth import S3SigV4Auth
from botocore.exceptions import BotoCoreError, ClientError

from s3audit_async.aws import answers
from s3audit_async.aws.signing import NOBODY, signing_as
from s3audit_async.model import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3audit_async.aws.credentials import RunCredentials
    from s3audit_async.model import Rule

_OPERATION = Operation.GET_BUCKET_ENCRYPTION.value
_SAMPLE = "s3audit-sample-that-is-never-sent"
_SIGNATURE = "s3v4"
_LEAST_ERROR = 300  # as botocore's client has it
_PLAIN_NAME = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9._-]{3,255}")
"""Names that mean themselves and stand in a URL as they are: by today's rules, and what us-east-1 once allowed."""
_SPECIAL_ENDINGS = ("-s3", "-s3alias")
"""What makes the SDK ask elsewhere: `--x-s3` directory buckets, access points, Outposts (botocore's endpoint rules)."""

KEPT_ANSWERS = 1024
"""Parsed answers that are kept for their like, about 1 KiB each: most buckets have one of a few, as there is one for
each key, with or without Bucket Key."""
_LONGEST_KEPT = 2048  # bytes; AWS's have 250 to 500


@dataclass(slots=True)
class _Request:
    """What botocore's signer and the HTTP session want to know of a request (`AWSRequest`, which costs 40 us)."""

    url: str
    headers: dict[str, str] = field(repr=False)  # with the signature and the token
    context: dict[str, Any] = field(repr=False)
    method: str = "GET"
    body: None = None
    params: Mapping[str, str] = field(default_factory=dict)
    stream_output: bool = False
    signed: Any = field(default=None, repr=False)
    """The headers that are signed, once they are known."""


class _PreparedError(Exception):
    """Raised to end the client's call for the sample, before it is signed and sent."""


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer. What it derives from the secret for a day and a region is derived once."""

    def __init__(self, *args: Any) -> None:  # noqa: ANN401 - botocore's arguments
        super().__init__(*args)
        self._derived: dict[tuple[bytes, str], bytes] = {}  # four for each day that a run lasts

    def headers_to_sign(self, request: _Request) -> Any:  # noqa: ANN401 - as the overridden method
        """Select them once for each request: botocore needs them twice, and nothing is added between."""
        if request.signed is None:
            request.signed = super().headers_to_sign(request)
        return request.signed

    def _sign(self, key: bytes, msg: str, hex: bool = False) -> Any:  # noqa: A002, ANN401 - as the overridden method
        if hex:
            return super()._sign(key, msg, hex)
        derived = self._derived.get((key, msg))
        if derived is None:
            derived = self._derived[key, msg] = super()._sign(key, msg)
        return derived


class KnownAnswers:
    """Answers of GetBucketEncryption that were parsed before, by their bodies. The latest `KEPT_ANSWERS`, or fewer."""

    def __init__(self) -> None:
        self._rules: dict[bytes, tuple[Rule, ...]] = {}

    def find(self, body: bytes) -> tuple[Rule, ...] | None:
        """Give what a body was parsed into; None if it is not known."""
        return self._rules.get(body)

    def keep(self, body: bytes, rules: tuple[Rule, ...]) -> None:
        """Remember what a body was parsed into."""
        if len(body) > _LONGEST_KEPT:
            return
        if len(self._rules) >= KEPT_ANSWERS:
            self._rules.clear()
        self._rules[body] = rules


class RequestTemplate:
    """What the requests for the encryption of one region's buckets have in common, for all who ask through a client."""

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - untyped SDK object
        sample: Any,  # noqa: ANN401 - untyped SDK object
        region: str,
        known: KnownAnswers,
    ) -> None:
        """Take over from the client what holds for all buckets. `sample` is the request as it was to be signed."""
        self.head, self.tail = sample.url.split(_SAMPLE)
        self.context = {name: value for name, value in sample.context.items() if name != "signing"}
        signing = sample.context.get("signing", {})
        self.scope = signing.get("signing_name", "s3"), signing.get("region", region)
        self.headers = dict(sample.headers.items())
        # As the signer finds it in each URL, if it is not told.
        self.headers["host"] = S3SigV4Auth(None, *self.scope).headers_to_sign(sample)["host"]
        self.session = client._endpoint.http_session  # noqa: SLF001 - no public way to a client's connections
        self.parser = client._endpoint._response_parser_factory.create_parser("rest-xml")  # noqa: SLF001 - nor parser
        self.shape = client.meta.service_model.operation_model(_OPERATION).output_shape
        self.known = known


class EncryptionReader:
    """Reads the default encryption of one region's buckets, for one account."""

    def __init__(self, template: RequestTemplate, credentials: RunCredentials) -> None:
        self._template = template
        self._credentials = credentials
        self._signer = _Signer(None, *template.scope)

    async def read(self, bucket: str) -> tuple[Rule, ...]:
        """Ask for one bucket's encryption. Raises what the SDK raises, `ClientError` for an error answer."""
        frozen = await self._credentials.get_frozen_credentials()
        template = self._template
        if frozen is not self._signer.credentials:
            self._signer = _Signer(frozen, *template.scope)
        request = _Request(template.head + bucket + template.tail, template.headers.copy(), template.context.copy())
        self._signer.add_auth(request)
        answer, body = await template.session.get(request)
        status = answer.status
        if status < _LEAST_ERROR:
            known = template.known.find(body)
            if known is not None:
                return known
            status = answers.status_of(status, body)
        parsed = await template.parser.parse(
            {"headers": answer.headers, "status_code": status, "body": body, "context": {}}, template.shape
        )
        if status >= _LEAST_ERROR:
            raise ClientError(parsed, _OPERATION)
        parsed[answers.BODY_NAMES_IT] = answers.names_encryption(body)
        rules = answers.rules(parsed)
        template.known.keep(body, rules)
        return rules


def is_plain(bucket: str) -> bool:
    """Tell whether `EncryptionReader` may be asked about a bucket; other names are for the client to make sense of."""
    return _PLAIN_NAME.fullmatch(bucket) is not None and not bucket.endswith(_SPECIAL_ENDINGS)


async def open_template(
    client: Any,  # noqa: ANN401 - untyped SDK object
    region: str,
    known: KnownAnswers,
) -> RequestTemplate | None:
    """Make the template of a client that nobody else uses yet; None where its requests differ in more than the bucket.

    That is so with virtual-hosted addressing, which has a host for each bucket, and with other signatures than SigV4.
    """
    templates: list[RequestTemplate] = []

    def take_over(request: Any, signature_version: Any, **_: object) -> None:  # noqa: ANN401 - untyped SDK objects
        path_style = request.url.count(_SAMPLE) == 1 and f"/{_SAMPLE}?" in request.url
        if path_style and signature_version == _SIGNATURE:
            templates.append(RequestTemplate(client, request, region, known))
        raise _PreparedError

    event = f"before-sign.s3.{_OPERATION}"
    client.meta.events.register_last(event, take_over)
    try:
        with signing_as(NOBODY):
            await client.get_bucket_encryption(Bucket=_SAMPLE)
    except _PreparedError:
        return templates[0] if templates else None
    except BotoCoreError:
        return None  # it says so again of each bucket: settings that do not go together
    finally:
        client.meta.events.unregister(event, take_over)
    raise RuntimeError("the SDK has sent a request without signing it")
