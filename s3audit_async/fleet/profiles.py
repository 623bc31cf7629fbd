"""The accounts of `--profiles`: one for each profile of the AWS configuration that is named."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from s3audit_async.errors import UsageError
from s3audit_async.fleet.units import Account
from s3audit_async.redaction import plain

if TYPE_CHECKING:
    from collections.abc import Collection


def profiles_of(value: str, known: Collection[str]) -> tuple[Account, ...]:
    """Give an account for each profile in `NAME,NAME`, in that order, each once; `known` are those there are.

    Whose accounts they are is not known yet: two profiles may lead to the same one. Raises `UsageError` for a profile
    that is not there, and for none at all.
    """
    names = list(dict.fromkeys(name for name in map(str.strip, value.split(",")) if name))
    if not names:
        raise UsageError("--profiles names no profile", hint="NAME,NAME; 'aws configure list-profiles' shows them")
    for name in names:
        if name not in known:
            near = get_close_matches(name, list(known), n=1)
            hint = (
                f"did you mean '{plain(near[0])}'?" if near else "'aws configure list-profiles' shows those there are"
            )
            raise UsageError(f"there is no profile {plain(name)!r}", hint=hint)
    return tuple(Account(id=None, name=name, profile=name) for name in names)
