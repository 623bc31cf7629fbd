"""Whose account it is: who asks, who waits for the answer, and what happens if it is another one's."""

from __future__ import annotations

import anyio
import pytest

from s3audit_async.errors import WrongAccountError
from s3audit_async.model import Notice, Operation
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from tests import virtual_time
from tests.fakes import FakeGateway, audited, error, names, several, stream

IDENTITY = Operation.GET_CALLER_IDENTITY
OURS = "111122223333"


class Notices(Observer):
    """Keeps what is told of fallbacks."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def noticed(self, notice: Notice) -> None:
        self.texts.append(f"{notice.operation}: {notice.text}")


def test_another_account_ends_the_run_before_anything_else_is_asked() -> None:
    """Neither the listing nor a named bucket is asked for with somebody else's credentials."""
    for buckets in (), ("bucket-00000",):
        gateway = FakeGateway(several(3))

        with pytest.raises(WrongAccountError) as raised:
            virtual_time.run(
                lambda gateway=gateway, buckets=buckets: audited(gateway, Options(account="2", buckets=buckets))  # type: ignore[misc]
            )

        assert (raised.value.expected, raised.value.found) == ("2", OURS)
        assert gateway.calls == {IDENTITY: 1}


def test_the_right_account_is_audited_and_asked_for_once() -> None:
    """One call serves the check, the Account column and whoever asks the stream."""
    gateway = FakeGateway(several(3))

    told: list[str | None] = []

    async def main() -> None:
        async with stream(gateway, Options(account=OURS, identify=True)) as rows:
            told.append(await rows.account())
            told.extend([row.account async for row in rows])

    virtual_time.run(main)
    assert told == [OURS] * 4
    assert gateway.calls[IDENTITY] == 1


def test_an_account_that_cannot_be_told_is_noticed_and_the_run_goes_on() -> None:
    """Denied, or no answer in time."""

    async def deny(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is IDENTITY:
            raise error(operation, target, "AccessDenied", status=403)

    async def hang(operation: Operation, _target: str, _region: str, _nth: int) -> None:
        if operation is IDENTITY:
            await anyio.sleep_forever()

    for fault, why in (deny, "AccessDenied"), (hang, "no answer within 10 s"):
        notices = Notices()
        gateway = FakeGateway(several(3), fault=fault)
        rows = virtual_time.run(
            lambda gateway=gateway, notices=notices: audited(gateway, Options(account="2"), notices)  # type: ignore[misc]
        )
        assert names(rows) == names(gateway.buckets)
        assert notices.texts == [f"GetCallerIdentity: account id not told ({why}), going on without"]


def test_no_row_waits_for_an_account_that_only_the_reader_wants_to_know() -> None:
    """Whoever asks the stream waits; the rows come meanwhile."""
    answered = anyio.Event()

    async def fault(operation: Operation, _target: str, _region: str, _nth: int) -> None:
        if operation is IDENTITY:
            await answered.wait()

    accounts: list[str | None] = []

    async def main() -> int:
        async with stream(FakeGateway(several(20), fault=fault), Options(identify=False)) as rows:

            async def ask() -> None:
                accounts.append(await rows.account())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                count = len([row async for row in rows])
                assert accounts == []
                answered.set()
        return count

    assert virtual_time.run(main) == 20
    assert accounts == [OURS]


def test_an_account_nobody_wants_to_know_is_not_asked_for() -> None:
    """The four-column report has no use for it."""
    gateway = FakeGateway(several(3))
    virtual_time.run(lambda: audited(gateway, Options(identify=False)))
    assert gateway.calls[IDENTITY] == 0
