"""Policies: which findings fail where, and what a report amounts to by that."""

from s3audit_async.analysis.policy.builtin import BUILT_IN
from s3audit_async.analysis.policy.checking import Outcome, PolicyCheck
from s3audit_async.analysis.policy.judging import RowVerdict, Standing
from s3audit_async.analysis.policy.reading import parse_policy
from s3audit_async.analysis.policy.starter import starter
from s3audit_async.analysis.policy.terms import KEY_NOT_ALLOWED, Policy

__all__ = [
    "BUILT_IN",
    "KEY_NOT_ALLOWED",
    "Outcome",
    "Policy",
    "PolicyCheck",
    "RowVerdict",
    "Standing",
    "parse_policy",
    "starter",
]
