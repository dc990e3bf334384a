"""`mepassad check-config`: is the configuration right?"""

from __future__ import annotations

import click

from mepassad.cli.setting import Setting, pass_setting
from mepassad.config.problems import as_error
from mepassad.i18n import _


@click.command("check-config")
@pass_setting
def check_config(setting: Setting) -> None:
    """Check the configuration and name all that is wrong in it."""
    from mepassad.survey import survey

    loaded = setting.loaded
    if problems := list(survey(loaded)):
        raise as_error(problems)
    for section in loaded.ignored:
        click.echo(_("Not checked: the section of '{plugin}', which `plugins` does not name.").format(plugin=section))
    click.echo(_("The configuration is right: {path}").format(path=setting.path or _("built-in defaults")))
