"""Another user of the machine: a process that begins as root, reads what it needs, then becomes somebody else.

It becomes so for good before it does what a test asks. What it runs is read while it is still root, because the other
user need not be able to enter the folder that this repository or its environment lies in.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import anyio
import mepassa

from mepassad import node
from mepassad.builtin.store_sqlite import store
from mepassad.cli import setting
from mepassad.cli.main import main
from mepassad.clock import SystemClock
from mepassad.config.load import load
from mepassad.people import accounts
from mepassad.plugins import discover

NOBODY = 65_534
ROOT = Path(__file__).parents[1]


def command(what: str, *arguments: str | Path) -> list[str]:
    """The command that does something as the other user: `reach PATH …`, `mepassad ARGUMENT …` or `bot ARGUMENT …`."""
    return [sys.executable, "-m", "tests.unprivileged", what, *map(str, arguments)]


def reach(*paths: Path) -> dict[str, list[str]]:
    """What the other user can do with each path: enter, list, read, write, connect; only those with which anything."""
    done = subprocess.run(command("reach", *paths), cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def become(user: int) -> None:
    """Be another user, of no group that root is in, for the rest of this process."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.umask(0o022)


def _can(what: Callable[[], object]) -> bool:
    try:
        what()
    except OSError:
        return False
    return True


def _reached(path: str) -> list[str]:
    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)

    tries = {
        "enter": lambda: os.chdir(path),
        "list": lambda: os.listdir(path),
        "read": lambda: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK)),
        "write": lambda: os.close(os.open(path, os.O_WRONLY)),
        "make": lambda: os.close(os.open(f"{path}/new", os.O_WRONLY | os.O_CREAT)),
        "connect": connect,
    }
    return [name for name, one in tries.items() if _can(one)]


def _reach(paths: list[str]) -> None:
    become(NOBODY)
    found = {path: ways for path in paths if (ways := _reached(path))}
    sys.stdout.write(json.dumps(found))


def _mepassad(arguments: list[str]) -> None:
    catalogue = setting.discover()
    setting.discover = lambda: catalogue
    store.shipped = cache(store.shipped)  # type: ignore[assignment]
    accounts.Mnemonic = cache(accounts.Mnemonic)
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        _do_all_once(Path(scratch))
    become(NOBODY)
    main(arguments)


def _do_all_once(folder: Path) -> None:
    """Have everything read from the disk that is read late: modules, migrations, lists of words."""
    config, passphrase = folder / "config.yaml", folder / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text("a passphrase")
    keys = {"memory_mb": 64, "passphrase_file": str(passphrase)}
    config.write_text(json.dumps({"node": {"data_dir": str(folder / "data")}, "keys": keys}))
    for words in (["init"], ["passphrase", "set", "--from-file", str(passphrase)]):
        with contextlib.suppress(SystemExit):
            main(["--config", str(config), *words])

    async def start_and_stop() -> None:
        async with node.up(*load(config, os.environ, discover()), SystemClock()):
            pass

    anyio.run(start_and_stop)


def _bot(arguments: list[str]) -> None:
    """An echo bot, of the group that the user has."""
    from mepassa.bot import run  # noqa: F401 - read while still root

    bot = mepassa.Bot("eco")

    @bot.message
    async def echo(ctx: mepassa.Context) -> None:
        await ctx.reply(ctx.message.text)

    become(NOBODY)
    bot.run(arguments)


if __name__ == "__main__":
    {"reach": _reach, "mepassad": _mepassad, "bot": _bot}[sys.argv[1]](sys.argv[2:])
