"""`mepassad plugins`: what is installed, what is on, what each provides, and its configuration keys."""

from __future__ import annotations

import json

import click
import msgspec

from mepassad.cli.i18n import _
from mepassad.cli.setting import Setting, pass_setting
from mepassad.plugins import PluginInfo


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@pass_setting
def plugins(setting: Setting, as_json: bool) -> None:
    """List the installed plugins and what they provide. Those that are on also show their configuration keys."""
    found = setting.plugins.describe()
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False))
        return
    for info in found:
        _show(info)


def _show(info: PluginInfo) -> None:
    state = _("on") if info.enabled else _("off")
    click.echo(f"{info.name}  {state}  {info.distribution} {info.version}")
    if info.hooks is not None:
        click.echo("  " + _("provides: {hooks}").format(hooks=", ".join(info.hooks) or _("nothing")))
    for key in info.keys or ():
        default = json.dumps(key.default, ensure_ascii=False)
        click.echo(f"  {key.key}: {key.type} = {default}")
        if key.description:
            click.echo(f"      {key.description}")
