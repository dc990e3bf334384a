"""`mepassad plugins`: what is installed, what is on, what each needs, may and provides, and its configuration keys."""

from __future__ import annotations

import json
import re

import click
import msgspec

from mepassad.cli.echo import echo
from mepassad.cli.setting import Setting, pass_setting
from mepassad.errors import ConfigError, MepassaError
from mepassad.i18n import _
from mepassad.plugins import PluginInfo, Plugins


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@pass_setting
def plugins(setting: Setting, as_json: bool) -> None:
    """List the installed plugins and what they may. Those that are on also show hooks and configuration keys."""
    loaded, failure = _load(setting)
    found = setting.listing(loaded)
    if as_json:
        echo(json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False))
    else:
        for info in found:
            _show(info)
    if failure:
        raise failure


def _load(setting: Setting) -> tuple[Plugins | None, MepassaError | None]:
    """The plugins, or why they could not be loaded: the list is for those who look for the reason too."""
    try:
        return setting.plugins, None
    except ConfigError:
        raise
    except MepassaError as error:
        return None, error


def _show(info: PluginInfo) -> None:
    state = _("on") if info.enabled else _("off")
    echo(f"{info.name}  {state}  {info.distribution} {info.version}")
    for line in facts(info):
        echo(f"  {line}")
    if info.hooks is not None:
        echo("  " + _("provides: {hooks}").format(hooks=", ".join(info.hooks) or _("nothing")))
    for key in info.keys or ():
        default = json.dumps(key.default, ensure_ascii=False)
        echo(f"  {key.key}: {type_words(key.type)} = {default}")
        if key.description:
            echo(f"      {key.description}")


def type_words(kind: str) -> str:
    """A type as `KeyInfo` has it, in the user's language; names that a value may have stay as they are."""
    words = {
        "list of": _("list of"),
        "whole number": _("whole number"),
        "number": _("number"),
        "text": _("text"),
        "path": _("path"),
        "nothing": _("nothing"),
        "by name": _("by name"),
        "or": _("or"),
    }
    return re.sub(rf"\b({'|'.join(words)})\b", lambda found: words[found[1]], kind)


def facts(info: PluginInfo) -> list[str]:
    """What a plugin says of itself without being imported, in lines: what it needs, what it may, what is wrong."""
    lines = [_("needs: {requirements}").format(requirements=", ".join(info.needs))] if info.needs else []
    for one in info.permissions:
        line = _("may: {words} ({name})") if one.given else _("asks to: {words} ({name}), which was not given")
        lines.append(line.format(words=_(one.words), name=one.name))
    if not info.bounded:
        lines.append(_("does not say which versions of mepassad it goes with"))
    if info.problem:
        lines.append(_("cannot be loaded: {reason}").format(reason=info.problem))
    return lines
