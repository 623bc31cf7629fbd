from __future__ import annotations

import re
from pathlib import Path

import pytest

from s3audit_async.analysis.policy import BUILT_IN, Outcome, parse_policy
from s3audit_async.analysis.policy.reading import EXCEPTION_KEYS, POLICY_KEYS, RULE_KEYS
from s3audit_async.analysis.policy.terms import UNKNOWNS
from s3audit_async.cli.policy import LARGEST, exit_code
from s3audit_async.errors import UsageError
from s3audit_async.findings.catalogue import Severity

PAGE = (Path(__file__).parents[1] / "docs" / "policy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def section(heading: str) -> str:
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]


def first_column(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def test_the_built_in_policies_are_shown_as_they_are() -> None:
    assert BLOCKS[:-1] == list(BUILT_IN.values())
    assert re.findall(r"^`([\w-]+)` (?:is|asks)", section("Built in"), re.MULTILINE) == list(BUILT_IN)


def test_the_complete_example_is_a_policy_and_uses_everything() -> None:
    policy = parse_policy(BLOCKS[-1], "example")
    assert policy.fail.findings > parse_policy(BUILT_IN["customer-key"], "x").fail.findings
    assert (len(policy.rules), len(policy.exceptions)) == (3, 1)
    for key in {*POLICY_KEYS, *RULE_KEYS, *EXCEPTION_KEYS}:
        assert re.search(rf"^(?:{key} = |\[\[{key}\]\])", BLOCKS[-1], re.MULTILINE), key


@pytest.mark.parametrize(
    ("heading", "keys"), [("The policy", POLICY_KEYS), ("Rules", RULE_KEYS), ("Exceptions", EXCEPTION_KEYS)]
)
def test_every_key_has_its_line(heading: str, keys: tuple[str, ...]) -> None:
    assert tuple(first_column(section(heading))) == keys


def test_the_outcomes_and_exit_codes_are_those_of_the_code() -> None:
    table = re.findall(r"^\| `(\w+)` \| .* \| (\d) \|$", PAGE.partition("\n## ")[0], re.MULTILINE)
    assert {outcome: int(code) for outcome, code in table} == {each.value: exit_code(each) for each in Outcome}


def test_words_and_figures_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert all(f"`{severity}`" in PAGE for severity in Severity)
    named = re.search(r"something is unknown \(([^)]*)\)", text)
    assert named is not None
    assert set(re.findall(r"`([\w-]+)`", named[1])) == UNKNOWNS
    assert f"{LARGEST:,} bytes" in text


def test_the_message_that_is_shown_is_the_one_that_is_given() -> None:
    with pytest.raises(UsageError) as caught:
        parse_policy("\n" * 11 + 'fail = "sse-s3-olny"\n', "ours.toml")
    assert f"    s3audit: {caught.value} ({caught.value.hint})\n" in PAGE
