"""How commands and options are declared, and the options that commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from s3audit_async.cli.configuration import ConfiguredCommand, ConfiguredOption, GroupedOption
from s3audit_async.cli.outcome import LOG_FORMATS, use_log_format
from s3audit_async.cli.values import ALL_KINDS, FormatList, KindList, Seconds
from s3audit_async.model import Kind
from s3audit_async.options import (
    LARGEST_ATTEMPTS,
    LARGEST_CONCURRENCY,
    LARGEST_RETRY_TIME,
    LARGEST_TIMEOUT,
    MAX_ATTEMPTS,
    MAX_CONCURRENCY,
    RETRY_MAX_TIME,
    SHORTEST_TIMEOUT,
    TIMEOUT,
)
from s3audit_async.sinks import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""The settings of every command."""


def command(name: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command; its name is the function's, if not given."""
    return click.command(name, cls=ConfiguredCommand, context_settings=CONTEXT)


def complete_path(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file, for an option or an argument."""
    return [CompletionItem(begun, type="file")]


def option(group: str, *names: str, **settings: Any) -> Callable[[F], F]:  # noqa: ANN401 - click's own arguments
    """Declare an option under a heading of the help page. It can be set by a variable and in the configuration file.

    One whose metavar is PATH or FILE is completed by the shell. `yields_to` names parameters: given on the command
    line, they make a value that is not from there count as not given.
    """
    if not {"PATH", "FILE"}.isdisjoint(settings.get("metavar", "").split("|")):
        settings.setdefault("shell_complete", complete_path)
    return click.option(*names, cls=ConfiguredOption, group=group, **settings)


def unconfigured(group: str, *names: str, **settings: Any) -> Callable[[F], F]:  # noqa: ANN401 - click's own arguments
    """Declare an option that counts on the command line only: from elsewhere, it would replace what was asked for."""
    return click.option(*names, cls=GroupedOption, group=group, **settings)


def stacked(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Make one decorator of several, in the order in which the help page is to show them."""

    def decorate(function: F) -> F:
        for declare in reversed(options):
            function = declare(function)
        return function

    return decorate


def format_option(default: str, **settings: Any) -> Callable[[F], F]:  # noqa: ANN401 - click's own arguments
    """Declare `--format`; `default` is what help says of leaving it out."""
    return option(
        "Report",
        "--format",
        "formats",
        type=FormatList(),
        default="",
        metavar="FORMAT[,...]",
        help=f"Format of the report, or several: {', '.join(FORMATS)}.  [default: {default}]",
        **settings,
    )


def wide_option(**settings: Any) -> Callable[[F], F]:  # noqa: ANN401 - click's own arguments
    """Declare `--wide`."""
    return option("Report", "--wide", is_flag=True, help="All columns, after the usual four.", **settings)


def _no_pipe(_context: click.Context, _option: click.Parameter, path: str | None) -> str | None:
    if path == "-":
        raise click.BadParameter("standard output is for the report; name a file, or read --log-format json's summary")
    return path


report_options = stacked(
    option(
        "Report",
        "-o",
        "--output",
        metavar="PATH",
        yields_to=("resume",),
        help="Directory, file, or - for standard output.  [default: asked for on a terminal, else this directory]",
    ),
    format_option("csv", yields_to=("resume",)),
    wide_option(yields_to=("resume",)),
    option("Report", "--stats", metavar="PATH", callback=_no_pipe, help="Write the run's figures to a JSON file."),
)

decision_options = stacked(
    option(
        "Decision",
        "--policy",
        metavar="NAME|FILE",
        yields_to=("names",),
        help="Check the rows against a policy: aws-fsbp, customer-key, strict, or a TOML file.",
    ),
    option(
        "Decision",
        "--html",
        metavar="FILE",
        yields_to=("resume", "names"),
        help="Write one page with charts, findings and all buckets.",
    ),
)

selection_options = stacked(
    option(
        "Buckets",
        "--bucket",
        "buckets",
        multiple=True,
        metavar="NAME",
        yields_to=("prefix",),
        help="Only this bucket. Repeatable.",
    ),
    option(
        "Buckets",
        "--buckets-from",
        metavar="FILE",
        yields_to=("prefix",),
        help="Only the buckets named in a file, one a line; - is stdin.",
    ),
    option(
        "Buckets",
        "--prefix",
        metavar="TEXT",
        yields_to=("buckets", "buckets_from"),
        help="Only buckets whose name starts so.",
    ),
    option(
        "Buckets",
        "--kinds",
        type=KindList(),
        default=Kind.GENERAL.value,
        show_default=True,
        metavar="KIND[,...]",
        help=f"Kinds of buckets: {', '.join(Kind)}, or {ALL_KINDS}.",
    ),
)

region_options = stacked(
    option("Buckets", "--include-region", multiple=True, metavar="REGION", help="Only this region. Repeatable."),
    option("Buckets", "--exclude-region", multiple=True, metavar="REGION", help="Not this region. Repeatable."),
)

aws_options = stacked(
    option(
        "AWS",
        "--profile",
        metavar="NAME",
        yields_to=("profiles",),
        help="Profile of the AWS configuration.  [default: AWS_PROFILE]",
    ),
    option("AWS", "--region", metavar="REGION", help="Region to list from.  [default: AWS_REGION, or the profile's]"),
    option("AWS", "--endpoint-url", metavar="URL", help="Send every request there instead of to AWS."),
)


def limit_options(attempts: int = MAX_ATTEMPTS) -> Callable[[F], F]:
    """Declare the options that bound a run; `attempts` is the default of `--max-attempts`."""
    return stacked(
        option(
            "Limits",
            "--max-concurrency",
            type=click.IntRange(min=1, max=LARGEST_CONCURRENCY),
            default=MAX_CONCURRENCY,
            show_default=True,
            metavar="N",
            help="Calls in flight, all regions together.",
        ),
        option(
            "Limits",
            "--max-attempts",
            type=click.IntRange(min=1, max=LARGEST_ATTEMPTS),
            default=attempts,
            show_default=True,
            metavar="N",
            help="Attempts at one call before its error is reported.",
        ),
        option(
            "Limits",
            "--timeout",
            type=Seconds(min=SHORTEST_TIMEOUT, max=LARGEST_TIMEOUT),
            default=TIMEOUT,
            show_default=True,
            metavar="SECONDS",
            help="How long one attempt may take.",
        ),
        option(
            "Limits",
            "--retry-max-time",
            type=Seconds(min=0, max=LARGEST_RETRY_TIME),
            default=RETRY_MAX_TIME,
            show_default=True,
            metavar="SECONDS",
            help="How long one call may be tried again, from its first attempt.",
        ),
    )


message_options = stacked(
    option(
        "Messages", "-q", "--quiet", is_flag=True, yields_to=("verbose",), help="Nothing but errors on standard error."
    ),
    option(
        "Messages",
        "-v",
        "--verbose",
        is_flag=True,
        help="A line for each retry, throttle, change of a limit, and fallback.",
    ),
    option(
        "Messages",
        "--log-format",
        type=click.Choice(LOG_FORMATS),
        default=LOG_FORMATS[0],
        show_default=True,
        help="How messages are written: lines for people, or a JSON object a line.",
        expose_value=False,
        is_eager=True,
        callback=lambda _context, _option, name: use_log_format(name),
    ),
)


def print_starter_policy(context: click.Context, _option: click.Parameter, wished: bool) -> None:
    """Print a policy to begin with, and end the command."""
    if wished and not context.resilient_parsing:
        from s3audit_async.analysis.policy import starter  # noqa: PLC0415 - for this option only

        click.echo(starter(), nl=False)
        context.exit()


def not_typed(context: click.Context) -> frozenset[str]:
    """Name the options whose values are not from the command line: in a file or a variable, for other commands too."""
    return frozenset(
        max(each.opts, key=len)
        for each in context.command.params
        if context.get_parameter_source(each.name or "") is not ParameterSource.COMMANDLINE
    )
