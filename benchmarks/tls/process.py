"""The proxy in a process of its own, and the way that it gives a contender to the stub."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.stub.process import ServingProcess

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY = "loopback-ca"
"""Name of the CA, and of its file."""


class ProxyProcess(ServingProcess):
    """A proxy that stands as AWS before the stub at a URL, with files of its own in a folder that is there already."""

    module = "benchmarks.tls"

    def __init__(self, stub_url: str, folder: Path) -> None:
        super().__init__(onto=urlsplit(stub_url).port or 0, folder=str(folder))
        self._bundle = folder / f"{AUTHORITY}.pem"

    @property
    def environment(self) -> dict[str, str]:
        """What leads a client from AWS's host names to the stub, and has it believe that this is AWS."""
        return {"HTTPS_PROXY": self.url, "AWS_CA_BUNDLE": str(self._bundle)}
