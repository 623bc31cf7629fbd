"""Options from variables and from the configuration file: the command line wins over those, variables over the file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from s3audit_async.cli.help_page import OTHERS, HelpContext, format_grouped
from s3audit_async.cli.outcome import print_event
from s3audit_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3audit_async.cli.config_file import ConfigFile, Key

PREFIX = "S3AUDIT_"
_FOUND = ("s3audit.toml", "pyproject.toml")
_FILE = "s3audit.config-file"
_LISTS = ("formats", "kinds")
"""Types of options that take several with commas between them, for which a file may have a list."""
_ELSEWHERE = (ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP)


class GroupedOption(click.Option):
    """An option that stands under a heading of the help page, and is given on the command line only."""

    def __init__(self, *args: Any, group: str = OTHERS, **kwargs: Any) -> None:  # noqa: ANN401 - click's own arguments
        super().__init__(*args, **kwargs)
        self.group = group


class ConfiguredOption(GroupedOption):
    """One that can be set by a variable and in the file, too.

    The variable of `--max-concurrency` is S3AUDIT_MAX_CONCURRENCY. Values of an option that can be given several times
    are separated by commas in it. One that is empty counts as not set. An option with an `envvar` of its own has
    nothing to do with those of its name that other commands have.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - click's own arguments
        yields_to: tuple[str, ...] = (),
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self.yields_to = yields_to
        self.long_name = max(self.opts, key=len).lstrip("-")
        self.own = self.envvar is not None
        if self.envvar is None:
            self.envvar = PREFIX + self.long_name.replace("-", "_").upper()

    def value_from_envvar(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        said = self.resolve_envvar_value(ctx)
        if said is None or not self.multiple:
            return super().value_from_envvar(ctx)
        return [part.strip() for part in said.split(",") if part.strip()]

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        if source in _ELSEWHERE and any(name in opts for name in self.yields_to):
            return self.default, ParameterSource.DEFAULT
        if source is ParameterSource.DEFAULT_MAP and self.multiple and not isinstance(value, list):
            value = [value]
        return value, source

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Name the option, and where its value is from."""
        hint = super().get_error_hint(ctx)
        where = None if ctx is None else _origin(ctx, self)
        return hint if where is None else f"{hint}, from {where}"


class ConfiguredCommand(click.Command):
    """A command with grouped options, which knows where their values are from."""

    context_class = HelpContext

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click's own arguments
        super().__init__(*args, **kwargs)
        if any(isinstance(parameter, ConfiguredOption) for parameter in self.params):
            # The first of all: `--log-format`, which counts early too, may stand in the file.
            self.params.insert(0, _config_option())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        format_grouped(self.get_params(ctx), ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        _tell(ctx)
        try:
            return super().invoke(ctx)
        except UsageError as error:
            origins = [f"from {where}: {', '.join(names)}" for where, names in _elsewhere(ctx).items()]
            error.hint = "; ".join(filter(None, (error.hint, *origins)))
            raise


def keys_of(command: click.Command) -> dict[str, Key]:
    """Give the keys that a file may set for a command."""
    from s3audit_async.cli.config_file import Key, Kind  # noqa: PLC0415 - for a file that is there only

    def kind_of(option: click.Option) -> Kind:
        if option.is_flag:
            return Kind.FLAG
        if isinstance(option.type, click.types.IntParamType):
            return Kind.INTEGER
        return Kind.NUMBER if isinstance(option.type, click.types.FloatParamType) else Kind.TEXT

    return {
        option.long_name: Key(
            option.long_name, kind_of(option), many=option.multiple or option.type.name in _LISTS, own=option.own
        )
        for option in command.params
        if isinstance(option, ConfiguredOption) and option.name != "config"
    }


def _config_option() -> ConfiguredOption:
    return ConfiguredOption(
        ["--config"],
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_load,
        help=f"Take options from this TOML file; variables ({PREFIX}WIDE=true) win over it, the command line over both."
        "  [default: s3audit.toml, or [tool.s3audit] of pyproject.toml, in this directory]",
    )


def _load(ctx: click.Context, _option: click.Parameter, named: str | None) -> None:
    """Let the file's values be the defaults. Raises `UsageError` for a file that cannot be used."""
    if ctx.resilient_parsing or not (named or any(map(os.path.lexists, _FOUND))):
        return
    from s3audit_async.cli.config_file import find  # noqa: PLC0415 - for a file that is there only

    file = find(named)
    if file is None:
        return
    group = ctx.find_root().command
    commands = group.commands if isinstance(group, click.Group) else {ctx.command.name or "": ctx.command}
    name = next(name for name, command in commands.items() if command is ctx.command)
    values = file.of_command(name, {name: keys_of(command) for name, command in commands.items()})
    names = {option.long_name: option.name for option in ctx.command.params if isinstance(option, ConfiguredOption)}
    ctx.meta[_FILE] = file
    ctx.default_map = {names[key]: value for key, value in values.items()}


def _origin(ctx: click.Context, option: click.Parameter) -> str | None:
    """Name the variable or the file that an option's value is from; None if it is from neither."""
    source = ctx.get_parameter_source(option.name or "")
    if source is ParameterSource.ENVIRONMENT:
        return str(option.envvar)
    file: ConfigFile | None = ctx.meta.get(_FILE)
    return file.place if source is ParameterSource.DEFAULT_MAP and file is not None else None


def _elsewhere(ctx: click.Context) -> dict[str, list[str]]:
    """Give the options that are not from the command line, by the variable or the file that they are from."""
    found: dict[str, list[str]] = {}
    for option in ctx.command.params:
        if isinstance(option, ConfiguredOption) and option.name != "config":
            where = _origin(ctx, option)
            if where is not None:
                found.setdefault(where, []).append(option.long_name)
    return found


def _tell(ctx: click.Context) -> None:
    """Say which options a file has set, unless nothing is to be said; with -v, which a variable has, too.

    A file in the directory can make an audit smaller: nobody is to have to guess that, and so a file that was found
    does not silence what is said of itself.
    """
    file: ConfigFile | None = ctx.meta.get(_FILE)
    unasked = file is not None and not file.named and ctx.get_parameter_source("quiet") is ParameterSource.DEFAULT_MAP
    if ctx.params.get("quiet") and not unasked:
        return
    verbose = ctx.params.get("verbose")
    chosen = _elsewhere(ctx)
    if file is not None and verbose:
        chosen.setdefault(file.place, [])
    for where, names in chosen.items():
        if verbose or (file is not None and where == file.place):
            print_event("options", f"Options from {where}: {', '.join(names) or 'none'}", source=where, options=names)
