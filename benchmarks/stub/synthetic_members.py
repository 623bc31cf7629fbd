"""Organizations of any size, the same ones for the same numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.stub.account import ACCOUNT_ID, StubAccount, StubKey
from benchmarks.stub.organization import ROOT, StubMember, StubOrganization, StubUnit
from benchmarks.stub.synthetic import REGIONS, synthetic

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARED_KEYS = 3
"""Keys of the management account that buckets of every account are encrypted with."""
UNITS = (StubUnit("ou-stub-workloads", "Workloads"), StubUnit("ou-stub-sandboxes", "Sandboxes", "ou-stub-workloads"))
_PARENTS = (ROOT, UNITS[0].id, UNITS[1].id)
_HIDDEN_EVERY = 5
_NO_ALIASES_EVERY = 3


def synthetic_organization(
    accounts: int = 25,
    buckets: int = 200,
    keys: int = 10,
    regions: int | Sequence[str] = 4,
    *,
    denied: int = 0,
    suspended: int = 0,
    shared_keys: int = SHARED_KEYS,
    kms_share: float = 0.4,
    seed: int = 0,
) -> StubOrganization:
    """Make an organization that is the same whenever the arguments are; `expected()` of it gives every row.

    Each account has `buckets` buckets with names of its own, and `keys` keys as `synthetic()` makes them. Their aliases
    are called the same in all accounts; in every third one they stand for no key. Beside those it uses the
    `shared_keys`, by their ARN; every fifth account may not describe them. The last accounts but `suspended` ones are
    `denied`; the last ones are SUSPENDED. Accounts lie in the root, a unit, and a unit of that, in turn.
    """
    if accounts < 1 + denied + suspended:
        raise ValueError("there must be an account that can be audited")
    names = REGIONS[:regions] if isinstance(regions, int) else tuple(regions)
    shared = [
        StubKey(f"arn:aws:kms:{names[slot % len(names)]}:{ACCOUNT_ID}:key/{slot:08x}-5a5a-4000-8000-000000000000")
        for slot in range(keys, keys + shared_keys)
    ]
    members = []
    for number in range(accounts):
        own = account_id(number)
        account = synthetic(
            buckets,
            keys,
            names,
            kms_share=kms_share,
            seed=seed + number,
            account_id=own,
            prefix=f"synthetic-{own}",
            shared=shared,
        )
        left = accounts - number
        members.append(
            StubMember(
                _with_differences(account, number, shared),
                f"member-{number:04d}",
                "SUSPENDED" if left <= suspended else "ACTIVE",
                _PARENTS[number % len(_PARENTS)],
                {"stage": "prod" if number % 2 else "test"},
                denied=suspended < left <= suspended + denied,
            )
        )
    return StubOrganization(members, UNITS)


def account_id(number: int) -> str:
    """Id of a member by its place: the first is `ACCOUNT_ID`, every other one begins with zeros."""
    return ACCOUNT_ID if number == 0 else f"{number % 2 * 700_000_000_000 + 1000 + number:012d}"


def _with_differences(account: StubAccount, number: int, shared: Sequence[StubKey]) -> StubAccount:
    """Make accounts answer the same question differently, so that nobody can use one's answer for another's."""
    if number % _NO_ALIASES_EVERY == _NO_ALIASES_EVERY - 1:
        account = replace(account, aliases={})
    if number % _HIDDEN_EVERY == _HIDDEN_EVERY - 1:
        account = replace(account, hidden=frozenset(key.arn for key in shared))
    return account
