"""A node with the role `mailbox`, asked by another over its own stream."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from mepassad.api import Component, ConfigRegister, PluginContext, hookimpl
from mepassad.api.mailbox import Mailbox, MailboxReason
from mepassad.builtin.mailbox_sqlite import plugin
from mepassad.errors import MailboxBusy, MailboxClosed, MailboxFull, MailboxNotAdmitted, MailboxTooLarge, Unreachable
from mepassad.steadiness import DISTRUST
from mepassad.testing.clock import START
from mepassad.testing.nodes import Nodes, eventually
from tests.unit.serving.asking import Box, asking, dialled


async def test_what_is_put_into_a_box_is_fetched_in_order_by_its_owner_until_it_is_acked(nodes: Nodes) -> None:
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    box = Box()
    async with asking(nodes, ana, server) as mailbox:
        assert await mailbox.open([box.key]) == [0]
        assert await mailbox.put([box.number, Box().number], b"first", 24) == [0, MailboxReason.CLOSED]
        assert await mailbox.put([box.number], b"second", 24) == [0]
        first, second = await mailbox.fetch(box.key, 0, 10)
        assert (first.sealed, second.sealed) == (b"first", b"second")
        assert first.id == hashlib.sha256(b"first").digest()
        assert await mailbox.fetch(box.key, first.cursor, 10) == [second]
        await mailbox.ack(box.key, [first.id])
        assert await mailbox.fetch(box.key, 0, 10) == [second]


async def test_a_whole_hour_that_has_begun_counts_for_what_may_wait(nodes: Nodes) -> None:
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    box = Box()
    async with asking(nodes, ana, server) as mailbox:
        await mailbox.open([box.key])
        for number, hours in enumerate((0, 1, 336, 337, 2**32 - 1)):
            nodes.clock.advance(1)
            assert await mailbox.put([box.number], bytes([number]), hours) == [0]
        assert START % 3600 == 0
        expiries = [one.expires_at - START for one in await mailbox.fetch(box.key, 0, 10)]
        assert expiries == [2 * 3600, 2 * 3600, 337 * 3600, 337 * 3600, 337 * 3600]


async def test_whoever_watches_a_box_is_told_that_something_came(nodes: Nodes) -> None:
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    bob, box, told = await nodes.start("bob", roles="[]"), Box(), list[bytes]()
    async with asking(nodes, ana, server) as owner, asking(nodes, bob, server) as other:
        owner.news = told.append
        await owner.open([box.key])
        await owner.watch([box.key])
        assert await other.put([box.number], b"hello", 1) == [0]
        await eventually(lambda: told == [box.number])
        await owner.close(box.key)
        assert await other.put([box.number], b"again", 1) == [MailboxReason.CLOSED]
        with pytest.raises(MailboxClosed):
            await owner.fetch(box.key, 0, 1)
    await eventually(lambda: server.node.stats()["roles"]["mailbox"]["watched"] == 0)  # type: ignore[index]


async def test_each_blob_that_is_left_for_others_goes_out_once_and_then_the_last_resort(nodes: Nodes) -> None:
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    box = Box()
    async with asking(nodes, ana, server) as mailbox:
        await mailbox.open([box.key])
        assert await mailbox.take(box.number) is None
        assert await mailbox.publish(box.key, [b"one", b"two"], b"last") == 2
        assert [await mailbox.take(box.number) for _ in range(4)] == [b"one", b"two", b"last", b"last"]
        assert await mailbox.publish(box.key, [b"three"], b"") == 1
        assert await mailbox.publish(box.key, [b"four"], b"", replace=True) == 1
        assert await mailbox.open([box.key]) == [1]
        assert [await mailbox.take(box.number) for _ in range(2)] == [b"four", b"last"]
        with pytest.raises(MailboxClosed):
            await mailbox.take(Box().number)


async def test_a_node_without_the_role_is_no_mailbox(nodes: Nodes) -> None:
    bob, ana = await nodes.start("bob", roles="[relay]"), await nodes.start("ana", roles="[]")
    with pytest.raises(Unreachable):
        await dialled(ana, bob)


async def test_a_list_admits_those_on_it_and_others_may_only_deposit(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana", roles="[]"), await nodes.start("bob", roles="[]")
    server = await nodes.start("server", roles="[mailbox]", mailbox__admit="list", mailbox__list=f"[{ana.node_id}]")
    box = Box()
    async with asking(nodes, ana, server) as owner, asking(nodes, bob, server) as other:
        await owner.open([box.key])
        with pytest.raises(MailboxNotAdmitted):
            await other.open([Box().key])
        assert await other.put([box.number], b"hello", 1) == [0]
        assert len(await owner.fetch(box.key, 0, 1)) == 1


async def test_an_envelope_may_be_as_large_as_the_node_says_and_no_larger(nodes: Nodes) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__max_envelope=20_000)
    ana, box = await nodes.start("ana", roles="[]"), Box()
    async with asking(nodes, ana, server) as mailbox:
        assert mailbox.limits.max_envelope == 20_000
        await mailbox.open([box.key])
        assert await mailbox.put([box.number], bytes(20_000), 1) == [0]
        for size in (0, 20_001):
            with pytest.raises(MailboxTooLarge):
                await mailbox.put([box.number], bytes(size), 1)


async def test_a_full_box_refuses_and_keeps_what_it_has(nodes: Nodes) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__box_envelopes=2, mailbox__max_boxes=2)
    ana, full, other = await nodes.start("ana", roles="[]"), Box(), Box()
    async with asking(nodes, ana, server) as mailbox:
        await mailbox.open([full.key, other.key])
        with pytest.raises(MailboxFull):
            await mailbox.open([Box().key])
        for text in (b"one", b"two"):
            assert await mailbox.put([full.number], text, 1) == [0]
        assert await mailbox.put([full.number, other.number], b"three", 1) == [MailboxReason.FULL, 0]
        assert await mailbox.put([full.number], b"two", 1) == [0]  # it lies there already
        kept = await mailbox.fetch(full.key, 0, 10)
        assert [one.sealed for one in kept] == [b"one", b"two"]
        await mailbox.ack(full.key, [kept[0].id])
        assert await mailbox.put([full.number], b"three", 1) == [0]


async def test_what_expired_is_gone_after_the_hour(nodes: Nodes) -> None:
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    box = Box()
    async with asking(nodes, ana, server) as mailbox:
        await mailbox.open([box.key])
        await mailbox.put([box.number], b"short", 1)
        await mailbox.put([box.number], b"long", 3)
        await nodes.pass_by(60, 59)
        assert len(await mailbox.fetch(box.key, 0, 10)) == 2

        async def only_the_long_one_is_left() -> bool:
            return [one.sealed for one in await mailbox.fetch(box.key, 0, 10)] == [b"long"]

        nodes.clock.advance(60)
        await eventually(only_the_long_one_is_left)


async def test_a_clock_that_was_set_ahead_expires_nothing(nodes: Nodes) -> None:
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    box = Box()
    async with asking(nodes, ana, server) as mailbox:
        await mailbox.open([box.key])
        await mailbox.put([box.number], b"hello", 1)
        nodes.clock.jump(30 * 86_400)
        for _ in range(5):
            nodes.clock.advance(60)
            assert len(await mailbox.fetch(box.key, 0, 10)) == 1
        nodes.clock.advance(DISTRUST)

        async def gone() -> bool:
            nodes.clock.advance(60)
            return not await mailbox.fetch(box.key, 0, 10)

        await eventually(gone)


async def test_a_box_whose_owner_has_not_been_here_for_long_is_closed(nodes: Nodes) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__idle_days=30)
    ana, box, kept = await nodes.start("ana", roles="[]"), Box(), Box()
    async with asking(nodes, ana, server) as mailbox:
        await mailbox.open([box.key, kept.key])
        for _ in range(31):
            await mailbox.open([kept.key])
            nodes.clock.advance(86_400)
            await anyio.wait_all_tasks_blocked()

        async def closed() -> bool:
            nodes.clock.advance(60)
            return await mailbox.put([box.number, kept.number], b"hello", 1) == [MailboxReason.CLOSED, 0]

        await eventually(closed)


class Failing:
    """The plugin `mailbox_sqlite`, whose component fails whenever a test says so."""

    def __init__(self) -> None:
        self.fail = anyio.Event()

    @hookimpl
    def register_config(self, register: ConfigRegister) -> None:
        plugin.register_config(register)

    @hookimpl
    def provide_mailbox(self, config: Any) -> Component[Mailbox] | None:
        inner = plugin.provide_mailbox(config)
        if inner is None:
            return None

        @asynccontextmanager
        async def component(context: PluginContext) -> AsyncIterator[Mailbox]:
            async with inner(context) as mailbox:
                context.tasks.start_soon(self._wait)
                yield mailbox

        return component

    async def _wait(self) -> None:
        await self.fail.wait()
        raise RuntimeError("the disk is gone")


async def test_while_the_plugin_is_down_clients_are_told_to_come_again(nodes: Nodes) -> None:
    failing = nodes.plugins["mailbox_sqlite"] = Failing()
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    box = Box()
    async with asking(nodes, ana, server) as mailbox:
        await mailbox.open([box.key])
        await mailbox.put([box.number], b"before", 1)
        failing.fail.set()
        failing.fail = anyio.Event()
        await eventually(lambda: server.facts("plugin.failed") != [])
        with pytest.raises(MailboxBusy):
            await mailbox.open([box.key])
        with pytest.raises(MailboxBusy):
            await mailbox.put([box.number], b"meanwhile", 1)
        nodes.clock.advance(2)
        await eventually(lambda: server.node.supervisor.one("mailbox") is not None)
        assert await mailbox.put([box.number], b"after", 1) == [0]
        assert [one.sealed for one in await mailbox.fetch(box.key, 0, 10)] == [b"before", b"after"]


async def test_who_comes_and_goes_is_not_in_the_log(nodes: Nodes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    box = Box()
    for _ in range(2):
        async with asking(nodes, ana, server) as mailbox:
            await mailbox.open([box.key])
            await mailbox.watch([box.key])
            await mailbox.put([box.number], b"hello", 1)
    await eventually(lambda: server.node.stats()["roles"]["mailbox"]["streams"] == 0)  # type: ignore[index]
    said = [record.getMessage() + str(vars(record)) for record in caplog.records if record.name == "mepassad.mailbox"]
    assert not [line for line in said if ana.node_id in line or box.number.hex() in line]
