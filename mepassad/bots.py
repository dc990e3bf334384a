"""Runs the bots that live inside the daemon: each with an account, and with sessions that may do what it may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from anyio.abc import ByteStream, TaskGroup

from mepassad.api.bots import Bot
from mepassad.api.context import Component
from mepassad.api.types import AccountId
from mepassad.components import Components
from mepassad.errors import PluginClash
from mepassad.log import StructuredLog
from mepassad.people.accounts import Accounts
from mepassad.people.bots import Bots
from mepassad.rpc.authority import Authority, check_scopes
from mepassad.supervisor import Supervisor

NOUN = "bot"


class Sessions(Protocol):
    """Where sessions are to be had; see `mepassad.rpc.server.Server`."""

    @property
    def methods(self) -> Sequence[str]:
        """The names of all methods."""
        ...

    async def connect(self, authority: Authority, /) -> ByteStream:
        """A session of somebody inside the daemon."""
        ...


class BotHost:
    """Starts them once the node answers, and again when they fail."""

    def __init__(self, supervisor: Supervisor, sessions: Sessions, accounts: Accounts, bots: Bots) -> None:
        """`bots`: whose accounts."""
        self._supervisor, self._sessions = supervisor, sessions
        self._accounts, self._bots = accounts, bots
        self._log = StructuredLog("bots")

    def start(self, components: Components, tasks: TaskGroup) -> None:
        """Start all bots that plugins provide, in `tasks`. Raises `PluginBroken`."""
        for plugin, found in components.provided("provide_bot"):
            several: Sequence[Component[Bot]] = found
            for component in several:
                tasks.start_soon(self._supervisor.keep, plugin, component, self._live)

    async def _live(self, bot: Bot) -> None:
        check_scopes(bot.scopes, self._sessions.methods)
        if bot.name in self._supervisor.live[NOUN]:
            raise PluginClash(f"Two bots are named '{bot.name}': give one another name.")
        self._supervisor.live[NOUN][bot.name] = bot
        try:
            await bot.run(self._connect(bot, await self._account(bot)))
        finally:
            del self._supervisor.live[NOUN][bot.name]

    async def _account(self, bot: Bot) -> AccountId:
        """Raises `UnknownAccount`, `InvalidName`, `StoreFull`."""
        if bot.account:
            return self._accounts.me(AccountId(bot.account)).row.id
        account, words = await self._bots.account(bot.name, bot.name)
        if words:
            self._log.info("a bot has an account of its own", bot=bot.name, account=account.id, words_file=str(words))
        return account.id

    def _connect(self, bot: Bot, account: AccountId) -> Callable[[], Awaitable[ByteStream]]:
        return partial(self._sessions.connect, Authority(tuple(bot.scopes), account))
