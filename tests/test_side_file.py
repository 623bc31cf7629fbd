from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from s3audit_async.errors import OutputError, UsageError
from s3audit_async.output.places import check_place
from s3audit_async.output.side import write_file

if TYPE_CHECKING:
    from typing import BinaryIO


def hello(out: BinaryIO) -> None:
    out.write(b"hello")


def test_a_file_is_there_when_it_is_whole_for_its_owner_only(tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    seen = []

    def writer(out: BinaryIO) -> None:
        out.write(b"he")
        out.flush()
        seen.append(place.exists())
        out.write(b"llo")

    write_file(place, writer)

    assert seen == [False]
    assert place.read_bytes() == b"hello"
    assert place.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [place]


def test_what_was_there_is_replaced_and_kept_by_no_one_else(tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    place.write_bytes(b"a longer text of before")
    place.chmod(0o644)

    write_file(place, hello)

    assert place.read_bytes() == b"hello"
    assert place.stat().st_mode & 0o777 == 0o600


def test_a_link_is_neither_replaced_nor_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    place = tmp_path / "page.html"
    place.symlink_to(elsewhere)

    with pytest.raises(UsageError, match="is a symbolic link") as refused:
        write_file(place, hello)

    assert refused.value.hint == f"name what it leads to: {elsewhere}"
    assert (elsewhere.read_bytes(), place.is_symlink()) == (b"mine", True)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), OutputError),
        (UsageError("of the writer's own"), UsageError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_fails_half_way_leaves_all_as_it_was(
    tmp_path: Path, error: BaseException, raised: type[BaseException]
) -> None:
    place = tmp_path / "page.html"
    place.write_bytes(b"before")

    def writer(out: BinaryIO) -> None:
        out.write(b"half")
        raise error

    with pytest.raises(raised):
        write_file(place, writer)

    assert place.read_bytes() == b"before"
    assert [*tmp_path.iterdir()] == [place]


def test_a_full_disk_is_said_so(tmp_path: Path) -> None:
    def writer(_: BinaryIO) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OutputError, match=r"page\.html: the disk is full"):
        write_file(tmp_path / "page.html", writer)


def test_unusable_places_are_told_before_anything_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "lost").symlink_to("nowhere")
    for place, why in (
        (tmp_path, "is a directory"),
        (tmp_path / "pipe", "is no ordinary file"),
        (tmp_path / "lost", "is a symbolic link"),
        (Path("-"), "- is no name"),
        (tmp_path / "none" / "page.html", "there is no directory"),
        (tmp_path / "file" / "page.html", "there is no directory"),
    ):
        for check in (check_place, lambda path: write_file(path, hello)):
            with pytest.raises(UsageError, match=why):
                check(place)


def test_a_name_too_long_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="File name too long"):
        write_file(tmp_path / ("x" * 300), hello)

    assert not [*tmp_path.iterdir()]
