"""`mepassa bot`: begin a bot, run it, test it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from mepassa.cli.i18n import _
from mepassa.cli.itself import itself
from mepassa.cli.session import Refused, Session

TEMPLATES = ("commands", "echo")


@click.group(short_help="Begin, run and test bots.")
def bot() -> None:
    """Begin a bot, run it and test it: programs that answer the messages of an account."""


@bot.command(short_help="Begin a bot in a new folder.")
@click.argument("name", metavar="NAME")
@click.option("--template", type=click.Choice(TEMPLATES), default="echo", show_default=True, help="What it begins as.")
def new(name: str, template: str) -> None:
    """Make the folder NAME with a bot, its test and a README. Nothing is overwritten."""
    from mepassa.bot import Bot, InvalidBot

    folder = Path(name)
    try:
        Bot(folder.name)
        folder.mkdir(parents=True)
        _write(folder, template)
    except InvalidBot:
        told = _("A bot's name has 1 to 32 characters of a–z, 0–9, - and _.")
        raise click.BadParameter(told) from None
    except FileExistsError:
        raise Refused(_("{path} is there already; choose another name.").format(path=folder)) from None
    except OSError as error:
        told = _("{path} cannot be made: {reason}.")
        raise Refused(told.format(path=folder, reason=error.strerror)) from None
    click.echo(_("Run it:") + " " + itself("bot", "run", str(folder / "bot.py")))
    click.echo(_("Test it:") + " " + itself("bot", "test", str(folder)))


@bot.command(short_help="Run a bot.")
@click.argument("file", metavar="FILE")
@click.pass_obj
def run(session: Session, file: str) -> None:
    """Run the bot of FILE, or of an installed module, until it is interrupted.

    The node gives it an account of its own, unless there is --account or --token-file before `bot`.
    """
    from mepassa.bot.errors import BotNotLoaded
    from mepassa.bot.load import load_bot
    from mepassa.bot.run import run as run_bot

    sys.path.append(str(Path.cwd()))  # as for `python -m`
    try:
        found = load_bot(file)
    except BotNotLoaded as error:
        raise Refused(str(error)) from None
    run_bot(session, found)


@bot.command(short_help="Run the tests of a bot.")
@click.argument("folder", type=click.Path(exists=True, path_type=Path), default=".")
def test(folder: Path) -> None:
    """Run the tests in FOLDER with pytest; it needs no node. The exit code is that of pytest."""
    if importlib.util.find_spec("pytest") is None or importlib.util.find_spec("mepassad") is None:
        raise Refused(_("Testing bots needs more: pip install 'mepassa[test]'"))
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", folder], check=False).returncode)  # noqa: S603


def _write(folder: Path, template: str) -> None:
    for source in _sources(template):
        text = source.read_text(encoding="utf-8").replace("NAME", folder.name)
        (folder / source.name.removesuffix(".template")).write_text(text, encoding="utf-8")


def _sources(template: str) -> list[Traversable]:
    """The files of a template, and those that all of them have."""
    folder = files("mepassa") / "templates"
    return [one for place in (folder / template, folder) for one in place.iterdir() if one.name.endswith(".template")]
