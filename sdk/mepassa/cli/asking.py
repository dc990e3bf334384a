"""Questions at a terminal, answered in the user's language."""

from __future__ import annotations

import click

from mepassa.cli.i18n import _
from mepassa.cli.session import INTERRUPTED


def yes(question: str) -> bool:
    """Ask until it is answered by yes or no, or the beginning of one. Raises click's Exit where nobody answers."""
    words = {_("yes"): True, _("no"): False}
    asked = f"{question} [{'/'.join(words)}]"
    while True:
        try:
            answer = click.prompt(asked, default="", show_default=False).strip().casefold()
        except click.Abort:
            raise click.exceptions.Exit(INTERRUPTED) from None
        for word, meant in words.items():
            if answer and word.startswith(answer):
                return meant
