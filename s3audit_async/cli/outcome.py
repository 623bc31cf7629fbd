"""Exit codes, and the one way to standard error: lines for people, or with `--log-format json` a JSON object each."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from enum import IntEnum

from s3audit_async.cli.terminal import in_ci, is_terminal
from s3audit_async.errors import (
    ConfigurationError,
    InterruptedRunError,
    RunError,
    S3AuditError,
    WrongAccountError,
)
from s3audit_async.redaction import printable

LOG_FORMATS = ("plain", "json")
_STDERR = 2


class ExitCode(IntEnum):
    """What the command's exit code means. README's table is checked against these."""

    COMPLETE = 0
    """Every bucket has its row. AccessDenied is an answer."""
    POLICY_VIOLATED = 1
    """A policy that was asked for is violated, or what `--fail-on` names has happened."""
    USAGE = 2
    """Options, files or the account do not fit. No bucket was asked about."""
    INCOMPLETE = 3
    """Complete, but for a lasting error, a policy that may be violated, or what could not be listed or entered."""
    COULD_NOT_GO_ON = 4
    """Credentials, listing denied, disk full. What was audited is kept."""
    INTERRUPTED = 130
    """Interrupted by Ctrl-C, SIGTERM or SIGHUP. What was audited is kept."""


def exit_code_of(error: S3AuditError) -> ExitCode:
    """Give the exit code of an error that reached the command line."""
    if isinstance(error, InterruptedRunError):
        return ExitCode.INTERRUPTED
    if isinstance(error, ConfigurationError | WrongAccountError):
        return ExitCode.USAGE
    return ExitCode.COULD_NOT_GO_ON if isinstance(error, RunError) else ExitCode.USAGE


class _Form:
    """How messages are written. Of the process, as fatal errors are printed where no option is known any more."""

    json = False


def use_log_format(name: str) -> None:
    """Choose one of `LOG_FORMATS` for everything that goes to standard error from now on."""
    _Form.json = name == "json"


def speaks_json() -> bool:
    """Tell whether messages are JSON."""
    return _Form.json


def print_error(message: str, hint: str = "") -> None:
    """Print what is wrong and what to do, in one line on standard error."""
    print_event("error", f"s3audit: {message}" + (f" ({hint})" if hint else ""), message=message, hint=hint or None)


def print_line(text: str) -> None:
    """Print one line on standard error, with nothing in it that a terminal would obey."""
    print_event("message", text, message=text)


def print_note(text: str) -> None:
    """Print what has gone wrong beside the matter in hand."""
    print_line(f"note: {text}")


def print_event(event: str, text: str, **fields: object) -> None:
    """Print one line on standard error: `text`, or with `--log-format json` the fields with the time and the event."""
    if _Form.json:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        print_text(json.dumps({"time": moment, "event": event, **fields}) + "\n")  # escapes all that is not ASCII
    else:
        print_text(printable(text) + "\n")


def print_text(text: str) -> None:
    """Print on standard error, if there still is one: a run is not to end because nobody listens to it."""
    if sys.stderr is not None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except ValueError:  # closed
            return
        except OSError:
            let_go_of(_STDERR)


def let_go_of(descriptor: int) -> None:
    """Keep the interpreter from trying once more, at its end, to write what could not be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def on_terminal() -> bool:
    """Tell whether standard error is a terminal."""
    return is_terminal(sys.stderr)


def anybody_there() -> bool:
    """Tell whether somebody watches and can be asked: on a terminal, and not in CI, which sets that variable."""
    return on_terminal() and not in_ci(os.environ)
