"""The straight line of one bucket: locate it, read its encryption, look its key up, make its row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from random import uniform
from typing import TYPE_CHECKING

import anyio

from s3audit_async import classify
from s3audit_async.codes import Verdict, is_denied, is_expired, rejects_credentials, verdict
from s3audit_async.engine.kinds import question_about
from s3audit_async.engine.listing import refused_credentials
from s3audit_async.errors import CallError, NotAskedError, RunError, TransportCode, WrongAccountError
from s3audit_async.keys import SingleFlight
from s3audit_async.model import Bucket, Encryption, Failure, Key, Kind, Notice, Operation, Row
from s3audit_async.redaction import plain
from s3audit_async.references import is_predefined_alias, key_region

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from s3audit_async.engine.asking import Asker
    from s3audit_async.model import Rule
    from s3audit_async.ports import Gateway, Observer

_AWS_MANAGED = Key(manager=classify.AWS_MANAGED)
_IDENTITY_SECONDS = 10.0
"""How long anything waits, at most, to learn the account's id: it is worth having, but not a run."""
_RECHECK_SECONDS = (0.1, 0.5)
"""How long to wait before NoSuchBucket is asked a second time; it can be spurious (cloud-custodian#6048)."""


class Auditor:
    """Turns buckets into rows. Only what makes the whole run pointless is raised."""

    def __init__(
        self,
        gateway: Gateway,
        asker: Asker,
        observer: Observer,
        *,
        identify: bool,
        expected_account: str | None = None,
        known_account: str | None = None,
    ) -> None:
        """Take what is asked and who is told. Nobody is asked for the account where it is known already."""
        self._gateway = gateway
        self._asker = asker
        self._observer = observer
        self._identify = identify
        self._expected_account = expected_account
        self._keys: SingleFlight[tuple[str, str], Key | Failure] = SingleFlight()
        self._accounts: SingleFlight[None, str | None] = SingleFlight()
        if known_account is not None:
            self._accounts.put(None, known_account)
        self._trusted: SingleFlight[str, bool] = SingleFlight()
        self.distinct_keys = 0
        """Keys that KMS was asked about."""

    async def locate(self, bucket: Bucket) -> Bucket:
        """Find out where a bucket is. What cannot be located keeps no region and is asked for at home."""
        home = self._gateway.home_region
        try:
            request = partial(self._gateway.get_bucket_location, bucket.name)
            region = await self._asker.ask(Operation.GET_BUCKET_LOCATION, bucket.name, home, request)
            return replace(bucket, region=region)
        except CallError as error:
            self._notice(error, f"location not told ({error.code}), asking by HeadBucket")
        try:
            header = partial(self._gateway.head_bucket, bucket.name)
            return replace(bucket, region=await self._asker.ask(Operation.HEAD_BUCKET, bucket.name, home, header))
        except CallError as error:
            self._notice(error, f"location not told ({error.code}), asking in {home}")
            return bucket

    async def audit(self, bucket: Bucket) -> Row:
        """Make a bucket's row, whatever happens."""
        try:
            bucket, found = await self._encryption(bucket)
            key = await self._key(found, bucket) if isinstance(found, Encryption) else None
        except RunError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect met by one bucket must not cost the others their rows
            said = plain(f"{type(error).__name__}: {error}")
            found = Failure(Operation.GET_BUCKET_ENCRYPTION, TransportCode.UNEXPECTED, said)
            self._observer.noticed(Notice(found.operation, bucket.region or "", bucket.name, str(found)))
            key = None
        account = await self.account() if self._identify else None
        now = datetime.now(UTC)
        if isinstance(found, Failure):
            return classify.unread_row(bucket, found, account=account, audited_at=now)
        return classify.row(bucket, found, key, account=account, audited_at=now)

    async def account(self) -> str | None:
        """Give the id of the account under audit, asked for once; None where it is not told.

        Raises `WrongAccountError` if it is not the one that is expected.
        """
        account = await self._accounts.get(None, self._ask_account)
        if account is not None and self._expected_account not in {None, account}:
            raise WrongAccountError(self._expected_account or "", account)
        return account

    async def _ask_account(self) -> str | None:
        home = self._gateway.home_region
        ask = self._asker.ask(
            Operation.GET_CALLER_IDENTITY, "self", home, self._gateway.get_caller_identity, unreachable_attempts=1
        )
        try:
            with anyio.move_on_after(_IDENTITY_SECONDS):
                return (await ask).account
            why = f"no answer within {_IDENTITY_SECONDS:g} s"
        except CallError as error:
            why = error.code
        text = f"account id not told ({why}), going on without"
        self._observer.noticed(Notice(Operation.GET_CALLER_IDENTITY, home, "self", text))
        return None

    async def _encryption(self, bucket: Bucket) -> tuple[Bucket, Encryption | Failure]:
        moved = rechecked = False
        while True:
            region = bucket.region or self._gateway.home_region
            general = bucket.kind is Kind.GENERAL
            request: Callable[[], Awaitable[tuple[Rule, ...]]]
            if general:
                operation, target = Operation.GET_BUCKET_ENCRYPTION, bucket.name
                request = partial(self._gateway.get_bucket_encryption, target, region)
            else:
                operation, target, request = question_about(self._gateway, bucket, region)
            try:
                return bucket, classify.encryption(await self._asker.ask(operation, target, region, request))
            except CallError as error:
                await self.raise_if_pointless(error)
                judged = verdict(error)
                if judged is Verdict.UNCONFIGURED:
                    return bucket, Encryption(None)
                if judged is Verdict.ELSEWHERE and general and not moved:
                    moved = True
                    elsewhere = error.bucket_region or (await self.locate(replace(bucket, region=None))).region
                    if elsewhere is not None and elsewhere != region:
                        self._notice(error, f"the bucket is in {elsewhere}, asking there")
                        bucket = replace(bucket, region=elsewhere)
                        continue
                if judged is Verdict.GONE and not rechecked:
                    rechecked = True
                    self._notice(error, "asking once more before it is believed")
                    await anyio.sleep(uniform(*_RECHECK_SECONDS))  # noqa: S311 - jitter, not cryptography
                    continue
                return bucket, classify.failure(error)

    async def _key(self, found: Encryption, bucket: Bucket) -> Key | Failure | None:
        if not found.uses_kms:
            return None
        if found.key is None or is_predefined_alias(found.key):
            return _AWS_MANAGED
        region = key_region(found.key, bucket.region or self._gateway.home_region)
        try:
            return await self._keys.get((region, found.key), partial(self._describe, found.key, region))
        except NotAskedError as error:
            return classify.failure(error)

    async def _describe(self, reference: str, region: str) -> Key | Failure:
        request = partial(self._gateway.describe_key, reference, region)
        try:
            key = await self._asker.ask(Operation.DESCRIBE_KEY, reference, region, request)
        except NotAskedError:
            raise  # says nothing of the key, so it is not to be remembered: KMS may answer the next bucket that asks
        except CallError as error:
            await self.raise_if_pointless(error)
            self.distinct_keys += 1
            return classify.failure(error)
        self.distinct_keys += 1
        if key.arn is not None:
            # The same key may be named by id or alias here and by ARN there.
            self._keys.put((key_region(key.arn, region), key.arn), key)
        return key

    async def raise_if_pointless(self, error: CallError) -> None:
        """Raise `CredentialsError` if a refusal of the credentials is not just one region's.

        A region that is disabled in the account may answer as if the credentials were unknown, so the home region
        is asked first. An expired token is expired everywhere.
        """
        if not rejects_credentials(error.code):
            return
        if is_expired(error.code) or not await self._trusted.get(error.region, self._home_trusts):
            raise refused_credentials(error) from error

    async def _home_trusts(self) -> bool:
        home = self._gateway.home_region
        request = partial(self._gateway.list_buckets, page_size=1, token=None, prefix=None)
        try:
            await self._asker.ask(Operation.LIST_BUCKETS, "*", home, request)
        except CallError as error:
            return is_denied(error.code) or not rejects_credentials(error.code)
        return True

    def _notice(self, error: CallError, text: str) -> None:
        self._observer.noticed(Notice(error.operation, error.region, error.target, text))
