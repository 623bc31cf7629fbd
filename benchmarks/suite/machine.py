"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("s3audit-async", "aioboto3", "aiobotocore", "aiohttp", "boto3", "botocore", "anyio")
_CPU_INFO = Path("/proc/cpuinfo")
_GIB = 1024**3


def machine() -> dict[str, str]:
    """Name the processor, the system and the versions; nothing that tells one such machine from another."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB
    return {
        "CPU": _cpu(),
        "CPUs": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
    }


def _cpu() -> str:
    """Name the processor; in /proc/cpuinfo not every architecture does."""
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"  # s3audit itself, where it runs from a checkout
