"""The lanes: one for each region, each with its own bounded inbox and its own workers."""

from __future__ import annotations

from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING, Self

import anyio
from anyio.lowlevel import checkpoint

from s3audit_async.engine import streams
from s3audit_async.engine.auditing import Auditor
from s3audit_async.engine.kinds import KindsListing
from s3audit_async.engine.listing import is_unreachable, list_buckets
from s3audit_async.errors import ListingError
from s3audit_async.model import Kind, skip_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup
    from anyio.streams.memory import MemoryObjectSendStream

    from s3audit_async.engine.asking import Asker
    from s3audit_async.model import Bucket, Row
    from s3audit_async.options import Options
    from s3audit_async.ports import Gateway, Observer

INBOX = 10_000
"""Buckets that may wait in one lane, at about 0.3 KiB each. Only beyond that does a slow region hold the listing up."""
WAITING = 20_000
"""Buckets that may wait in all regions' lanes together, 6 MiB of them. Beyond that the listing waits for the audit."""
MOST_LANES = 256
"""Lanes of a run, but for the one that the buckets of all further regions share. AWS has about 40 regions."""
OTHER_REGIONS = "(other regions)"
WORKERS_PER_SLOT = 2
"""Workers of a lane for each request in flight: those who wait for a retry hold no slot, others go on meanwhile."""


class WaitingRoom:
    """The room that the inboxes of several lanes share: a count, and those who wait for it to fall."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting = 0
        self._has_room = anyio.Event()

    async def enter(self) -> None:
        """Take a place, waiting while there is none."""
        while self._waiting >= self._most:
            await self._has_room.wait()
        self._waiting += 1
        if self._waiting >= self._most:
            self._has_room = anyio.Event()

    def leave(self) -> None:
        """Give a place back."""
        self._waiting -= 1
        self._has_room.set()


class Lane:
    """A bounded inbox and the workers that empty it. A worker is started when a bucket finds none that is free."""

    def __init__(
        self,
        work: Callable[[Bucket], Awaitable[None]],
        tasks: TaskGroup,
        *,
        most_workers: int,
        room: WaitingRoom | None = None,
    ) -> None:
        self._room = room
        self._send, self._receive = anyio.create_memory_object_stream["Bucket"](INBOX)
        self._work = work
        self._tasks = tasks
        self._most_workers = most_workers
        self._workers = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._send.close()
        self._receive.close()

    @property
    def waiting(self) -> int:
        """Buckets in the inbox."""
        return self._receive.statistics().current_buffer_used

    async def put(self, bucket: Bucket) -> None:
        """Queue a bucket, waiting while the inbox or the room is full."""
        if self._room is not None:
            await self._room.enter()
        if self._workers < self._most_workers and not self._receive.statistics().tasks_waiting_receive:
            self._workers += 1
            self._tasks.start_soon(self._worker)
        await streams.put(self._send, bucket)

    def end(self) -> None:
        """Let the workers go home once the inbox is empty."""
        self._send.close()

    async def _worker(self) -> None:
        while True:
            try:
                bucket = await streams.take(self._receive)
            except anyio.EndOfStream:
                return
            if self._room is not None:
                self._room.leave()
            await self._work(bucket)


class Pipeline:
    """The whole flow of one run: listing, locating, lanes, rows.

    Tasks: the feed, and for each lane up to `WORKERS_PER_SLOT` times `max_concurrency` workers.
    """

    def __init__(
        self,
        gateway: Gateway,
        asker: Asker,
        options: Options,
        observer: Observer,
        rows: MemoryObjectSendStream[Row],
        *,
        known_account: str | None = None,
    ) -> None:
        self._gateway = gateway
        self._asker = asker
        self._options = options
        self._observer = observer
        self._rows = rows
        self.auditor = Auditor(
            gateway,
            asker,
            observer,
            identify=options.identify,
            expected_account=options.account,
            known_account=known_account,
        )
        self.delivered = 0
        """Rows that were sent."""
        self._lanes: dict[str, Lane] = {}
        self._all_lanes: list[Lane] = []
        self._room = WaitingRoom(WAITING)
        self._opened = ExitStack()

    async def run(self) -> None:
        """Send one row for each bucket. Raises `RunError`, bare or in a group, when that is not possible.

        When the listing breaks off, what was listed until then is audited to the end first. Nothing is listed with
        credentials of another account than `Options.account`.
        """
        if self._options.account is not None:
            await self.auditor.account()
        broken_off: ListingError | None = None
        with self._opened:
            async with anyio.create_task_group() as auditing:
                async with anyio.create_task_group() as locating:
                    if self._options.identify:
                        locating.start_soon(self.auditor.account)
                    # Not of the room: who locates a bucket waits for a place in it.
                    unlocated = self._open_lane(lambda bucket: self._locate(bucket, auditing), locating)
                    try:
                        await self._feed(unlocated, auditing)
                    except ListingError as error:
                        broken_off = error
                    else:
                        self._observer.listing_ended()
                    unlocated.end()
                for lane in self._lanes.values():
                    lane.end()
        if broken_off is not None:
            raise broken_off

    async def _feed(self, unlocated: Lane, auditing: TaskGroup) -> None:
        """List the buckets of all kinds, one kind's refusal not at the expense of the others. Raises `ListingError`."""
        options = self._options
        broken_off: ListingError | None = None
        if options.buckets or Kind.GENERAL in options.kinds:
            try:
                await self._feed_general(unlocated, auditing)
            except ListingError as error:
                if is_unreachable(error):
                    raise
                broken_off = error
        if not options.buckets:
            others = KindsListing(
                self._gateway,
                self._asker,
                options,
                self._observer,
                raise_if_pointless=self.auditor.raise_if_pointless,
            )
            await others.run(lambda bucket: self._route_of_kind(bucket, auditing))
        if broken_off is not None:
            raise broken_off

    async def _feed_general(self, unlocated: Lane, auditing: TaskGroup) -> None:
        pages = list_buckets(self._gateway, self._asker, self._options, self._observer, idle=self._is_idle)
        async with aclosing(pages):
            async for page in pages:
                for bucket in page:
                    if bucket.kind is not Kind.GENERAL:
                        await self._route_of_kind(bucket, auditing)
                        continue
                    if skip_key(bucket.kind, bucket.region, bucket.name) in self._options.skip:
                        continue
                    if bucket.region is None:
                        await unlocated.put(bucket)
                    else:
                        await self._route(bucket, bucket.region, auditing)

    async def _route_of_kind(self, bucket: Bucket, auditing: TaskGroup) -> None:
        """Route a bucket that GetBucketLocation does not know; one whose region nobody tells is asked for at home."""
        if skip_key(bucket.kind, bucket.region, bucket.name) not in self._options.skip:
            await self._route(bucket, bucket.region or self._gateway.home_region, auditing)

    def _is_idle(self) -> bool:
        """Tell whether nothing waits: in no inbox, and with no worker for a slot."""
        return not (self._asker.has_waiting or any(lane.waiting for lane in self._all_lanes))

    async def _locate(self, bucket: Bucket, auditing: TaskGroup) -> None:
        located = await self.auditor.locate(bucket)
        # What cannot be located is asked for at home, and has a row whatever regions were chosen.
        await self._route(located, located.region or self._gateway.home_region, auditing)

    async def _route(self, bucket: Bucket, region: str, auditing: TaskGroup) -> None:
        if bucket.region is not None and not self._options.wants_region(bucket.region):
            return
        if region not in self._lanes and len(self._lanes) >= MOST_LANES:
            region = OTHER_REGIONS
        lane = self._lanes.get(region)
        if lane is None:
            lane = self._lanes[region] = self._open_lane(
                lambda waiting: self._audit(waiting, region), auditing, self._room
            )
        self._observer.routed(region)
        await lane.put(bucket)

    async def _audit(self, bucket: Bucket, lane: str) -> None:
        row = await self.auditor.audit(bucket)
        try:
            await self._deliver(row)
        except anyio.BrokenResourceError:
            await checkpoint()  # the reader has left for good, and the run is being cancelled
            return
        self.delivered += 1
        self._observer.audited(row, lane)

    async def _deliver(self, row: Row) -> None:
        try:
            self._rows.send_nowait(row)
        except anyio.WouldBlock:
            # What has been audited is delivered even if the run is stopped meanwhile.
            with anyio.CancelScope(shield=True):
                await self._rows.send(row)

    def _open_lane(
        self, work: Callable[[Bucket], Awaitable[None]], tasks: TaskGroup, room: WaitingRoom | None = None
    ) -> Lane:
        lane = Lane(work, tasks, most_workers=self._options.max_concurrency * WORKERS_PER_SLOT, room=room)
        self._all_lanes.append(lane)
        return self._opened.enter_context(lane)
