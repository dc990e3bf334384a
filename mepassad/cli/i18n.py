"""The command's language: gettext catalogues, chosen by the usual variables LANGUAGE, LC_ALL, LC_MESSAGES, LANG."""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from pathlib import Path

import click

DOMAIN = "mepassad"
LOCALE = Path(__file__).parent.parent / "locale"


def _(sentence: str) -> str:
    """The sentence in the user's language; sentences without a translation stay in English."""
    return gettext.translation(DOMAIN, LOCALE, fallback=True).gettext(sentence)


def translate_help(command: click.Command) -> None:
    """Put the help of a command, its options and its sub-commands into the user's language."""
    if command.help:
        command.help = _(command.help)
    for option in command.params:
        if isinstance(option, click.Option) and option.help:
            option.help = _(option.help)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            translate_help(inner)


def help_sentences(command: click.Command) -> Iterator[str]:
    """All that `translate_help` translates, for the catalogues."""
    if command.help:
        yield command.help
    for option in command.params:
        if isinstance(option, click.Option) and option.help:
            yield option.help
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from help_sentences(inner)
