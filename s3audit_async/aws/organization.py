"""The organization that an AWS account is in: each method one request to AWS Organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3audit_async.aws import answers
from s3audit_async.model import Operation, Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from s3audit_async.aws.session import Clients
    from s3audit_async.model import AccountPage, OrganizationalUnitPage, TagPage

_ALL = "*"
_PAGE_SIZE = 20  # the most there may be (organizations model, MaxResults)


class AwsOrganization:
    """Asks AWS Organizations. See `s3audit_async.ports.OrganizationGateway`, which it fulfils.

    The SDK knows where the service is: one region of each partition answers for it (botocore, endpoints.json).
    """

    def __init__(self, clients: Clients, asking: Callable[[Operation, str, str], AbstractContextManager[None]]) -> None:
        """Take the clients of an account, and what its requests are made within (`AwsGateway`)."""
        self._clients = clients
        self._asking = asking

    @property
    def home_region(self) -> str:
        return self._clients.home_region

    async def list_accounts(self, token: str | None) -> AccountPage:
        with self._asking(Operation.LIST_ACCOUNTS, _ALL, self.home_region):
            client = await self._client()
            return answers.account_page(await client.list_accounts(MaxResults=_PAGE_SIZE, **_from(token)))

    async def list_accounts_for_parent(self, parent: str, token: str | None) -> AccountPage:
        with self._asking(Operation.LIST_ACCOUNTS_FOR_PARENT, parent, self.home_region):
            client = await self._client()
            answer = await client.list_accounts_for_parent(ParentId=parent, MaxResults=_PAGE_SIZE, **_from(token))
            return answers.account_page(answer)

    async def list_organizational_units_for_parent(self, parent: str, token: str | None) -> OrganizationalUnitPage:
        with self._asking(Operation.LIST_ORGANIZATIONAL_UNITS_FOR_PARENT, parent, self.home_region):
            client = await self._client()
            answer = await client.list_organizational_units_for_parent(
                ParentId=parent, MaxResults=_PAGE_SIZE, **_from(token)
            )
            return answers.organizational_unit_page(answer)

    async def list_tags(self, account: str, token: str | None) -> TagPage:
        with self._asking(Operation.LIST_TAGS_FOR_RESOURCE, account, self.home_region):
            client = await self._client()
            return answers.tag_page(await client.list_tags_for_resource(ResourceId=account, **_from(token)))

    async def _client(self) -> Any:  # noqa: ANN401 - SDK clients are made at run time
        return await self._clients.get(Service.ORGANIZATIONS, self.home_region)


def _from(token: str | None) -> dict[str, str]:
    return {} if token is None else {"NextToken": token}
