"""`mepassad check-config`: is the configuration right?"""

from __future__ import annotations

import click

from mepassad.cli.i18n import _
from mepassad.cli.setting import Setting, pass_setting
from mepassad.errors import ConfigError


@click.command("check-config")
@pass_setting
def check_config(setting: Setting) -> None:
    """Check the configuration and name all that is wrong in it."""
    for bot in setting.loaded.config.bots:
        if bot.file is not None and not bot.file.is_file():
            raise ConfigError(_("bots: there is no file {path}").format(path=bot.file))
    ignored = setting.loaded.ignored
    for section in ignored:
        click.echo(_("Not checked: the section of '{plugin}', which `plugins` does not name.").format(plugin=section))
    click.echo(_("The configuration is right: {path}").format(path=setting.path or _("built-in defaults")))
