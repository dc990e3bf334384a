"""`mepassad doctor`: what keeps the node from working, and the command that mends it."""

from __future__ import annotations

import json

import click
import msgspec

from mepassad.cli.echo import echo
from mepassad.cli.setting import Setting
from mepassad.i18n import _


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Find what keeps the node from working.

    Looks at clock, disk, key files and passes, ports, servers and NAT. Each line says how it is, why, and what mends
    it. Exits with 1 where something is bad.
    """
    from mepassad.doctor import asking, examine

    setting: Setting = context.obj
    config = setting.loaded.config
    found = list(examine(setting.loaded, setting.path, asking(config.rpc.socket)))
    if as_json:
        echo(json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False))
    else:
        words = {"ok": _("ok"), "warning": _("warning"), "bad": _("bad"), "unknown": _("unknown")}
        about = {one.about: about_word(one.about) for one in found}
        width, first = max(map(len, words.values())), max(map(len, about.values()))
        for one in found:
            mend = f"\n{'':<{width + first + 4}}$ {one.mend}" if one.mend else ""
            echo(f"{words[one.state]:<{width}}  {about[one.about]:<{first}}  {one.why}{mend}")
    context.exit(int(any(one.state == "bad" for one in found)))


def about_word(about: str) -> str:
    """What was looked at, in the user's language."""
    words = {
        "clock": _("clock"),
        "disk": _("disk"),
        "keys": _("keys"),
        "files": _("files"),
        "node": _("node"),
        "port": _("port"),
        "descriptors": _("open files"),
        "bootstrap": _("bootstrap"),
        "mailbox": _("mailbox"),
        "relay": _("relay"),
        "nat": _("NAT"),
    }
    return words.get(about, about)
