"""Which of the accounts that were found are audited, told of as skipped, or left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3audit_async.errors import UsageError
from s3audit_async.fleet.choosing import Choice, choose, has_tags, with_tags
from s3audit_async.fleet.run import Before
from s3audit_async.fleet.units import Account, AccountRecord, Status

A, B, C, D = "000000000001", "111111111111", "222222222222", "333333333333"
ACTIVE = [Account(C, "c"), Account(A, "a"), Account(B, "b")]

accounts = st.builds(
    Account,
    st.sampled_from([A, B, C, D]),
    st.sampled_from(["", "name"]),
    st.sampled_from(["ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED", "NEW_THIS_YEAR"]),
)


def ids(found: tuple[Account, ...]) -> list[str | None]:
    return [account.id for account in found]


def test_without_a_choice_every_active_account_is_audited_by_id() -> None:
    assert choose(ACTIVE, Choice()).audited == (Account(A, "a"), Account(B, "b"), Account(C, "c"))


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "PENDING_ACTIVATION", "CLOSED", "NEW_THIS_YEAR"])
def test_an_account_that_is_not_active_is_skipped_with_its_state(state: str) -> None:
    closed = Account(D, "d", state)
    chosen = choose([closed, *ACTIVE], Choice())
    assert ids(chosen.audited) == [A, B, C]
    assert chosen.skipped == (AccountRecord(account=closed, status=Status.SKIPPED, code=state),)


def test_excluded_accounts_are_not_even_told_of() -> None:
    chosen = choose([*ACTIVE, Account(D, "d", "SUSPENDED")], Choice(exclude=frozenset({A, D})))
    assert (ids(chosen.audited), chosen.skipped) == ([B, C], ())


def test_an_excluded_account_need_not_be_there() -> None:
    assert ids(choose(ACTIVE, Choice(exclude=frozenset({D}))).audited) == [A, B, C]


def test_included_accounts_are_the_only_ones() -> None:
    chosen = choose([*ACTIVE, Account(D, "d", "SUSPENDED")], Choice(include=frozenset({B, D})))
    assert (ids(chosen.audited), [record.account.id for record in chosen.skipped]) == ([B], [D])


def test_an_included_account_that_is_not_there_is_said_so() -> None:
    with pytest.raises(UsageError, match=f"account {D} is included, but not among the 3 that were found") as raised:
        choose(ACTIVE, Choice(include=frozenset({B, D})))
    assert "list-accounts" in raised.value.hint
    with pytest.raises(UsageError, match="below the units that were named"):
        choose(ACTIVE, Choice(include=frozenset({D}), ous=("ou-ab12-cd34ef56",)))


def test_a_message_names_a_few_of_many_accounts() -> None:
    many = frozenset(f"{number:012d}" for number in range(10, 30))
    with pytest.raises(UsageError, match=r"account 000000000010, .*000000000014 and 15 more is included"):
        choose(ACTIVE, Choice(include=many))


def test_an_account_that_is_listed_twice_is_audited_once() -> None:
    assert choose([Account(A, "first"), Account(A, "second")], Choice()).audited == (Account(A, "first"),)


@pytest.mark.parametrize(
    ("found", "choice", "said"),
    [
        ([], Choice(), "there is no account to audit"),
        (ACTIVE, Choice(exclude=frozenset({A, B, C})), "there is no account to audit"),
        (
            [Account(A, state="CLOSED"), Account(B, state="SUSPENDED")],
            Choice(),
            "no account to audit: 2 are not active",
        ),
    ],
)
def test_an_audit_of_nothing_is_refused(found: list[Account], choice: Choice, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose(found, choice)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"include": frozenset({"1"})}, "not an account id: '1'"),
        ({"exclude": frozenset({"12345678901a"})}, "not an account id"),
        ({"include": frozenset({"١٢٣٤٥٦٧٨٩٠١٢"})}, "not an account id"),
        ({"include": frozenset({A, B}), "exclude": frozenset({B})}, f"account {B} is both included and excluded"),
        ({"ous": ("ou-1",)}, "not the id of an organizational unit: 'ou-1'"),
        ({"ous": ("Workloads",)}, "not the id of an organizational unit"),
        ({"ous": ("ou-ab12-cd34ef56\n",)}, "not the id of an organizational unit"),
        ({"tags": ("",)}, "not a tag: ''"),
        ({"tags": ("=value",)}, "not a tag: '=value'"),
        ({"tags": ("k" * 400,)}, "not a tag"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_with_a_hint(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        Choice(**fields)
    assert "\n" not in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize("unit", ["r-ab12", "ou-ab12-cd34ef56", f"ou-{'a' * 32}-{'9' * 32}"])
def test_units_and_roots_may_be_named(unit: str) -> None:
    assert Choice(ous=(unit,)).ous == (unit,)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((), True),
        (("stage=prod",), True),
        (("stage",), True),
        (("empty",), True),
        (("empty=",), True),
        (("stage=test", "stage=prod"), True),
        (("stage=prod", "team=a"), True),
        (("odd=key=value",), True),
        (("odd=key",), True),
        (("stage=test",), False),
        (("stage=",), False),
        (("Stage=prod",), False),
        (("stage=prod", "team=b"), False),
        (("stage=prod", "owner"), False),
        (("stage=prod", "owner", "team=a"), False),
    ],
)
def test_of_each_key_one_of_the_tags_wanted_has_to_be_there(wanted: tuple[str, ...], expected: bool) -> None:
    tags = (("stage", "prod"), ("team", "a"), ("empty", ""), ("odd=key", "value"))
    assert has_tags(tags, wanted) is expected


def test_tags_decide_of_skipped_accounts_too() -> None:
    """One of no concern to this run is not told of."""
    chosen = choose([*ACTIVE, Account(D, "d", "CLOSED")], Choice())
    prod = (("stage", "prod"),)
    kept = with_tags(chosen, {A: prod, C: prod, D: ()}, Choice(tags=("stage=prod",)))
    assert (ids(kept.audited), kept.skipped) == ([A, C], ())
    with pytest.raises(UsageError, match="no account to audit: 1 are not active"):
        with_tags(chosen, {D: prod}, Choice(tags=("stage=prod",)))


@given(st.lists(accounts, min_size=1, max_size=12), st.frozensets(st.sampled_from([A, B, C, D])))
def test_every_account_is_audited_skipped_or_excluded_and_only_one_of_these(
    found: list[Account], exclude: frozenset[str]
) -> None:
    first = {account.id: account for account in reversed(found)}
    if not any(account.state == "ACTIVE" and account.id not in exclude for account in first.values()):
        with pytest.raises(UsageError, match="there is no account to audit"):
            choose(found, Choice(exclude=exclude))
        return
    chosen = choose(found, Choice(exclude=exclude))
    told = [*ids(chosen.audited), *(record.account.id for record in chosen.skipped)]
    assert sorted(filter(None, told)) == sorted(set(filter(None, first)) - exclude)
    assert ids(chosen.audited) == sorted(filter(None, ids(chosen.audited)))


def test_what_an_earlier_run_left_of_accounts_that_are_not_there_any_more_is_told_but_of_finished_ones() -> None:
    """Those are complete, and would count twice."""
    chosen = choose([Account(A, "a"), Account(B, "b", "SUSPENDED"), Account(C, "c", "SUSPENDED")], Choice())
    before = Before(
        done={A: {"x"}, B: {"y"}, C: {"z"}, D: {"v"}, "444444444444": {"w"}, None: set()}, finished=frozenset({B, D})
    )

    skipped = before.skipped(chosen)

    assert [(record.account.id, record.status, record.code) for record in skipped] == [
        (C, Status.SKIPPED, "SUSPENDED"),
        ("444444444444", Status.SKIPPED, ""),
    ]
