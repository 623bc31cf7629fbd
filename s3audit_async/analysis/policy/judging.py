"""Pure decision: what a policy says of one row. An unknown is never a pass and never a violation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from s3audit_async.analysis.policy.terms import KEY_NOT_ALLOWED
from s3audit_async.assessment import assess, is_gone
from s3audit_async.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from s3audit_async.analysis.policy.patterns import AllowedKeys
    from s3audit_async.analysis.policy.terms import Policy, PolicyRule
    from s3audit_async.model import Row

_ORDER: dict[str, int] = {finding: place for place, finding in enumerate((*Finding, KEY_NOT_ALLOWED))}


class Standing(StrEnum):
    """How a bucket stands to a policy."""

    PASS = "pass"  # noqa: S105 - no password
    VIOLATION = "violation"
    UNKNOWN = "unknown"
    """No violation is known, and nobody can tell that there is none."""
    EXCEPTED = "excepted"
    """It would be one of the two above, but for exceptions."""
    NOT_APPLICABLE = "not-applicable"
    """The bucket was deleted before it could be asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerdict:
    """What a policy says of one row. Findings stand in the order of `Finding`."""

    standing: Standing
    failing: tuple[str, ...] = ()
    """Findings that violate the policy."""
    unknown: tuple[str, ...] = ()
    """Findings of which nobody can tell whether they violate it."""
    excepted: tuple[str, ...] = ()
    """Findings that would stand in one of the two above, but for exceptions."""
    used: frozenset[int] = frozenset()
    """Places of the exceptions that except something here, or may do so: where that is not known."""
    lapsed: frozenset[int] = frozenset()
    """Places of the exceptions that would, had they not expired."""


def in_order(findings: Iterable[str]) -> tuple[str, ...]:
    """Sort ids in the order of `Finding`, those that this version does not know last."""
    return tuple(sorted(findings, key=lambda finding: (_ORDER.get(finding, len(_ORDER)), finding)))


def judge(row: Row, policy: Policy, today: date) -> RowVerdict:
    """Tell how a bucket stands to a policy on a day."""
    if is_gone(row):
        return RowVerdict(standing=Standing.NOT_APPLICABLE)
    concerns = _concerns(row, policy)
    if not concerns:
        return RowVerdict(standing=Standing.PASS)
    matching = [
        (place, exception, covers)
        for place, exception in enumerate(policy.exceptions)
        if (covers := exception.scope.covers(row)) is not False
    ]
    failing, unknown, excepted = [], [], []
    used: set[int] = set()
    lapsed: set[int] = set()
    for finding in in_order(concerns):
        named = [each for each in matching if each[1].names(finding)]
        holding = [(place, covers) for place, exception, covers in named if not exception.has_expired(today)]
        used.update(place for place, _ in holding)
        if any(covers for _, covers in holding):
            excepted.append(finding)
            continue
        lapsed.update(place for place, exception, covers in named if covers and exception.has_expired(today))
        if concerns[finding] and not holding:
            failing.append(finding)
        else:
            unknown.append(finding)
    standing = Standing.VIOLATION if failing else Standing.UNKNOWN if unknown else Standing.EXCEPTED
    return RowVerdict(
        standing=standing,
        failing=tuple(failing),
        unknown=tuple(unknown),
        excepted=tuple(excepted),
        used=frozenset(used),
        lapsed=frozenset(lapsed),
    )


def _concerns(row: Row, policy: Policy) -> dict[str, bool]:
    """List the findings that violate the policy (True), or may do so (False), exceptions aside."""
    rules = [(rule, covers) for rule in policy.rules if (covers := rule.scope.covers(row)) is not False]
    assessed = assess(row)
    concerns = {}
    for finding in assessed.found | assessed.unknown:
        fails = _fails(finding, policy, rules)
        if fails is not False:
            concerns[finding] = fails is True and finding in assessed.found
    allowed = _allowed(row, policy, rules)
    if allowed is not True:
        concerns[KEY_NOT_ALLOWED] = allowed is False
    return concerns


def _fails(finding: str, policy: Policy, rules: Sequence[tuple[PolicyRule, bool | None]]) -> bool | None:
    """Tell whether a finding fails in a bucket; None if that hangs on what is not known."""
    fails = policy.fail.holds(finding)
    for rule, covers in rules:
        then = rule.demand(finding, fails)
        fails = then if covers or then is fails else None
    return fails


def _allowed(row: Row, policy: Policy, rules: Sequence[tuple[PolicyRule, bool | None]]) -> bool | None:
    """Tell whether a bucket's key is allowed; None if that hangs on what is not known."""
    lists: set[AllowedKeys | None] = {policy.allowed_keys}
    for rule, covers in rules:
        if rule.keys_changed:
            lists = {rule.allowed_keys} if covers else lists | {rule.allowed_keys}
    answers = {True if keys is None else keys.allow(row) for keys in lists}
    return answers.pop() if len(answers) == 1 else None
