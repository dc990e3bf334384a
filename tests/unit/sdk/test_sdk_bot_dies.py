"""Whatever dies at whatever moment, bot, socket or node: each message is answered once, counted once, in order."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import anyio
import mepassa.bot.watch
import pytest
from bot_runs import PATIENCE
from bots_node import BotsNode
from hypothesis import given, settings
from hypothesis import strategies as st
from mepassa import Bot, Client, ConnectionLost, Context
from wire_node import Refusal

from tests.examples import examples

EXAMPLES = int(os.environ.get("MEPASSA_SCHEDULES", examples(40)))
CONTACTS = ("mp1ana", "mp1bia", "mp1rui")
Schedule = dict[int, str]
"""At which call of a method of bots something dies, and what: see `Dying`."""


@pytest.fixture(autouse=True, scope="module")
def _short_moments() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mepassa.bot.watch, "MOMENT", 0.001)
        yield


def fresh_bot() -> Bot:
    """A bot that counts what each contact says; `slow` answers go out early, `raise` fails, `bad` is refused."""
    bot = Bot("counter", answers_per_minute=None, max_concurrent=2)

    @bot.message
    async def count(ctx: Context) -> None:
        ctx.state["count"] = ctx.state.get("count", 0) + 1
        word = ctx.text.split()[0]
        await ctx.reply("refused" if word == "bad" else f"{ctx.state['count']} of {ctx.text}")
        if word == "slow":
            await anyio.sleep(0.005)
            await ctx.reply(f"done with {ctx.text}")
        elif word == "raise":
            raise ValueError

    return bot


def expected(texts: Sequence[str]) -> tuple[list[str], int]:
    """What a contact who wrote these texts is answered, and what the bot counts in the end."""
    answers, count = [], 0
    for text in texts:
        word = text.split()[0]
        if word in ("raise", "bad"):  # what came of it is dropped
            continue
        count += 1
        answers.append(f"{count} of {text}")
        if word == "slow":
            answers.append(f"done with {text}")
    return answers, count


class Dying:
    """A node and its bot in the course of a schedule."""

    def __init__(self, node: BotsNode, schedule: Schedule) -> None:
        self.node, self.schedule = node, schedule
        self.calls, self.bot, self.stopped = 0, anyio.CancelScope(), False
        self.stop: Callable[[], None]
        node.cut = self.cut
        node.refuse = lambda text: Refusal(1203, "Rejected", "No.") if text == "refused" else None

    def cut(self, method: str, number: int) -> str:
        if not method.startswith(("bots.", "messages.")):
            return ""
        self.calls += 1
        what = self.schedule.get(self.calls, "")
        if what != "bot":
            return what
        self.bot.cancel()
        return ""

    async def run(self) -> None:
        """Run the bot, and again whenever it was killed, until it is stopped."""
        while not self.stopped:
            with anyio.CancelScope() as self.bot, suppress(ConnectionLost):  # lost before it had begun
                async with Client(self.node.path) as client:
                    bot = fresh_bot()
                    self.stop = bot.stop
                    if not self.stopped:  # while this one connected
                        await bot.serve(client)

    def is_done(self) -> bool:
        """Whether each conversation is marked as dealt with up to its last message."""
        last = {f"with {contact}": 0 for contact in CONTACTS}
        for seq, (_, data) in enumerate(self.node.log, 1):
            last[data["conversation"]] = seq
        marks = {conversation: self.node.marks.get(("counter", conversation), 0) for conversation in last}
        return marks == last


WORDS = st.sampled_from(["plain", "plain", "plain", "slow", "raise", "bad"])
MESSAGES = st.lists(st.tuples(st.sampled_from(CONTACTS), WORDS), min_size=1, max_size=14)
DEATHS = st.dictionaries(st.integers(1, 40), st.sampled_from(["before", "after", "bot", "node"]), max_size=8)


@settings(max_examples=EXAMPLES)
@given(MESSAGES, DEATHS, st.lists(st.integers(150, 3000), max_size=4))
async def test_whatever_dies_each_message_is_answered_once_and_counted_once_in_order(
    messages: list[tuple[str, str]], deaths: Schedule, lives: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with BotsNode(Path(folder, "s")).serving() as node, anyio.create_task_group() as tasks:
            assert isinstance(node, BotsNode)
            dying, texts = Dying(node, deaths), dict[str, list[str]]()
            node.lives = [3000, 3000, *lives]  # the first two live long enough for a bot to begin
            for number, (contact, word) in enumerate(messages):
                texts.setdefault(contact, []).append(f"{word} {number}")
                node.say(f"{word} {number}", contact)
            tasks.start_soon(dying.run)
            with anyio.fail_after(PATIENCE):
                while not dying.is_done():
                    await anyio.sleep(0.001)
            dying.stopped = True
            dying.stop()
    for contact, said in texts.items():
        answers, count = expected(said)
        assert node.texts(contact) == answers
        assert node.states.get(("counter", f"with {contact}"), {}).get("count", 0) == count
