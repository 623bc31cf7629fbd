"""The page on several processes: its commands are taken, and its figures are those of the code and the benchmarks."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from s3audit_async.fleet.processes import ProcessCrew
from s3audit_async.fleet.splitting import SMALLEST
from s3audit_async.fleet.work import LARGEST_BATCH
from s3audit_async.options import MAX_CONCURRENCY
from tests import shown_commands
from tests.command import s3audit

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "scale.md").read_text()
COMMANDS = shown_commands.commands(PAGE, every=True)


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("s3audit ")])
def test_every_command_shown_is_taken(line: str) -> None:
    """Its options are there, as `--help` is only given where all others are known."""
    done = s3audit(*shlex.split(line)[1:], "--help")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("dask ")])
def test_every_command_of_dask_is_taken(line: str) -> None:
    """By the version that is installed."""
    done = subprocess.run(
        [sys.executable, "-m", "dask", *shlex.split(line)[1:], "--help"], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


def test_the_figures_are_those_of_the_benchmarks_and_the_code() -> None:
    """Rounded, but not by much."""
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    row = next(line for line in results.splitlines() if line.startswith("| `s3audit`") and "64 of 64" in line)
    cells = [cell.strip().split(" ")[0] for cell in row.split("|")]
    rate, milliseconds = float(cells[6].replace(",", "")), float(cells[2])
    told = re.search(r"some ([\d,]+) buckets a second .* at ([\d.]+) ms\s+of CPU", PAGE, re.DOTALL)
    assert told
    assert float(told[1].replace(",", "")) == pytest.approx(rate, rel=0.15)
    assert float(told[2]) == pytest.approx(milliseconds, rel=0.15)
    for buckets, time in re.findall(r"\| ([\d,]+) \| (\d+ (?:s|minutes)) \|", PAGE):
        seconds = float(time.split()[0]) * (60 if "minutes" in time else 1)
        assert seconds == pytest.approx(float(buckets.replace(",", "")) * float(told[2]) / 1000, rel=0.1)

    assert f"batches of up to {LARGEST_BATCH}." in PAGE
    assert f"One account with {SMALLEST:,} buckets or more" in PAGE
    assert f"{MAX_CONCURRENCY} for four processes is {MAX_CONCURRENCY // 4} for each" in PAGE
    assert ProcessCrew.attempts > 2
