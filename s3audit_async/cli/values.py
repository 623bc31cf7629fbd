"""What values of options are: formats, kinds of buckets, lengths of time, lists of names; and which say nothing."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import click

from s3audit_async.errors import UsageError
from s3audit_async.model import Kind
from s3audit_async.sinks import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL_KINDS = "all"
"""What stands for all kinds of buckets."""


class FormatList(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases of click only
    """One format of a report or several, with commas between them; each counts once."""

    name = "formats"

    def convert(
        self, value: str | Sequence[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        listed = value.split(",") if isinstance(value, str) else value  # a configuration file may hold a list
        named = tuple(dict.fromkeys(each.strip().lower() for each in listed if each.strip()))
        for each in named:
            if each not in FORMATS:
                self.fail(f"{each!r} is not one of {', '.join(FORMATS)}.", param, ctx)
        return named


class KindList(click.ParamType):  # type: ignore[type-arg]  # as above
    """One kind of buckets or several, with commas between them, or `all`."""

    name = "kinds"

    def convert(
        self, value: str | Sequence[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[Kind]:
        listed = value.split(",") if isinstance(value, str) else value  # a configuration file may hold a list
        named = {each.strip().lower() for each in listed if each.strip()}
        for each in sorted(named - {*Kind, ALL_KINDS}):
            self.fail(f"{each!r} is not one of {', '.join((*Kind, ALL_KINDS))}.", param, ctx)
        if not named:
            self.fail(f"no kind is named: choose from {', '.join((*Kind, ALL_KINDS))}.", param, ctx)
        return frozenset(Kind) if ALL_KINDS in named else frozenset(map(Kind, named))


class Seconds(click.FloatRange):
    """A length of time. NaN is none: it is neither below a bound nor above it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        if isnan(converted := super().convert(value, param, ctx)):
            self.fail("NaN is no number of seconds.", param, ctx)
        return converted


def not_empty(context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse a value that says nothing, as of a variable that is not set: it must not pass for one left out."""
    if value is not None and not value.strip(" ,") and not context.resilient_parsing:
        raise click.BadParameter("it is empty")
    return value


def names_in(listed: str | None) -> tuple[str, ...]:
    """Give the names in `NAME,NAME`, each once."""
    return tuple(dict.fromkeys(name for name in map(str.strip, (listed or "").split(",")) if name))


def read_names(buckets: tuple[str, ...], buckets_from: str | None) -> tuple[str, ...]:
    """Gather the bucket names of `--bucket` and `--buckets-from`, each once.

    Blank lines and lines that start with `#` are passed over. Raises `UsageError` for a file that cannot be read, or
    that names no bucket: an empty list must not turn into an audit of everything.
    """
    if buckets_from is None:
        return buckets
    try:
        with click.open_file(buckets_from, encoding="utf-8-sig") as file:
            lines = [line.strip() for line in file]
    except OSError as error:
        raise UsageError(f"cannot read {buckets_from}: {error.strerror}", hint="one bucket name a line") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{buckets_from} is not UTF-8 text", hint="one bucket name a line") from error
    named = [line for line in lines if line and not line.startswith("#")]
    if not named:
        raise UsageError(f"{buckets_from} names no bucket", hint="one bucket name a line")
    return tuple(dict.fromkeys((*buckets, *named)))
