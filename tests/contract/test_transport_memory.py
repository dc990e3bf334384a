"""The memory transport keeps the contract of transports, and what tests need beside it."""

from pathlib import Path

import anyio
import pytest

from mepassad.api import AddressRefused, Unreachable
from mepassad.builtin.transport_memory.network import Network
from mepassad.builtin.transport_memory.plugin import Config, component, provide_transport, register_config
from mepassad.testing.transport_contract import TransportContract
from mepassad.testing.transport_node import assert_echoes, until


class TestMemoryTransport(TransportContract):
    component = staticmethod(component)

    def config(self) -> Config:
        return Config(name="contract")

    async def test_a_cut_link_ends_streams_and_refuses_new_ones_until_healed(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 3) as (a, b, c):
            stream, other = await a.open(b), await c.open(b)
            network = Network.named("contract")
            network.cut(a.id, b.id)
            assert await stream.read() == b""
            assert (a.lost, b.lost) == ([b.id], [a.id])
            for opener, peer in ((a, b), (b, a)):
                with pytest.raises(Unreachable):
                    await opener.open(peer)
            await assert_echoes(other)
            network.heal(b.id, a.id)
            await assert_echoes(await b.open(a))

    async def test_two_nodes_with_one_key_cannot_both_listen(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 1):
            with pytest.RaisesGroup(AddressRefused, flatten_subgroups=True):
                async with anyio.create_task_group() as tasks:
                    await self.start(tasks, tmp_path, 0)

    async def test_networks_of_other_names_are_apart(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            foreign = f"/memory/elsewhere/p2p/{b.id}"
            assert not a.transport.can_dial(foreign)
            with pytest.raises(Unreachable):
                await a.transport.open(b.id, [foreign], "/test/echo/1")

    async def test_a_failing_handler_is_one_line_in_the_log_without_its_words(self, tmp_path: Path) -> None:
        async def fail(stream: object) -> None:
            raise ValueError("my secret")

        async with self.nodes(tmp_path, 2) as (a, b):
            b.transport.handle("/test/fail/1", fail)
            await a.open(b, "/test/fail/1")
            await until(lambda: bool(b.log.lines))
            assert b.log.lines == [
                ("warning", "a stream handler failed", {"protocol": "/test/fail/1", "error": "ValueError"})
            ]


def test_the_plugin_registers_its_section_and_provides_the_transport() -> None:
    sections: dict[str, object] = {}
    register_config(sections.__setitem__)
    assert sections == {"transport_memory": Config}
    assert provide_transport(None) is component
