"""moto as a target: a mocked account of any size in a process of its own, with latency, behind a counter of calls."""

from benchmarks.moto_target.account import moto_account
from benchmarks.moto_target.process import MotoProcess

__all__ = ["MotoProcess", "moto_account"]
