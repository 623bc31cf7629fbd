from __future__ import annotations

import tomllib
from datetime import date

import pytest

from s3audit_async.analysis.policy import BUILT_IN, KEY_NOT_ALLOWED, parse_policy, starter
from s3audit_async.analysis.policy.patterns import AllowedKeys
from s3audit_async.analysis.policy.terms import Failing, Policy, PolicyException, PolicyRule, Scope
from s3audit_async.errors import UsageError
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import Severity

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

FULL = f"""\
title = "Ours"
description = "What we ask of buckets."
extends = "aws-fsbp"
fail = ["bucket-key-off"]
fail_severity = "high"
allowed_keys = ["{ARN}", "alias/aws/s3"]

[[rule]]
buckets = ["logs-*", "tmp-?"]
regions = "eu-*"
ignore = "sse-s3-only"
allowed_keys = "any"

[[rule]]
accounts = ["111122223333"]
fail = []
also_fail = ["key-by-alias"]

[[exception]]
buckets = "legacy-*"
findings = ["sse-s3-only", "key-not-allowed"]
reason = "Moved in spring."
expires = 2027-03-31

[[exception]]
buckets = ["x", "y"]
regions = ["us-east-1"]
accounts = ["1111*"]
findings = "all"
reason = "Closed soon."
expires = 2027-01-01
"""

# text, the line, a part of the message, a part of the hint
REFUSED: dict[str, tuple[str, int, str, str]] = {
    "no TOML": ('title = "a"\nfail = [\n"x" "y"\n]\n', 3, "not valid TOML: unclosed array", ""),
    "an array that never ends": ('title = "a"\nfail = [\n', 2, "not valid TOML", ""),
    "a text that never ends": ('title = "a"\nreason = "b\nfail = 1\n', 2, "not valid TOML", ""),
    "a list that never ends, after a line end of Unicode's": ("# a\u2028b\nfail = [\n\n", 2, "not valid TOML", ""),
    "a key twice": ('fail = "sse-s3-only"\n\nfail = "sse-s3-only"\n', 3, "not valid TOML: cannot overwrite", ""),
    "a day that does not exist": ("[[exception]]\nexpires = 2027-02-30\n", 2, "not valid TOML: invalid date", ""),
    "arrays in arrays without end": ("fail = " + "[" * 5000, 1, "nests too deeply", ""),
    "nothing at all": ("", 1, "nothing can violate this policy", 'fail = ["no-default-encryption"]'),
    "comments only": ("# fail\n# nothing\n", 1, "nothing can violate this policy", ""),
    "an empty list that fails": ("fail = []\n", 1, "nothing can violate this policy", ""),
    "exceptions only": (
        '[[exception]]\nbuckets = "a"\nfindings = "all"\nreason = "x"\nexpires = 2027-01-01\n',
        1,
        "nothing can violate",
        "",
    ),
    "rules that only ignore": ('[[rule]]\nbuckets = "a"\nignore = "sse-s3-only"\n', 1, "nothing can violate", ""),
    "an unknown key": ('fail = "sse-s3-only"\nallowed-keys = []\n', 2, 'has no "allowed-keys"', '"allowed_keys"'),
    "a key in the plural": ('fail = "sse-s3-only"\n[[rules]]\nbuckets = "a"\n', 2, 'has no "rules"', '"rule"'),
    "an unknown key in a second rule": (
        '[[rule]]\nbuckets = "a"\nfail = []\n\n[[rule]]\n# b\nbucket = "b"\n',
        7,
        'a rule has no "bucket"',
        '"buckets"',
    ),
    "a word that is like no key": ("zzz = 1\n", 1, 'has no "zzz"', "known are title, description"),
    "a title that is a number": ("title = 3\n", 1, "title is a number where text is expected", 'as "3"'),
    "an empty title": ('\ntitle = " "\n', 2, "title is empty", ""),
    "an unknown finding": ('fail = "sse-s3-olny"\n', 1, 'unknown finding "sse-s3-olny"', '"sse-s3-only"'),
    "an unknown finding in a list": (
        'fail = [\n  "sse-s3-only", # one\n\n  "bucket_key_off",\n]\n',
        4,
        'unknown finding "bucket_key_off"',
        '"bucket-key-off"',
    ),
    "a finding that is like no other": ('fail = "xyzzy"\n', 1, "xyzzy", "known are no-default-encryption, sse-s3-only"),
    "a finding that is a number": ('fail = [\n"sse-s3-only",\n3,\n]\n', 3, "fail holds a number where text", ""),
    "findings that are a table": ("[fail]\nx = 1\n", 1, "fail is a table where a list of texts is expected", ""),
    "the finding that allowed_keys makes": ('fail = "key-not-allowed"\n', 1, "cannot hold", "allowed_keys"),
    "an unknown severity": ('fail_severity = "hihg"\n', 1, 'unknown severity "hihg"', '"high"'),
    "a list of severities": ('fail_severity = ["high"]\n', 1, "fail_severity is a list where text is expected", ""),
    "an unknown base": ('extends = "aws_fsbp"\n', 1, 'no built-in policy is called "aws_fsbp"', '"aws-fsbp"'),
    "no allowed keys": ('fail = "sse-s3-only"\nallowed_keys = []\n', 2, "allowed_keys is an empty list", ""),
    "an alias that is allowed": ('allowed_keys = [\n"alias/mine"]\n', 2, "an alias can be pointed at another key", ""),
    "an alias by ARN that is allowed": (f'allowed_keys = "{ARN.replace("key/", "alias/")}"\n', 1, "an alias", ""),
    "a bare key id": ('allowed_keys = "1234abcd"\n', 1, "not the ARN of a KMS key", ""),
    "any key among others": (f'allowed_keys = [\n"{ARN}",\n"any"]\n', 3, "not the ARN of a KMS key", ""),
    "a key pattern that is none": ('allowed_keys = "arn:aws:kms:eu-[:1:key/2"\n', 1, "the [ is not closed", ""),
    "a rule that is a table": ('fail = "sse-s3-only"\n\n[rule]\nx = 1\n', 3, "rule is a single table", "[[rule]]"),
    "a rule that is a text": ('fail = "sse-s3-only"\nrule = "x"\n', 2, "rule is text where a table", "[[rule]]"),
    "a rule among texts": ('fail = "sse-s3-only"\nrule = [\n"x"]\n', 3, "rule holds text where a table", "[[rule]]"),
    "a rule for no bucket": ('\n[[rule]]\nfail = "sse-s3-only"\n', 2, "does not say where it holds", "buckets"),
    "a rule without effect": ('\n\n[[rule]]\nbuckets = "a"\n', 3, "this rule changes nothing", "also_fail"),
    "a rule that says both": (
        '[[rule]]\nbuckets = "a"\nalso_fail = "sse-s3-only"\nignore = ["sse-s3-only"]\n',
        4,
        '"sse-s3-only" stands in also_fail too',
        "",
    ),
    "a rule that ignores nothing": ('[[rule]]\nbuckets = "a"\nignore = []\n', 3, "ignore is an empty list", ""),
    "no bucket pattern": ('[[rule]]\nbuckets = []\nfail = "sse-s3-only"\n', 2, "buckets is an empty list", ""),
    "an empty pattern": ('[[rule]]\nbuckets = ["a",\n""]\nfail = "sse-s3-only"\n', 3, "matches nothing", ""),
    "an open bracket": ('[[rule]]\nbuckets = "a[bc"\nfail = "sse-s3-only"\n', 2, "the [ is not closed", ""),
    "an open bracket of a bracket": ('[[rule]]\nbuckets = "a[]"\nfail = "sse-s3-only"\n', 2, "the [ is not", ""),
    "a range backwards": ('[[rule]]\nbuckets = "a[9-0]"\nfail = "sse-s3-only"\n', 2, "9-0 runs backwards", ""),
    "a space": ('[[rule]]\nbuckets = "a b"\nfail = "sse-s3-only"\n', 2, "spaces", ""),
    "a bucket's ARN": (
        '[[rule]]\nbuckets = "arn:aws:s3:::a"\nfail = "sse-s3-only"\n',
        2,
        "the bucket's name alone",
        "",
    ),
    "a bucket's URL": ('[[rule]]\nbuckets = "s3://a"\nfail = "sse-s3-only"\n', 2, "the bucket's name alone", ""),
    "a region that is none": ('[[rule]]\nregions = "eu_west_1"\nfail = "sse-s3-only"\n', 2, "look like eu-west-1", ""),
    "an account that is a number": (
        '[[rule]]\naccounts = [\n111122223333]\nfail = "sse-s3-only"\n',
        3,
        "accounts holds a number",
        'as "111122223333"',
    ),
    "an account too short": ('[[rule]]\naccounts = "123"\nfail = "sse-s3-only"\n', 2, "12 digits", ""),
    "an account that is a name": ('[[rule]]\naccounts = "prod"\nfail = "sse-s3-only"\n', 2, "12 digits", ""),
    "a long text is cut": (f'fail = "{"x" * 1000}"\n', 1, f'"{"x" * 80}..."', ""),
}
EXCEPTION = """\
fail = "sse-s3-only"
[[exception]]
buckets = "fine"
findings = "all"
reason = "It has all it needs."
expires = 2027-01-01

[[exception]]
buckets = "legacy-*"
findings = ["sse-s3-only"]
reason = "Moved in spring."
expires = 2027-01-01
"""
REFUSED_EXCEPTIONS: dict[str, tuple[str, str, int, str, str]] = {
    "no buckets": ('buckets = "legacy-*"', "", 8, "this exception has no buckets", "buckets ="),
    "no findings": ('findings = ["sse-s3-only"]', "", 8, "this exception has no findings", "findings ="),
    "no reason": ('reason = "Moved in spring."', "", 8, "this exception has no reason", "say why"),
    "no end": (
        'spring."\nexpires = 2027-01-01',
        'spring."',
        8,
        "this exception has no expires",
        "expires = 2027-01-31",
    ),
    "an empty reason": ("Moved in spring.", " ", 11, "reason is empty", ""),
    "a reason that is a number": ('"Moved in spring."', "4711", 11, "reason is a number", 'as "4711"'),
    "an end in quotes": (
        'spring."\nexpires = 2027-01-01',
        'spring."\nexpires = "2027-01-01"',
        12,
        "expires is text where a date is expected",
        "without quotes",
    ),
    "an end with a time": (
        'spring."\nexpires = 2027-01-01',
        'spring."\nexpires = 2027-01-01T00:00:00Z',
        12,
        "expires is a date with a time where a date is expected",
        "without a time",
    ),
    "all among others": ('["sse-s3-only"]', '["sse-s3-only",\n"all"]', 11, 'unknown finding "all"', ""),
    "an unknown key": ('reason = "Moved', 'until = 1\nreason = "Moved', 11, 'an exception has no "until"', ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_with_a_policy_is_said_with_its_line(case: str) -> None:
    text, line, message, hint = REFUSED[case]
    with pytest.raises(UsageError) as caught:
        parse_policy(text, "ours.toml")
    assert str(caught.value).startswith(f"ours.toml, line {line}: ")
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("case", REFUSED_EXCEPTIONS)
def test_what_is_wrong_with_an_exception_is_said_with_its_line(case: str) -> None:
    old, new, line, message, hint = REFUSED_EXCEPTIONS[case]
    assert EXCEPTION.count(old) == 1 + (old == 'findings = "all"')
    with pytest.raises(UsageError) as caught:
        parse_policy(EXCEPTION.replace(old, new), "ours.toml")
    assert str(caught.value).startswith(f"ours.toml, line {line}: ")
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_everything_that_can_be_set_is_read() -> None:
    assert parse_policy(FULL, "ours.toml") == Policy(
        name="ours.toml",
        title="Ours",
        description="What we ask of buckets.",
        fail=Failing(frozenset({"no-default-encryption", "sse-s3-only", "bucket-key-off"}), Severity.HIGH),
        allowed_keys=AllowedKeys((ARN, "alias/aws/s3")),
        rules=(
            PolicyRule(
                scope=Scope(buckets=("logs-*", "tmp-?"), regions=("eu-*",)),
                ignore=frozenset({"sse-s3-only"}),
                keys_changed=True,
            ),
            PolicyRule(scope=Scope(accounts=("111122223333",)), fail=Failing(), also_fail=frozenset({"key-by-alias"})),
        ),
        exceptions=(
            PolicyException(
                scope=Scope(buckets=("legacy-*",)),
                findings=frozenset({"sse-s3-only", KEY_NOT_ALLOWED}),
                reason="Moved in spring.",
                expires=date(2027, 3, 31),
                line=19,
            ),
            PolicyException(
                scope=Scope(buckets=("x", "y"), regions=("us-east-1",), accounts=("1111*",)),
                findings=None,
                reason="Closed soon.",
                expires=date(2027, 1, 1),
                line=25,
            ),
        ),
    )


def test_windows_line_ends_change_nothing() -> None:
    assert parse_policy(FULL.replace("\n", "\r\n"), "x") == parse_policy(FULL, "x")


AWS_FSBP = {"no-default-encryption", "sse-s3-only"}
CUSTOMER_KEY = AWS_FSBP | {
    "aws-managed-key",
    "bucket-key-off",
    "key-disabled",
    "key-pending-deletion",
    "key-unusable",
    "key-not-found",
    "key-not-symmetric",
}
STRICT = CUSTOMER_KEY | {"sse-c-not-blocked", "key-by-alias", "key-in-other-account", "key-in-other-region"}


@pytest.mark.parametrize(
    ("name", "findings"), [("aws-fsbp", AWS_FSBP), ("customer-key", CUSTOMER_KEY), ("strict", STRICT)]
)
def test_the_built_in_policies_fail_what_they_are_for(name: str, findings: set[str]) -> None:
    policy = parse_policy(BUILT_IN[name], name)
    assert policy == Policy(
        name=name, title=policy.title, description=policy.description, fail=Failing(frozenset(findings))
    )
    assert policy.title
    assert policy.description


def test_there_are_three_built_in_policies() -> None:
    assert list(BUILT_IN) == ["aws-fsbp", "customer-key", "strict"]


def test_the_starter_works_as_it_is_and_is_customer_key() -> None:
    assert parse_policy(starter(), "x").fail == parse_policy(BUILT_IN["customer-key"], "x").fail


def test_the_starter_names_every_finding_once_in_its_list() -> None:
    (listed,) = (part for part in starter().split("\n\n") if "\nfail = [\n" in part)
    assert [line.replace("#", " ", 1).split('"')[1] for line in listed.splitlines()[2:-1]] == list(Finding)


def test_the_starter_works_with_all_its_comments_taken_away() -> None:
    """What it shows is what can be set."""
    lines = []
    for line in starter().splitlines():
        bare = line.removeprefix("# ")
        is_setting = bare != line and (bare.startswith("[[") or (" = " in bare and bare.split(" = ")[0].isidentifier()))
        lines.append(bare if is_setting else line)
    text = "\n".join(lines)
    policy = parse_policy(text, "x")
    assert len(policy.rules) == 3
    assert len(policy.exceptions) == 1
    assert {"extends", "fail", "fail_severity", "allowed_keys", "rule", "exception"} <= set(tomllib.loads(text))
