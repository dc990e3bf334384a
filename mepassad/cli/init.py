"""`mepassad init`: makes the data folder and the first account, or restores one from its 24 words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mepassad import log
from mepassad.cli import profile as profiles
from mepassad.cli.setting import Setting, pass_setting
from mepassad.errors import MepassaError
from mepassad.i18n import _
from mepassad.welcome import numbered
from mepassad.wire.identity import KINDS
from mepassad.wire.names import own_name

if TYPE_CHECKING:
    from mepassad.founding import InitResult

MAX_WORDS = 4096  # bytes: 24 words have at most a few hundred


@click.command()
@click.option(
    "--name",
    metavar="NAME",
    help="The account's name, which contacts see; with `--profile`, in the file too. Default: node.name.",
)
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    help="What the account is. Default: person; with `--profile server`, node.",
)
@click.option(
    "--profile",
    type=click.Choice(list(profiles.PROFILES)),
    help="Begin the configuration file too: of a node at home, or of a server for others. The account is made with it, "
    "so say `--name` here.",
)
@click.option("--restore", is_flag=True, help="Restore an account: asks for its 24 words, or reads standard input.")
@click.option(
    "--words-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="PATH",
    help="Restore an account from the 24 words in a file.",
)
@pass_setting
def init(
    setting: Setting, name: str | None, kind: str | None, profile: str | None, restore: bool, words_file: Path | None
) -> None:
    """Make an account, or restore one from its 24 words. Makes the data folder as well."""
    name = None if name is None else own_name(name)
    made = profiles.begin(setting.path, profile, name) if profile else None
    kind = kind or profiles.PROFILES.get(profile or "", "person")
    loaded, plugins = setting.loaded, setting.plugins
    log.set_up(loaded.config.log.level, loaded.config.log.format)
    words = _words(words_file) if restore or words_file else None
    from mepassad import founding  # asking for words need not wait for all that a node needs

    called = loaded.config.node.name if name is None else name
    try:
        result = founding.init(loaded, plugins, called, kind, words)
    except MepassaError:
        if made:
            made.unlink()  # so that the next try, with another folder, finds nothing in its way
        raise
    if made:
        click.echo(_("Made: {path}").format(path=made))
    click.echo(_("Account: {account}").format(account=result.account))
    if made:
        told = _(
            "Its name is {name}, its data is in {folder}. `node.name` and `node.data_dir`, changed from now on, do not "
            "change that; `--name NAME` of this command gives another name."
        )
        click.echo(told.format(name=called, folder=loaded.config.node.data_dir))
    _tell(result)


def _tell(result: InitResult) -> None:
    """What there is to know of the account, its words last."""
    if result.beside:
        told = _("This folder had an account before, which clients use unless they name one: {account}")
        click.echo(told.format(account=result.beside))
    if result.words_file:
        click.echo(_("The 24 words that restore this account are in {path}").format(path=result.words_file))
        click.echo(_("Write them down on paper, then delete the file."))
    elif result.words:
        click.echo(_("These 24 words restore this account. Write them down: they are shown only now."))
        click.echo(f"\n{numbered(result.words)}\n")


def _words(file: Path | None) -> str:
    if file:
        with file.open("rb") as source:
            data = source.read(MAX_WORDS)
    elif sys.stdin.isatty():
        return _bare(click.prompt(_("The 24 words (nothing is shown while you type)"), hide_input=True, err=True))
    else:
        data = sys.stdin.buffer.read(MAX_WORDS)
    return _bare(data.decode("utf-8", "replace"))


def _bare(typed: str) -> str:
    """The words without the numbers that stand before them where they are shown."""
    return " ".join(word for word in typed.split() if not word.isdigit())
