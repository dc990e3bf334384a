"""The first account of a data folder, made or restored without a running node."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import msgspec

from mepassad.clock import SystemClock
from mepassad.config.load import Loaded
from mepassad.errors import AccountExists
from mepassad.node import begin
from mepassad.people.keyfiles import write_words
from mepassad.plugins import Plugins


class InitResult(msgspec.Struct, frozen=True):
    """A new account; `words` is None when they came from the user; `words_file` where they were written instead."""

    account: str
    words: str | None
    words_file: Path | None
    beside: str | None = None  # the account that was there first, and that clients use unless they name one

    def __repr__(self) -> str:
        return f"InitResult({self.account})"


def init(loaded: Loaded, plugins: Plugins, name: str, kind: str, words: str | None) -> InitResult:
    """Make the data folder and an account, or restore one from its words. Needs no daemon, and refuses to run
    beside one. Raises `AlreadyRunning`, `WrongWords`, `InvalidName`, `AccountExists`, `UnsafePath`."""
    return anyio.run(_init, loaded, plugins, name, kind, words)


async def _init(loaded: Loaded, plugins: Plugins, name: str, kind: str, words: str | None) -> InitResult:
    async with AsyncExitStack() as stack:
        _, core, _ = await begin(stack, loaded, plugins, SystemClock())
        await core.load()
        if words is not None:
            first = next((row.id for row in core.accounts.all()), None)
            return InitResult((await core.accounts.restore(words, name, kind)).id, None, None, first)
        if core.accounts.all():
            folder = loaded.config.node.data_dir
            raise AccountExists(
                f"There is an account already in {folder}; `mepassa accounts create` makes another at the running "
                "node, and `node.data_dir` names another folder."
            )
        account, fresh = await core.accounts.create(name, kind)
        if sys.stdout.isatty():
            return InitResult(account.id, fresh, None)
        return InitResult(account.id, None, write_words(fresh, loaded.config.node.data_dir, account))
