"""What commands print: lines that may quote others, as the metadata of a plugin that somebody sent."""

from __future__ import annotations

import click

from mepassad.visible import visible


def echo(text: str, *, err: bool = False) -> None:
    """Print lines, on standard error with `err`; whatever they quote cannot take hold of the terminal."""
    click.echo("\n".join(map(visible, text.split("\n"))), err=err)
