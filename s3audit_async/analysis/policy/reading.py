"""Reads a policy's text. Whatever is wrong with it is said with its line, before any bucket is asked about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from s3audit_async.analysis.policy.builtin import BUILT_IN
from s3audit_async.analysis.policy.document import Document, nearest, quoted
from s3audit_async.analysis.policy.patterns import AllowedKeys, check_key_pattern, check_pattern
from s3audit_async.analysis.policy.terms import (
    KEY_NOT_ALLOWED,
    Failing,
    Policy,
    PolicyException,
    PolicyRule,
    Scope,
)
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import Severity

if TYPE_CHECKING:
    from s3audit_async.analysis.policy.document import Table

ALL = "all"
"""An exception's word for every finding."""
ANY = "any"
"""The word of `allowed_keys` for every key."""

SCOPE_KEYS = ("buckets", "regions", "accounts")
POLICY_KEYS = ("title", "description", "extends", "fail", "fail_severity", "allowed_keys", "rule", "exception")
RULE_KEYS = (*SCOPE_KEYS, "fail", "fail_severity", "also_fail", "ignore", "allowed_keys")
EXCEPTION_KEYS = (*SCOPE_KEYS, "findings", "reason", "expires")

_FINDINGS = tuple(str(finding) for finding in Finding)
_SEVERITIES = tuple(str(severity) for severity in Severity)
_REGION_PATTERN = re.compile(r"[a-z0-9*?\[\]!-]+")
_ACCOUNT_PATTERN = re.compile(r"[0-9*?\[\]!-]+")
_ACCOUNT_DIGITS = 12


def parse_policy(text: str, name: str) -> Policy:
    """Read a policy. `name` is what messages call it.

    Raises `UsageError` that names the line and what is wrong with it.
    """
    top = Document(text, name).top
    top.only(POLICY_KEYS, "a policy")
    base = _extended(top)
    fail = _failing(top) or Failing()
    policy = Policy(
        name=name,
        title=top.text("title") or "",
        description=top.text("description") or "",
        fail=Failing(fail.findings | base.findings, fail.severity),
        allowed_keys=_allowed_keys(top),
        rules=tuple(map(_rule, top.tables("rule"))),
        exceptions=tuple(map(_exception, top.tables("exception"))),
    )
    if not _can_fail(policy):
        raise top.refused("", "nothing can violate this policy", f"name findings: fail = [{quoted(_FINDINGS[0])}]")
    return policy


def _can_fail(policy: Policy) -> bool:
    settings = [(policy.fail, policy.allowed_keys), *((rule.fail, rule.allowed_keys) for rule in policy.rules)]
    return any(fail not in {None, Failing()} or keys is not None for fail, keys in settings) or any(
        rule.also_fail for rule in policy.rules
    )


def _extended(table: Table) -> Failing:
    name = table.text("extends")
    if name is None:
        return Failing()
    if name not in BUILT_IN:
        raise table.refused("extends", f"no built-in policy is called {quoted(name)}", nearest(name, BUILT_IN))
    return parse_policy(BUILT_IN[name], name).fail


def _failing(table: Table) -> Failing | None:
    """Read `fail` and `fail_severity`; None where neither is given."""
    severity = table.text("fail_severity")
    if severity is not None and severity not in _SEVERITIES:
        raise table.refused("fail_severity", f"unknown severity {quoted(severity)}", nearest(severity, _SEVERITIES))
    if severity is None and "fail" not in table:
        return None
    return Failing(_findings(table, "fail", may_be_empty=True), None if severity is None else Severity(severity))


def _findings(
    table: Table, key: str, *, may_be_empty: bool = False, also_known: tuple[str, ...] = ()
) -> frozenset[str]:
    known = (*_FINDINGS, *also_known)
    texts = table.texts(key) if may_be_empty else table.filled(key)
    for text in texts:
        if text.value == KEY_NOT_ALLOWED and text.value not in known:
            hint = 'it fails where allowed_keys is given; allowed_keys = "any" in a rule lifts it there'
            raise table.refused(text.path, f"{key} cannot hold {quoted(text.value)}", hint)
        if text.value not in known:
            raise table.refused(text.path, f"unknown finding {quoted(text.value)}", nearest(text.value, known))
    return frozenset(text.value for text in texts)


def _allowed_keys(table: Table) -> AllowedKeys | None:
    if [text.value for text in table.filled("allowed_keys")] in ([], [ANY]):
        return None
    return AllowedKeys(table.checked("allowed_keys", check_key_pattern))


def _scope(table: Table) -> Scope:
    return Scope(
        buckets=table.checked("buckets", _bucket_problem) or Scope().buckets,
        regions=table.checked("regions", _region_problem) or Scope().regions,
        accounts=table.checked("accounts", _account_problem) or Scope().accounts,
    )


def _rule(table: Table) -> PolicyRule:
    table.only(RULE_KEYS, "a rule")
    if not any(key in table for key in SCOPE_KEYS):
        raise table.refused("", "this rule does not say where it holds", "give it buckets, regions or accounts")
    if not any(key in table for key in RULE_KEYS[len(SCOPE_KEYS) :]):
        hint = "give it fail, fail_severity, also_fail, ignore or allowed_keys"
        raise table.refused("", "this rule changes nothing", hint)
    also_fail, ignore = _findings(table, "also_fail"), _findings(table, "ignore")
    if both := also_fail & ignore:
        raise table.refused("ignore", f"{quoted(min(both))} stands in also_fail too", "take it out of one of them")
    return PolicyRule(
        scope=_scope(table),
        fail=_failing(table),
        also_fail=also_fail,
        ignore=ignore,
        keys_changed="allowed_keys" in table,
        allowed_keys=_allowed_keys(table),
    )


def _exception(table: Table) -> PolicyException:
    table.only(EXCEPTION_KEYS, "an exception")
    for key, hint in (
        ("buckets", 'name them, with * for any text: buckets = ["legacy-*"]'),
        ("findings", f'name them: findings = ["{Finding.SSE_S3_ONLY}"], or findings = "{ALL}"'),
        ("reason", "say why in a sentence"),
        ("expires", "give the last day on which it holds: expires = 2027-01-31"),
    ):
        if key not in table:
            raise table.refused("", f"this exception has no {key}", hint)
    reason, expires = table.text("reason"), table.day("expires")
    if reason is None or expires is None:
        raise AssertionError  # both are there: seen to above
    everything = [text.value for text in table.filled("findings")] == [ALL]
    return PolicyException(
        scope=_scope(table),
        findings=None if everything else _findings(table, "findings", also_known=(KEY_NOT_ALLOWED,)),
        reason=reason,
        expires=expires,
        line=table.line,
    )


def _bucket_problem(pattern: str) -> str:
    if pattern.startswith(("arn:", "s3:")) or "/" in pattern:
        return "give the bucket's name alone"
    return check_pattern(pattern)


def _region_problem(pattern: str) -> str:
    if problem := check_pattern(pattern):
        return problem
    return "" if _REGION_PATTERN.fullmatch(pattern) else "no region is called so; they look like eu-west-1"


def _account_problem(pattern: str) -> str:
    if problem := check_pattern(pattern):
        return problem
    if not _ACCOUNT_PATTERN.fullmatch(pattern) or (pattern.isdigit() and len(pattern) != _ACCOUNT_DIGITS):
        return f"an account has {_ACCOUNT_DIGITS} digits"
    return ""
