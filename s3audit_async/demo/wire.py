"""Answers as S3 and KMS put them on the wire: bodies, headers and error documents.

S3 speaks XML with `x-amz-request-id` and `x-amz-id-2`, KMS JSON 1.1 with `x-amzn-RequestId`; both send the code of
an error in the body, because the status alone does not tell AccessDenied from a throttle.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s3audit_async.demo.records import DemoBucket, DemoEncryption, DemoFault

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_OWNER = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
_request_numbers = count(0x5A3A0D17C0DE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: status, headers without Content-Length, body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def status_line(self) -> str:
        """The status as WSGI wants it, for example `404 Not Found`."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


def s3_ids() -> tuple[tuple[str, str], ...]:
    """Return the two headers with which S3 names a request, new each time."""
    number = f"{next(_request_numbers):016X}"
    host = b64encode(number.encode() * 3).decode()
    return (("x-amz-request-id", number), ("x-amz-id-2", host))


def s3_xml(document: str, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Answer with an XML document, given without its declaration."""
    head = (*s3_ids(), *headers, ("Content-Type", "application/xml"), ("Server", "AmazonS3"))
    return Answer(status, head, (_DECLARATION + document).encode())


def s3_error(
    fault: DemoFault, *, details: str = "", headers: tuple[tuple[str, str], ...] = (), has_body: bool = True
) -> Answer:
    """Answer with an S3 error. `details` are further elements; the answer to a HEAD has no body."""
    ids = s3_ids()
    head = (*ids, *headers, ("Content-Type", "application/xml"), ("Server", "AmazonS3"))
    document = (
        f"{_DECLARATION}<Error><Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message>{details}"
        f"<RequestId>{ids[0][1]}</RequestId><HostId>{ids[1][1]}</HostId></Error>"
    )
    return Answer(fault.status, head, document.encode() if has_body else b"")


def kms_error(fault: DemoFault) -> Answer:
    """Answer with a KMS error."""
    body = json.dumps({"__type": fault.code, "message": fault.message}).encode()
    request_id = f"{next(_request_numbers):032x}"
    return Answer(
        fault.status,
        (("x-amzn-RequestId", request_id), ("Content-Type", "application/x-amz-json-1.1")),
        body,
    )


def encryption(rule: DemoEncryption) -> Answer:
    """Answer GetBucketEncryption with one rule; what the rule does not set is absent."""
    parts = [f"<SSEAlgorithm>{escape(rule.algorithm)}</SSEAlgorithm>"]
    if rule.key_reference is not None:
        parts.append(f"<KMSMasterKeyID>{escape(rule.key_reference)}</KMSMasterKeyID>")
    parts = ["<ApplyServerSideEncryptionByDefault>", *parts, "</ApplyServerSideEncryptionByDefault>"]
    if rule.bucket_key_enabled is not None:
        parts.append(f"<BucketKeyEnabled>{str(rule.bucket_key_enabled).lower()}</BucketKeyEnabled>")
    if rule.blocked is not None:
        types = "".join(f"<EncryptionType>{escape(kind)}</EncryptionType>" for kind in rule.blocked)
        parts.append(f"<BlockedEncryptionTypes>{types}</BlockedEncryptionTypes>")
    return s3_xml(
        f'<ServerSideEncryptionConfiguration xmlns="{_NAMESPACE}"><Rule>{"".join(parts)}</Rule>'
        "</ServerSideEncryptionConfiguration>"
    )


def bucket_page(
    buckets: Iterable[DemoBucket], *, with_regions: bool, token: str | None = None, prefix: str | None = None
) -> Answer:
    """Answer ListBuckets with one page."""
    entries = "".join(_entry(bucket, with_region=with_regions) for bucket in buckets)
    rest = f"<ContinuationToken>{escape(token)}</ContinuationToken>" if token is not None else ""
    rest += f"<Prefix>{escape(prefix)}</Prefix>" if prefix is not None else ""
    return s3_xml(
        f'<ListAllMyBucketsResult xmlns="{_NAMESPACE}"><Owner><ID>{_OWNER}</ID></Owner>'
        f"<Buckets>{entries}</Buckets>{rest}</ListAllMyBucketsResult>"
    )


def _entry(bucket: DemoBucket, *, with_region: bool) -> str:
    region = f"<BucketRegion>{bucket.region}</BucketRegion>" if with_region else ""
    created = f"{bucket.created:%Y-%m-%dT%H:%M:%S.000Z}"
    return f"<Bucket><Name>{bucket.name}</Name><CreationDate>{created}</CreationDate>{region}</Bucket>"
