"""The WSGI middleware before moto: it answers what moto cannot express, and lets moto answer the rest.

What it adds: pages and regions in ListBuckets, the redirect of a bucket asked for in the wrong region, denials
and permanent errors of chosen buckets and keys, a SlowDown now and then, Bucket Key settings that are absent and
blocked encryption types (moto sends the first always and the second never), latency.
"""

from __future__ import annotations

import json
import time
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from s3audit_async.demo.listing import BucketListing
from s3audit_async.demo.records import ACCOUNT, DemoBucket, DemoFault
from s3audit_async.demo.wire import encryption, kms_error, s3_error, s3_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from s3audit_async.demo.wire import Answer

_SLOW_DOWN = DemoFault(503, "SlowDown", "Please reduce your request rate.")
_ELSEWHERE = DemoFault(
    301,
    "PermanentRedirect",
    "The bucket you are attempting to access must be addressed using the specified endpoint. "
    "Please send all future requests to this endpoint.",
)


class Front:
    """One account in front of moto: `apps` are moto's applications by service, `other` is for all other services.

    Callable from many threads at once. `latency_ms` is how long each request waits before it is answered, in its
    own thread.
    """

    def __init__(
        self,
        apps: Mapping[str, WSGIApplication],
        other: WSGIApplication,
        buckets: Sequence[DemoBucket],
        *,
        latency_ms: float = 0.0,
        account: str = ACCOUNT,
    ) -> None:
        self._apps = apps
        self._other = other
        self._latency_s = latency_ms / 1000
        self._account = account
        self._listing = BucketListing(buckets)
        self._buckets = {bucket.name: bucket for bucket in buckets}
        keys = {bucket.key for bucket in buckets if bucket.key is not None}
        self._key_faults = {(key.region, key.key_id): key.fault for key in keys if key.fault is not None}
        self._slow_downs_due = {bucket.name for bucket in buckets if bucket.throttled_once}
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if self._latency_s:
            time.sleep(self._latency_s)
        service, region = _signed_for(environ.get("HTTP_AUTHORIZATION", ""))
        answer: Answer | None = None
        if service == "s3":
            answer = self._s3(environ, region)
        elif service == "kms":
            answer = self._kms(environ, region)
        if answer is not None:
            start_response(answer.status_line, [*answer.headers, ("Content-Length", str(len(answer.body)))])
            return [answer.body]
        # The header by which moto keeps accounts apart.
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account
        start = _with_s3_ids(start_response) if service == "s3" else start_response
        return self._apps.get(service, self._other)(environ, start)

    def _s3(self, environ: WSGIEnvironment, region: str) -> Answer | None:
        method = environ["REQUEST_METHOD"]
        name = environ["PATH_INFO"].strip("/")
        query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        if method == "GET" and not name:
            return self._listing.answer(query)
        bucket = self._buckets.get(name)
        if bucket is None or bucket.vanished:
            return None
        reads_encryption = method == "GET" and "encryption" in query
        if (reads_encryption or method == "HEAD") and region != bucket.region:
            return _redirect(bucket, has_body=method != "HEAD")
        return self._encryption(bucket) if reads_encryption else None

    def _encryption(self, bucket: DemoBucket) -> Answer | None:
        if bucket.throttled_once and self._is_due(bucket.name):
            return s3_error(_SLOW_DOWN)
        if bucket.fault is not None:
            return s3_error(bucket.fault)
        rule = bucket.encryption
        if rule is not None and (rule.bucket_key_enabled is None or rule.blocked is not None):
            return encryption(rule)
        return None

    def _is_due(self, name: str) -> bool:
        with self._lock:
            due = name in self._slow_downs_due
            self._slow_downs_due.discard(name)
        return due

    def _kms(self, environ: WSGIEnvironment, region: str) -> Answer | None:
        if environ.get("HTTP_X_AMZ_TARGET") != "TrentService.DescribeKey":
            return None
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)  # moto reads it again
        try:
            reference = str(json.loads(body)["KeyId"])
        except (ValueError, TypeError, KeyError):
            return None
        fault = self._key_faults.get((region, reference.rpartition("key/")[2]))
        return None if fault is None else kms_error(fault)


def _signed_for(authorization: str) -> tuple[str, str]:
    """Return service and region of a signature's credential scope, both empty where there is none.

    The scope is `Credential=<access key>/<date>/<region>/<service>/aws4_request`: the IAM User Guide on
    signing requests.
    """
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return (scope[3], scope[2]) if len(scope) == 5 else ("", "")  # noqa: PLR2004 - the five parts above


def _redirect(bucket: DemoBucket, *, has_body: bool) -> Answer:
    """Send a request that was signed for another region to the bucket's own."""
    details = f"<Endpoint>s3.{bucket.region}.amazonaws.com</Endpoint><Bucket>{bucket.name}</Bucket>"
    headers = (("x-amz-bucket-region", bucket.region),)
    return s3_error(_ELSEWHERE, details=details, headers=headers, has_body=has_body)


def _with_s3_ids(start_response: StartResponse) -> StartResponse:
    """Add S3's own request ids to an answer of moto, which names its requests as the other services do."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None, /) -> Callable[[bytes], object]:
        return start_response(status, [*headers, *s3_ids()], exc_info)  # type: ignore[arg-type]

    return start
