"""The command `s3audit`. Everything heavy is imported by the command that needs it, when it runs."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # until `main` runs, nobody catches Ctrl-C: not even `typing` is imported before
if TYPE_CHECKING:
    from collections.abc import Sequence

_STDOUT = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code. The only place that prints fatal errors."""
    try:
        from s3audit_async.cli.signals import as_ctrl_c  # noqa: PLC0415 - as above

        with as_ctrl_c(to_the_end=arguments is None):
            return _main(arguments)
    except KeyboardInterrupt:
        _say_interrupted()
        return 130


def _say_interrupted() -> None:
    outcome = sys.modules.get("s3audit_async.cli.outcome")
    if outcome is not None:
        outcome.print_error("interrupted")
    else:
        print("s3audit: interrupted", file=sys.stderr)  # noqa: T201 - before anything else is imported


def _main(arguments: Sequence[str] | None) -> int:
    import click  # noqa: PLC0415 - so that importing this package costs nothing

    from s3audit_async.cli.app import app  # noqa: PLC0415
    from s3audit_async.cli.help_page import for_this_terminal  # noqa: PLC0415
    from s3audit_async.cli.outcome import (  # noqa: PLC0415
        LOG_FORMATS,
        ExitCode,
        exit_code_of,
        let_go_of,
        print_error,
        use_log_format,
    )
    from s3audit_async.errors import S3AuditError  # noqa: PLC0415
    from s3audit_async.redaction import plain  # noqa: PLC0415

    use_log_format(os.environ.get("S3AUDIT_LOG_FORMAT", LOG_FORMATS[0]))  # for what fails before options are known
    try:
        code = app.main(arguments, prog_name="s3audit", standalone_mode=False, **for_this_terminal())
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "s3audit"
        print_error(error.format_message().rstrip("."), f"see '{command} --help'")
        return ExitCode.USAGE
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except SystemExit:  # what click makes of a reader that has gone, with the exit code of a violated policy
        let_go_of(_STDOUT)
        return ExitCode.COULD_NOT_GO_ON
    except S3AuditError as error:
        print_error(str(error), error.hint)
        return exit_code_of(error)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # whoever read our output has gone, and knows
            print_error(f"cannot go on: {error.strerror or error}")
        let_go_of(_STDOUT)
        return ExitCode.COULD_NOT_GO_ON
    except Exception as error:  # noqa: BLE001 - a defect, in one line; 1 is the exit code of a policy
        cause: BaseException = error
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        print_error(f"unexpected {type(cause).__name__}: {plain(cause)}", "a defect of s3audit; please report it")
        return ExitCode.COULD_NOT_GO_ON
    return int(code or 0)
