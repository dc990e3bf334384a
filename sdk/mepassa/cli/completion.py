"""`mepassa completion`: what a shell needs to complete sub-commands, options and the names of contacts."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
PROGRAM, VARIABLE = "mepassa", "_MEPASSA_COMPLETE"


@click.command(short_help="Print what lets a shell complete.")
@click.argument("shell", type=click.Choice(SHELLS), metavar="[bash|zsh|fish]")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that lets a shell complete sub-commands, options and the names of contacts.

    bash, in ~/.bashrc: eval "$(mepassa completion bash)"

    zsh, in ~/.zshrc: eval "$(mepassa completion zsh)"

    fish, once: mepassa completion fish > ~/.config/fish/completions/mepassa.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise RuntimeError(f"click completes nothing in {shell}")
    click.echo(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())
