"""STS's answers: GetCallerIdentity."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.stub.faults import ErrorAnswer
from benchmarks.stub.wire import Reply

if TYPE_CHECKING:
    from benchmarks.stub.account import StubAccount
    from benchmarks.stub.behaviour import Behaviour
    from benchmarks.stub.request import Request

_NAMESPACE = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
_USER_ID = "AIDASTUBSTUBSTUBSTUB"


def answer(request: Request, account: StubAccount, behaviour: Behaviour) -> Reply:
    """Answer GetCallerIdentity."""
    if behaviour.denies(request):
        return error(ErrorAnswer(403, "AccessDenied", "Access denied"))
    tag = "GetCallerIdentity"
    body = (
        f"<{tag}Response {_NAMESPACE}><{tag}Result><Arn>{account.arn}</Arn><UserId>{_USER_ID}</UserId>"
        f"<Account>{account.id}</Account></{tag}Result></{tag}Response>"
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
