"""The command `s3audit`. Everything heavy is imported by the command that needs it, when it runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code. The only place that prints fatal errors."""
    import click  # noqa: PLC0415 - so that importing this package costs nothing

    from s3audit_async.cli.app import app  # noqa: PLC0415
    from s3audit_async.cli.outcome import ExitCode, exit_code_of, print_error  # noqa: PLC0415
    from s3audit_async.errors import S3AuditError  # noqa: PLC0415

    try:
        code = app.main(arguments, prog_name="s3audit", standalone_mode=False)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "s3audit"
        print_error(error.format_message().rstrip("."), f"see '{command} --help'")
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        print_error("interrupted")
        return ExitCode.INTERRUPTED
    except S3AuditError as error:
        print_error(str(error), error.hint)
        return exit_code_of(error)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # whoever read our output has gone, and knows
            print_error(f"cannot go on: {error.strerror or error}")
        _let_go_of_stdout()
        return ExitCode.COULD_NOT_GO_ON
    return int(code or 0)


def _let_go_of_stdout() -> None:
    """Keep the interpreter from trying once more, at its end, to write what could not be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
