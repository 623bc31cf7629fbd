"""A fast loopback stub of S3, KMS, STS and Organizations: in a thread for tests, as a process for benchmarks."""

from benchmarks.stub.account import (
    ACCOUNT_ID,
    SSE_S3,
    BucketIndex,
    ReportRow,
    StubAccount,
    StubBucket,
    StubKey,
    StubRule,
)
from benchmarks.stub.behaviour import ANY, Behaviour, Paging, RateLimit, WrongRegion
from benchmarks.stub.counters import Stats
from benchmarks.stub.credentials import CONTAINER_PATH, PROCESS_PATH, SSO_TOKEN, Issuer
from benchmarks.stub.faults import (
    Delay,
    ErrorAnswer,
    Fault,
    FaultHook,
    Flood,
    Garbage,
    Hang,
    Reset,
    Truncated,
    dead,
    either,
    first,
    internal,
    mixed,
    throttled,
)
from benchmarks.stub.organization import ROLE, ROOT, StubMember, StubOrganization, StubUnit
from benchmarks.stub.others import StubOther
from benchmarks.stub.process import StubProcess
from benchmarks.stub.request import Request
from benchmarks.stub.roles import Roles, RoleSession
from benchmarks.stub.server import Listener, StubAws
from benchmarks.stub.service import Service
from benchmarks.stub.synthetic import REGIONS, synthetic
from benchmarks.stub.synthetic_members import synthetic_organization

__all__ = [
    "ACCOUNT_ID",
    "ANY",
    "CONTAINER_PATH",
    "PROCESS_PATH",
    "REGIONS",
    "ROLE",
    "ROOT",
    "SSE_S3",
    "SSO_TOKEN",
    "Behaviour",
    "BucketIndex",
    "Delay",
    "ErrorAnswer",
    "Fault",
    "FaultHook",
    "Flood",
    "Garbage",
    "Hang",
    "Issuer",
    "Listener",
    "Paging",
    "RateLimit",
    "ReportRow",
    "Request",
    "Reset",
    "RoleSession",
    "Roles",
    "Service",
    "Stats",
    "StubAccount",
    "StubAws",
    "StubBucket",
    "StubKey",
    "StubMember",
    "StubOrganization",
    "StubOther",
    "StubProcess",
    "StubRule",
    "StubUnit",
    "Truncated",
    "WrongRegion",
    "dead",
    "either",
    "first",
    "internal",
    "mixed",
    "synthetic",
    "synthetic_organization",
    "throttled",
]
