"""Writes the policy that `--init-policy` hands out: one that works as it is, and shows everything there is to set."""

from __future__ import annotations

from s3audit_async.analysis.policy.builtin import BUILT_IN
from s3audit_async.analysis.policy.reading import parse_policy
from s3audit_async.findings import Finding
from s3audit_async.findings.catalogue import Severity, entry

_BASE = "customer-key"

_TEXT = """\
# A policy for s3audit: which findings fail.
#
#   s3audit run --policy policy.toml
#
# Exit code 1: a bucket violates it. 3: none does as far as is known, and some could not be read. 0: all comply.
# Built in are {built_in}. What follows is {base}, and works as it is.

title = "Our buckets"

# To take a built-in policy as it is and only add to it, name it here, and take out the list below.
# extends = "{base}"

# The findings that fail. Those in comments are found all the same, and do not fail.
fail = [
{findings}
]

# Besides, every finding that is this grave, or graver: {severities}.
# fail_severity = "{severity}"

# The only keys that buckets may be encrypted with, by ARN. In each part of it, * is any text.
# "alias/aws/s3" allows the account's AWS managed key, "sse-s3" allows S3's own.
# allowed_keys = ["arn:aws:kms:*:111122223333:key/*"]


# Rules change that for some buckets. All that match are applied, in this order: the later one has the last word.
# A rule says where it holds: buckets, regions, accounts. Of each that is given, one pattern has to match:
# * is any text, ? one character, [ab] one of them, [!ab] none of them.

# [[rule]]
# buckets = ["*-access-logs"]
# ignore = ["sse-s3-only"]           # these do not fail here

# [[rule]]
# regions = ["eu-*"]
# also_fail = ["sse-c-not-blocked"]  # these fail here, too

# [[rule]]
# accounts = ["444455556666"]
# fail = ["no-default-encryption"]   # only these fail here; fail_severity may stand beside it
# allowed_keys = "any"               # or another list of keys


# Exceptions let findings pass in some buckets for a while. A reason and an end are required.
# The day itself still counts; from the next one on (UTC) the findings fail again, and the exception is named.

# [[exception]]
# buckets = ["legacy-*"]             # regions and accounts may stand beside it
# findings = ["sse-s3-only"]         # or "all"
# reason = "Moved to the new account in spring, ticket 4711."
# expires = 2027-03-31
"""


def starter() -> str:
    """Write a commented policy, in TOML."""
    fail = parse_policy(BUILT_IN[_BASE], _BASE).fail
    return _TEXT.format(
        base=_BASE,
        built_in=", ".join(BUILT_IN),
        findings="\n".join(_line(finding, fails=finding in fail.findings) for finding in Finding),
        severities=", ".join(Severity),
        severity=Severity.HIGH,
    )


def _line(finding: Finding, *, fails: bool) -> str:
    item = f'  {"" if fails else "# "}"{finding}",'
    known = entry(finding)
    return item if known is None else f"{item:<30}# {known.title}"
