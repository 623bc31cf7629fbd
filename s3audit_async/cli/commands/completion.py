"""`s3audit completion`."""

from __future__ import annotations

import click

from s3audit_async.cli import options as shared

SHELLS = ("bash", "zsh", "fish")


@shared.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print a script that completes commands, options and values in a shell.

    \b
    Examples:
      s3audit completion bash > ~/.local/share/bash-completion/completions/s3audit
      s3audit completion zsh > ~/.zfunc/_s3audit  with fpath+=~/.zfunc before compinit in ~/.zshrc
      s3audit completion fish > ~/.config/fish/completions/s3audit.fish
      source <(s3audit completion bash)  for this bash only

    The script asks s3audit itself, so that it need not be made anew after an update. bash has to be 4.4 or newer.
    """  # noqa: D301 - click reads the backspace
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - for this command only

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(made(context.find_root().command, {}, "s3audit", "_S3AUDIT_COMPLETE").source())
