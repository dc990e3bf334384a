"""The command in the user's language: click's own words, and all help."""

from __future__ import annotations

import gettext
import inspect
from collections.abc import Iterator

import click

from mepassad.i18n import DOMAIN, LOCALE, _

OF_COMMANDS = ("help", "short_help", "epilog", "options_metavar", "subcommand_metavar")
OF_PARAMETERS = ("help", "metavar")


def speak(command: click.Command) -> None:
    """Put the process into the user's language: click's own words, and all help of a command."""
    # click asks gettext for its words without a domain; the default one is the application's to choose.
    gettext.bindtextdomain(DOMAIN, LOCALE)
    gettext.textdomain(DOMAIN)
    for owner, name, text in help_texts(command):
        setattr(owner, name, _(text))


def help_texts(command: click.Command) -> Iterator[tuple[object, str, str]]:
    """The texts that the help of a command and its sub-commands shows: whose, its attribute, and the text there."""
    for owner, names in (command, OF_COMMANDS), *((param, OF_PARAMETERS) for param in command.params):
        for name in names:
            if text := getattr(owner, name, None):
                yield owner, name, inspect.cleandoc(text)  # from 3.13 on, docstrings have no indentation
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from help_texts(inner)
