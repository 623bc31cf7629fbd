"""The moto target in a process of its own, started and stopped by a `with` block."""

from __future__ import annotations

from benchmarks.stub.process import ServingProcess


class MotoProcess(ServingProcess):
    """An account that moto holds. The options are those of `python -m benchmarks.moto_target`.

    Its counters have the names of the stub's. `moto_account()` with the same numbers makes the same account, for what
    the rows must say.
    """

    module = "benchmarks.moto_target"
