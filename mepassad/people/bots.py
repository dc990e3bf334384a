"""The accounts of bots: each bot of this node has one of its own, made when it first runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio

from mepassad.api.store import Store
from mepassad.api.types import Account, AccountId
from mepassad.api.writes import SetSetting, Write
from mepassad.people.accounts import Accounts
from mepassad.people.keyfiles import erase, write_words
from mepassad.people.tokens import Tokens
from mepassad.wire.names import own_name

_ACCOUNT = "bot_account/"  # the setting of the node that says which account is a bot's


class Bots:
    """Finds or makes them."""

    def __init__(self, store: Store, accounts: Accounts, tokens: Tokens, folder: Path) -> None:
        """`folder`: where files of words go."""
        self._store, self._accounts, self._tokens, self._folder = store, accounts, tokens, folder
        self._making = anyio.Lock()

    async def account(self, bot: str, name: str) -> tuple[Account, Path | None]:
        """A bot's account; of one that is made now also the file that its words are in.

        Raises `InvalidName`, `StoreFull`.
        """
        async with self._making:
            if kept := await self._store.setting("", _ACCOUNT + bot):
                return self._accounts.me(AccountId(kept.decode())).row, None
            files: list[Path] = []

            def beside(account: Account, words: str) -> Sequence[Write]:
                # The words first: a crash may leave words of no account, but no account without its words.
                files.append(write_words(words, self._folder, account))
                return [SetSetting("", _ACCOUNT + bot, account.id.encode())]

            try:
                account, _ = await self._accounts.create(own_name(name), "bot", beside)
            except Exception:
                if not await self._store.setting("", _ACCOUNT + bot):
                    for file in files:
                        erase(file)
                raise
            return account, files[0]

    async def register(self, bot: str, name: str) -> tuple[Account, str, Path | None]:
        """A bot's account, a fresh token for it that replaces the one before, and the file of words if it was made
        now. Raises `InvalidName`, `TooManyTokens`, `StoreFull`."""
        self._tokens.demand_room(bot)  # first, so that who is refused is not left with an account, its words unseen
        account, words = await self.account(bot, name)
        _, shown = await self._tokens.create(bot, ("write",), account.id, bot)
        return account, shown, words
