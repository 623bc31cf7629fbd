"""The proxies that the environment names, and the kind that requests cannot go through."""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from s3audit_async.errors import UsageError

_AWS = "https://s3.amazonaws.com"


def check_proxies(endpoint_url: str | None) -> None:
    """Raise `UsageError` for a SOCKS proxy that requests would go through: without it, they would reach nobody."""
    url = endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or _AWS
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname or ""
    except ValueError:  # said of the option itself
        return
    proxy = getproxies_environment().get(scheme, "")
    if not proxy.lower().startswith("socks") or proxy_bypass(host):
        return
    variable = f"{scheme}_proxy" if f"{scheme}_proxy" in os.environ else f"{scheme}_proxy".upper()
    raise UsageError(
        f"{variable} is a SOCKS proxy, and requests can go through HTTP proxies only",
        hint=f"set {variable} to one, or name the hosts that need none in NO_PROXY",
    )
