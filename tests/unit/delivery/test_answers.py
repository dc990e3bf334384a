"""What a bot makes of an event: its answers, its state and its place are one fact."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mepassad.api.filters import Draft
from mepassad.api.types import ConversationId, Message
from mepassad.delivery.answers import Answer, Reply
from mepassad.errors import (
    AlreadyAnswered,
    ContactBlocked,
    EmptyMessage,
    MessageTooLarge,
    StateTooLarge,
    UnknownContact,
    UnknownConversation,
)
from mepassad.testing.nodes import Nodes, RunningNode, eventually, living
from tests.examples import examples


def made(of: RunningNode, to: RunningNode, seq: int, *texts: str, after: int = 0, state: bytes | None = None) -> Answer:
    """What the bot made of event `seq` of its conversation with a contact."""
    replies = tuple(Reply(text, f"echo:{seq}:{number}") for number, text in enumerate(texts))
    conversation = of.contact(to).conversation
    return Answer(conversation=conversation, after=after, seq=seq, place=seq, replies=replies, state=state)


async def keep(of: RunningNode, answer: Answer) -> Sequence[str]:
    return [message.text for message in await of.node.answers.keep(of.account, "echo", answer)]


async def kept(of: RunningNode, to: RunningNode) -> tuple[int | None, int, bytes]:
    """Place, mark and state."""
    answers = of.node.answers
    state = await answers.state(of.account, "echo", of.contact(to).conversation)
    return await answers.place(of.account, "echo"), *state


async def test_answers_state_and_place_are_kept_together_and_outlive_a_restart(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    assert await kept(bot, bob) == (None, 0, b"{}")
    assert await keep(bot, made(bot, bob, 3, "um", "dois", state=b'{"n":1}')) == ["um", "dois"]
    await eventually(lambda: bob.texts() == ["um", "dois"])
    bot = await nodes.restart("bob")
    assert await kept(bot, bob) == (3, 3, b'{"n":1}')


async def test_a_refused_answer_changes_nothing(nodes: Nodes) -> None:
    bob, bot = await nodes.pair(rpc__max_state=256, messages__max_text=256)
    refused = {
        EmptyMessage: made(bot, bob, 4, "bom", " ", state=b'{"n":2}'),
        MessageTooLarge: made(bot, bob, 4, "x" * 257, state=b'{"n":2}'),
        StateTooLarge: made(bot, bob, 4, "bom", state=b'{"n":"%s"}' % (b"x" * 249)),
        UnknownConversation: Answer(conversation=ConversationId("nowhere"), after=0, seq=4, place=4),
    }
    for error, answer in refused.items():
        with pytest.raises(error):
            await keep(bot, answer)
    await bot.node.contacts.block(bot.account, bob.account, True)
    with pytest.raises(ContactBlocked):
        await keep(bot, made(bot, bob, 4, "bom", state=b'{"n":2}'))
    assert await kept(bot, bob) == (None, 0, b"{}")
    assert not await bot.owes(bob)


async def test_text_and_state_may_be_as_large_as_their_limits(nodes: Nodes) -> None:
    bob, bot = await nodes.pair(rpc__max_state=256, messages__max_text=256)
    state = b'{"n":"%s"}' % (b"x" * 248)
    assert len(state) == 256
    await keep(bot, made(bot, bob, 1, "x" * 256, state=state))
    assert await kept(bot, bob) == (1, 1, state)


async def test_who_comes_second_is_told_and_sends_nothing(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    await keep(bot, made(bot, bob, 1, "primeira"))
    for late in (made(bot, bob, 1, "outra"), made(bot, bob, 2, "outra", after=9)):
        with pytest.raises(AlreadyAnswered):
            await keep(bot, late)
    await keep(bot, made(bot, bob, 2, "segunda", after=1))
    await eventually(lambda: bob.texts() == ["primeira", "segunda"])


async def test_of_two_runs_at_once_one_is_heard(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    heard: list[str] = []

    async def run(text: str) -> None:
        with suppress(AlreadyAnswered):
            heard.extend(await keep(bot, made(bot, bob, 1, text)))

    async with anyio.create_task_group() as tasks:
        for text in ("um", "dois", "três"):
            tasks.start_soon(run, text)
    await eventually(lambda: bob.texts() == heard)
    assert len(heard) == 1


async def test_many_that_do_not_wait_for_each_other_arrive_in_their_order(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    async with anyio.create_task_group() as tasks:
        for seq in range(1, 65):
            state = b'{"n":%d}' % seq
            tasks.start_soon(keep, bot, made(bot, bob, seq, str(seq), after=seq - 1, state=state))
    await eventually(lambda: bob.texts() == [str(seq) for seq in range(1, 65)])
    assert (await kept(bot, bob))[1:] == (64, b'{"n":64}')


class Slow:
    """A filter that lets the first text wait until the test says so."""

    name = "slow"

    def __init__(self) -> None:
        self.gate, self.waiting = anyio.Event(), anyio.Event()

    async def message_send(self, draft: Draft) -> Draft:
        if draft.text == "1":
            self.waiting.set()
            await self.gate.wait()
        return draft

    async def message_received(self, message: Message) -> Message:
        return message


async def test_an_answer_that_filters_hold_up_is_not_overtaken(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    slow = Slow()
    bot.core.screen([slow])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep, bot, made(bot, bob, 1, "1"))
        await slow.waiting.wait()
        for seq in (2, 3):
            tasks.start_soon(keep, bot, made(bot, bob, seq, str(seq), after=seq - 1))
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        slow.gate.set()
    await eventually(lambda: bob.texts() == ["1", "2", "3"])


async def test_what_was_sent_before_is_not_sent_again(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    await bot.node.outbox.submit(bot.account, bob.account, "já vou ver", "", "echo:1:0")
    assert await keep(bot, made(bot, bob, 1, "agora outra coisa", "achei")) == ["achei"]
    await eventually(lambda: bob.texts() == ["já vou ver", "achei"])


async def test_an_event_without_an_answer_is_marked_too(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    assert await keep(bot, made(bot, bob, 1)) == []
    with pytest.raises(AlreadyAnswered):
        await keep(bot, made(bot, bob, 1))
    await bot.node.answers.save(bot.account, "echo", 9)
    assert await kept(bot, bob) == (9, 1, b"{}")


async def test_state_is_each_bots_own(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    await keep(bot, made(bot, bob, 1, state=b'{"n":1}'))
    other = await bot.node.answers.state(bot.account, "other", bot.contact(bob).conversation)
    assert (other, await bot.node.answers.place(bot.account, "other")) == ((0, b"{}"), None)


async def test_nothing_is_left_of_a_contact_who_was_removed(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    conversation = bot.contact(bob).conversation
    await keep(bot, made(bot, bob, 1, state=b'{"cpf":"1"}'))
    await bot.node.contacts.remove(bot.account, bob.account)
    assert await bot.node.answers.state(bot.account, "echo", conversation) == (0, b"{}")


async def test_nothing_is_kept_of_a_contact_who_was_removed_while_filters_looked(nodes: Nodes) -> None:
    bob, bot = await nodes.pair()
    conversation, slow = bot.contact(bob).conversation, Slow()
    late = made(bot, bob, 2, state=b'{"cpf":"1"}')
    bot.core.screen([slow])

    async def try_to_keep(answer: Answer) -> None:
        with suppress(UnknownConversation, UnknownContact):
            await keep(bot, answer)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(try_to_keep, made(bot, bob, 1, "1"))
        await slow.waiting.wait()
        tasks.start_soon(try_to_keep, late)
        await anyio.wait_all_tasks_blocked()
        await bot.node.contacts.remove(bot.account, bob.account)
        slow.gate.set()
    assert await bot.node.answers.state(bot.account, "echo", conversation) == (0, b"{}")


@settings(max_examples=examples(20))
@given(steps=st.lists(st.integers(0, 3), max_size=12))
def test_whatever_is_repeated_each_event_is_answered_once(
    steps: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A bot that repeats itself, as after a crash whose last answers it never saw."""

    async def run(folder: Path) -> None:
        async with living(folder) as nodes:
            bob, bot = await nodes.pair()
            done = 0
            for back in steps:
                seq = max(1, done + 1 - back)
                try:
                    await keep(bot, made(bot, bob, seq, str(seq), after=seq - 1, state=b'{"n":%d}' % seq))
                    done = seq
                except AlreadyAnswered:
                    assert seq <= done
            await eventually(lambda: bob.texts() == [str(seq) for seq in range(1, done + 1)])
            assert (await kept(bot, bob))[1] == done

    anyio.run(run, tmp_path_factory.mktemp("world"))
