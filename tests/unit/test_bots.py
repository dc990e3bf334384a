"""Bots that live inside the daemon: started with the node, with an account and rights of their own, kept alive."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from mepassad.api import Component, PluginContext, hookimpl
from mepassad.api.bots import Bot, Connect
from mepassad.testing.nodes import Nodes, RunningNode, eventually


class Speaker:
    """A bot that keeps what the node answered to its calls; `then` is what it does afterwards."""

    def __init__(
        self, name: str, *calls: dict[str, Any], account: str = "", scopes: Sequence[str] = ("write",)
    ) -> None:
        self.name, self.account, self.scopes = name, account, scopes
        self.calls, self.answers = calls, list[dict[str, Any]]()
        self.runs, self.ended = 0, False
        self.then: Callable[[], Awaitable[None]] = anyio.sleep_forever

    async def run(self, connect: Connect, /) -> None:
        self.runs += 1
        try:
            async with await connect() as stream:
                lines = BufferedByteReceiveStream(stream)
                for number, call in enumerate(self.calls):
                    await stream.send(json.dumps({"jsonrpc": "2.0", "id": number, **call}).encode() + b"\n")
                    self.answers.append(json.loads(await lines.receive_until(b"\n", 1 << 20)))
                await self.then()
        finally:
            self.ended = True


class Plugin:
    """A plugin that provides bots."""

    def __init__(self, *bots: Speaker) -> None:
        self.bots = bots

    @hookimpl
    def provide_bot(self, config: Any) -> Sequence[Component[Bot]]:
        def component(bot: Speaker) -> Component[Bot]:
            @asynccontextmanager
            async def live(context: PluginContext) -> AsyncIterator[Bot]:
                yield bot

            return live

        return [component(bot) for bot in self.bots]


async def start(nodes: Nodes, *bots: Speaker) -> RunningNode:
    nodes.plugins["speakers"] = Plugin(*bots)
    return await nodes.start("ana")


async def test_a_bot_speaks_for_an_account_of_its_own_that_it_keeps(nodes: Nodes) -> None:
    bot = Speaker("eco", {"method": "identity.show"}, {"method": "accounts.list"})
    ana = await start(nodes, bot)
    await eventually(lambda: len(bot.answers) == 2)
    own = bot.answers[0]["result"]["account"]
    assert own != ana.account
    assert [item["account"] for item in bot.answers[1]["result"]["items"]] == [own]
    assert ana.node.accounts.resolve(own).kind == "bot"
    assert len(list(nodes.folder("ana").glob(f"recovery-words-{own[-8:]}.txt"))) == 1
    assert ana.node.stats()["components"] == {"bot": ["eco"]}
    await nodes.restart("ana")
    assert bot.ended
    await eventually(lambda: len(bot.answers) == 4)
    assert bot.answers[2]["result"]["account"] == own


async def test_a_bot_may_do_what_its_scopes_say_and_no_more(nodes: Nodes) -> None:
    bot = Speaker("eco", {"method": "system.stop"}, {"method": "invites.create"}, scopes=["read"])
    await start(nodes, bot)
    await eventually(lambda: len(bot.answers) == 2)
    assert [answer["error"]["data"]["name"] for answer in bot.answers] == ["NotPermitted", "NotPermitted"]


async def test_a_bot_that_fails_is_told_of_and_started_again(nodes: Nodes) -> None:
    bot = Speaker("eco")

    async def fail() -> None:
        raise ZeroDivisionError("oops")

    bot.then = fail
    ana = await start(nodes, bot)
    await eventually(lambda: bool(ana.facts("plugin.failed")))
    assert ana.facts("plugin.failed")[0] == {
        "account": "",
        "plugin": "speakers",
        "reason": "ZeroDivisionError: oops",
    }
    await nodes.in_time(lambda: bot.runs == 2)


async def test_a_bot_that_is_done_is_left_in_peace(nodes: Nodes) -> None:
    bot, other = Speaker("eco"), Speaker("outro")
    bot.then = anyio.lowlevel.checkpoint
    ana = await start(nodes, bot, other)
    await eventually(lambda: bot.ended and other.runs == 1)
    await nodes.pass_by(400, times=2)
    assert (bot.runs, ana.node.stats()["components"]) == (1, {"bot": ["outro"]})


@pytest.mark.parametrize(
    ("bots", "reason"),
    [
        ([Speaker("eco"), Speaker("eco")], "Two bots are named 'eco': give one another name."),
        ([Speaker("eco", scopes=["everything"])], "A scope is `read`, `write`, `admin` or the name of a method"),
        ([Speaker("eco", account="mp1nobody")], "This node has no such account"),
    ],
)
async def test_a_bot_that_cannot_be_is_told_of_in_a_sentence(nodes: Nodes, bots: list[Speaker], reason: str) -> None:
    ana = await start(nodes, *bots)
    await eventually(lambda: bool(ana.facts("plugin.failed")))
    assert str(ana.facts("plugin.failed")[0]["reason"]).startswith(reason)
    assert sum(bot.runs for bot in bots) < 2


async def test_a_bot_that_opens_session_after_session_takes_no_place_of_others(nodes: Nodes) -> None:
    class Flood(Speaker):
        async def run(self, connect: Connect, /) -> None:
            async with AsyncExitStack() as open_:
                streams = [await open_.enter_async_context(await connect()) for _ in range(65)]
                self.answers.append(json.loads(await streams[-1].receive()))
                await anyio.sleep_forever()

    flood, other = Flood("flood"), Speaker("eco", {"method": "system.hello"})
    await start(nodes, flood, other)
    await eventually(lambda: bool(flood.answers and other.answers))
    assert flood.answers[0]["error"]["data"] == {"name": "TooManySessions", "limit": 64}
    assert "result" in other.answers[0]


async def test_the_node_stops_at_once_although_a_bot_has_calls_in_flight(nodes: Nodes) -> None:
    bot = Speaker("eco", {"method": "events.subscribe"})
    ana = await start(nodes, bot)
    await eventually(lambda: bool(bot.answers))
    await ana.stop()
    del nodes.up["ana"]
    assert bot.ended
