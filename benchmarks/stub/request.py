"""What a request asks for: HTTP read as an AWS call."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from benchmarks.stub import kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.stub.wire import HttpRequest

UNKNOWN = "Unknown"
"""Operation of everything that the stub does not speak."""
LISTING_PARAMETERS = frozenset({"max-buckets", "continuation-token", "prefix", "bucket-region"})
_READING_VERBS = ("Assume", "Describe", "Get", "List")
_BUCKET_READS = {"encryption": "GetBucketEncryption", "location": "GetBucketLocation"}


@dataclass(frozen=True, slots=True)
class Request:
    """One AWS call, as fault hooks and latencies see it.

    `region` and `service` are those that it was signed for; both come from the credential scope. `target` is
    the bucket's name, the KeyId as sent, or the continuation token of a listing (empty on the first page).
    `nth` counts from 1 how often this (operation, target) was asked, this time included.
    """

    operation: str
    service: str = "s3"
    region: str = "us-east-1"
    target: str = ""
    nth: int = 1
    access_key: str = ""
    """Empty when the request was not signed."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Of a listing: its query. Of AssumeRole: its form. Of Organizations: its JSON, as `body`."""
    expected_owner: str = ""
    is_write: bool = False
    """Whether it is anything else than a read."""
    sent: str = ""
    """The request as it came, head and body; filled in for fault hooks."""
    account: str = ""
    """Of an organization: whose credentials signed it, or for AssumeRole the account that is to be entered."""
    session_token: str = ""
    """Of an organization: what came along with the access key."""
    forged: bool = False
    """Of an organization whose `Roles.verify` is set: whether it is signed with another secret than the key's."""


def identify(http: HttpRequest) -> Request:
    """Read an HTTP request as an AWS call. What makes no sense is `Unknown`, with what it was as target."""
    access_key, region, service = _scope(http.header(b"authorization"))
    if service == "kms":
        name = http.header(b"x-amz-target").removeprefix("TrentService.")
        if http.method == "POST" and name == "DescribeKey":
            return Request(name, service, region, _key_id(http.body), 1, access_key)
        return _unknown(http, service, region, access_key, name)
    if service == "sts":
        form = dict(parse_qsl(http.body.decode("latin-1") or http.query))
        name = form.get("Action", "")
        if name == "GetCallerIdentity":
            return Request(name, service, region, "", 1, access_key)
        return _unknown(http, service, region, access_key, name)
    if service == "s3":
        return _identify_s3(http, region, access_key)
    return _identify_other(http, service, region, access_key)


def _identify_other(http: HttpRequest, service: str, region: str, access_key: str) -> Request:
    asked = kinds.identify(http, service) if service in kinds.SERVICES else None
    if asked is None:
        return _unknown(http, service, region, access_key, http.header(b"x-amz-target").rpartition(".")[2])
    operation, target, parameters = asked
    owner = http.header(b"x-amz-expected-bucket-owner")
    return Request(operation, service, region, target, 1, access_key, parameters, owner)


def _identify_s3(http: HttpRequest, region: str, access_key: str) -> Request:
    """Take the bucket from the path, and only without one there from the host name: path style pays nothing for it."""
    bucket = http.path.strip("/") or _bucket_in_host(http.header(b"host"))
    query = http.query.removesuffix("=")
    if bucket and "/" not in bucket:
        target = unquote(bucket)
        owner = http.header(b"x-amz-expected-bucket-owner")
        if http.method == "GET" and query in _BUCKET_READS:
            return Request(_BUCKET_READS[query], "s3", region, target, 1, access_key, expected_owner=owner)
        if http.method == "HEAD" and not query:
            return Request("HeadBucket", "s3", region, target, 1, access_key, expected_owner=owner)
    elif not bucket and http.method == "GET":
        params = dict(parse_qsl(http.query, keep_blank_values=True))
        params.pop("x-id", None)
        if params.keys() <= LISTING_PARAMETERS:
            token = params.get("continuation-token", "")
            return Request("ListBuckets", "s3", region, token, 1, access_key, params)
    return _unknown(http, "s3", region, access_key, "")


def _bucket_in_host(host: str) -> str:
    """Read `BUCKET.s3.REGION.amazonaws.com`, or `BUCKET.s3.amazonaws.com`; empty for any other host."""
    bucket, _, where = host.partition(":")[0].rpartition(".s3.")
    return bucket if where.endswith("amazonaws.com") else ""


def _unknown(http: HttpRequest, service: str, region: str, access_key: str, name: str) -> Request:
    reads = name.startswith(_READING_VERBS) if name else http.method in {"GET", "HEAD"}
    query = f"?{http.query}" if http.query else ""
    asked = f"{service} {http.method} {http.path}{query} {name}".rstrip()
    return Request(UNKNOWN, service, region, asked, 1, access_key, is_write=not reads)


def _scope(authorization: str) -> tuple[str, str, str]:
    """Access key, region and service of a SigV4 header: `Credential=KEY/date/REGION/SERVICE/aws4_request`."""
    _, found, rest = authorization.partition("Credential=")
    scope = rest.partition(",")[0].split("/")
    if not found or len(scope) != 5:
        return "", "us-east-1", "s3"
    return scope[0], scope[2], scope[3]


def _key_id(body: bytes) -> str:
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    key_id = content.get("KeyId") if isinstance(content, dict) else None
    return key_id if isinstance(key_id, str) else ""
