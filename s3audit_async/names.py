"""Pure checks of what AWS calls things: partitions, accounts, roles and what goes with assuming them.

Each `check_` gives back the text it was given, and raises `UsageError`, in one line with what to do, for one that AWS
would not take. Nothing that passes can stand for more than one thing in a policy: there are no wildcards in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from s3audit_async.errors import UsageError

ROLE_NAME = "s3audit"
"""What the role in each account is called, by whoever makes it and whoever assumes it, unless another name is given."""
SHORTEST_SESSION = 900
"""Seconds that credentials of a role last at least (botocore model of sts, roleDurationSecondsType)."""
LONGEST_SESSION = 43_200
"""Seconds that they last at most, if the role's own MaxSessionDuration allows it; one hour where roles are chained."""

_PARTITION = re.compile(r"aws(-[a-z0-9]+)*")
_ACCOUNT = re.compile(r"[0-9]{12}")
_WORD = r"[A-Za-z0-9_+=,.@-]"  # AWS's \w knows ASCII only
_ROLE = re.compile(rf"(?P<path>(?:{_WORD}+/)*)(?P<name>{_WORD}{{1,64}})")
_LONGEST_PATH = 510  # 512 with the slash it starts with, which is not written here (botocore model of iam, pathType)
_SESSION = re.compile(rf"{_WORD}{{2,64}}")
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_+=,.@:/-]{2,1224}")
_PRINCIPAL = re.compile(
    rf"arn:(?P<partition>{_PARTITION.pattern}):iam::(?P<account>[0-9]{{12}}):(?:root|(?:role|user)/{_ROLE.pattern})"
)
_ASSUMED_ROLE = re.compile(r"arn:[^:]*:sts::[0-9]{12}:assumed-role/.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who may be trusted: an account as a whole, or one role or user of it."""

    arn: str
    partition: str
    account: str

    @property
    def is_account(self) -> bool:
        """Tell whether it is an account as a whole: then its own policies say who in it may."""
        return self.arn.endswith(":root")


def check_partition(name: str) -> str:
    """Let the name of a partition pass."""
    if not _PARTITION.fullmatch(name):
        raise UsageError(f"not a partition: {name!r}", hint="such as aws, aws-cn or aws-us-gov")
    return name


def is_account_id(text: str) -> bool:
    """Tell whether a text is the id of an account: twelve digits, of which the first may be zeros."""
    return _ACCOUNT.fullmatch(text) is not None


def check_account_id(text: str) -> str:
    """Let the id of an account pass."""
    if not is_account_id(text):
        raise UsageError(f"not an account id: {text!r}", hint="12 digits, with the zeros it starts with")
    return text


def check_role_name(name: str) -> str:
    """Let the name of a role pass, with its path before it if it has one: `s3audit`, `audit/s3audit`."""
    match = _ROLE.fullmatch(name)
    if match is None or len(match["path"]) > _LONGEST_PATH:
        raise UsageError(
            f"not the name of a role: {name!r}",
            hint="up to 64 letters, digits and _+=,.@- after its path, if it has one: audit/s3audit; no ARN",
        )
    return name


def check_session_name(name: str) -> str:
    """Let the name of a role's session pass, as it will stand in CloudTrail."""
    if not _SESSION.fullmatch(name):
        raise UsageError(f"not the name of a session: {name!r}", hint="2 to 64 letters, digits and _+=,.@-")
    return name


def check_external_id(text: str) -> str:
    """Let an external id pass. It is not repeated in what is said: it may be meant to stay between two parties."""
    if not _EXTERNAL_ID.fullmatch(text):
        raise UsageError("not an external id", hint="2 to 1224 letters, digits and _+=,.@:/-")
    return text


def check_session_duration(seconds: int) -> int:
    """Let the length of a role's session pass, in seconds."""
    if not SHORTEST_SESSION <= seconds <= LONGEST_SESSION:
        raise UsageError(
            f"a session of a role cannot last {seconds} s", hint=f"from {SHORTEST_SESSION} to {LONGEST_SESSION} s"
        )
    return seconds


def principal(text: str, *, partition: str) -> Principal:
    """Read who is to be trusted: the id of an account, or the ARN of an account's root, a role or a user.

    Raises `UsageError` for anything else: a session's ARN, which is what `aws sts get-caller-identity` gives for a
    role, would be good for sessions of that one name only.
    """
    if _ACCOUNT.fullmatch(text):
        return Principal(f"arn:{partition}:iam::{text}:root", partition, text)
    if _ASSUMED_ROLE.fullmatch(text):
        raise UsageError(f"{text!r} is a session of a role, not the role", hint="give the role's ARN: aws iam get-role")
    match = _PRINCIPAL.fullmatch(text)
    if match is None:
        raise UsageError(
            f"not one who can be trusted: {text!r}", hint="an account's 12 digits, or the ARN of a role or a user"
        )
    if match["partition"] != partition:
        raise UsageError(
            f"{text!r} is not of the partition {partition}", hint=f"--partition {match['partition']}, if that is meant"
        )
    return Principal(text, partition, match["account"])
