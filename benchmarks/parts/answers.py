"""One answer of GetBucketEncryption in all its forms: as sent, as the SDK reads it, as s3audit does."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import HeadersDict
from botocore.session import get_session

from benchmarks.stub import Behaviour, Request, StubAccount, StubBucket, StubKey, StubRule
from benchmarks.stub.s3 import answer
from s3audit_async import classify
from s3audit_async.model import Bucket, Key, Row, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

REGION = "us-east-1"
KEY = StubKey("arn:aws:kms:us-east-1:123456789012:key/11111111-0000-4000-8000-000000000000")
BUCKET = Bucket("synthetic-0000001", REGION, datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
HEADERS = HeadersDict({"Content-Type": "application/xml", "x-amz-request-id": "0000000000000001"})
_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_ACCOUNT = StubAccount(
    buckets=[StubBucket(BUCKET.name, REGION, rules=(StubRule("aws:kms", KEY.arn, bucket_key=True),))], keys=[KEY]
)
_KNOWN = Key(
    manager="CUSTOMER", arn=KEY.arn, account=KEY.account, state="Enabled", origin="AWS_KMS", multi_region=False
)

BODY = answer(
    Request("GetBucketEncryption", region=REGION, target=BUCKET.name, access_key="AK"), _ACCOUNT, Behaviour()
).body
"""The bytes: a KMS key, and a Bucket Key."""
RULES = (Rule("aws:kms", KEY.arn, bucket_key=True),)
"""What is in them."""


def row(rules: Sequence[Rule] = RULES) -> Row:
    """Make the row that rules amount to, the key being known."""
    found = classify.encryption(rules)
    return classify.row(BUCKET, found, _KNOWN, account=KEY.account, audited_at=_NOW)


@cache
def shape() -> Any:  # noqa: ANN401 - untyped SDK object
    """Give the SDK's model of the answer."""
    return get_session().get_service_model("s3").operation_model("GetBucketEncryption").output_shape
