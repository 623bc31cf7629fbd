from __future__ import annotations

import fnmatch
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3audit_async import classify
from s3audit_async.analysis.policy import BUILT_IN, Policy, Standing, parse_policy
from s3audit_async.analysis.policy.judging import judge
from s3audit_async.analysis.policy.patterns import SSE_S3, AllowedKeys, Names, check_pattern
from s3audit_async.analysis.policy.terms import KEY_NOT_ALLOWED, UNKNOWNS, Failing, PolicyException, PolicyRule, Scope
from s3audit_async.assessment import State, assess
from s3audit_async.demo.account import DemoBucket, plan
from s3audit_async.demo.records import ACCOUNT, AWS_MANAGED_ALIAS
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import Severity
from s3audit_async.model import Bucket, Encryption, Failure, Key, Operation, Row, SseC

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
OTHER = "444455556666"
ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{ID}"
KEY = Key("CUSTOMER", arn=ARN, account=ACCOUNT, state="Enabled", spec="SYMMETRIC_DEFAULT")
SOUND = Encryption("aws:kms", ARN, bucket_key=True, sse_c=SseC.BLOCKED)

PASS, VIOLATION, UNKNOWN, EXCEPTED, GONE = Standing


def row(
    found: Encryption = SOUND,
    key: Key | Failure | None = KEY,
    *,
    name: str = "data-1",
    region: str | None = "eu-west-1",
    account: str | None = ACCOUNT,
) -> Row:
    return classify.row(Bucket(name, region), found, key, account=account, audited_at=NOW)


def unread(code: str, name: str = "data-1") -> Row:
    why = Failure(Operation.GET_BUCKET_ENCRYPTION, code)
    return classify.unread_row(Bucket(name, "eu-west-1"), why, account=ACCOUNT, audited_at=NOW)


def of_four_columns(wide: Row) -> Row:
    return Row(wide.bucket, wide.mode, wide.key_type, wide.bucket_key, findings=None)


SSE_S3_ROW = row(Encryption("AES256", sse_c=SseC.BLOCKED), None)
AWS_MANAGED_ROW = row(replace(SOUND, key=None), Key("AWS"))
AWS_MANAGED_BY_ARN = row(SOUND, replace(KEY, manager="AWS"))
S3_ALIAS_ARN = f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/aws/s3"
UNDESCRIBED = Failure(Operation.DESCRIBE_KEY, "AccessDeniedException")


def verdict(text: str, of: Row, today: date = TODAY) -> tuple[Standing, list[str], list[str], list[str]]:
    found = judge(of, parse_policy(text, "p"), today)
    return found.standing, list(found.failing), list(found.unknown), list(found.excepted)


# The demo's cases, and how each stands to aws-fsbp, customer-key and strict.
DEMO: dict[str, tuple[Standing, Standing, Standing]] = {
    "sse-s3": (VIOLATION, VIOLATION, VIOLATION),
    "sse-s3-bucket-key-absent": (VIOLATION, VIOLATION, VIOLATION),
    "kms-key-arn": (PASS, PASS, VIOLATION),
    "kms-key-arn-bucket-key-off": (PASS, VIOLATION, VIOLATION),
    "kms-key-arn-bucket-key-absent": (PASS, VIOLATION, VIOLATION),
    "kms-alias-name": (PASS, PASS, VIOLATION),
    "kms-alias-arn": (PASS, VIOLATION, VIOLATION),
    "kms-key-id": (PASS, PASS, VIOLATION),
    "kms-no-key": (PASS, VIOLATION, VIOLATION),
    "aws-managed-alias": (PASS, VIOLATION, VIOLATION),
    "aws-managed-alias-arn": (PASS, VIOLATION, VIOLATION),
    "aws-managed-key-arn": (PASS, VIOLATION, VIOLATION),
    "kms-dsse": (PASS, PASS, VIOLATION),
    "key-access-denied": (PASS, UNKNOWN, VIOLATION),
    "key-not-found": (PASS, VIOLATION, VIOLATION),
    "key-lookup-fails": (PASS, UNKNOWN, VIOLATION),
    "no-configuration": (VIOLATION, VIOLATION, VIOLATION),
    "bucket-access-denied": (UNKNOWN, UNKNOWN, UNKNOWN),
    "bucket-vanished": (GONE, GONE, GONE),
    "bucket-fails": (UNKNOWN, UNKNOWN, UNKNOWN),
    "future-algorithm": (UNKNOWN, UNKNOWN, VIOLATION),
    "key-disabled": (PASS, VIOLATION, VIOLATION),
    "key-pending-deletion": (PASS, VIOLATION, VIOLATION),
    "key-of-another-region": (PASS, PASS, VIOLATION),
    "key-of-another-account": (PASS, PASS, VIOLATION),
    "key-of-another-account-denied": (PASS, UNKNOWN, VIOLATION),
    "sse-c-blocked": (VIOLATION, VIOLATION, VIOLATION),
    "sse-c-allowed": (VIOLATION, VIOLATION, VIOLATION),
}


def demo_row(planned: DemoBucket, *, sse_c: SseC | None = None) -> Row:
    """The row that a wide report of the demo holds; `sse_c` in place of the account's own, if given."""
    bucket = Bucket(planned.name, planned.region, planned.created)
    if planned.fault or planned.vanished:
        code = planned.fault.code if planned.fault else "NoSuchBucket"
        why = Failure(Operation.GET_BUCKET_ENCRYPTION, code)
        return classify.unread_row(bucket, why, account=ACCOUNT, audited_at=NOW)
    if planned.encryption is None:
        return classify.row(bucket, Encryption(None, sse_c=sse_c), None, account=ACCOUNT, audited_at=NOW)
    found = Encryption(
        planned.encryption.algorithm, planned.encryption.key_reference, planned.encryption.bucket_key_enabled, sse_c
    )
    key: Key | Failure | None = None
    if found.uses_kms and (found.key is None or found.key.endswith(AWS_MANAGED_ALIAS)):
        key = Key("AWS")
    elif found.uses_kms and planned.key is None:
        key = Failure(Operation.DESCRIBE_KEY, "NotFoundException")
    elif planned.key is not None and planned.key.fault is not None:
        key = Failure(Operation.DESCRIBE_KEY, planned.key.fault.code)
    elif planned.key is not None:
        named = planned.key
        key = Key(named.manager, named.arn, named.account, named.state, spec="SYMMETRIC_DEFAULT")
    made = classify.row(bucket, found, key, account=ACCOUNT, audited_at=NOW)
    assert (made.bucket, made.mode, made.key_type) == planned.cells[:3]
    return made


POLICIES = {name: parse_policy(text, name) for name, text in BUILT_IN.items()}


@pytest.mark.parametrize("case", DEMO)
def test_each_case_of_the_demo_stands_to_the_built_in_policies_as_it_should(case: str) -> None:
    (planned,) = (bucket for bucket in plan(28) if bucket.case == case)
    assert tuple(judge(demo_row(planned), policy, TODAY).standing for policy in POLICIES.values()) == DEMO[case]


def test_the_demo_is_judged_whole() -> None:
    """Every ordinary bucket stands as the special one of its case does."""
    planned = plan(300)
    assert {bucket.case for bucket in planned} == DEMO.keys()
    for bucket in planned:
        found = tuple(judge(demo_row(bucket), policy, TODAY).standing for policy in POLICIES.values())
        assert found == DEMO[bucket.case], bucket.case


def test_the_strict_policy_passes_a_bucket_with_nothing_wrong() -> None:
    assert judge(row(), POLICIES["strict"], TODAY).standing is PASS


RULES: dict[str, tuple[str, Row, Standing, list[str], list[str]]] = {
    "a finding that fails": ('fail = "sse-s3-only"', SSE_S3_ROW, VIOLATION, ["sse-s3-only"], []),
    "a finding that does not": ('fail = "key-disabled"', SSE_S3_ROW, PASS, [], []),
    "findings in the catalogue's order": (
        'fail = ["sse-c-not-blocked", "bucket-key-off"]',
        row(replace(SOUND, bucket_key=False, sse_c=None)),
        VIOLATION,
        ["bucket-key-off", "sse-c-not-blocked"],
        [],
    ),
    "what cannot be read": ('fail = "sse-s3-only"', unread("AccessDenied"), UNKNOWN, [], ["sse-s3-only"]),
    "what could not be read": ('fail = "sse-s3-only"', unread("InternalError"), UNKNOWN, [], ["sse-s3-only"]),
    "what is gone": ('fail = "sse-s3-only"', unread("NoSuchBucket"), GONE, [], []),
    "being unreadable may fail, if it is named": (
        'fail = ["sse-s3-only", "encryption-unreadable"]',
        unread("AccessDenied"),
        VIOLATION,
        ["encryption-unreadable"],
        ["sse-s3-only"],
    ),
    "severity": (
        'fail_severity = "high"',
        row(replace(SOUND, bucket_key=False), replace(KEY, state="Disabled")),
        VIOLATION,
        ["key-disabled"],
        [],
    ),
    "severity below": ('fail_severity = "high"', row(replace(SOUND, bucket_key=False)), PASS, [], []),
    "severity, and a name": (
        'fail_severity = "high"\nfail = "bucket-key-off"',
        row(replace(SOUND, bucket_key=False)),
        VIOLATION,
        ["bucket-key-off"],
        [],
    ),
    "a finding newer than this program, which is not named": (
        'fail = "sse-s3-only"',
        replace(row(), findings=("of-a-later-version",)),
        PASS,
        [],
        [],
    ),
    "a finding newer than this program may be grave": (
        'fail_severity = "critical"',
        replace(row(), findings=("of-a-later-version",)),
        UNKNOWN,
        [],
        ["of-a-later-version"],
    ),
    "a rule ignores": (
        'fail = "sse-s3-only"\n[[rule]]\nbuckets = "data-*"\nignore = "sse-s3-only"',
        SSE_S3_ROW,
        PASS,
        [],
        [],
    ),
    "a rule for others": (
        'fail = "sse-s3-only"\n[[rule]]\nbuckets = "logs-*"\nignore = "sse-s3-only"',
        SSE_S3_ROW,
        VIOLATION,
        ["sse-s3-only"],
        [],
    ),
    "names match as a whole, and in their case": (
        'fail = "sse-s3-only"\n[[rule]]\nbuckets = ["data", "ata-1", "DATA-1"]\nignore = "sse-s3-only"',
        SSE_S3_ROW,
        VIOLATION,
        ["sse-s3-only"],
        [],
    ),
    "all kinds of patterns must match": (
        'fail = "sse-s3-only"\n[[rule]]\nbuckets = "data-*"\nregions = "us-*"\nignore = "sse-s3-only"',
        SSE_S3_ROW,
        VIOLATION,
        ["sse-s3-only"],
        [],
    ),
    "one of a kind must match": (
        f'fail = "sse-s3-only"\n[[rule]]\nregions = ["us-*", "eu-*"]\naccounts = ["{ACCOUNT}"]\nignore = "sse-s3-only"',
        SSE_S3_ROW,
        PASS,
        [],
        [],
    ),
    "the later rule has the last word": (
        (
            'fail = "sse-s3-only"\n[[rule]]\nbuckets = "data-*"\nignore = "sse-s3-only"\n'
            '[[rule]]\nregions = "eu-*"\nalso_fail = "sse-s3-only"'
        ),
        SSE_S3_ROW,
        VIOLATION,
        ["sse-s3-only"],
        [],
    ),
    "a rule's list is in place of the policy's": (
        'fail = "sse-s3-only"\n[[rule]]\nbuckets = "data-*"\nfail = "bucket-key-off"',
        SSE_S3_ROW,
        PASS,
        [],
        [],
    ),
    "a rule's list is in place of severities": (
        'fail_severity = "low"\n[[rule]]\nbuckets = "data-*"\nfail = []',
        SSE_S3_ROW,
        PASS,
        [],
        [],
    ),
    "a rule adds": (
        'fail = "key-disabled"\n[[rule]]\nbuckets = "data-*"\nalso_fail = "sse-s3-only"',
        SSE_S3_ROW,
        VIOLATION,
        ["sse-s3-only"],
        [],
    ),
    "where nothing fails, being unreadable does not matter": (
        'fail = "sse-s3-only"\n[[rule]]\nbuckets = "data-*"\nfail = []',
        unread("AccessDenied"),
        PASS,
        [],
        [],
    ),
    "a rule by a region that is not known": (
        'fail = "sse-s3-only"\n[[rule]]\nregions = "eu-*"\nignore = "sse-s3-only"',
        of_four_columns(SSE_S3_ROW),
        UNKNOWN,
        [],
        ["sse-s3-only"],
    ),
    "a rule by an account that is not known": (
        f'fail = "key-disabled"\n[[rule]]\naccounts = "{ACCOUNT}"\nalso_fail = "sse-s3-only"',
        of_four_columns(SSE_S3_ROW),
        UNKNOWN,
        [],
        ["sse-s3-only"],
    ),
    "a rule by region that makes no difference": (
        'fail = "sse-s3-only"\n[[rule]]\nregions = "eu-*"\nfail = "sse-s3-only"',
        of_four_columns(SSE_S3_ROW),
        VIOLATION,
        ["sse-s3-only"],
        [],
    ),
    "a rule by region for other buckets": (
        'fail = "sse-s3-only"\n[[rule]]\nbuckets = "logs-*"\nregions = "eu-*"\nignore = "sse-s3-only"',
        of_four_columns(SSE_S3_ROW),
        VIOLATION,
        ["sse-s3-only"],
        [],
    ),
    "a rule for every region needs to know none": (
        'fail = "sse-s3-only"\n[[rule]]\nregions = "*"\nignore = "sse-s3-only"',
        of_four_columns(SSE_S3_ROW),
        PASS,
        [],
        [],
    ),
    "a later rule settles what an earlier one left open": (
        (
            'fail = "sse-s3-only"\n[[rule]]\nregions = "eu-*"\nignore = "sse-s3-only"\n'
            '[[rule]]\nbuckets = "data-*"\nfail = "sse-s3-only"'
        ),
        of_four_columns(SSE_S3_ROW),
        VIOLATION,
        ["sse-s3-only"],
        [],
    ),
}


@pytest.mark.parametrize("case", RULES)
def test_rules_change_what_fails(case: str) -> None:
    text, of, standing, failing, unknown = RULES[case]
    assert verdict(text, of) == (standing, failing, unknown, [])


OTHER_ARN = ARN.replace(ACCOUNT, OTHER)
KEYS: dict[str, tuple[list[str], Row, bool | None]] = {
    "the key itself": ([OTHER_ARN, ARN], row(), True),
    "another key": ([OTHER_ARN], row(), False),
    "a pattern": ([f"arn:aws:kms:eu-*:{ACCOUNT}:key/*"], row(), True),
    "a pattern's star does not reach over colons": (["arn:aws:kms:*:key/*:x"], row(), False),
    "a pattern of another region": ([f"arn:aws:kms:us-*:{ACCOUNT}:key/*"], row(), False),
    "an ARN that goes on after the key": (
        [f"arn:aws:kms:*:{ACCOUNT}:key/*"],
        row(replace(SOUND, key=f"{ARN}:x"), UNDESCRIBED),
        False,
    ),
    "a key of which KMS did not say who manages it": ([ARN], row(SOUND, replace(KEY, manager=None)), True),
    "an alias is judged by its key": ([ARN], row(replace(SOUND, key="alias/mine")), True),
    "an alias to another key": ([OTHER_ARN], row(replace(SOUND, key="alias/mine")), False),
    "an alias that nobody could resolve": ([ARN], row(replace(SOUND, key="alias/mine"), UNDESCRIBED), None),
    "an id that nobody could resolve": ([ARN], row(replace(SOUND, key=ID), UNDESCRIBED), None),
    "an alias ARN that nobody could resolve": (
        [ARN],
        row(replace(SOUND, key=ARN.replace("key/", "alias/")), UNDESCRIBED),
        None,
    ),
    "an ARN that may not be looked up": ([ARN], row(SOUND, UNDESCRIBED), True),
    "another ARN that may not be looked up": ([OTHER_ARN], row(SOUND, UNDESCRIBED), False),
    "an ARN in four columns": ([ARN], of_four_columns(row()), True),
    "another ARN in four columns": ([OTHER_ARN], of_four_columns(row()), False),
    "an alias in four columns": ([ARN], of_four_columns(row(replace(SOUND, key="alias/mine"))), None),
    "the AWS managed key by default": (["arn:*:kms:*:*:key/*"], AWS_MANAGED_ROW, False),
    "the AWS managed key, allowed": ([classify.AWS_S3_ALIAS], AWS_MANAGED_ROW, True),
    "the AWS managed key in four columns, allowed": (
        [classify.AWS_S3_ALIAS],
        of_four_columns(AWS_MANAGED_ROW),
        True,
    ),
    "the AWS managed key by its alias's ARN": (
        [classify.AWS_S3_ALIAS],
        row(replace(SOUND, key=S3_ALIAS_ARN), Key("AWS")),
        True,
    ),
    "the AWS managed key by its alias's ARN, not allowed": (
        [ARN],
        row(replace(SOUND, key=S3_ALIAS_ARN), Key("AWS")),
        False,
    ),
    "the AWS managed key of another account": (
        [classify.AWS_S3_ALIAS],
        row(replace(SOUND, key=S3_ALIAS_ARN.replace(ACCOUNT, OTHER)), Key("AWS")),
        False,
    ),
    "the AWS managed key of another region": (
        [classify.AWS_S3_ALIAS],
        row(replace(SOUND, key=S3_ALIAS_ARN.replace("eu-west-1", "us-east-1")), Key("AWS")),
        False,
    ),
    "the AWS managed key of an account that may be another": (
        [classify.AWS_S3_ALIAS],
        row(replace(SOUND, key=S3_ALIAS_ARN), Key("AWS"), account=None),
        None,
    ),
    "the AWS managed key by its alias's ARN in four columns": (
        [classify.AWS_S3_ALIAS],
        of_four_columns(row(replace(SOUND, key=S3_ALIAS_ARN), Key("AWS"))),
        None,
    ),
    "the AWS managed key of another service": (
        [classify.AWS_S3_ALIAS],
        row(replace(SOUND, key="alias/aws/ebs"), Key("AWS")),
        False,
    ),
    "the AWS managed key of another service by ARN": (
        [classify.AWS_S3_ALIAS],
        row(replace(SOUND, key=S3_ALIAS_ARN.replace("aws/s3", "aws/s3x")), Key("AWS")),
        False,
    ),
    "an AWS managed key by its ARN may be the one": ([classify.AWS_S3_ALIAS], AWS_MANAGED_BY_ARN, None),
    "an AWS managed key by its ARN in four columns may be": (
        [classify.AWS_S3_ALIAS],
        of_four_columns(AWS_MANAGED_BY_ARN),
        None,
    ),
    "an AWS managed key by its ARN, which is listed": ([classify.AWS_S3_ALIAS, ARN], AWS_MANAGED_BY_ARN, True),
    "an AWS managed key by its ARN, none allowed": ([OTHER_ARN], AWS_MANAGED_BY_ARN, False),
    "an AWS managed key by its ARN, of another region": (
        [classify.AWS_S3_ALIAS],
        replace(AWS_MANAGED_BY_ARN, region="us-east-1"),
        False,
    ),
    "an ARN that may not be looked up may be the AWS managed key's": (
        [classify.AWS_S3_ALIAS],
        row(SOUND, UNDESCRIBED),
        None,
    ),
    "a customer's key is not the AWS managed one": ([classify.AWS_S3_ALIAS], row(), False),
    "a key that does not exist is not the AWS managed one": (
        [classify.AWS_S3_ALIAS],
        row(SOUND, Failure(Operation.DESCRIBE_KEY, "NotFoundException")),
        False,
    ),
    "S3's own key": (["arn:*:kms:*:*:key/*"], SSE_S3_ROW, False),
    "S3's own key, allowed": ([SSE_S3], SSE_S3_ROW, True),
    "S3's own key in four columns, allowed": ([SSE_S3], of_four_columns(SSE_S3_ROW), True),
    "no configuration": ([SSE_S3], row(Encryption(None), None), False),
    "an algorithm unknown": ([SSE_S3], row(Encryption("aws:future"), None), None),
    "nothing read": ([SSE_S3], unread("AccessDenied"), None),
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_is_allowed_or_not_or_nobody_can_tell(case: str) -> None:
    patterns, of, allowed = KEYS[case]
    assert AllowedKeys(tuple(patterns)).allow(of) is allowed
    text = f"allowed_keys = {patterns}" if "x" not in patterns[0] else f"allowed_keys = {[OTHER_ARN]}"
    expected: dict[bool | None, tuple[Standing, list[str], list[str], list[str]]] = {
        True: (PASS, [], [], []),
        False: (VIOLATION, ["key-not-allowed"], [], []),
        None: (UNKNOWN, [], ["key-not-allowed"], []),
    }
    assert verdict(text, of) == expected[allowed]


def test_a_rule_may_allow_other_keys_or_any() -> None:
    text = (
        f'allowed_keys = "{OTHER_ARN}"\n[[rule]]\nbuckets = "mine-*"\nallowed_keys = "{ARN}"\n'
        '[[rule]]\nbuckets = "any-*"\nallowed_keys = "any"\n[[rule]]\nregions = "us-*"\nallowed_keys = "any"\n'
    )
    assert verdict(text, row())[0] is VIOLATION
    assert verdict(text, row(name="mine-1"))[0] is PASS
    assert verdict(text, row(name="any-1"))[0] is PASS
    assert verdict(text, row(region="us-east-1"))[0] is PASS
    assert verdict(text, row(region=None)) == (UNKNOWN, [], ["key-not-allowed"], [])
    assert verdict(text, row(name="any-1", region=None))[0] is PASS, "any key is allowed either way"


def excepting(findings: str = '"all"', scope: str = 'buckets = "data-*"', expires: date = TODAY) -> str:
    return (
        'fail = ["sse-s3-only", "sse-c-not-blocked"]\n'
        f'[[exception]]\n{scope}\nfindings = {findings}\nreason = "x"\nexpires = {expires}\n'
    )


BOTH = row(Encryption("AES256"), None)
EXCEPTIONS: dict[str, tuple[str, Row, Standing, list[str], list[str], list[str]]] = {
    "all findings": (excepting(), BOTH, EXCEPTED, [], [], ["sse-s3-only", "sse-c-not-blocked"]),
    "one of two": (
        excepting('"sse-s3-only"'),
        BOTH,
        VIOLATION,
        ["sse-c-not-blocked"],
        [],
        ["sse-s3-only"],
    ),
    "another bucket": (
        excepting(scope='buckets = "logs-*"'),
        BOTH,
        VIOLATION,
        ["sse-s3-only", "sse-c-not-blocked"],
        [],
        [],
    ),
    "another region": (
        excepting(scope='buckets = "*"\nregions = "us-*"'),
        BOTH,
        VIOLATION,
        ["sse-s3-only", "sse-c-not-blocked"],
        [],
        [],
    ),
    "nothing wrong": (excepting(), row(), PASS, [], [], []),
    "what is not known": (
        excepting(),
        unread("AccessDenied"),
        EXCEPTED,
        [],
        [],
        ["sse-s3-only", "sse-c-not-blocked"],
    ),
    "some of what is not known": (
        excepting('"sse-s3-only"'),
        unread("AccessDenied"),
        UNKNOWN,
        [],
        ["sse-c-not-blocked"],
        ["sse-s3-only"],
    ),
    "what is gone": (excepting(), unread("NoSuchBucket"), GONE, [], [], []),
    "a region that is not known": (
        excepting('"sse-s3-only"', scope='buckets = "*"\nregions = "eu-*"'),
        of_four_columns(SSE_S3_ROW),
        UNKNOWN,
        [],
        ["sse-s3-only", "sse-c-not-blocked"],
        [],
    ),
    "expired yesterday": (
        excepting(expires=TODAY - timedelta(days=1)),
        BOTH,
        VIOLATION,
        ["sse-s3-only", "sse-c-not-blocked"],
        [],
        [],
    ),
    "expired, where little is known": (
        excepting(expires=TODAY - timedelta(days=1)),
        unread("AccessDenied"),
        UNKNOWN,
        [],
        ["sse-s3-only", "sse-c-not-blocked"],
        [],
    ),
    "expired, with another that holds": (
        excepting(expires=TODAY - timedelta(days=1)) + excepting().partition("\n")[2],
        BOTH,
        EXCEPTED,
        [],
        [],
        ["sse-s3-only", "sse-c-not-blocked"],
    ),
}


@pytest.mark.parametrize("case", EXCEPTIONS)
def test_exceptions_let_findings_pass_until_they_expire(case: str) -> None:
    text, of, *expected = EXCEPTIONS[case]
    assert verdict(text, of) == tuple(expected)


def test_an_exception_holds_on_its_last_day_and_not_on_the_next() -> None:
    text = excepting(expires=TODAY)
    assert verdict(text, BOTH, TODAY)[0] is EXCEPTED
    assert verdict(text, BOTH, TODAY + timedelta(days=1))[0] is VIOLATION


PIECES = st.sampled_from([*"ab-1.*?[]!^&|~\\", "[a", "[!", "[^", "[[", "b-", "]]", "--"])


@given(st.lists(PIECES, max_size=8).map("".join), st.lists(st.sampled_from("ab-1.[]!^"), max_size=5).map("".join))
def test_patterns_are_those_of_the_shell(pattern: str, name: str) -> None:
    """Each alone as fnmatch has it, and among others as each alone; none that is let in cannot be compiled."""
    if not check_pattern(pattern):
        expected = fnmatch.fnmatchcase(name, pattern)
        assert Names([pattern]).hold(name) is expected
        assert Names(["x*y", pattern, "z"]).hold(name) is expected
        assert Names([pattern]).hold(None) is (True if pattern == "*" else None)


# What less knowledge does to verdicts: any bucket of which everything is known, and the same one seen worse.
NAMES = ("data-1", "logs-1")
REGIONS = ("eu-west-1", "us-east-1")
ACCOUNTS = (ACCOUNT, OTHER)
JUDGED = sorted(set(Finding) - UNKNOWNS)


@st.composite
def known_rows(draw: st.DrawFn) -> Row:
    region, account = draw(st.sampled_from(REGIONS)), draw(st.sampled_from(ACCOUNTS))
    arn = f"arn:aws:kms:{draw(st.sampled_from(REGIONS))}:{draw(st.sampled_from(ACCOUNTS))}:key/{ID}"
    algorithm = draw(st.sampled_from(("aws:kms", "aws:kms", "aws:kms:dsse", "AES256", None)))
    uses_kms = algorithm not in {"AES256", None}
    reference = draw(st.sampled_from((arn, "alias/mine", ID, None))) if uses_kms else None
    sse_c = draw(st.sampled_from((SseC.BLOCKED, SseC.ALLOWED, None)))
    found = Encryption(algorithm, reference, draw(st.sampled_from((True, False, None))), sse_c)
    key: Key | Failure | None = None
    if reference:
        parts = arn.split(":")
        key = Key("AWS", arn, parts[4], "Enabled", spec="SYMMETRIC_DEFAULT")  # AWS makes them no other way
        if draw(st.booleans()):
            state = draw(st.sampled_from(("Enabled", "Disabled", "PendingDeletion", "PendingImport")))
            key = Key("CUSTOMER", arn, parts[4], state, spec=draw(st.sampled_from(("SYMMETRIC_DEFAULT", "RSA_2048"))))
    elif uses_kms:
        key = Key("AWS")
    return row(found, key, name=draw(st.sampled_from(NAMES)), region=region, account=account)


@st.composite
def seen_worse(draw: st.DrawFn) -> tuple[Row, Row]:
    whole = draw(known_rows())
    how = draw(st.sampled_from(("four columns", "no region", "no account", "nowhere", "unread")))
    if how == "four columns":
        return whole, of_four_columns(whole)
    if how == "unread":
        return whole, replace(unread("AccessDenied", whole.bucket), region=whole.region, account=whole.account)
    region = None if how in {"no region", "nowhere"} else whole.region
    account = None if how in {"no account", "nowhere"} else whole.account
    return whole, replace(
        whole,
        region=region,
        account=account,
        findings=tuple(
            finding
            for finding in whole.findings or ()
            if not (region is None and finding == Finding.KEY_IN_OTHER_REGION)
            and not (account is None and finding == Finding.KEY_IN_OTHER_ACCOUNT)
        ),
    )


FINDING_SETS = st.frozensets(st.sampled_from(JUDGED), max_size=5)
FAILINGS = st.builds(Failing, FINDING_SETS, st.none() | st.sampled_from(Severity))
SCOPES = st.builds(
    Scope,
    buckets=st.sampled_from((("*",), ("data-*",), ("logs-?", "x"))),
    regions=st.sampled_from((("*",), ("eu-*",), ("us-*", "eu-*"))),
    accounts=st.sampled_from((("*",), (ACCOUNT,), (OTHER[:4] + "*",))),
)
ALLOWED: Any = st.none() | st.sampled_from(
    [
        AllowedKeys((pattern,))
        for pattern in (f"arn:aws:kms:*:{ACCOUNT}:key/*", "arn:aws:kms:eu-*:*:key/*", SSE_S3, classify.AWS_S3_ALIAS)
    ]
)
RULE_LISTS = st.lists(
    st.builds(
        PolicyRule,
        scope=SCOPES,
        fail=st.none() | FAILINGS,
        also_fail=FINDING_SETS,
        ignore=FINDING_SETS,
        keys_changed=st.booleans(),
        allowed_keys=ALLOWED,
    ),
    max_size=3,
).map(tuple)
EXCEPTION_LISTS = st.lists(
    st.builds(
        PolicyException,
        scope=SCOPES,
        findings=st.none() | FINDING_SETS,
        reason=st.just("x"),
        expires=st.sampled_from((TODAY, TODAY - timedelta(days=1))),
        line=st.just(1),
    ),
    max_size=3,
).map(tuple)
ANY_POLICY = st.builds(
    Policy, name=st.just("p"), fail=FAILINGS, allowed_keys=ALLOWED, rules=RULE_LISTS, exceptions=EXCEPTION_LISTS
)
CAN_TURN_OUT = {
    PASS: {PASS},
    VIOLATION: {VIOLATION},
    EXCEPTED: {EXCEPTED, PASS},
    UNKNOWN: {PASS, VIOLATION, EXCEPTED, UNKNOWN},
}


@given(seen_worse(), ANY_POLICY)
def test_who_knows_less_never_says_otherwise(rows: tuple[Row, Row], policy: Policy) -> None:
    """A pass stays a pass and a violation a violation once everything is known: what is unknown is neither."""
    whole, worse = rows
    truth, seen = judge(whole, policy, TODAY), judge(worse, policy, TODAY)
    if truth.standing is UNKNOWN:  # no row tells of a key of AWS's that an ARN names whether it is aws/s3
        assert (set(truth.unknown), whole.key_type) == ({KEY_NOT_ALLOWED}, "AWS")
        assert set(truth.unknown) <= set(seen.unknown)
    assert truth.standing in CAN_TURN_OUT[seen.standing]
    assert set(seen.failing) <= set(truth.failing)
    assert set(truth.failing) <= {*seen.failing, *seen.unknown}


@given(seen_worse(), ANY_POLICY)
def test_an_unknown_finding_that_fails_is_never_a_pass_and_never_a_violation(
    rows: tuple[Row, Row], policy: Policy
) -> None:
    """Without rules and exceptions, finding by finding."""
    bare = replace(policy, rules=(), exceptions=(), allowed_keys=None)
    seen, assessed = judge(rows[1], bare, TODAY), assess(rows[1])
    for finding in JUDGED:
        state = assessed.state(finding) if bare.fail.holds(finding) else State.ABSENT
        assert (finding in seen.failing) == (state is State.FOUND)
        assert (finding in seen.unknown) == (state is State.UNKNOWN)
    assert (seen.standing is PASS) == (not seen.failing and not seen.unknown)
    assert (seen.standing is VIOLATION) == bool(seen.failing)
