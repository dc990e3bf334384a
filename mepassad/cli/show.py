"""`mepassad config show`: the effective values, and where each came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from mepassad.cli.setting import Setting, pass_setting
from mepassad.config.describe import describe_keys, plain
from mepassad.config.load import Loaded
from mepassad.i18n import _


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: every key with its value and origin.")
@pass_setting
def show(setting: Setting, as_json: bool) -> None:
    """Show every key's effective value and its origin."""
    rows = list(effective(setting.loaded))
    if as_json:
        values = {key: {"value": value, "origin": origin} for key, value, origin in rows}
        click.echo(json.dumps(values, indent=2, ensure_ascii=False))
        return
    lines = [(f"{key}: {json.dumps(value, ensure_ascii=False)}", _origin(origin)) for key, value, origin in rows]
    width = min(max(len(line) for line, _origin_ in lines), 60)
    for line, origin in lines:
        click.echo(f"{line:<{width}}  # {origin}")


def effective(loaded: Loaded) -> Iterator[tuple[str, Any, str]]:
    """Every dotted key, its value as plain data, and its origin."""
    whole = {"": loaded.config, **loaded.sections}
    for prefix, section in whole.items():
        for info in describe_keys(type(section), prefix):
            value: Any = section
            for name in info.key.removeprefix(f"{prefix}." if prefix else "").split("."):
                value = getattr(value, name)
            yield info.key, plain(value), loaded.origins[info.key]


def _origin(origin: str) -> str:
    return _("default") if origin == "default" else origin
