"""moto's own server, as it is, in threads of this process."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving() -> Iterator[str]:
    """The URL of a server, whose account is empty again afterwards."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        _warm_up(url)
        yield url
    finally:
        server.stop()
        server._server.server_close()  # type: ignore[union-attr]  # stop() leaves the listening socket open
        for service in ("s3", "kms"):
            get_backend(service)[DEFAULT_ACCOUNT_ID].reset()


def _warm_up(url: str) -> None:
    """Let moto load its part of the model of S3 now, and not once in each thread that asks before it is loaded."""
    scope = "AWS4-HMAC-SHA256 Credential=WARMUP/20060314/us-east-1/s3/aws4_request, SignedHeaders=host"
    urlopen(Request(f"{url}/?max-buckets=1", headers={"Authorization": scope})).close()


def create_buckets(names: list[str], region: str = "us-east-1") -> None:
    """Fill the account with buckets whose default encryption is SSE-S3."""
    s3 = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
    for name in names:
        s3.create_bucket(name, region)
        s3.put_bucket_encryption(
            name,
            {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}},
        )
