"""Pure decisions: which of the accounts that were found are audited, and which are only told of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from s3audit_async.errors import UsageError
from s3audit_async.fleet.units import AccountRecord, Status
from s3audit_async.names import check_account_id
from s3audit_async.redaction import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from s3audit_async.fleet.units import Account

ACTIVE = "ACTIVE"
"""The one state of which roles can be assumed and buckets read (organizations model, AccountState)."""

_PARENT_ID = re.compile(r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}")  # organizations model, ParentId
_LONGEST_TAG = 128 + 1 + 256  # characters: organizations model, TagKey and TagValue
_NAMED = 5  # accounts that a message names

Tags = tuple[tuple[str, str], ...]
"""Pairs of key and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which accounts are wanted. Raises `UsageError` for what cannot be an account, a unit or a tag.

    What is named narrows the rest: an account is audited if it is among `include` and not among `exclude`, below one
    of `ous`, and has the `tags`. Empty is no condition.

    - `include`, `exclude`: ids of accounts.
    - `ous`: ids of organizational units or a root, with all that is nested below.
    - `tags`: `KEY=VALUE`, or `KEY` for any value. Of those with the same key one has to match, of each key.
    """

    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    ous: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for account in sorted(self.include | self.exclude):
            check_account_id(account)
        if both := self.include & self.exclude:
            raise UsageError(f"account {_listed(both)} is both included and excluded", hint="leave one of the two out")
        for unit in self.ous:
            if not is_parent_id(unit):
                raise UsageError(
                    f"not the id of an organizational unit: {plain(unit)!r}",
                    hint="such as ou-ab12-cd34ef56, or r-ab12 for the root",
                )
        for tag in self.tags:
            if not tag or tag.startswith("=") or len(tag) > _LONGEST_TAG:
                raise UsageError(f"not a tag: {plain(tag)!r}", hint="KEY=VALUE, or KEY for any value")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What became of the accounts that were found; both parts by id, each account once."""

    audited: tuple[Account, ...]
    skipped: tuple[AccountRecord, ...] = ()
    """Those that would be audited, were they active."""


def is_parent_id(text: str) -> bool:
    """Tell whether a text is the id of an organizational unit or a root."""
    return _PARENT_ID.fullmatch(text) is not None


def choose(accounts: Iterable[Account], choice: Choice) -> Chosen:
    """Part accounts with ids into those to audit and those to skip, by what they tell of themselves.

    Of an account that is there twice, the first counts: a listing that changes under way may name one again. Units
    and tags are not looked at: accounts do not tell of them (see `with_tags`).

    Raises `UsageError` if an included account is not there, as it would be missing without a word, or none is left.
    """
    found: dict[str, Account] = {}
    for account in accounts:
        found.setdefault(account.id or "", account)
    if missing := choice.include - found.keys():
        below = " below the units that were named" if choice.ous else ""
        raise UsageError(
            f"account {_listed(missing)} is included, but not among the {len(found)} that were found{below}",
            hint="check the id: 'aws organizations list-accounts' shows those there are",
        )
    wanted = [
        account
        for id_, account in sorted(found.items())
        if id_ not in choice.exclude and (not choice.include or id_ in choice.include)
    ]
    return _parted(wanted)


def with_tags(chosen: Chosen, tags: Mapping[str, Tags], choice: Choice) -> Chosen:
    """Keep the accounts that have the tags wanted; `tags` by account id. Raises `UsageError` if none is left."""
    accounts = (*chosen.audited, *(record.account for record in chosen.skipped))
    kept = [account for account in accounts if has_tags(tags.get(account.id or "", ()), choice.tags)]
    return _parted(sorted(kept, key=lambda account: account.id or ""))


def has_tags(tags: Tags, wanted: Iterable[str]) -> bool:
    """Tell whether an account's tags are those wanted: one of each key, as the filters of AWS's own tools have it."""

    def matches(tag: str) -> bool:
        return any(tag in {key, f"{key}={value}"} for key, value in tags)  # a key may have a `=` in it, too

    def key_of(tag: str) -> str:
        return tag.partition("=")[0]

    return all(any(map(matches, group)) for _, group in groupby(sorted(wanted, key=key_of), key_of))


def _parted(wanted: Iterable[Account]) -> Chosen:
    audited, skipped = [], []
    for account in wanted:
        if account.state == ACTIVE:
            audited.append(account)
        else:
            skipped.append(AccountRecord(account=account, status=Status.SKIPPED, code=account.state))
    if not audited:
        inactive = f": {len(skipped)} are not active" if skipped else ""
        raise UsageError(
            f"there is no account to audit{inactive}", hint="check which accounts, units and tags are included"
        )
    return Chosen(tuple(audited), tuple(skipped))


def _listed(ids: Iterable[str]) -> str:
    named = sorted(ids)
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more
