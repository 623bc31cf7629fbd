"""What is shown while a run lasts: a log with -v, else a live table where somebody watches, else nothing."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from s3audit_async.cli.log import EventLog
from s3audit_async.cli.outcome import anybody_there, speaks_json
from s3audit_async.ports import Observer
from s3audit_async.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from s3audit_async.model import Retry, Row
    from s3audit_async.ports import Concluded

_LANES_SHOWN = 8
_REGION_WIDTH = 14
"""Columns of the longest usual name: regions are to be told apart on a narrow terminal, too."""
_REFRESHES_PER_SECOND = 4


@contextmanager
def watching(*, verbose: bool) -> Iterator[Observer]:
    """Give the observer that shows a run in the way that suits standard error, for as long as the block lasts."""
    if verbose:
        yield EventLog()
    elif anybody_there() and not speaks_json():
        from rich.console import Console  # noqa: PLC0415 - 0.1 s, and only a terminal has a use for it
        from rich.live import Live  # noqa: PLC0415

        progress = Progress()
        with Live(
            get_renderable=progress.render,
            console=Console(stderr=True),
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
        ):
            yield progress
    else:
        yield Observer()


class Progress(Observer):
    """Counts what a live table shows: listed, audited, rate, time left, and the busiest lanes."""

    def __init__(self) -> None:
        self._started = monotonic()
        self._unlisted = 1
        """Listings that have not ended: one for each account."""
        self._accounts: int | None = None
        self._concluded = 0
        self._waiting: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._routed = 0
        self._audited = 0
        self._retries: Counter[str] = Counter()
        self._throttles: Counter[str] = Counter()

    def routed(self, region: str) -> None:
        self._routed += 1
        self._waiting[region] += 1

    def accounts_chosen(self, count: int) -> None:
        self._accounts = self._unlisted = count

    def account_concluded(self, record: Concluded) -> None:
        if record.status == "skipped":
            return
        self._concluded += 1
        if record.status == "not-entered":
            self._unlisted -= 1

    def listing_ended(self) -> None:
        self._unlisted -= 1

    def retrying(self, retry: Retry) -> None:
        (self._throttles if retry.throttled else self._retries)[retry.region] += 1

    def audited(self, row: Row, lane: str) -> None:  # noqa: ARG002 - only that it is done
        self._audited += 1
        self._waiting[lane] -= 1
        self._done[lane] += 1

    def render(self) -> RenderableType:
        """Draw the table as it is now. Called from the thread that refreshes the screen."""
        from rich.console import Group  # noqa: PLC0415 - loaded already
        from rich.padding import Padding  # noqa: PLC0415
        from rich.progress_bar import ProgressBar  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        seconds = monotonic() - self._started
        rate = self._audited / seconds if seconds else 0.0
        listing = self._unlisted > 0
        left = f"{(self._routed - self._audited) / rate:.0f} s left" if rate and not listing else "listing"
        accounts = "" if self._accounts is None else f"{self._concluded} of {self._accounts} accounts, "
        head = Text(
            f"{accounts}{self._audited} of {self._routed}{'+' if listing else ''} buckets, {rate:.0f}/s, {left}, "
            f"{sum(self._retries.values())} retries, {sum(self._throttles.values())} throttled"
        )
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("Region", no_wrap=True, min_width=_REGION_WIDTH)
        for heading in ("Done", "Waiting", "Retries", "Throttled"):
            table.add_column(heading, justify="right")
        busiest = sorted(dict(self._waiting).items(), key=lambda lane: -lane[1])
        for region, waiting in busiest[:_LANES_SHOWN]:
            counts = (self._done[region], waiting, self._retries[region], self._throttles[region])
            table.add_row(Text(printable(region)), *map(str, counts))
        if len(busiest) > _LANES_SHOWN:
            table.add_row(Text(f"and {len(busiest) - _LANES_SHOWN} more", style="dim"))
        bar = Padding(ProgressBar(total=max(self._routed, 1), completed=self._audited), 0)  # it ends no line itself
        return Group(head, bar, table)
