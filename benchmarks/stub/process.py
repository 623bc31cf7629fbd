"""The stub in a process of its own, started and stopped by a `with` block, as is whatever else serves beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

_ROOT = Path(__file__).parents[2]
_PATIENCE = 10.0
"""Seconds that the process has to end after its stdin did."""


class ServingProcess:
    """`python -m MODULE`, which prints its URL first, serves /_stats and /_reset, and ends with its stdin.

    The options are those of its command line, with underscores. `True` gives one without a value, a list gives it
    several times.
    """

    module: ClassVar[str]

    def __init__(self, **options: float | str | list[str]) -> None:
        self._arguments: list[str] = []
        for name, value in options.items():
            flag = f"--{name.replace('_', '-')}"
            if value is True:
                self._arguments.append(flag)
            elif value is not False:
                for one in value if isinstance(value, list) else [value]:
                    self._arguments.extend((flag, str(one)))

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def stats(self) -> dict[str, object]:
        """Fetch the counters."""
        return self._ask("GET", "/_stats")

    def reset_stats(self) -> dict[str, object]:
        """Count from zero again."""
        return self._ask("POST", "/_reset")

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=_PATIENCE)
        try:
            connection.request(method, path)
            answer: dict[str, Any] = json.load(connection.getresponse())
        finally:
            connection.close()
        return answer

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            self.__exit__(None, None, None)
            raise RuntimeError(f"{self.module} did not start: exit status {self._process.returncode}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process as process:  # closes the pipes, which ends it, and waits
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


class StubProcess(ServingProcess):
    """A stub that shares no interpreter with the client under measurement.

        with StubProcess(buckets=3000, keys=50, regions=8, latency_ms=20) as stub:
            audit(endpoint_url=stub.url)
            assert stub.stats()["calls"]["DescribeKey"] == 50

    Its counters are those of `Stats.as_json`, with cpu_seconds and max_rss_bytes of the process. `synthetic()` with the
    same numbers makes the same account, for what the rows must say.
    """

    module = "benchmarks.stub"

    def asked(self, operation: str) -> dict[str, int]:
        """Fetch how often a call was made since the last reset, by its target, while targets are tracked."""
        return self._ask("GET", f"/_asked/{operation}")
