"""js-libp2p reaches us, and we reach it, over our relay; and two of our nodes reach each other over theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from js_peer import NODE, JsPeer, js_peer
from mepassad_transport_libp2p.compat.relay_server import RelayLimits
from running import Running

from mepassad.testing.transport_node import ECHO, Node, assert_echoes, until

pytestmark = [
    pytest.mark.skipif(not NODE.exists(), reason="js-libp2p is not installed: scripts/js-packages"),
    pytest.mark.timeout(120),
]
SIZE = 16 << 10
"""Bytes of an echo: a relay of js-libp2p carries 128 KiB of one circuit, as it comes."""


@pytest.fixture(scope="module", params=["tcp", "ws"])
def carrier(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def js(carrier: str) -> Iterator[JsPeer]:
    with js_peer(carrier, "noise") as peer:
        yield peer


def listen(carrier: str) -> tuple[str, ...]:
    return (f"/ip4/127.0.0.1/tcp/0{'/ws' if carrier == 'ws' else ''}",)


def lend(node: Node) -> str:
    """Let a node be a relay; its address."""
    node.transport._host.relay(RelayLimits()).start()  # type: ignore[attr-defined]
    return node.transport.addresses()[0]


async def has_place(node: Node) -> None:
    await until(lambda: node.transport.stats()["relay_places"] == 1)


async def test_js_reaches_a_node_that_listens_nowhere_over_our_relay(
    running: Running, carrier: str, js: JsPeer
) -> None:
    async with running(1, listen=listen(carrier)) as (relay,), running(1, first=10, listen=()) as (ours,):
        ours.transport.use_servers((lend(relay),))
        await has_place(ours)
        done = await js.call("echo", to=ours.transport.addresses()[0], size=SIZE)
        assert (done["size"], done["same"]) == (SIZE, True)


async def test_we_reach_js_over_our_relay(running: Running, carrier: str, js: JsPeer) -> None:
    async with running(1, listen=listen(carrier)) as (relay,), running(1, first=10, listen=()) as (ours,):
        addresses = (await js.call("reserve", relay=lend(relay)))["addresses"]
        stream = await ours.transport.open(js.id, addresses, ECHO)
        assert stream.route == "relayed"
        await assert_echoes(stream, b"x" * SIZE)


async def test_two_of_our_nodes_reach_each_other_over_a_relay_of_js(running: Running, carrier: str) -> None:
    with js_peer(carrier, "noise", role="relay") as relay:
        section = {"listen": (), "bootstrap": relay.addresses[:1], "relay_after_ms": 0}
        async with running(2, **section) as (a, b):
            await has_place(b)
            stream = await a.open(b)
            assert stream.route == "relayed"
            await assert_echoes(stream, b"x" * SIZE)
