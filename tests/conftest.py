"""No test ever meets real AWS: fake credentials, no instance metadata, no configuration of whoever runs the tests."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pathlib import Path

# The same examples each time: a mutant must not be killed by luck. Chosen with `--hypothesis-profile`.
settings.register_profile("mutants", derandomize=True, database=None, deadline=None, max_examples=30)

_LEADS_ELSEWHERE = ("AWS_", "S3AUDIT_", "MOTO_")
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
_OF_THE_TERMINAL = {"CI", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"}


# A process ignores what its parent ignores. The tests may run under nohup, or in the background of a shell; what they
# start is to be interrupted all the same.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give each test, and every process it starts, a home of its own and credentials that are good for nothing."""
    for name in list(os.environ):
        if name.startswith(_LEADS_ELSEWHERE) or name.lower() in _PROXIES or name in _OF_THE_TERMINAL:
            monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)  # the width of whose terminal it is; pytest-xdist sets it
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret-that-must-not-show")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # where nobody listens: nothing gets out by mistake
    return home
