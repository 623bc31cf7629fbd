"""The library's one way in. Imports the SDK and the engine only when a run is made."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from s3audit_async.options import Options
from s3audit_async.ports import Observer

if TYPE_CHECKING:
    import aioboto3

    from s3audit_async.engine import RowStream


def audit(
    session: aioboto3.Session | None = None, options: Options | None = None, *, observer: Observer | None = None
) -> RowStream:
    """Audit the account that a session's credentials belong to; iterate the rows as they complete.

        async with audit(session, Options(max_concurrency=100)) as rows:
            async for row in rows:
                ...

    Every listed bucket yields exactly one `Row`, in the order of completion. `session` defaults to one from the
    standard environment (AWS_PROFILE, AWS_REGION, ~/.aws/config); its S3 model is given one more member, so that
    BlockedEncryptionTypes can be read. Runs on asyncio only, as aiobotocore does.

    Raises `UsageError` for a profile or configuration that cannot be used. Entering the block and iterating raise
    `CredentialsError` and `ListingError`, the latter after the last row of what could be listed.
    """
    import s3audit_async  # noqa: PLC0415 - for its version, and it imports this module
    from s3audit_async.aws.gateway import open_gateway  # noqa: PLC0415 - half a second of SDK
    from s3audit_async.aws.session import open_session  # noqa: PLC0415
    from s3audit_async.engine import RowStream  # noqa: PLC0415

    options = options or Options()
    user_agent = f"s3audit/{s3audit_async.__version__}"
    opening = partial(open_gateway, session or open_session(), options, user_agent=user_agent)
    return RowStream(opening, options, observer or Observer())
