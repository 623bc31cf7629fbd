"""One run of a tool: a process that sees the target and nothing else, and what it cost from its start to its end."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.checking import WrongReportError
from benchmarks.contenders.course import ROOT
from benchmarks.suite.question import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.peers.tools import Tool
    from benchmarks.stub import StubAccount
    from benchmarks.stub.process import ServingProcess

_PATIENCE = 600.0
"""Seconds that one run may take before it is killed and the question fails."""
_TOLD = 600
"""So many characters of what a tool said at its end are told if it fails."""
_NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What one run cost, whole process, and how many buckets it was right about, wrong about, and lost."""

    buckets: int
    wall_seconds: float
    cpu_seconds: float
    calls: dict[str, int]
    right: int
    wrong: int
    lost: int


def run_tool(tool: Tool, target: ServingProcess, account: StubAccount) -> PeerRun:
    """Run a tool once. Raises `BenchmarkError` if it fails, or has written nothing that can be read."""
    with tempfile.TemporaryDirectory(prefix="s3audit-bench-") as name:
        folder = Path(name)
        target.reset_stats()
        wall, cpu = _spent(tool, folder, target.url)
        stats: dict[str, Any] = target.stats()
        try:
            judgement = tool.judged(folder, account)
        except (WrongReportError, KeyError, ValueError, OSError) as error:
            raise BenchmarkError(f"{tool.name}: {error!r}") from error
    return PeerRun(
        buckets=len(account.index),
        wall_seconds=wall,
        cpu_seconds=cpu,
        calls=stats["calls"],
        right=judgement.right,
        wrong=judgement.wrong,
        lost=judgement.lost,
    )


def version_of(tool: Tool) -> str:
    """Say which version of a tool is there."""
    asked = f"from importlib.metadata import version; print(version({tool.distribution!r}))"
    done = subprocess.run([tool.python, "-c", asked], check=True, capture_output=True, text=True, timeout=_PATIENCE)
    return done.stdout.strip()


def environment(folder: Path, url: str) -> Mapping[str, str]:
    """Give all that a tool's process has in its environment.

    No credentials but made-up ones, no files of the user's, no proxy that leads anywhere: what is not on the loopback
    interface is refused at once.
    """
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIABENCHMARKONLY",
        "AWS_SECRET_ACCESS_KEY": "good-for-nothing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT),  # of use to s3audit, should it not be installed
    }


def _spent(tool: Tool, folder: Path, url: str) -> tuple[float, float]:
    """Run to the end. Gives seconds of wall time, and of user and system time of the process and all it waited for."""
    command = tool.command(folder, url)
    with (folder / "said").open("w+b") as said:
        started = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(folder, url),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        killing = Timer(_PATIENCE, process.kill)
        killing.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            killing.cancel()
        wall = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            told = said.read().decode(errors="replace").strip()[-_TOLD:]
            raise BenchmarkError(f"{tool.name} ended with status {process.returncode}: {told}")
    return wall, usage.ru_utime + usage.ru_stime
