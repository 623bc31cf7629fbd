"""What the engine does with a request that is refused for expired credentials: renew, ask again, or end the run."""

from __future__ import annotations

import anyio
import pytest

from s3audit_async.engine.asking import MOST_RENEWALS
from s3audit_async.errors import CredentialsError
from s3audit_async.model import Bucket, Kind, Notice, Operation
from s3audit_async.options import Options
from s3audit_async.ports import Observer
from s3audit_async.stats import RunStats
from tests import virtual_time
from tests.fakes import FakeGateway, audited, error, kms, names, several
from tests.fault_matrix import OPERATIONS

EXPIRED = "ExpiredToken"


class Expiring(FakeGateway):
    """Takes the credentials of one generation only; renewing them takes five seconds."""

    good = 2
    renewing = 0
    slots_while_renewing = 0

    async def refuse(self, operation: Operation, target: str, _region: str, _nth: int) -> None:
        if self.credentials_generation < self.good:
            raise error(operation, target, EXPIRED, status=400)

    async def renew_credentials(self, generation: int) -> bool:
        self.renewing += 1
        self.slots_while_renewing = max(self.slots_while_renewing, self.in_flight)
        await anyio.sleep(5)
        return await super().renew_credentials(generation)


OF_OTHER_KINDS = [
    Operation.LIST_REGIONS,
    Operation.LIST_DIRECTORY_BUCKETS,
    Operation.GET_DIRECTORY_BUCKET_ENCRYPTION,
    Operation.LIST_TABLE_BUCKETS,
    Operation.GET_TABLE_BUCKET_ENCRYPTION,
    Operation.LIST_VECTOR_BUCKETS,
    Operation.GET_VECTOR_BUCKET,
]


@pytest.mark.parametrize("refused", [each for each in OPERATIONS if each is not Operation.HEAD_BUCKET])
def test_whatever_is_refused_is_asked_again_with_new_credentials(refused: Operation) -> None:
    """Every operation profits, and every row is right."""
    region = None if refused is Operation.GET_BUCKET_LOCATION else "us-east-1"
    gateway = Expiring(several(20, region), renewals=1)
    gateway.rules = {bucket.name: kms("alias/mine") for bucket in gateway.buckets}

    async def refuse(operation: Operation, target: str, region: str, nth: int) -> None:
        if operation is refused:
            await gateway.refuse(operation, target, region, nth)

    gateway.fault = refuse
    stats = RunStats()
    rows = virtual_time.run(lambda: audited(gateway, Options(identify=refused is Operation.GET_CALLER_IDENTITY), stats))
    assert names(rows) == names(gateway.buckets)
    assert {row.key_type for row in rows} == {"CUSTOMER"}
    assert gateway.credentials_generation == 2
    assert stats.errors == {EXPIRED: gateway.renewing}


@pytest.mark.parametrize("refused", OF_OTHER_KINDS)
def test_so_is_whatever_is_asked_about_other_kinds_of_buckets(refused: Operation) -> None:
    kinds = (Kind.DIRECTORY, Kind.TABLE, Kind.VECTOR)
    buckets = [Bucket(f"{kind}-{place}", "us-east-1", kind=kind, arn=f"{kind}") for kind in kinds for place in range(3)]
    gateway = Expiring(other_kinds=buckets, renewals=1)

    async def refuse(operation: Operation, target: str, region: str, nth: int) -> None:
        if operation is refused:
            await gateway.refuse(operation, target, region, nth)

    gateway.fault = refuse
    stats = RunStats()
    rows = virtual_time.run(lambda: audited(gateway, Options(kinds=frozenset(kinds), identify=False), stats))
    assert names(rows) == names(buckets)
    assert (gateway.credentials_generation, stats.not_listed) == (2, [])
    assert stats.errors == {EXPIRED: gateway.renewing}


def test_the_observer_is_told_why_something_is_asked_again() -> None:
    """In words, as no retry is counted."""
    told: list[Notice] = []

    class Listening(Observer):
        def noticed(self, notice: Notice) -> None:
            told.append(notice)

    gateway = Expiring(several(1), renewals=1)
    gateway.fault = gateway.refuse
    virtual_time.run(lambda: audited(gateway, Options(identify=False), Listening()))
    assert [(notice.operation, EXPIRED in notice.text) for notice in told] == [(Operation.LIST_BUCKETS, True)]


def test_no_slot_is_held_while_credentials_are_renewed() -> None:
    """One slot in all: others could go on meanwhile."""
    gateway = Expiring(several(5), renewals=1)
    gateway.fault = gateway.refuse
    rows = virtual_time.run(lambda: audited(gateway, Options(max_concurrency=1)))
    assert len(rows) == 5
    assert gateway.slots_while_renewing == 0


def test_without_others_the_run_ends() -> None:
    """Expired is expired."""
    gateway = FakeGateway(several(5))
    seen = []

    async def refuse(operation: Operation, target: str, _region: str, _nth: int) -> None:
        seen.append(operation)
        if operation is Operation.GET_BUCKET_ENCRYPTION:
            raise error(operation, target, EXPIRED, status=400)

    gateway.fault = refuse
    with pytest.raises(CredentialsError, match="the credentials have expired"):
        virtual_time.run(lambda: audited(gateway, Options(identify=False)))
    assert seen.count(Operation.GET_BUCKET_ENCRYPTION) <= 5


def test_one_question_is_not_asked_again_for_ever() -> None:
    """Credentials that are refused however often they are renewed."""
    gateway = FakeGateway(several(1), renewals=10**9)

    async def refuse(operation: Operation, target: str, _region: str, _nth: int) -> None:
        if operation is Operation.GET_BUCKET_ENCRYPTION:
            raise error(operation, target, EXPIRED, status=400)

    gateway.fault = refuse
    with pytest.raises(CredentialsError, match="the credentials have expired"):
        virtual_time.run(lambda: audited(gateway, Options(identify=False)))
    assert gateway.calls[Operation.GET_BUCKET_ENCRYPTION] == 1 + MOST_RENEWALS


def test_a_renewal_does_not_count_as_an_attempt() -> None:
    """One attempt is made, refused for the credentials, and made again with new ones."""
    gateway = FakeGateway(several(1), renewals=1)

    async def refuse(operation: Operation, target: str, _region: str, nth: int) -> None:
        if operation is Operation.GET_BUCKET_ENCRYPTION and nth == 1:
            raise error(operation, target, EXPIRED, status=400)

    gateway.fault = refuse
    (row,) = virtual_time.run(lambda: audited(gateway, Options(identify=False, max_attempts=1)))
    assert row.mode == "AES256"
