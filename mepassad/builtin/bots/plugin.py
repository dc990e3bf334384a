"""The bots of config.yaml's `bots`: the same files that `mepassa bot run` runs, inside the daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from mepassad.api import Component, PluginContext, hookimpl
from mepassad.api.bots import Bot, Connect
from mepassad.errors import PluginMissing

if TYPE_CHECKING:
    import mepassa


class HostedBot:
    """A bot of the SDK. Implements `mepassad.api.bots.Bot`."""

    def __init__(self, bot: mepassa.Bot, entry: Any) -> None:
        """`entry`: what config.yaml says of it."""
        self._bot, self.name = bot, bot.name
        self.account, self.scopes = entry.account, entry.scopes

    async def run(self, connect: Connect, /) -> None:
        """Serve until cancelled."""
        from mepassa import Client

        async with Client(connect=connect) as client:
            await self._bot.serve(client)


@hookimpl
def provide_bot(config: Any) -> Sequence[Component[Bot]]:
    """One for each item of `bots`."""
    return [partial(_hosted, entry) for entry in config.bots]


@asynccontextmanager
async def _hosted(entry: Any, context: PluginContext) -> AsyncIterator[HostedBot]:
    try:
        from mepassa.bot.load import load_bot
    except ImportError:
        raise PluginMissing("`bots` needs the SDK, the distribution `mepassa`: `pip install ./sdk`.") from None
    yield HostedBot(load_bot(str(entry.file or entry.module)), entry)
