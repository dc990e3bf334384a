"""`mepassad plugin new`: begins a plugin: a distribution that can be installed, works, and passes its tests."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from mepassad.cli.setting import Setting, pass_setting
from mepassad.i18n import _
from mepassad.plugins import NAME, OF_THE_CORE

EXAMPLES = {"filter": "filter_words", "transport": "transport_unix", "store": "store_memory"}
"""The plugin of each kind that a new one begins as; docs/plugins.md explains them."""


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(list(EXAMPLES)), required=True, help="What the plugin is to provide.")
@pass_setting
def new(setting: Setting, name: str, kind: str) -> None:
    """Begin a plugin: makes the folder mepassad-NAME here, with code that works and its tests."""
    if not NAME.fullmatch(name):
        raise click.UsageError(_("A plugin's name is of small letters, digits and underscores, a letter first."))
    if name in OF_THE_CORE or name in setting.catalogue.names:
        raise click.UsageError(_("The name '{plugin}' is taken.").format(plugin=name))
    folder = Path(f"mepassad-{name.replace('_', '-')}")
    try:
        make(folder, name, kind)
    except FileExistsError:
        raise click.UsageError(_("There is something at {path} already.").format(path=folder)) from None
    except OSError as error:
        raise click.FileError(str(folder), error.strerror) from None
    click.echo(_("Made: {path}. It works as it is; change it, and try it:").format(path=folder))
    click.echo(f"\n  pip install -e './{folder}[test]'\n  pytest {folder}\n  mepassad plugin enable {name}\n")


def make(folder: Path, name: str, kind: str) -> None:
    """Make a plugin's distribution in a new folder. Raises FileExistsError, OSError."""
    folder.mkdir()
    for path, text in sorted(sources(kind, name).items()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def sources(kind: str, name: str) -> dict[str, str]:
    """The files of a plugin of a kind, by their paths."""
    example = EXAMPLES[kind]

    def renamed(text: str) -> str:
        return text.replace(example, name).replace(example.replace("_", "-"), name.replace("_", "-"))

    return {renamed(path): renamed(text) for path, text in _files(files("mepassad") / "scaffold" / kind, "")}


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if not entry.name.startswith(("__pycache__", ".")):
                yield from _files(entry, f"{prefix}{entry.name}/")
        elif not entry.name.startswith("."):
            yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")
