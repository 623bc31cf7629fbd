"""STS's answers: GetCallerIdentity, AssumeRole."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.stub.faults import ErrorAnswer
from benchmarks.stub.wire import Reply

if TYPE_CHECKING:
    from benchmarks.stub.account import StubAccount
    from benchmarks.stub.behaviour import Behaviour
    from benchmarks.stub.credentials import Issued
    from benchmarks.stub.request import Request

_NAMESPACE = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
_USER_ID = "AIDASTUBSTUBSTUBSTUB"
_AUDITOR = "arn:aws:sts::123456789012:assumed-role/auditor/stub"


def answer(request: Request, account: StubAccount, behaviour: Behaviour) -> Reply:
    """Answer GetCallerIdentity."""
    if behaviour.denies(request):
        return error(ErrorAnswer(403, "AccessDenied", "Access denied"))
    return identity(account.arn, account.id)


def identity(arn: str, account: str) -> Reply:
    """Answer GetCallerIdentity to somebody who may ask."""
    tag = "GetCallerIdentity"
    body = (
        f"<{tag}Response {_NAMESPACE}><{tag}Result><Arn>{arn}</Arn><UserId>{_USER_ID}</UserId>"
        f"<Account>{account}</Account></{tag}Result></{tag}Response>"
    )
    return Reply(200, body.encode(), "text/xml")


def assumed_role(issued: Issued, arn: str = _AUDITOR) -> Reply:
    """Answer AssumeRole."""
    tag = "AssumeRole"
    body = (
        f"<{tag}Response {_NAMESPACE}><{tag}Result><AssumedRoleUser><AssumedRoleId>{_USER_ID}:stub</AssumedRoleId>"
        f"<Arn>{arn}</Arn></AssumedRoleUser><Credentials>"
        f"<AccessKeyId>{issued.access_key}</AccessKeyId><SecretAccessKey>{issued.secret_key}</SecretAccessKey>"
        f"<SessionToken>{issued.token}</SessionToken><Expiration>{issued.expiration}</Expiration></Credentials>"
        f"</{tag}Result></{tag}Response>"
    )
    return Reply(200, body.encode(), "text/xml")


def error(fault: ErrorAnswer) -> Reply:
    """Spell an error as STS does."""
    kind = "Receiver" if fault.status >= 500 else "Sender"
    body = (
        f"<ErrorResponse {_NAMESPACE}><Error><Type>{kind}</Type><Code>{escape(fault.code)}</Code>"
        f"<Message>{escape(fault.message)}</Message></Error></ErrorResponse>"
    )
    return Reply(fault.status, body.encode(), "text/xml", fault.headers, fault.code)
