"""From the environment to whoever runs the audit: sessions, clients and the identity, for as long as they are needed.

Imports the SDK only when something is opened.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from s3audit_async.fleet.entering import ProfileEntrance, known_caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    import aioboto3

    from s3audit_async.fleet.access import Access
    from s3audit_async.fleet.entering import Caller
    from s3audit_async.limiter import Slots
    from s3audit_async.options import Options
    from s3audit_async.ports import Gateway, Observer


@asynccontextmanager
async def open_caller(
    access: Access, options: Options, observer: Observer, slots: Slots, *, session: aioboto3.Session | None = None
) -> AsyncIterator[Caller]:
    """Give whoever the credentials belong to, known to AWS. `session` defaults to one from the standard environment.

    Raises `UsageError` for a profile or configuration that cannot be used, and `CredentialsError`.
    """
    from s3audit_async.aws import roles  # noqa: PLC0415 - half a second of SDK
    from s3audit_async.aws.session import open_session  # noqa: PLC0415

    session = session or open_session(profile=access.profile, region=access.region)
    async with roles.open_caller(session, options, user_agent=_user_agent()) as gateway:
        yield await known_caller(gateway, options, observer, slots)


def profiles_of(access: Access, options: Options, observer: Observer, slots: Slots) -> ProfileEntrance:
    """Give the way into accounts that have a profile each; every one has clients of its own while it is open."""
    from s3audit_async.aws.gateway import open_gateway  # noqa: PLC0415 - half a second of SDK
    from s3audit_async.aws.session import open_session  # noqa: PLC0415

    def open_profile(profile: str) -> AbstractAsyncContextManager[Gateway]:
        session = open_session(profile=profile, region=access.region)
        return open_gateway(session, options, user_agent=_user_agent())

    return ProfileEntrance(open_profile, options, observer, slots)


def _user_agent() -> str:
    import s3audit_async  # noqa: PLC0415 - for its version

    return f"s3audit/{s3audit_async.__version__}"
