"""Bootstrap nodes are dialled at start and again whenever they are lost, with back-off."""

from __future__ import annotations

from contextlib import AsyncExitStack

import anyio
import pytest
from anyio.abc import TaskGroup
from inside import drop
from mepassad_transport_libp2p.bootstrap import FIRST_DELAY, LAST_DELAY, Bootstrap
from mepassad_transport_libp2p.config import Config
from running import Running

from mepassad.api import PluginContext, Secret, Unreachable
from mepassad.api.types import NodeId
from mepassad.testing.component import Lines
from mepassad.testing.transport_node import TIMEOUT, until

NODE = NodeId("12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq")
ADDRESSES = (f"/ip4/192.0.2.1/tcp/4001/p2p/{NODE}", f"/ip4/192.0.2.2/tcp/4001/p2p/{NODE}")


class Naps:
    """A clock whose sleeps end when the test says so."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.wake, self.napping = anyio.Event(), anyio.Event()

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    def elapsed(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.napping.set()
        await self.wake.wait()

    async def pass_on(self) -> None:
        """Wait for the next sleep and end it."""
        with anyio.fail_after(TIMEOUT):
            await self.napping.wait()
        self.napping = anyio.Event()
        wake, self.wake = self.wake, anyio.Event()
        wake.set()


def context(clock: Naps, tasks: TaskGroup, **settings: bool) -> PluginContext:
    """What the plugin is given; `settings` of its section."""
    return PluginContext(
        name="transport_libp2p",
        config=Config(bootstrap=ADDRESSES, **settings),
        log=Lines(),
        clock=clock,
        tasks=tasks,
        data_dir=None,  # type: ignore[arg-type]
        node_key=Secret(bytes(32)),
    )


async def test_a_lost_bootstrap_node_is_dialled_again_and_the_delay_begins_anew(tmp_path: object) -> None:
    clock = Naps()
    tries: list[tuple[str, tuple[str, ...]]] = []
    connected: dict[NodeId, None] = {}
    answers = [False] * 12 + [True, False]

    async def connect(node: NodeId, addresses: list[str]) -> None:
        tries.append((node, tuple(addresses)))
        if not answers[len(tries) - 1]:
            raise Unreachable
        connected[node] = None

    async with anyio.create_task_group() as tasks:
        bootstrap = Bootstrap(context(clock, tasks), connect, connected)  # type: ignore[arg-type]
        bootstrap.start()
        for _ in range(12):
            await clock.pass_on()
        await until(lambda: len(tries) == 13)
        assert len(clock.slept) == 12
        connected.clear()
        bootstrap.wake()
        await clock.pass_on()
        await until(lambda: len(tries) == 14)
        bootstrap.stop()
    assert set(tries) == {(NODE, ADDRESSES)}
    delays = [min(FIRST_DELAY * 2**number, LAST_DELAY) for number in range(12)] + [FIRST_DELAY]
    for slept, delay in zip(clock.slept, delays, strict=False):
        assert slept == pytest.approx(delay, rel=0.25)


async def test_after_a_change_of_the_network_it_is_dialled_at_once_and_the_delay_begins_anew() -> None:
    clock, tries = Naps(), list[NodeId]()

    async def connect(node: NodeId, addresses: list[str]) -> None:
        tries.append(node)
        raise Unreachable

    async with anyio.create_task_group() as tasks:
        bootstrap = Bootstrap(context(clock, tasks), connect, {})  # type: ignore[arg-type]
        bootstrap.start()
        for _ in range(4):
            await clock.pass_on()
        await until(lambda: len(clock.slept) == 5)
        bootstrap.hurry()
        await until(lambda: len(tries) == len(clock.slept) == 6)
        bootstrap.stop()
    assert clock.slept[4] > 8 * FIRST_DELAY
    assert clock.slept[5] <= FIRST_DELAY


async def test_on_a_metered_link_it_is_dialled_ten_times_less_often() -> None:
    clock = Naps()

    async def connect(node: NodeId, addresses: list[str]) -> None:
        raise Unreachable

    async with anyio.create_task_group() as tasks:
        bootstrap = Bootstrap(context(clock, tasks, metered=True), connect, {})  # type: ignore[arg-type]
        bootstrap.start()
        for _ in range(12):
            await clock.pass_on()
        bootstrap.stop()
    assert 7.5 * FIRST_DELAY <= clock.slept[0] <= 10 * FIRST_DELAY
    assert 7.5 * LAST_DELAY <= clock.slept[11] <= 10 * LAST_DELAY


async def test_a_node_finds_its_bootstrap_node_and_finds_it_again(running: Running) -> None:
    async with running(1) as (server,), AsyncExitStack() as stack:
        settings = {"listen": (), "bootstrap": server.transport.addresses()[:1]}
        _, client = await stack.enter_async_context(running(2, **settings))
        await until(lambda: client.seen == [server.id] and len(client.log.lines) == 2)  # and it is no relay
        await drop(client, server)
        await until(lambda: client.seen == [server.id] * 2)
