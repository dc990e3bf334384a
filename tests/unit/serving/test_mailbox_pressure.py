"""A mailbox whose disk is slow: what waits for it is bounded, and who fills that waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from mepassad.api import Component, ConfigRegister, PluginContext, StoreBroken, StoreFull, hookimpl
from mepassad.api.mailbox import Deposit, Mailbox, MailboxReason
from mepassad.builtin.mailbox_sqlite import plugin
from mepassad.errors import MailboxBusy, MailboxFull, MepassaError
from mepassad.serving import answers, mailbox, mailbox_session
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from tests.unit.serving.asking import Box, asking


class Slow:
    """The plugin `mailbox_sqlite`; deposits wait until a test lets them, or fail as it says."""

    def __init__(self) -> None:
        self.go, self.begun = anyio.Event(), 0
        self.error: MepassaError | None = None

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
            async with inner(context) as found:
                put = found.put

                async def slowly(deposits: Sequence[Deposit]) -> Sequence[Sequence[int]]:
                    self.begun += len(deposits)
                    if self.error is not None:
                        raise self.error
                    await self.go.wait()
                    return await put(deposits)

                vars(found)["put"] = slowly
                yield found

        return component


@pytest.fixture
async def slow(nodes: Nodes) -> AsyncIterator[Slow]:
    found = nodes.plugins["mailbox_sqlite"] = Slow()
    yield found
    found.go.set()  # no node stops before its deposits are durable


async def both(nodes: Nodes) -> tuple[RunningNode, RunningNode]:
    return await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")


@pytest.mark.parametrize(
    ("limit", "value", "size"), [("IN_FLIGHT", 3, 10), ("IN_FLIGHT_BYTES", 2500, 1000)], ids=["requests", "bytes"]
)
async def test_a_stream_with_so_much_under_way_is_not_read(
    nodes: Nodes, slow: Slow, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, size: int
) -> None:
    monkeypatch.setattr(mailbox_session, limit, value)
    server, ana = await both(nodes)
    box, taken = Box(), list[int]()
    async with asking(nodes, ana, server) as stream, asking(nodes, ana, server) as other:
        await stream.open([box.key])

        async def put(number: int) -> None:
            taken.extend(await stream.put([box.number], bytes([number]) * size, 1))

        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(put, number)
            await eventually(lambda: slow.begun == 3)
            assert await other.fetch(box.key, 0, 10) == []
            await anyio.wait_all_tasks_blocked()
            assert slow.begun == 3
            slow.go.set()
        assert (slow.begun, taken) == (8, [0] * 8)


async def test_when_too_much_is_on_its_way_to_the_disk_more_is_refused_for_now(
    nodes: Nodes, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAX_ARRIVING", 2000)
    server, ana = await both(nodes)
    box = Box()
    async with asking(nodes, ana, server) as stream, asking(nodes, ana, server) as other:
        await stream.open([box.key])
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(stream.put, [box.number], bytes([number]) * 1000, 1)
            await eventually(lambda: slow.begun == 3)
            with pytest.raises(MailboxBusy):
                await other.put([box.number], b"hello", 1)
            slow.go.set()
        assert await other.put([box.number], b"hello", 1) == [0]


async def test_answers_that_wait_for_their_reader_are_bounded(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "UNSENT", 1)
    server, ana = await both(nodes)
    box = Box()
    async with asking(nodes, ana, server) as stream:  # each answer is written before the next request is read
        await stream.open([box.key])
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(stream.put, [box.number], bytes([number]), 1)
        assert len(await stream.fetch(box.key, 0, 256)) == 20


@pytest.mark.parametrize(
    ("error", "refusal", "logged"),
    [
        (StoreFull(), MailboxFull, 1),
        (StoreBroken("The file is torn."), MailboxBusy, 1),
        (MailboxFull(), MailboxFull, 0),
    ],
    ids=["a full disk", "a broken file", "a full mailbox"],
)
async def test_what_the_disk_refuses_is_refused_and_only_trouble_is_logged(
    nodes: Nodes,
    slow: Slow,
    caplog: pytest.LogCaptureFixture,
    error: MepassaError,
    refusal: type[Exception],
    logged: int,
) -> None:
    server, ana = await both(nodes)
    box, slow.error = Box(), error
    async with asking(nodes, ana, server) as stream:
        await stream.open([box.key])
        with pytest.raises(refusal) as told:
            await stream.put([box.number], b"hello", 1)
        assert told.value.data["reason"] in (MailboxReason.FULL, MailboxReason.BUSY)  # type: ignore[attr-defined]
    assert caplog.text.count("the mailbox failed at a request") == logged
