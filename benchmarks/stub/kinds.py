"""Answers about directory, table and vector buckets, and the regions of an account."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from benchmarks.stub import kms, s3
from benchmarks.stub.faults import ErrorAnswer
from benchmarks.stub.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.stub.account import StubAccount
    from benchmarks.stub.behaviour import Behaviour
    from benchmarks.stub.others import StubOther
    from benchmarks.stub.request import Request
    from benchmarks.stub.wire import HttpRequest

SERVICES = frozenset({"s3express", "s3tables", "s3vectors", "account"})
"""The services, as requests are signed for them, that this module answers for."""

_LARGEST = {"ListDirectoryBuckets": 1000, "ListTableBuckets": 1000, "ListVectorBuckets": 500, "ListRegions": 50}
_KIND_OF = {"ListDirectoryBuckets": "directory", "ListTableBuckets": "table", "ListVectorBuckets": "vector"}
_CREATED = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
_JSON = "application/json"
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_VECTOR_PATHS = {"/ListVectorBuckets": "ListVectorBuckets", "/GetVectorBucket": "GetVectorBucket"}


def identify(http: HttpRequest, service: str) -> tuple[str, str, Mapping[str, str]] | None:
    """Read a request for one of `SERVICES`: operation, target and parameters. None for what the stub does not speak."""
    query = dict(parse_qsl(http.query, keep_blank_values=True))
    if service == "s3express" and http.method == "GET":
        return _of_directory(http.path, query)
    if service == "s3tables" and http.method == "GET":
        return _of_tables(http.path, query)
    body = _body(http.body)
    if service == "s3vectors" and http.method == "POST" and http.path in _VECTOR_PATHS:
        operation = _VECTOR_PATHS[http.path]
        parameters = {"size": body.get("maxResults"), "token": body.get("nextToken"), "prefix": body.get("prefix")}
        target = body.get("vectorBucketName", "") if operation == "GetVectorBucket" else parameters["token"] or ""
        return operation, target, _texts(parameters)
    if service == "account" and (http.method, http.path) == ("POST", "/listRegions"):
        parameters = {"size": body.get("MaxResults"), "token": body.get("NextToken")}
        return "ListRegions", parameters["token"] or "", _texts(parameters)
    return None


def answer(request: Request, account: StubAccount, behaviour: Behaviour) -> Reply:
    """Answer any of the operations."""
    if behaviour.denies(request):
        code = "AccessDenied" if request.service == "s3express" else "AccessDeniedException"
        return error(request, ErrorAnswer(403, code, f"not authorized to perform {request.operation}"))
    return _ANSWERS[request.operation](request, account)


def error(request: Request, fault: ErrorAnswer) -> Reply:
    """Spell an error as the request's service does."""
    return s3.error(fault) if request.service == "s3express" else kms.error(fault)


def _of_directory(path: str, query: dict[str, str]) -> tuple[str, str, Mapping[str, str]] | None:
    query.pop("x-id", None)
    if path == "/" and query.keys() <= {"max-directory-buckets", "continuation-token"}:
        token = query.get("continuation-token", "")
        return "ListDirectoryBuckets", token, _texts({"size": query.get("max-directory-buckets"), "token": token})
    if "/" not in path[1:] and query.keys() == {"encryption"}:
        return "GetDirectoryBucketEncryption", unquote(path[1:]), {}
    return None


def _of_tables(path: str, query: dict[str, str]) -> tuple[str, str, Mapping[str, str]] | None:
    if path == "/buckets":
        token = query.get("continuationToken", "")
        return (
            "ListTableBuckets",
            token,
            _texts({"size": query.get("maxBuckets"), "token": token, "prefix": query.get("prefix")}),
        )
    if path.startswith("/buckets/") and path.endswith("/encryption"):
        return "GetTableBucketEncryption", unquote(path.removeprefix("/buckets/").removesuffix("/encryption")), {}
    return None


def _list(request: Request, account: StubAccount) -> tuple[list[StubOther], str]:
    """Give a page of the region's buckets, and the token of the next one; empty for the last."""
    prefix = request.params.get("prefix", "")
    kind = _KIND_OF[request.operation]
    there = sorted(
        (
            each
            for each in account.others
            if each.kind == kind and each.region == request.region and each.name.startswith(prefix)
        ),
        key=lambda each: each.name,
    )
    return _page(request, there, lambda each: each.name)


def _page(request: Request, there: Sequence[Any], name: Callable[[Any], str]) -> tuple[list[Any], str]:
    largest = _LARGEST[request.operation]
    size = min(int(request.params.get("size", largest)), largest)
    after = urlsafe_b64decode(request.params.get("token", "")).decode()
    rest = [each for each in there if name(each) > after]
    more = len(rest) > size
    return rest[:size], urlsafe_b64encode(name(rest[size - 1]).encode()).decode() if more else ""


def _find(request: Request, account: StubAccount, kind: str) -> StubOther | None:
    for each in account.others:
        named = each.arn(account) if kind == "table" else each.name
        if each.kind == kind and each.region == request.region and named == request.target:
            return each
    return None


def _directory_buckets(request: Request, account: StubAccount) -> Reply:
    page, token = _list(request, account)
    entries = "".join(
        f"<Bucket><Name>{escape(each.name)}</Name><CreationDate>{_CREATED.isoformat()[:19]}.000Z</CreationDate>"
        f"<BucketRegion>{each.region}</BucketRegion></Bucket>"
        for each in page
    )
    more = f"<ContinuationToken>{token}</ContinuationToken>" if token else ""
    tag = "ListAllMyDirectoryBucketsResult"
    return Reply(200, f"{_XML}<{tag} {_NAMESPACE}><Buckets>{entries}</Buckets>{more}</{tag}>".encode())


def _directory_encryption(request: Request, account: StubAccount) -> Reply:
    bucket = _find(request, account, "directory")
    if bucket is None:
        return error(request, ErrorAnswer(404, "NoSuchBucket", "The specified bucket does not exist"))
    if request.expected_owner:
        return error(request, ErrorAnswer(501, "NotImplemented", "x-amz-expected-bucket-owner is not implemented"))
    key = f"<KMSMasterKeyID>{escape(bucket.key)}</KMSMasterKeyID>" if bucket.key else ""
    tag = "ServerSideEncryptionConfiguration"
    return Reply(
        200,
        (
            f"{_XML}<{tag} {_NAMESPACE}><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{bucket.algorithm}"
            f"</SSEAlgorithm>{key}</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled>"
            f"</Rule></{tag}>"
        ).encode(),
    )


def _table_buckets(request: Request, account: StubAccount) -> Reply:
    page, token = _list(request, account)
    entries = [
        {
            "arn": each.arn(account),
            "name": each.name,
            "ownerAccountId": account.id,
            "createdAt": _CREATED.isoformat().replace("+00:00", "Z"),
        }
        for each in page
    ]
    return _json({"tableBuckets": entries, **({"continuationToken": token} if token else {})})


def _table_encryption(request: Request, account: StubAccount) -> Reply:
    bucket = _find(request, account, "table")
    if bucket is None:
        return _missing(request)
    return _json({"encryptionConfiguration": _texts({"sseAlgorithm": bucket.algorithm, "kmsKeyArn": bucket.key})})


def _vector_buckets(request: Request, account: StubAccount) -> Reply:
    page, token = _list(request, account)
    entries = [_vector(each, account) for each in page]
    return _json({"vectorBuckets": entries, **({"nextToken": token} if token else {})})


def _vector_bucket(request: Request, account: StubAccount) -> Reply:
    bucket = _find(request, account, "vector")
    if bucket is None:
        return _missing(request)
    told = _texts({"sseType": bucket.algorithm, "kmsKeyArn": bucket.key})
    return _json({"vectorBucket": {**_vector(bucket, account), **({"encryptionConfiguration": told} if told else {})}})


def _regions(request: Request, account: StubAccount) -> Reply:
    page, token = _page(request, sorted(account.regions.items()), lambda each: str(each[0]))
    entries = [{"RegionName": name, "RegionOptStatus": status} for name, status in page]
    return _json({"Regions": entries, **({"NextToken": token} if token else {})})


_ANSWERS: dict[str, Callable[[Request, StubAccount], Reply]] = {
    "ListDirectoryBuckets": _directory_buckets,
    "GetDirectoryBucketEncryption": _directory_encryption,
    "ListTableBuckets": _table_buckets,
    "GetTableBucketEncryption": _table_encryption,
    "ListVectorBuckets": _vector_buckets,
    "GetVectorBucket": _vector_bucket,
    "ListRegions": _regions,
}


def _vector(bucket: StubOther, account: StubAccount) -> dict[str, object]:
    return {
        "vectorBucketName": bucket.name,
        "vectorBucketArn": bucket.arn(account),
        "creationTime": _CREATED.timestamp(),
    }


def _missing(request: Request) -> Reply:
    return error(request, ErrorAnswer(404, "NotFoundException", "The specified bucket does not exist"))


def _json(content: object) -> Reply:
    return Reply(200, json.dumps(content).encode(), _JSON)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value not in {None, ""}}


def _body(data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
