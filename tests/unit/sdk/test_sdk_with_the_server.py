"""Client, bot and command against the daemon's own RPC server, on a node in memory."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner
from mepassa import Bot, Client, Context, Done, NotPermitted, RpcError, TokenRefused, UnknownContact
from mepassa.cli import main
from served_node import fake_node, serving

from mepassad.bus import Fact


@pytest.fixture
def anyio_backend() -> str:
    """The daemon's loop."""
    return "asyncio"


@pytest.fixture
async def node() -> AsyncIterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        node = fake_node.FakeNode()
        async with serving(node, folder) as socket:
            node.socket = socket
            yield node


def receive(node: Any, text: str) -> None:
    data = {
        "account": fake_node.ANA,
        "message_id": f"m{node.bus.newest}",
        "contact": fake_node.BOB,
        "conversation": fake_node.WITH_BOB,
        "text": text,
        "time": "2030-01-02T03:04:05.006Z",
    }
    node.bus.publish([Fact(node.bus.newest + 1, fake_node.ANA, "message.received", data)])


async def test_calls_and_refusals(node: Any) -> None:
    deep: list[Any] = []
    for _ in range(40):
        deep = [deep]
    async with Client(node.socket) as client:
        assert (await client.call("identity.show"))["account"] == fake_node.ANA
        with pytest.raises(UnknownContact) as caught:
            await client.call("contacts.get", contact="mp1nobody")
        assert (caught.value.code, caught.value.name) == (1100, "UnknownContact")
        with pytest.raises(RpcError, match="nested more than 32") as caught:
            await client.call("plugin.method", contact=deep)
        assert caught.value.name == "InvalidRequest"


async def test_every_noun_speaks_as_the_server_expects(node: Any) -> None:
    async with Client(node.socket) as client:
        created = await client.accounts.create(name="Robot", kind="bot")
        assert [one.kind async for one in client.accounts.iterate()] == ["person", "bot"]
        assert (await client.identity.show(account=created.account)).name == "Robot"
        invite = await client.invites.create(uses=2, expires_in=60)
        assert invite.expires_at == datetime(2023, 11, 14, 22, 14, 20, tzinfo=UTC)
        assert (await client.invites.accept(uri=invite.uri)).state == "pending"
        (bob,) = [one async for one in client.contacts.iterate()]
        assert (await client.contacts.rename(contact=bob.contact, name="Roberto")).petname == "Roberto"
        sent = await client.messages.send(contact=bob.contact, text="olá", reply_to="m9")
        message = await client.messages.get(message_id=sent.message_id)
        assert (message.text, message.reply_to, message.route) == ("olá", "m9", None)
        assert [message] == [one async for one in client.messages.iterate(conversation=bob.conversation)]
        assert [message] == [one async for one in client.messages.iterate_search(query="ola")]
        assert await client.messages.mark_read(message_id=sent.message_id) == Done()
        assert (await client.conversations.get(contact=bob.contact)).unread == 1
        assert await client.system.stats() == {"commits": 3}
        token = await client.tokens.create(name="bot", scopes=["read"], account=fake_node.ANA)
        async with Client(node.socket, token=token.token) as reader:
            hello = await reader.system.hello(client="a test")
            assert (hello.account, hello.scopes) == (fake_node.ANA, ["read"])
            with pytest.raises(NotPermitted):
                await reader.messages.send(contact=bob.contact, text="no")
            async with reader.events() as events:
                await client.tokens.revoke(token_id=token.token_id)
                for refused in (reader.identity.show(), anext(events)):
                    with pytest.raises(TokenRefused), anyio.fail_after(30):
                        await refused
        assert [one.name async for one in client.tokens.iterate()] == []


async def test_the_longest_line_that_the_client_sends_is_one_that_the_server_takes(node: Any) -> None:
    async with Client(node.socket) as client:
        frame = len(
            f'{{"jsonrpc":"2.0","id":1,"method":"messages.send","params":{{"contact":"{fake_node.BOB}","text":""}}}}'
        )
        await client.call("messages.send", contact=fake_node.BOB, text="x" * ((1 << 20) - frame))
        assert (await client.call("identity.show"))["name"] == "Ana"


async def test_events_are_replayed_and_followed_past_a_slow_start(node: Any) -> None:
    node.bus.add(1000)
    async with Client(node.socket) as client, client.events(after=0) as events:
        node.bus.add(1000)
        with anyio.fail_after(30):
            assert [(await anext(events)).seq for _ in range(2000)] == list(range(1, 2001))


class Answers:
    """What bots do, kept beside the messages of a node in memory."""

    def __init__(self, store: Any) -> None:
        self.store, self.seq, self.kept, self.place_kept = store, 0, b"{}", 0

    async def place(self, account: str, bot: str) -> int:
        return self.place_kept

    async def save(self, account: str, bot: str, place: int) -> None:
        self.place_kept = place

    async def state(self, account: str, bot: str, conversation: str) -> tuple[int, bytes]:
        return self.seq, self.kept

    async def keep(self, account: str, bot: str, answer: Any) -> list[Any]:
        assert answer.after == self.seq
        self.seq, self.place_kept, self.kept = answer.seq, answer.place, answer.state or self.kept
        return [self.store.add(reply.text) for reply in answer.replies]


async def test_a_bot_answers_and_outlives_a_restart_of_the_server() -> None:
    bot, node = Bot("echo"), fake_node.FakeNode()
    node.answers = Answers(node.store)

    @bot.message
    async def echo(ctx: Context) -> None:
        ctx.state["count"] = ctx.state.get("count", 0) + 1
        await ctx.reply(f"{ctx.state['count']} {ctx.text}")

    async def answers(count: int) -> None:
        with anyio.fail_after(30):
            while len(node.store.rows) < count:
                await anyio.sleep(0.001)

    with tempfile.TemporaryDirectory() as folder:
        async with Client(Path(folder, "run", "s")) as client, anyio.create_task_group() as tasks:
            async with serving(node, folder):
                receive(node, "one")
                tasks.start_soon(bot.serve, client)
                await answers(1)
            receive(node, "two, while the server is away")
            async with serving(node, folder):
                await answers(2)
                receive(node, "three")
                await answers(3)
                bot.stop()
    assert [row.text for row in node.store.rows] == ["1 one", "2 two, while the server is away", "3 three"]
    assert node.answers.place_kept == 3


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["status"], "version\t0.0.0\n"),
        (["contacts", "rename", "Bob", "Bobby"], f"{fake_node.BOB}\taccepted\tBobby\n"),
        (["invite", "--uses", "2"], "mepassa:i/1/AAAA\n"),
        (["accept", "mepassa:i/1/AAAA"], f"{fake_node.BOB}\tpending\n"),
        (["contacts"], f"{fake_node.BOB}\taccepted\tBob\n"),
        (["verify", "Bob"], fake_node.NUMBER[-5:] + "\n"),
        (["verify", "Bob", "--number", fake_node.NUMBER], f"{fake_node.BOB}\tverified\tBob\n"),
        (["verify", "--show"], "mepassa:v/1/AAAA\n"),
        (["send", "Bob", "hi"], "m0\n"),
        (["send", "mepassa:i/1/AAAA", "hi"], "m0\n"),
        (["rpc", "messages.list", f'{{"contact": "{fake_node.BOB}"}}'], '{"items": [], "next": null}\n'),
    ],
)
async def test_every_command_speaks_as_the_server_expects(node: Any, arguments: list[str], output: str) -> None:
    invoke = partial(CliRunner().invoke, main, ["--socket", str(node.socket), *arguments])
    result = await anyio.to_thread.run_sync(invoke)
    assert result.exit_code == 0, result.output
    assert output in result.stdout
