"""`mepassad passphrase`: gives the data folder a passphrase that seals its keys, another one, or none."""

from __future__ import annotations

from pathlib import Path

import click

from mepassad import log
from mepassad.api.types import Secret
from mepassad.cli.setting import Setting, pass_setting
from mepassad.config.load import Loaded
from mepassad.i18n import _
from mepassad.plugins import Plugins
from mepassad.vault import keyring
from mepassad.vault import passphrase as passphrases


@click.group()
def passphrase() -> None:
    """Seal the keys of the data folder under a passphrase."""


new_option = click.option(
    "--from-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="Take the new passphrase from a file 0600 instead of asking for it.",
)
keyring_option = click.option(
    "--keyring", "in_keyring", is_flag=True, help="Keep it in the keyring of the operating system as well."
)


@passphrase.command("set")
@new_option
@keyring_option
@pass_setting
def set_(setting: Setting, from_file: Path | None, in_keyring: bool) -> None:
    """Seal the keys of a folder that has no passphrase."""
    loaded, plugins = _begin(setting)
    from mepassad.vault import change  # help need not wait for all that this needs

    new = New(setting, from_file, in_keyring)
    erased = change.set_passphrase(loaded, plugins, new.get)
    new.taken()
    folder = loaded.config.node.data_dir
    click.echo(_("The keys in {path} are sealed. Who loses the passphrase loses them.").format(path=folder))
    click.echo(_("The next start takes it from where the section `keys` of the configuration says, or asks for it."))
    for path in erased:
        click.echo(_("Deleted, because it held keys in plain: {path}").format(path=path))
    for path in sorted(folder.glob("recovery-words-*.txt")):
        click.echo(_("Still in plain, write the words down on paper, then delete it: {path}").format(path=path))


@passphrase.command()
@new_option
@keyring_option
@pass_setting
def change(setting: Setting, from_file: Path | None, in_keyring: bool) -> None:
    """Replace the passphrase by another one."""
    loaded, _plugins = _begin(setting)
    from mepassad.vault import change as changing

    new = New(setting, from_file, in_keyring)
    changing.change_passphrase(loaded.config, new.get)
    new.taken()
    click.echo(_("The passphrase is changed. Where the old one is kept for the start, put the new one now."))


@passphrase.command()
@pass_setting
def remove(setting: Setting) -> None:
    """Write the keys in plain again."""
    loaded, plugins = _begin(setting)
    from mepassad.vault import change as changing

    changing.remove_passphrase(loaded, plugins)
    click.echo(_("The keys lie in plain again, for this user only. There is no passphrase any more."))


def _begin(setting: Setting) -> tuple[Loaded, Plugins]:
    loaded, plugins = setting.loaded, setting.plugins
    log.set_up(loaded.config.log.level, loaded.config.log.format)
    return loaded, plugins


class New:
    """The new passphrase: got once it is needed, and kept in the keyring once it is the folder's."""

    def __init__(self, setting: Setting, file: Path | None, keep: bool) -> None:
        """`file` None = ask at a terminal."""
        self._folder, self._file, self._keep = setting.loaded.config.node.data_dir, file, keep
        self._found: Secret

    def get(self) -> Secret:
        """Raises `KeyringMissing` where it could not be kept, and what is wrong with the passphrase."""
        if self._keep:
            keyring.read(self._folder)
        self._found = passphrases.fit(passphrases.from_file(self._file)) if self._file else passphrases.ask_new()
        return self._found

    def taken(self) -> None:
        """It is the folder's passphrase now. Raises `KeyringMissing`."""
        if self._keep:
            keyring.keep(self._folder, self._found)
