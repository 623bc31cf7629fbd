"""S3's answers: ListBuckets, GetBucketLocation, HeadBucket, GetBucketEncryption."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.stub.behaviour import Behaviour, Paging, WrongRegion
from benchmarks.stub.faults import ErrorAnswer
from benchmarks.stub.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.stub.account import BucketIndex, StubAccount, StubBucket, StubRule
    from benchmarks.stub.request import Request

MAX_BUCKETS = 10_000
"""Largest page, and the page of a listing that has parameters but no `max-buckets` (s3 model)."""
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_NOT_CONFIGURED = ErrorAnswer(
    404,
    "ServerSideEncryptionConfigurationNotFoundError",
    "The server side encryption configuration was not found",
)
_NO_BUCKET = ErrorAnswer(404, "NoSuchBucket", "The specified bucket does not exist")
_DENIED = ErrorAnswer(403, "AccessDenied", "Access Denied")
_WRONG_REGION = {
    WrongRegion.PERMANENT: (301, "PermanentRedirect"),
    WrongRegion.MALFORMED: (400, "AuthorizationHeaderMalformed"),
    WrongRegion.ILLEGAL: (400, "IllegalLocationConstraintException"),
    WrongRegion.TEMPORARY: (307, "TemporaryRedirect"),
}


def answer(request: Request, account: StubAccount, behaviour: Behaviour) -> Reply:
    """Answer any of the four operations."""
    if request.operation == "ListBuckets":
        if behaviour.denies(request):
            return error(_DENIED)
        return _listing(request, account.index, account.id, behaviour)
    bucket = account.index.find(request.target)
    if bucket is None:
        return error(_NO_BUCKET, request.target)
    return _refusal(request, bucket, account.id, behaviour) or _granted(request.operation, bucket, behaviour)


def error(fault: ErrorAnswer, bucket: str = "") -> Reply:
    """Spell an error as S3 does."""
    region = f"<Region>{escape(fault.region)}</Region>" if fault.region else ""
    name = f"<BucketName>{escape(bucket)}</BucketName>" if bucket else ""
    body = (
        f"{_XML}<Error><Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message>"
        f"{region}{name}<HostId>stub</HostId></Error>"
    )
    return Reply(fault.status, body.encode(), headers=fault.headers, code=fault.code)


def _refusal(request: Request, bucket: StubBucket, owner: str, behaviour: Behaviour) -> Reply | None:
    """Say no, if there is a reason. The wrong region comes first: S3 looks at permissions after that."""
    if request.operation != "GetBucketLocation" and request.region != bucket.region:
        misdirected = _misdirected(request, bucket, behaviour.wrong_region)
        if misdirected:
            return misdirected
    if not behaviour.denies(request) and request.expected_owner in {"", owner}:
        return None
    where = (("x-amz-bucket-region", bucket.region),) if request.operation == "HeadBucket" else ()
    return error(replace(_DENIED, headers=where), bucket.name)


def _granted(operation: str, bucket: StubBucket, behaviour: Behaviour) -> Reply:
    if operation == "HeadBucket":
        return Reply(200, headers=(("x-amz-bucket-region", bucket.region),))
    if operation == "GetBucketLocation":
        return _location(bucket.region, old_ireland=behaviour.old_ireland)
    if bucket.rules is None:
        return error(_NOT_CONFIGURED, bucket.name)
    return _encryption(bucket.rules)


@lru_cache(maxsize=4096)  # many buckets are configured alike
def _encryption(rules: tuple[StubRule, ...]) -> Reply:
    inner = "".join(map(_rule, rules))
    tag = "ServerSideEncryptionConfiguration"
    return Reply(200, f"{_XML}<{tag} {_NAMESPACE}>{inner}</{tag}>".encode())


def _rule(rule: StubRule) -> str:
    parts = ["<Rule>"]
    if rule.algorithm is not None:
        key = "" if rule.key is None else f"<KMSMasterKeyID>{escape(rule.key)}</KMSMasterKeyID>"
        parts.append(
            "<ApplyServerSideEncryptionByDefault>"
            f"<SSEAlgorithm>{escape(rule.algorithm)}</SSEAlgorithm>{key}</ApplyServerSideEncryptionByDefault>"
        )
    if rule.bucket_key is not None:
        parts.append(f"<BucketKeyEnabled>{'true' if rule.bucket_key else 'false'}</BucketKeyEnabled>")
    if rule.blocked is not None:
        kinds = "".join(f"<EncryptionType>{escape(kind)}</EncryptionType>" for kind in rule.blocked)
        parts.append(f"<BlockedEncryptionTypes>{kinds}</BlockedEncryptionTypes>")
    parts.append("</Rule>")
    return "".join(parts)


def _location(region: str, *, old_ireland: bool) -> Reply:
    name = "EU" if old_ireland and region == "eu-west-1" else region
    if region == "us-east-1":
        return Reply(200, f"{_XML}<LocationConstraint {_NAMESPACE}/>".encode())
    return Reply(200, f"{_XML}<LocationConstraint {_NAMESPACE}>{name}</LocationConstraint>".encode())


def _misdirected(request: Request, bucket: StubBucket, how: WrongRegion) -> Reply | None:
    if how is WrongRegion.ANSWER:
        return None
    status, code = _WRONG_REGION[how]
    told = request.operation == "HeadBucket" or how in {WrongRegion.PERMANENT, WrongRegion.TEMPORARY}
    headers = (("x-amz-bucket-region", bucket.region),) if told else ()
    in_body = bucket.region if how is WrongRegion.MALFORMED else ""
    message = f"The bucket is not in {request.region}."
    return error(ErrorAnswer(status, code, message, headers, in_body), bucket.name)


def _listing(request: Request, buckets: BucketIndex, owner: str, behaviour: Behaviour) -> Reply:
    params = request.params
    tokens = behaviour.paging is Paging.TOKENS
    if not params and behaviour.refuse_unpaginated:
        # The s3 model says that these are rejected, not with which code.
        return error(ErrorAnswer(400, "InvalidRequest", "Unpaginated ListBuckets is not supported."))
    size = params.get("max-buckets", str(MAX_BUCKETS))
    if not size.isdecimal() or not 1 <= int(size) <= MAX_BUCKETS:
        return _invalid("max-buckets must be between 1 and 10000")
    region = params.get("bucket-region", "")
    if region and region != request.region and behaviour.wrong_region is not WrongRegion.ANSWER:
        return _invalid("bucket-region must be the region of the endpoint")
    after = ""
    if tokens and "continuation-token" in params:
        after = _name_of(params["continuation-token"])
        if not after:
            return _invalid("The continuation token provided is incorrect")
    prefix = params.get("prefix", "")
    limit = int(size) if params else len(buckets)
    matching = _matching(buckets, after, prefix, region)
    page = [bucket for _, bucket in zip(range(limit), matching, strict=False)]
    more = tokens and len(page) == limit and next(matching, None) is not None
    token = f"<ContinuationToken>{_token_of(page[-1].name)}</ContinuationToken>" if page and more else ""
    told = f"<Prefix>{escape(prefix)}</Prefix>" if prefix else ""
    entries = "".join(_entry(bucket, with_region=bool(params) and tokens) for bucket in page)
    tag = "ListAllMyBucketsResult"
    body = f"{_XML}<{tag} {_NAMESPACE}><Owner><ID>{owner}</ID></Owner><Buckets>{entries}</Buckets>{token}{told}</{tag}>"
    return Reply(200, body.encode())


def _matching(buckets: BucketIndex, after: str, prefix: str, region: str) -> Iterator[StubBucket]:
    """Walk from the place where a page starts; sorted names end at the first that leaves the prefix."""
    start = max(buckets.after(after) if after else 0, buckets.starting_with(prefix))
    for position in range(start, len(buckets)):
        bucket = buckets[position]
        if prefix and not bucket.name.startswith(prefix):
            return
        if not region or bucket.region == region:
            yield bucket


def _entry(bucket: StubBucket, *, with_region: bool) -> str:
    region = f"<BucketRegion>{bucket.region}</BucketRegion>" if with_region and bucket.listed_region else ""
    created = f"{bucket.created.isoformat()[:19]}.000Z"  # a fifth of the time that strftime takes
    return f"<Bucket><Name>{escape(bucket.name)}</Name><CreationDate>{created}</CreationDate>{region}</Bucket>"


def _token_of(name: str) -> str:
    """Hide the last name that was told, so that the token stays good while buckets come and go."""
    return urlsafe_b64encode(f"after:{name}".encode()).decode()


def _name_of(token: str) -> str:
    try:
        text = urlsafe_b64decode(token.encode("ascii")).decode()
    except ValueError:
        return ""
    return text.removeprefix("after:") if text.startswith("after:") else ""


def _invalid(message: str) -> Reply:
    return error(ErrorAnswer(400, "InvalidArgument", message))
