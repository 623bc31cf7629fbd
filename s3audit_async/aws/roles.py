"""Roles of other accounts: assumed with the caller's credentials, and once more before they end."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiobotocore.credentials import AioRefreshableCredentials
from botocore import exceptions as sdk

from s3audit_async.aws import answers
from s3audit_async.aws.gateway import AwsGateway
from s3audit_async.aws.organization import AwsOrganization
from s3audit_async.aws.session import NO_REGION, ClientPool
from s3audit_async.codes import is_expired
from s3audit_async.model import Operation, Role, Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aioboto3

    from s3audit_async.options import Options

_STS_REGION = "us-east-1"
"""Where roles are assumed if no region is configured, which only goes with the partition `aws`."""
_METHOD = "assume-role"  # botocore's own name for such credentials


@asynccontextmanager
async def open_caller(
    session: aioboto3.Session, options: Options, *, user_agent: str
) -> AsyncIterator[AwsCallerGateway]:
    """Give the gateway of a session's own account, from which others are entered; close all connections after."""
    pool = ClientPool(session, options, user_agent=user_agent)
    try:
        yield AwsCallerGateway(pool)
    finally:
        await pool.aclose()


class AwsCallerGateway(AwsGateway):
    """Asks AWS with the session's own credentials, and enters other accounts. See `ports.CallerGateway`."""

    def __init__(self, pool: ClientPool) -> None:
        super().__init__(pool.of_session())
        self._pool = pool

    @property
    def sts_region(self) -> str:
        return _STS_REGION if self.home_region == NO_REGION else self.home_region

    def organization(self) -> AwsOrganization:
        return AwsOrganization(self._clients, self._asking)

    async def assume_role(self, role: Role) -> AwsGateway:
        with self._asking(Operation.ASSUME_ROLE, role.arn, self.sts_region):
            issued = answers.issued_credentials(await self._assume(role))

        async def again() -> dict[str, str]:
            return await self._assumed_again(role)

        async def load() -> Any:  # noqa: ANN401 - the SDK's credentials
            return AioRefreshableCredentials.create_from_metadata(
                metadata=issued.as_metadata(),
                refresh_using=again,
                method=_METHOD,
                advisory_timeout=0,  # when to refresh is for `RunCredentials` to say
            )

        return AwsGateway(self._pool.signing_with(load))

    async def _assumed_again(self, role: Role) -> dict[str, str]:
        """Assume a role once more, on behalf of a request to its account: what fails is told as the SDK does."""
        credentials = self._clients.credentials
        await credentials.fresh()
        generation = credentials.generation
        try:
            with self._clients.signing():
                answer = await self._assume(role)
        except sdk.ClientError as error:
            if not is_expired(str(error.response.get("Error", {}).get("Code"))):
                raise
            if not await credentials.renew(generation):
                raise
            with self._clients.signing():
                answer = await self._assume(role)
        return answers.issued_credentials(answer).as_metadata()

    async def _assume(self, role: Role) -> Any:  # noqa: ANN401 - the SDK's answer
        client = await self._clients.get(Service.STS, self.sts_region)
        optional = {} if role.external_id is None else {"ExternalId": role.external_id}
        return await client.assume_role(
            RoleArn=role.arn, RoleSessionName=role.session_name, DurationSeconds=role.duration, **optional
        )
