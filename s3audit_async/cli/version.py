"""`s3audit --version`: what a report of a defect needs, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import s3audit_async

if TYPE_CHECKING:
    import click

_SDK = ("aiobotocore", "botocore")


def show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    """Print the versions of the command and of what decides how it behaves, and exit."""
    if not wanted or context.resilient_parsing:
        return
    import platform  # noqa: PLC0415 - these two cost a quarter of what `--help` may take

    import click  # noqa: PLC0415 - loaded already

    parts = [f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in _SDK)]
    click.echo(f"s3audit, version {s3audit_async.__version__} ({', '.join(parts)})")
    context.exit()


def _version(name: str) -> str:
    from importlib import metadata  # noqa: PLC0415 - as above

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
