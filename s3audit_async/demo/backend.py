"""moto's side of the demo account: its applications, and its state filled from the plan. Nothing else imports moto.

The state is filled through moto's backend objects and not through its HTTP API: 5,000 buckets take a fraction of a
second instead of half a minute, and some of it (who manages a key, another account's key, a key's id) no API can
set. moto's `mock_aws` is not used: it patches botocore for the whole process, and with it the audit.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from moto.backends import get_backend
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

from s3audit_async.demo.records import ACCOUNT, REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import WSGIApplication

    from s3audit_async.demo.records import DemoBucket, DemoEncryption, DemoKey

_PARTITION = "aws"
_DELETION_WINDOW_DAYS = 30


def applications() -> tuple[dict[str, WSGIApplication], WSGIApplication]:
    """Make moto's applications: one for each service that an audit asks, and one for everything else.

    The latter finds the service itself, but matches some 200 patterns for that, under a lock: more than half of
    the time that moto takes for a request.
    """
    apps: dict[str, WSGIApplication] = {
        "s3": create_backend_app("s3"),
        "kms": create_backend_app("kms"),
        "sts": create_backend_app("sts"),
    }
    return apps, DomainDispatcherApplication(create_backend_app)


def seed(buckets: Iterable[DemoBucket], account: str = ACCOUNT) -> None:
    """Create an account's buckets and keys. A bucket that has vanished is not created: only the listing knows it."""
    s3 = get_backend("s3")[account][_PARTITION]
    keys: set[DemoKey] = set()
    for bucket in buckets:
        if bucket.vanished:
            continue
        created = s3.create_bucket(bucket.name, bucket.region)
        created.creation_date = bucket.created
        if bucket.encryption is not None:
            s3.put_bucket_encryption(bucket.name, _configuration(bucket.encryption))
        if bucket.key is not None:
            keys.add(bucket.key)
    for key in keys:
        _create(key, account)


def warm_up(apps: Mapping[str, WSGIApplication], bucket: DemoBucket) -> None:
    """Ask each application once, so that it loads its part of the AWS model now.

    moto loads it at the first request, and again in every thread that asks before it is loaded: the first 64
    requests at once took 15 s and 200 MiB more.
    """
    for service, target in (("s3", f"/{bucket.name}?encryption"), ("s3", "/no-such-bucket?location")):
        _ask(apps, service, target)
    describe = {"X-Amz-Target": "TrentService.DescribeKey"}
    _ask(apps, "kms", "/", b'{"KeyId": "no-such-key"}', describe)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    _ask(apps, "sts", "/", b"Action=GetCallerIdentity&Version=2011-06-15", form)


def clear() -> None:
    """Remove all that `seed` created, and what moto remembers of it."""
    for backends in (get_backend("s3"), get_backend("kms"), get_backend("sts")):
        backends[ACCOUNT].reset()
        del backends[ACCOUNT]
    # moto keeps every object it ever made for its dashboard, and with them the whole account.
    reset_model_data()


def _ask(
    apps: Mapping[str, WSGIApplication],
    service: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential=WARMUP/20060314/{REGIONS[0]}/{service}/aws4_request, SignedHeaders=host"
    everything = {"Authorization": scope, "X-Moto-Account-Id": ACCOUNT, **(headers or {})}
    Client(apps[service]).open(target, method="POST" if body else "GET", data=body, headers=everything).close()


def _configuration(rule: DemoEncryption) -> dict[str, Any]:
    """Return a rule as moto parses it from a PutBucketEncryption body: a dict of texts."""
    default = {"SSEAlgorithm": rule.algorithm}
    if rule.key_reference is not None:
        default["KMSMasterKeyID"] = rule.key_reference
    parsed: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": default}
    if rule.bucket_key_enabled is not None:
        parsed["BucketKeyEnabled"] = str(rule.bucket_key_enabled).lower()
    return {"Rule": parsed}


def _create(key: DemoKey, account: str) -> None:
    # All keys stand in the state of the account that asks, with the ARN of their owner: moto looks a key up by its id
    # in the caller's account, and has no access from one account to another.
    kms = get_backend("kms")[account][key.region]
    # For a symmetric key moto makes a 2048-bit RSA key, 50 ms each; for this kind it makes one in no time.
    made = kms.create_key(None, "ENCRYPT_DECRYPT", "ECC_NIST_P256", "", None)
    made.key_spec = "SYMMETRIC_DEFAULT"
    del kms.keys[made.id]
    made.id, made.arn, made.account_id = key.key_id, key.arn, key.account
    made.key_manager = key.manager
    kms.keys[made.id] = made
    if key.alias is not None:
        kms.create_alias(made.id, key.alias)
    if key.state == "Disabled":
        kms.disable_key(made.id)
    elif key.state == "PendingDeletion":
        kms.schedule_key_deletion(made.id, _DELETION_WINDOW_DAYS)
        # The same in each account that is made on a day: what changes between two reports is to be what changed.
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        made.deletion_date = today + timedelta(days=_DELETION_WINDOW_DAYS)
