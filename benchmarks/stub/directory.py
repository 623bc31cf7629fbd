"""Organizations' answers: the list of accounts, of units and their accounts, and tags; in small pages, some empty."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.stub import kms
from benchmarks.stub.faults import ErrorAnswer
from benchmarks.stub.organization import ROOT, StubUnit
from benchmarks.stub.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.stub.organization import StubMember, StubOrganization

TARGET = "AWSOrganizationsV20161128."
OPERATIONS = frozenset(
    {"ListAccounts", "ListAccountsForParent", "ListOrganizationalUnitsForParent", "ListRoots", "ListTagsForResource"}
)
LARGEST_PAGE = 20
"""What MaxResults may be at most (organizations model)."""
_NOT_IN_USE = ErrorAnswer(400, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
_NOT_ALLOWED = ErrorAnswer(400, "AccessDeniedException", "You don't have permissions to access this resource.")


def refusal(organization: StubOrganization, account: str, *, denied: bool) -> Reply | None:
    """Refuse who may not ask, or whose account is in no organization."""
    if not organization.in_use:
        return kms.error(_NOT_IN_USE)
    if denied or account not in {organization.management.id, *organization.delegated}:
        return kms.error(_NOT_ALLOWED)
    return None


def answer(organization: StubOrganization, operation: str, body: Mapping[str, object]) -> Reply:
    """Answer one of the operations to somebody who may ask."""
    if operation == "ListTagsForResource":
        return _tags(organization, str(body.get("ResourceId", "")))
    entries: Sequence[StubMember | StubUnit]
    if operation == "ListRoots":
        root = {"Id": ROOT, "Arn": _arn(organization, f"root/{organization.id}/{ROOT}"), "Name": "Root"}
        return _reply({"Roots": [root]})
    if operation == "ListAccounts":
        entries = organization.members
    else:
        parent = str(body.get("ParentId", ""))
        if parent not in {ROOT, *(unit.id for unit in organization.units)}:
            code = "ParentNotFoundException"
            return kms.error(ErrorAnswer(400, code, "You specified parent that doesn't exist."))
        of: Sequence[StubMember | StubUnit] = (
            organization.units if operation == "ListOrganizationalUnitsForParent" else organization.members
        )
        entries = [entry for entry in of if entry.parent == parent]
    size = body.get("MaxResults", LARGEST_PAGE)
    start = _start(body.get("NextToken"))
    if not isinstance(size, int) or not 1 <= size <= LARGEST_PAGE or start is None:
        return kms.error(ErrorAnswer(400, "InvalidInputException", "You specified an invalid value."))
    return _page(organization, operation, entries, start, min(size, organization.page_size))


def _page(
    organization: StubOrganization,
    operation: str,
    entries: Sequence[StubMember | StubUnit],
    start: tuple[int, bool],
    size: int,
) -> Reply:
    """Answer with what comes next; an empty page comes before each one with something in it."""
    first, after_empty = start
    name = "OrganizationalUnits" if operation == "ListOrganizationalUnitsForParent" else "Accounts"
    if organization.empty_pages and not after_empty:
        return _reply({name: [], "NextToken": f"after-empty-{first}"})
    page = entries[first : first + size]
    content: dict[str, object] = {name: [_entry(organization, each) for each in page]}
    if first + size < len(entries):
        content["NextToken"] = f"from-{first + size}"
    return _reply(content)


def _start(token: object) -> tuple[int, bool] | None:
    """Read a token: where to begin, and whether the empty page has been told; None for a token of nobody's."""
    if token is None:
        return 0, False
    kind, _, digits = str(token).rpartition("-")
    if kind not in {"from", "after-empty"} or not digits.isdecimal():
        return None
    return int(digits), kind == "after-empty"


def _entry(organization: StubOrganization, entry: StubMember | StubUnit) -> dict[str, object]:
    if isinstance(entry, StubUnit):
        arn = _arn(organization, f"ou/{organization.id}/{entry.id}")
        return {"Id": entry.id, "Arn": arn, "Name": entry.name}
    said = {"State": entry.state, "Status": entry.status}
    return {
        "Id": entry.id,
        "Arn": _arn(organization, f"account/{organization.id}/{entry.id}"),
        "Email": f"{entry.id}@example.com",
        "Name": entry.name,
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": entry.joined.timestamp(),
        **{field: said[field] for field in organization.fields},
    }


def _tags(organization: StubOrganization, resource: str) -> Reply:
    member = organization.by_id.get(resource)
    if member is None and resource not in {ROOT, *(unit.id for unit in organization.units)}:
        code = "TargetNotFoundException"
        return kms.error(ErrorAnswer(400, code, "You specified a target that doesn't exist."))
    tags = member.tags if member else {}
    return _reply({"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]})


def _arn(organization: StubOrganization, resource: str) -> str:
    management = organization.management.account
    return f"arn:{management.partition}:organizations::{management.id}:{resource}"


def _reply(content: Mapping[str, object]) -> Reply:
    return Reply(200, json.dumps(content).encode(), "application/x-amz-json-1.1")
