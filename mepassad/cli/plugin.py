"""`mepassad plugin`: turns a plugin on, after telling what it may do then, or off; `new.py` begins one."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mepassad.cli.echo import echo
from mepassad.cli.new import new
from mepassad.cli.plugins import facts
from mepassad.cli.setting import SYSTEM_CONFIG, Setting, pass_setting
from mepassad.config import switch
from mepassad.config.load import ENVIRONMENT
from mepassad.errors import ConfigError
from mepassad.i18n import _

VARIABLE = f"{ENVIRONMENT}PLUGINS"


@click.group()
def plugin() -> None:
    """Turn plugins on and off, and begin new ones."""


@plugin.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask: give the plugin what it asks for.")
@pass_setting
def enable(setting: Setting, name: str, yes: bool) -> None:
    """Turn a plugin on: shows what it needs and may, asks, then names it in the configuration file."""
    setting.catalogue.installed(name)  # raises where it is not
    info = next(one for one in setting.listing(None) if one.name == name)
    echo(f"{name}  {info.distribution} {info.version}")
    for line in facts(info):
        echo(f"  {line}")
    setting.catalogue.check(name, [one.name for one in info.permissions])
    permissions = [one.name for one in info.permissions if not one.given]
    if info.enabled and not permissions:
        echo(_("The plugin '{plugin}' is on already.").format(plugin=name))
        return
    path = _file(
        setting,
        " " + _("In a file of that name, or one that --config names,") + f" {switch.by_hand(name, permissions)}",
    )
    if not yes and not _agreed(_("Turn '{plugin}' on? (y/N)").format(plugin=name)):
        echo(_("Nothing was changed."))
        return
    switch.enable(path, name, permissions)
    _changed(setting, path)


@plugin.command()
@click.argument("name")
@pass_setting
def disable(setting: Setting, name: str) -> None:
    """Turn a plugin off: takes it, and what it was given, out of the configuration file."""
    path = _file(setting)
    if switch.disable(path, name):
        _changed(setting, path)
    else:
        echo(_("The plugin '{plugin}' is not on.").format(plugin=name))


plugin.add_command(new)


def _file(setting: Setting, advice: str = "") -> Path:
    """The file to change. Raises `ConfigError` where there is none, or it would not count."""
    if VARIABLE in os.environ:
        raise ConfigError(
            _("The variable {variable} says which plugins are on, whatever a file says; change it instead.").format(
                variable=VARIABLE
            )
        )
    if setting.path is None:
        told = _("There is no configuration file to change: no {path}.").format(path=SYSTEM_CONFIG)
        if Path("config.yaml").exists():
            told += " " + _("Name the one that is here: `mepassad --config config.yaml …`.")
        raise ConfigError(told + advice)
    return setting.path


def _agreed(question: str) -> bool:
    answer = click.prompt(question, default="n", show_default=False)
    return answer.strip().lower() in {"y", "yes", *_("y yes").split()}


def _changed(setting: Setting, path: Path) -> None:
    """Say so, then read the file as the node will: raises what is wrong now."""
    echo(_("Changed: {path}. It counts from the node's next start.").format(path=path))
    for name in setting.loaded.ignored:
        echo(_("Not checked: the section of '{plugin}', which `plugins` does not name.").format(plugin=name))
