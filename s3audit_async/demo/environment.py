"""The settings under which an AWS SDK talks to the demo account and to nothing else."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from s3audit_async.demo.records import REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOREIGN = ("AWS_", "MOTO_")
"""How the settings begin that would lead an SDK, or moto, elsewhere: a profile, a session token, an account."""


def environment(url: str) -> dict[str, str]:
    """Return the environment variables for the demo account at `url`: fake credentials, no files, no proxy.

    They say nothing of variables that are set already and would get in the way, such as AWS_PROFILE;
    `isolated_environment` removes those too.
    """
    return {
        "AWS_ACCESS_KEY_ID": "AKIADEMODEMODEMODEMO",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",  # nobody checks the signature
        "AWS_REGION": REGIONS[0],
        "AWS_DEFAULT_REGION": REGIONS[0],
        "AWS_ENDPOINT_URL": url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


@contextmanager
def isolated_environment(url: str) -> Iterator[None]:
    """Let this process see the demo account at `url` only; what was set before is set again at the end.

    It changes the process's environment: to be entered where no other thread reads it.
    """
    before = dict(os.environ)
    try:
        for name in before:
            if name.startswith(_FOREIGN):
                del os.environ[name]
        os.environ.update(environment(url))
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
