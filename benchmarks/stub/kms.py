"""KMS's answers: DescribeKey."""

from __future__ import annotations

import json
from hashlib import md5
from typing import TYPE_CHECKING

from benchmarks.stub.account import StubKey, names_predefined_alias
from benchmarks.stub.faults import ErrorAnswer
from benchmarks.stub.wire import Reply

if TYPE_CHECKING:
    from benchmarks.stub.account import StubAccount
    from benchmarks.stub.behaviour import Behaviour
    from benchmarks.stub.request import Request

_CONTENT_TYPE = "application/x-amz-json-1.1"


def answer(request: Request, account: StubAccount, behaviour: Behaviour) -> Reply:
    """Answer DescribeKey."""
    reference = request.target
    if not reference:
        return error(ErrorAnswer(400, "ValidationException", "Value at 'keyId' failed to satisfy constraint"))
    if behaviour.denies(request) or reference in account.hidden:
        message = f"User: {account.arn} is not authorized to perform: kms:DescribeKey on resource: {reference}"
        return error(ErrorAnswer(400, "AccessDeniedException", message))
    if reference.startswith("arn:"):
        parts = reference.split(":")
        if len(parts) != 6 or parts[2] != "kms" or not parts[5].startswith(("key/", "alias/")):
            return error(ErrorAnswer(400, "InvalidArnException", f"{reference} is not a valid ARN"))
        if parts[3] != request.region:
            return _not_found(f"Invalid arn {parts[3]}")
    key = account.resolve(reference, request.region)
    if key is None and names_predefined_alias(reference):
        key = _created_by_asking(reference, account, request.region)
    if key is None:
        return _not_found(_missing(reference, account, request.region))
    return _reply(200, {"KeyMetadata": _metadata(key)})


def error(fault: ErrorAnswer) -> Reply:
    """Spell an error as KMS does; the type stands in the body and in a header."""
    headers = (("x-amzn-ErrorType", fault.code), *fault.headers)
    return _reply(fault.status, {"__type": fault.code, "message": fault.message}, headers, fault.code)


def _reply(status: int, content: object, headers: tuple[tuple[str, str], ...] = (), code: str = "") -> Reply:
    return Reply(status, json.dumps(content).encode(), _CONTENT_TYPE, headers, code)


def _not_found(message: str) -> Reply:
    return error(ErrorAnswer(400, "NotFoundException", message))


def _missing(reference: str, account: StubAccount, region: str) -> str:
    if "alias/" in reference:
        arn = reference if reference.startswith("arn:") else account.key_arn(region, reference)
        return f"Alias {arn} is not found."
    arn = reference if reference.startswith("arn:") else account.key_arn(region, f"key/{reference}")
    return f"Key '{arn}' does not exist"


def _created_by_asking(reference: str, account: StubAccount, region: str) -> StubKey:
    """Do what KMS does on a predefined alias without a key: associate it with an AWS managed key."""
    name = f"{region}/{reference.partition('alias/')[2]}"
    digest = md5(name.encode(), usedforsecurity=False).hexdigest()
    return StubKey(account.key_arn(region, f"key/{digest[:8]}-0000-4000-8000-{digest[8:20]}"), manager="AWS")


def _metadata(key: StubKey) -> dict[str, object]:
    content: dict[str, object] = {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created.timestamp(),
        "Enabled": key.state == "Enabled",
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": key.state,
        "Origin": key.origin,
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "EncryptionAlgorithms": [key.spec],
        "MultiRegion": key.multi_region,
    }
    if key.deletion_date is not None:
        content["DeletionDate"] = key.deletion_date.timestamp()
    if key.valid_to is not None:
        content["ValidTo"] = key.valid_to.timestamp()
    return content
