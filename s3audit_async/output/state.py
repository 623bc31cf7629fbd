"""The run state: what a report does not hold of the run that writes it, in a file beside it, for whoever goes on."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from s3audit_async.errors import UsageError
from s3audit_async.model import Kind
from s3audit_async.output import descriptors, places
from s3audit_async.sinks import RESUMABLE

if TYPE_CHECKING:
    from pathlib import Path

STATE_SUFFIX = ".resume"
"""Named for what it is there for. It goes with the final name, so that it need not move when the report is renamed."""

_VERSION = _OF_FLEETS = 3
_READ = frozenset({1, 2, _VERSION})
"""Version 1 knew of no further files, version 2 of one account only."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is to be made of the report when that is complete. `path` may be relative to the report's folder."""

    format: str
    path: str
    wide: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetState:
    """How the accounts of a run were chosen, and how they are entered; empty is what was not given.

    An external id is not among it: it is no credential, but it is agreed between two, and this file may be handed on.
    """

    accounts: str = ""
    """Where they stand, by its whole path, or their ids; those, too, where they came from standard input."""
    organization: bool = False
    ous: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    role_name: str = ""
    partition: str = ""
    split: bool = False
    """Whether each account gets a file of its own."""

    @property
    def many(self) -> bool:
        """Whether a run is of many accounts."""
        return bool(self.accounts or self.organization or self.profiles)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """Whose report it is, in what form, and the options that chose the buckets. `account` is None while not known."""

    account: str | None = None
    format: str
    wide: bool
    buckets: tuple[str, ...] = ()
    prefix: str | None = None
    include_regions: tuple[str, ...] = ()
    exclude_regions: tuple[str, ...] = ()
    kinds: tuple[str, ...] = (Kind.GENERAL,)
    wanted: tuple[Wanted, ...] = ()
    """What to make of it; nothing if the report itself is what was asked for."""
    made: bool = False
    """Whether all that is made: what stays of the report is for asking again whoever has an error in it."""
    fleet: FleetState = FleetState()


class StateFile:
    """The run state of one report on the disk: `<name>.resume`, there as long as there is something to resume.

    Only the run that writes the report may change it.
    """

    def __init__(self, final: Path) -> None:
        self.path = final.with_name(final.name + STATE_SUFFIX)
        self._before: bytes | None = None
        self._changed = False

    def read(self) -> RunState | None:
        """Give what an earlier run left; None if it left nothing that can be read.

        Raises `UsageError` for a file that holds something else: nobody can tell what to go on with then.
        """
        try:
            data = self.path.read_bytes()
        except OSError:  # gone, moved, or somebody else's: the report says enough to go on with
            return None
        try:
            return _parse(json.loads(data))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(
                f"{self.path} is not the state of a run that this s3audit can read",
                hint="remove it to go on unchecked, and then give the same options again",
            ) from error

    def is_ours(self) -> bool:
        """Tell whether it may be believed in what lies outside its folder: only its owner can have written it."""
        try:
            status = self.path.stat()
        except OSError:
            return False
        return status.st_uid in {0, os.geteuid()} and not status.st_mode & stat.S_IWOTH

    def write(self, state: RunState) -> None:
        """Put a state there, in one step, on the disk and for its owner only. Raises `OutputError`."""
        data = json.dumps({"version": _VERSION, **asdict(state)}, indent=2, ensure_ascii=True).encode() + b"\n"
        if not self._changed:
            self._before = _content(self.path)
            self._changed = True
        self._replace(data)

    def remove(self) -> None:
        """Let there be none: the report is complete."""
        self.path.unlink(missing_ok=True)

    def put_back(self) -> None:
        """Undo what was written: the run has left nothing that it would be the state of. Raises `OutputError`."""
        if not self._changed:
            return
        if self._before is None:
            self.remove()
        else:
            self._replace(self._before)
        self._changed = False

    def _replace(self, data: bytes) -> None:
        coming = self.path.with_name(self.path.name + ".tmp")
        try:
            coming.unlink(missing_ok=True)  # what a run left that was killed
            fd = places.create(coming)
            try:
                _, error = descriptors.write_all(fd, data)
                if error is not None:
                    raise error
                descriptors.sync(fd)
                coming.replace(self.path)
            except OSError:
                coming.unlink(missing_ok=True)
                raise
            finally:
                os.close(fd)
        except OSError as error:
            raise descriptors.explain(error, str(self.path)) from error
        places.sync_folder(self.path)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # nothing that could be put back
        return None


def _parse(content: Any) -> RunState:  # noqa: ANN401 - whatever stood in the file
    if content["version"] not in _READ or content["format"] not in RESUMABLE:
        raise ValueError("of another version")
    return RunState(
        account=_text(content["account"]),
        format=content["format"],
        wide=bool(content["wide"]),
        buckets=_texts(content["buckets"]),
        prefix=_text(content["prefix"]),
        include_regions=_texts(content["include_regions"]),
        exclude_regions=_texts(content["exclude_regions"]),
        kinds=tuple(map(Kind, _texts(content.get("kinds", [Kind.GENERAL])))) or (Kind.GENERAL,),
        wanted=_files(content["wanted"] if content["version"] > 1 else []),
        made=content.get("made") is True,
        fleet=_fleet(content["fleet"]) if content["version"] >= _OF_FLEETS else FleetState(),
    )


def _fleet(content: Any) -> FleetState:  # noqa: ANN401 - whatever stood in the file
    return FleetState(
        accounts=_text(content["accounts"]) or "",
        organization=content["organization"] is True,
        ous=_texts(content["ous"]),
        tags=_texts(content["tags"]),
        include=_texts(content["include"]),
        exclude=_texts(content["exclude"]),
        profiles=_texts(content["profiles"]),
        role_name=_text(content["role_name"]) or "",
        partition=_text(content["partition"]) or "",
        split=content["split"] is True,
    )


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError("no text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError("no list of texts")
    return tuple(value)


def _files(value: object) -> tuple[Wanted, ...]:
    if not isinstance(value, list):
        raise TypeError("no list of files")
    return tuple(Wanted(str(each["format"]), str(each["path"]), bool(each["wide"])) for each in value)
