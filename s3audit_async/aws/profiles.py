"""The profiles that the AWS configuration and credentials files hold."""

from __future__ import annotations

from aiobotocore.session import AioSession
from botocore import exceptions as sdk

from s3audit_async.errors import UsageError
from s3audit_async.redaction import plain


def profile_names() -> tuple[str, ...]:
    """Give the names of all profiles, of both files. Raises `UsageError` if they cannot be read."""
    try:
        return tuple(AioSession().available_profiles)
    except sdk.BotoCoreError as error:
        raise UsageError(f"the AWS configuration cannot be used: {plain(error)}", hint="mend ~/.aws/config") from error
