from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import to_thread
from anyio.lowlevel import checkpoint

from s3audit_async.errors import InterruptedRunError, ListingError, OutputError, RunError, UsageError
from s3audit_async.model import Row
from s3audit_async.output import FLUSH_BYTES, FileOutput, RowBuffer, StandardOutput, partial_of, record
from s3audit_async.output import file as file_module
from s3audit_async.output import recording as module
from s3audit_async.sinks import make_sink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from s3audit_async.ports import Sink

HEADER = b"Bucket Name,Default Encryption Mode,SSE-KMS Key Type,Bucket Key\r\n"
PATIENCE = 10.0
"""Seconds after which something that should happen is taken not to."""


def row(name: str = "a-bucket", mode: str = "AES256") -> Row:
    return Row(name, mode, "N/A", bucket_key=None)


def line(name: str = "a-bucket") -> bytes:
    return f"{name},AES256,N/A,\r\n".encode()


async def these(*rows: Row, then: Exception | None = None) -> AsyncIterator[Row]:
    for each in rows:
        await checkpoint()
        yield each
    if then is not None:
        raise then


async def settle() -> None:
    """Give the event loop as many turns as anything here needs to get as far as it can get."""
    for _ in range(20):
        await checkpoint()


def ignore(_: Row) -> None:
    pass


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def pipe() -> Iterator[tuple[io.FileIO, io.FileIO]]:
    """The two ends of a pipe; the test may close either sooner."""
    read, write = os.pipe()
    with io.FileIO(read, "r") as reader, io.FileIO(write, "w") as writer:
        yield reader, writer


class MemoryOutput:
    """An output whose flushes take as long as the test wants, and fail when it wants."""

    place = "memory"

    def __init__(self) -> None:
        self.buffer = RowBuffer()
        self.rows = 0
        self.flushed: list[bytes] = []
        self.flushing = anyio.Event()
        self.may_flush = anyio.Event()
        self.may_flush.set()
        self.error: OutputError | None = None
        self.finished = False
        self._busy = False

    async def flush(self) -> None:
        chunk = self.buffer.take()
        if not chunk.data:
            return
        assert not self._busy, "two flushes at the same time"
        self._busy = True
        self.flushing.set()
        await self.may_flush.wait()
        await checkpoint()
        self._busy = False
        if self.error is not None:
            raise self.error
        self.flushed.append(chunk.data)
        self.rows += len(chunk.ends)

    async def finish(self) -> None:
        await self.flush()
        self.finished = True

    def close(self, *, discard: bool) -> None:
        pass

    @property
    def all(self) -> bytes:
        return b"".join(self.flushed)


class EndedSink:
    """A sink that says when it begins and ends."""

    def __init__(self, out: io.BytesIO) -> None:
        self._out = out

    def begin(self) -> None:
        self._out.write(b"begin\n")

    def write(self, row: Row) -> None:
        self._out.write(row.bucket.encode() + b"\n")

    def end(self) -> None:
        self._out.write(b"end\n")


def csv_to(output: FileOutput | StandardOutput | MemoryOutput) -> Sink:
    return make_sink("csv", output.buffer, wide=False)


# A file, and its name.


async def test_a_report_has_its_final_name_only_when_it_is_complete(tmp_path: Path) -> None:
    final = tmp_path / "report.csv"
    output = FileOutput(final)
    seen: list[list[str]] = []

    def look(_: Row) -> None:
        seen.append(names(tmp_path))

    await record(these(row("one"), row("two")), csv_to(output), output, seen=look)

    assert seen == [["report.csv.partial"], ["report.csv.partial"]]
    assert names(tmp_path) == ["report.csv"]
    assert final.read_bytes() == HEADER + line("one") + line("two")


async def test_a_report_says_where_it_is(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "report.csv")
    before = output.place
    await output.finish()

    assert (before, output.place) == (str(tmp_path / "report.csv.partial"), str(tmp_path / "report.csv"))


@pytest.mark.parametrize("kept", [None, [b"a", b"b"]])
async def test_a_report_is_readable_by_its_owner_only_for_good(tmp_path: Path, kept: list[bytes] | None) -> None:
    open_to_all = os.umask(0)
    try:
        output = FileOutput(tmp_path / "report.csv", kept=kept)
        output.buffer.write(line())
        await output.flush()
    finally:
        os.umask(open_to_all)
    before = stat.S_IMODE(output.partial.stat().st_mode)
    await output.finish()

    assert (oct(before), oct(stat.S_IMODE(output.final.stat().st_mode))) == ("0o600", "0o600")


async def test_a_complete_report_takes_the_place_of_an_older_one_at_once(tmp_path: Path) -> None:
    final = tmp_path / "report.csv"
    final.write_bytes(b"older")
    output = FileOutput(final)
    while_running = final.read_bytes()

    await record(these(row()), csv_to(output), output, seen=ignore)

    assert (while_running, final.read_bytes()) == (b"older", HEADER + line())


def test_an_unfinished_report_is_not_written_over(tmp_path: Path) -> None:
    unfinished = tmp_path / "report.csv.partial"
    unfinished.write_bytes(b"hours of work")

    with pytest.raises(UsageError, match="is an unfinished report") as refused:
        FileOutput(tmp_path / "report.csv")

    assert "--resume" in refused.value.hint
    assert unfinished.read_bytes() == b"hours of work"


def test_a_link_in_the_place_of_an_unfinished_report_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "report.csv.partial").symlink_to(elsewhere)

    with pytest.raises(UsageError):
        FileOutput(tmp_path / "report.csv")

    assert not elsewhere.exists()


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no directory"):
        FileOutput(tmp_path / "none" / "report.csv")


def test_a_directory_in_the_place_of_the_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        FileOutput(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(UsageError, match="Permission denied"):
        FileOutput(tmp_path / "report.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every directory")
def test_a_directory_that_may_not_be_looked_into_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)

    with pytest.raises(UsageError, match="Permission denied"):
        FileOutput(closed / "report.csv")


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a place where nobody can make a file")
def test_a_place_where_nobody_can_make_a_file_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot write"):
        FileOutput(Path("/sys/kernel/report.csv"))


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match="there is no directory"):
        FileOutput(tmp_path / "file" / "report.csv")


@pytest.mark.parametrize("length", [250, 300])
def test_a_name_that_is_too_long_is_refused(tmp_path: Path, length: int) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        FileOutput(tmp_path / (length * "x"))


@pytest.mark.parametrize(("discard", "left"), [(False, ["report.csv.partial"]), (True, [])])
def test_an_unfinished_report_is_left_or_discarded(tmp_path: Path, discard: bool, left: list[str]) -> None:
    output = FileOutput(tmp_path / "report.csv")

    output.close(discard=discard)
    output.close(discard=discard)

    assert names(tmp_path) == left


async def test_a_finished_report_knows_when_another_run_has_begun_to_write_it(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "report.csv")
    while_writing = output.superseded
    await output.finish()
    finished = output.superseded
    other = FileOutput(tmp_path / "report.csv")
    later = output.superseded
    other.close(discard=True)

    assert (while_writing, finished, later) == (False, False, True)


async def test_a_finished_report_is_not_discarded(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "report.csv")
    await output.finish()

    output.close(discard=True)

    assert output.final.exists()


async def test_what_keeps_a_report_from_its_final_name_is_told_and_the_report_kept(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "report.csv")
    (tmp_path / "report.csv").mkdir()

    with pytest.raises(OutputError, match="cannot write"):
        await record(these(row()), csv_to(output), output, seen=ignore)
    output.close(discard=False)

    assert output.partial.read_bytes() == HEADER + line()
    assert output.place == str(output.partial)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every directory")
async def test_a_directory_that_cannot_be_listed_does_not_make_a_complete_report_a_failure(tmp_path: Path) -> None:
    folder = tmp_path / "drop-box"
    folder.mkdir(mode=0o300)
    output = FileOutput(folder / "report.csv")

    await record(these(row()), csv_to(output), output, seen=ignore)

    assert output.final.read_bytes() == HEADER + line()


def fill(output: FileOutput | StandardOutput, rows: int) -> bytes:
    """Put rows of 100 bytes, each of two lines, into an output's buffer; give them back."""
    data = b""
    for number in range(rows):
        one = f'"bucket-{number:06}\nof two lines",'.encode().ljust(98, b"x") + b"\r\n"
        output.buffer.write(one)
        output.buffer.end_row()
        data += one
    return data


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The system's own way to say that there is no room."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("room", "rows"), [(199_900, 1999), (199_901, 1999), (199_999, 1999), (200_000, 2000), (99, 0)]
)
async def test_where_there_is_no_more_room_the_rows_that_fit_are_kept_whole(
    tmp_path: Path, room: int, rows: int
) -> None:
    output = FileOutput(tmp_path / "report.csv")
    data = fill(output, 3000)

    with files_no_larger_than(room), pytest.raises(OutputError, match="the file is too large") as failed:
        await output.flush()
    output.close(discard=False)

    assert "--resume" in failed.value.hint
    assert (output.rows, output.partial.read_bytes()) == (rows, data[: 100 * rows])


async def test_rows_of_earlier_flushes_are_kept_when_there_is_no_more_room(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "report.csv", kept=[HEADER])
    first = fill(output, 1)
    await output.flush()
    second = fill(output, 2)

    with files_no_larger_than(len(HEADER) + 250), pytest.raises(OutputError):
        await output.flush()
    output.close(discard=False)

    assert (output.rows, output.partial.read_bytes()) == (2, HEADER + first + second[:100])


async def test_a_file_that_the_shell_opened_ends_with_a_whole_row_too(tmp_path: Path) -> None:
    redirected = tmp_path / "redirected"
    redirected.write_bytes(b"before\n")
    with redirected.open("ab") as file:
        output = StandardOutput(file.fileno())
        data = fill(output, 10)
        with files_no_larger_than(7 + 450), pytest.raises(OutputError, match="the file is too large"):
            await output.flush()

    assert (output.rows, redirected.read_bytes()) == (4, b"before\n" + data[:400])


async def test_what_a_pipe_took_is_counted_in_whole_rows() -> None:
    with pipe() as (read, write):
        os.set_blocking(write.fileno(), True)
        output = StandardOutput(write.fileno())
        fill(output, 3000)  # more than any pipe holds

        async def leave() -> None:
            await anyio.wait_readable(read)
            read.close()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(leave)
            with pytest.raises(OutputError, match="has gone"):
                await output.flush()

    assert output.rows < 3000


# What a power loss costs.


class Disk:
    """Counts how often a file is brought to the disk, and fails when told to."""

    def __init__(self) -> None:
        self.syncs = 0
        self.error: OSError | None = None

    def __call__(self, fd: int) -> None:
        self.syncs += 1
        if self.error is not None:
            raise self.error
        os.fsync(fd)


@pytest.mark.parametrize(("seconds", "syncs"), [(0.0, 3), (3600.0, 0)])
async def test_what_was_flushed_is_brought_to_the_disk_at_most_so_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, syncs: int
) -> None:
    monkeypatch.setattr(file_module, "SYNC_SECONDS", seconds)
    disk = Disk()
    output = FileOutput(tmp_path / "report.csv", sync=disk)
    for _ in range(3):
        fill(output, 1)
        await output.flush()
        await output.flush()  # nothing new: nothing to bring
    before = disk.syncs
    await output.finish()

    assert (before, disk.syncs) == (syncs, syncs + 1)


async def test_what_was_flushed_is_brought_to_the_disk_though_nothing_new_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    output = FileOutput(tmp_path / "report.csv", sync=disk)
    fill(output, 1)
    await output.flush()
    too_early = disk.syncs
    monkeypatch.setattr(file_module, "SYNC_SECONDS", 0.0)
    await output.flush()
    output.close(discard=True)

    assert (too_early, disk.syncs) == (0, 1)


async def test_rows_that_did_not_get_to_the_disk_are_not_counted_as_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "SYNC_SECONDS", 0.0)
    disk = Disk()
    output = FileOutput(tmp_path / "report.csv", sync=disk)
    safe = fill(output, 2)
    await output.flush()
    disk.error = OSError(errno.EDQUOT, "Disk quota exceeded")
    fill(output, 5)

    with pytest.raises(OutputError, match="the quota is used up"):
        await output.flush()
    output.close(discard=False)

    assert (output.rows, output.partial.read_bytes()) == (2, safe)


# A file that goes on from what was kept.


async def test_what_is_kept_stands_first(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "report.csv", kept=[HEADER, line("one")])
    output.buffer.write(line("two"))
    await output.flush()
    output.close(discard=False)

    assert names(tmp_path) == ["report.csv.partial"]
    assert output.partial.read_bytes() == HEADER + line("one") + line("two")


async def test_what_comes_is_written_after_what_was_kept(tmp_path: Path) -> None:
    many = [line(f"bucket-{number}") for number in range(2 * FLUSH_BYTES // 20)]
    output = FileOutput(tmp_path / "report.csv", kept=[HEADER, *many])

    await record(these(row("last")), csv_to(output), output, begin=False, seen=ignore)

    assert output.final.read_bytes() == b"".join([HEADER, *many, line("last")])


def test_when_keeping_fails_the_unfinished_report_is_untouched(tmp_path: Path) -> None:
    unfinished = tmp_path / "report.csv.partial"
    unfinished.write_bytes(b"hours of work")

    def broken() -> Iterator[bytes]:
        yield 2 * FLUSH_BYTES * b"x"
        raise UsageError("line 2 is not a row")

    with pytest.raises(UsageError, match="line 2"):
        FileOutput(tmp_path / "report.csv", kept=broken())

    assert names(tmp_path) == ["report.csv.partial"]
    assert unfinished.read_bytes() == b"hours of work"


# Recording.


async def test_rows_keep_their_order_however_they_are_flushed() -> None:
    output = MemoryOutput()
    buckets = [f"bucket-{number}-{'x' * 200}" for number in range(2000)]

    await record(these(*map(row, buckets)), csv_to(output), output, seen=ignore)

    assert output.all == HEADER + b"".join(map(line, buckets))
    assert output.finished


async def test_every_row_is_seen_once_after_it_was_written() -> None:
    output = MemoryOutput()
    seen: list[tuple[str, bool]] = []

    def see(each: Row) -> None:
        seen.append((each.bucket, line(each.bucket) in output.buffer.getvalue() + output.all))

    await record(these(row("one"), row("two")), csv_to(output), output, seen=see)

    assert seen == [("one", True), ("two", True)]


@pytest.mark.parametrize(("begin", "expected"), [(True, b"begin\none\nend\n"), (False, b"one\nend\n")])
async def test_a_report_begins_unless_it_has_begun_and_ends_after_its_last_row(begin: bool, expected: bytes) -> None:
    output = MemoryOutput()

    await record(these(row("one")), EndedSink(output.buffer), output, begin=begin, seen=ignore)

    assert output.all == expected


async def test_a_report_without_rows_is_complete_too(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "report.csv")

    await record(these(), csv_to(output), output, seen=ignore)

    assert output.final.read_bytes() == HEADER


async def test_the_beginning_is_flushed_before_the_first_row_comes() -> None:
    output = MemoryOutput()
    flushed: list[bytes] = []

    async def rows() -> AsyncIterator[Row]:
        flushed.append(output.all)
        yield row()

    await record(rows(), csv_to(output), output, seen=ignore)

    assert flushed == [HEADER]


async def test_much_is_flushed_without_waiting_for_the_time() -> None:
    output = MemoryOutput()
    big = row("b" * 255, mode="k" * 2000)
    held: list[int] = []

    await record(these(*[big] * 200), csv_to(output), output, seen=lambda _: held.append(output.buffer.tell()))

    assert max(held) < FLUSH_BYTES + 4096
    assert len(output.flushed) > 200 * 2255 // (FLUSH_BYTES + 4096)


async def test_a_row_is_flushed_in_time_though_no_other_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    on_disk = b""

    with pipe() as (read, write):
        output = StandardOutput(write.fileno())
        came = anyio.Event()

        async def rows() -> AsyncIterator[Row]:
            yield row()
            await came.wait()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(record, rows(), csv_to(output), output, seen=ignore))
            with anyio.fail_after(PATIENCE):
                while not on_disk.endswith(line()):
                    await anyio.wait_readable(read)
                    on_disk += os.read(read.fileno(), 4096)
            came.set()

    assert on_disk == HEADER + line()


async def test_a_slow_flush_holds_up_nobody_who_makes_rows() -> None:
    output = MemoryOutput()
    written: list[str] = []
    done = anyio.Event()

    async def rows() -> AsyncIterator[Row]:
        output.may_flush = anyio.Event()
        yield row("b" * FLUSH_BYTES)  # this one makes the recorder flush
        done.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(
            partial(record, rows(), csv_to(output), output, seen=lambda each: written.append(each.bucket[:1]))
        )
        await output.flushing.wait()
        await settle()
        state = (written, done.is_set())
        output.may_flush.set()

    assert state == (["b"], False)
    assert output.finished


async def test_a_flush_of_much_waits_for_the_flush_in_time_that_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.0)
    output = MemoryOutput()
    much = "b" * FLUSH_BYTES

    async def rows() -> AsyncIterator[Row]:
        output.may_flush, output.flushing = anyio.Event(), anyio.Event()
        yield row("one")
        await output.flushing.wait()
        yield row(much)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(record, rows(), csv_to(output), output, seen=ignore))
        await settle()
        output.may_flush.set()

    assert output.all == HEADER + line("one") + line(much)


# Recording that ends before its time.


@pytest.mark.parametrize("error", [InterruptedRunError("interrupted"), ListingError("denied")])
async def test_what_ends_the_rows_is_raised_after_what_had_come_was_flushed(error: RunError) -> None:
    output = MemoryOutput()

    with pytest.raises(RunError) as raised:
        await record(these(row("one"), row("two"), then=error), EndedSink(output.buffer), output, seen=ignore)

    assert raised.value is error
    assert (output.all, output.finished) == (b"begin\none\ntwo\n", False)


async def test_what_ends_the_rows_leaves_an_unfinished_report(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "report.csv")

    with pytest.raises(ListingError):
        await record(these(row(), then=ListingError("denied")), csv_to(output), output, seen=ignore)
    output.close(discard=False)

    assert names(tmp_path) == ["report.csv.partial"]
    assert output.partial.read_bytes() == HEADER + line()


async def test_rows_that_come_during_a_flush_are_flushed_before_the_end_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.0)
    output = MemoryOutput()
    raised: list[RunError] = []

    async def rows() -> AsyncIterator[Row]:
        output.may_flush, output.flushing = anyio.Event(), anyio.Event()
        yield row("one")
        await output.flushing.wait()  # the first row is on its way to the disk, and takes its time
        yield row("two")
        raise InterruptedRunError("interrupted")

    async def run() -> None:
        try:
            await record(rows(), EndedSink(output.buffer), output, seen=ignore)
        except RunError as error:
            raised.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await settle()
        output.may_flush.set()

    assert [str(error) for error in raised] == ["interrupted"]
    assert output.all == b"begin\none\ntwo\n"


async def test_when_a_flush_in_time_fails_nothing_more_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    output = MemoryOutput()
    output.error = OutputError("the disk is full")

    async def rows() -> AsyncIterator[Row]:
        yield row()
        await anyio.sleep_forever()

    with anyio.fail_after(PATIENCE), pytest.raises(OutputError) as raised:
        await record(rows(), EndedSink(output.buffer), output, begin=False, seen=ignore)

    assert raised.value is output.error


async def test_when_a_flush_of_much_fails_no_further_row_is_taken() -> None:
    output = MemoryOutput()
    output.error = OutputError("the disk is full")
    seen: list[Row] = []

    with pytest.raises(OutputError) as raised:
        await record(
            these(*[row("b" * FLUSH_BYTES)] * 5), EndedSink(output.buffer), output, begin=False, seen=seen.append
        )

    assert raised.value is output.error
    assert len(seen) == 1


async def test_a_recording_that_is_cancelled_is_not_finished(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "report.csv")
    came = anyio.Event()

    async def rows() -> AsyncIterator[Row]:
        yield row()
        came.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(record, rows(), csv_to(output), output, seen=ignore))
        await came.wait()
        tasks.cancel_scope.cancel()
    output.close(discard=False)

    assert names(tmp_path) == ["report.csv.partial"]


# Standard output.


async def test_standard_output_is_written_and_left_open() -> None:
    with pipe() as (read, write):
        output = StandardOutput(write.fileno())
        await record(these(row()), csv_to(output), output, seen=ignore)
        output.close(discard=True)
        write.write(b"more")

        assert os.read(read.fileno(), 4096) == HEADER + line() + b"more"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
async def test_a_full_disk_ends_the_run_with_a_word_on_how_to_go_on() -> None:
    with pipe() as (_, write):
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, write.fileno())
        os.close(full)
        output = StandardOutput(write.fileno())

        with pytest.raises(OutputError, match="the disk is full") as failed:
            await record(these(row()), csv_to(output), output, seen=ignore)

    assert failed.value.hint
    assert isinstance(failed.value.__cause__, OSError)


async def test_a_reader_who_has_gone_ends_the_run() -> None:
    with pipe() as (read, write):
        read.close()
        output = StandardOutput(write.fileno())

        with pytest.raises(OutputError, match="has gone"):
            await record(these(row()), csv_to(output), output, seen=ignore)


async def test_a_reader_who_does_not_read_does_not_keep_a_run_from_being_cancelled() -> None:
    left = 4 * 1024 * 1024  # more than any pipe holds
    scope = anyio.CancelScope()
    ended = anyio.Event()

    with pipe() as (read, write):
        output = StandardOutput(write.fileno())
        output.buffer.write(left * b"x")

        async def flush() -> None:
            with scope:
                await output.flush()
            ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(flush)
            await anyio.wait_readable(read)
            scope.cancel()
            with anyio.move_on_after(PATIENCE):
                await ended.wait()
            in_time = ended.is_set()
            while left:  # the thread that still writes has to come to its end before the pipe is closed
                left -= len(os.read(read.fileno(), left))

    assert in_time


def test_a_reader_who_does_not_read_does_not_keep_the_process_from_ending() -> None:
    program = """
import anyio
from s3audit_async.output import StandardOutput

async def main():
    output = StandardOutput()
    output.buffer.write(4 * 1024 * 1024 * b"x")
    with anyio.move_on_after(0.1):
        await output.flush()

anyio.run(main)
"""

    with pipe() as (_, write):
        ended = subprocess.run([sys.executable, "-c", program], stdout=write, timeout=PATIENCE, check=False)

    assert ended.returncode == 0


async def test_a_reader_who_is_slow_gets_everything() -> None:
    data = bytes(range(256)) * 4096

    with pipe() as (read, write):
        assert await copied(data, read, write) == data


async def test_a_pipe_that_somebody_made_non_blocking_gets_everything() -> None:
    data = bytes(range(256)) * 4096

    with pipe() as (read, write):
        os.set_blocking(write.fileno(), False)

        assert await copied(data, read, write) == data


async def copied(data: bytes, read: io.FileIO, write: io.FileIO) -> bytes:
    """What comes out of a pipe that `data` is flushed into."""
    output = StandardOutput(write.fileno())
    output.buffer.write(data)
    got = bytearray()

    def read_all() -> None:
        while piece := os.read(read.fileno(), 4096):
            got.extend(piece)

    async def flush() -> None:
        try:
            await output.flush()
        finally:
            write.close()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flush)
        tasks.start_soon(to_thread.run_sync, read_all)
    return bytes(got)


def test_the_unfinished_report_stands_beside_the_finished_one() -> None:
    assert partial_of(Path("somewhere/report.csv")) == Path("somewhere/report.csv.partial")
