"""What `test_mdns.py` runs in a local network of its own: `on_a_lan.py SCENE FOLDER` does not fail."""

from __future__ import annotations

import gc
import os
import socket
import sys
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from js_peer import js_peer
from mepassad_transport_libp2p import mdns
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component

from mepassad.api import Unreachable
from mepassad.api.types import NodeId
from mepassad.testing.lan import ADDRESSES
from mepassad.testing.transport_node import TIMEOUT, Node, assert_echoes, run_node, until

FOLDER = Path(sys.argv[2])
forgotten: list[Any] = []
"""What the garbage collector found open."""


@asynccontextmanager
async def nodes(*settings: dict[str, Any]) -> AsyncIterator[list[Node]]:
    """Nodes, each on an address of its own."""
    async with anyio.create_task_group() as tasks:
        started = []
        for number, setting in enumerate(settings):
            config = Config(**{"listen": (f"/ip4/{ADDRESSES[number]}/tcp/0",), **setting})
            seed = bytes([number + 1]) * 32
            started.append(await tasks.start(run_node, component, config, seed, FOLDER / str(number)))
        with anyio.fail_after(2 * TIMEOUT):
            yield started
        for node in started:
            node.leave.set()


async def reaches(node: Node, peer: NodeId) -> None:
    """Open a stream without any address, as soon as one was heard."""
    neighbours = node.transport._mdns.neighbours  # type: ignore[attr-defined]
    await until(lambda: neighbours.of(peer))
    await assert_echoes(await node.transport.open(peer, (), "/test/echo/1"))


async def unheard(node: Node, peer: Node) -> None:
    """A stream without any address is refused."""
    with pytest.raises(Unreachable, match="No address"):
        await node.transport.open(peer.id, (), "/test/echo/1")


async def two_nodes_find_each_other() -> None:
    async with nodes({}, {}) as (a, b):
        found: list[NodeId] = []
        a.transport.discover(found.append)
        await reaches(a, b.id)
        await until(lambda: b.transport.connected() == (a.id,))
        assert found == [b.id]


async def a_stranger_is_not_dialled() -> None:
    async with nodes({}, {}, {}) as (a, b, c):
        await reaches(a, b.id)
        await until(lambda: c.transport._mdns.neighbours.of(a.id))  # type: ignore[attr-defined]
        assert c.seen == []


async def who_switched_it_off_is_silent_and_deaf() -> None:
    async with nodes({}, {}, {"mdns": False}) as (a, b, off):
        await reaches(a, b.id)
        await unheard(a, off)
        await unheard(off, a)


async def who_listens_on_loopback_only_takes_no_part() -> None:
    async with nodes({}, {}, {"listen": ("/ip4/127.0.0.1/tcp/0",)}) as (a, b, near):
        await reaches(a, b.id)
        await unheard(a, near)
        await unheard(near, a)


async def a_port_that_another_program_keeps_costs_a_line() -> None:
    mdns.LOOK = 0.001
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 5353))
        async with nodes({}, {}) as (a, b):
            await until(lambda: bool(a.log.lines))
            for _ in range(10):
                await assert_echoes(await a.open(b))
            ((level, event, facts),) = a.log.lines
            assert (level, event) == ("info", "no multicast DNS on a network")
            assert facts["address"] == ADDRESSES[0]
    forgotten.clear()  # zeroconf leaves a socket that it could not bind to the garbage collector


async def a_node_that_stops_at_once_leaves_nothing_open() -> None:
    for _ in range(3):
        async with nodes({}):
            pass
        async with nodes({}) as (a,):
            await until(lambda: any(a.transport._mdns._voices.values()))  # type: ignore[attr-defined]


async def junk_is_passed_over() -> None:
    async with nodes({}, {}) as (a, b):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((ADDRESSES[3], 0))
            other.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(ADDRESSES[3]))
            head = b"\0\0\x84\0\0\0\0\x01\0\0\0\0"
            name = b"\x01x\x04_p2p\x04_udp\x05local\0"
            for text in (b"", b"\xff", b"\x08dnsaddr=", b"\x09dnsaddr=/", os.urandom(60)):
                record = name + b"\0\x10\0\x01\0\0\0\x78" + len(text).to_bytes(2) + text
                other.sendto(head + record, ("224.0.0.251", 5353))
                other.sendto(head + record[: len(record) // 2], ("224.0.0.251", 5353))
            for size in (0, 1, 12, 100, 1400):
                other.sendto(os.urandom(size), ("224.0.0.251", 5353))
            other.sendto(head + b"\xc0\x0c" * 200, ("224.0.0.251", 5353))
        await reaches(a, b.id)
        assert set(a.transport._mdns.neighbours._heard) == {b.id}  # type: ignore[attr-defined]
        assert a.log.lines == []


async def flood(node: Node, peer: NodeId, first: int) -> None:
    """Tell a node of 20,000 services with names from a number on, each for a month, and wait until it heard them."""
    neighbours: Any = node.transport._mdns.neighbours  # type: ignore[attr-defined]
    head, service = b"\0\0\x84\0\0\0", b"\x04_p2p\x04_udp\x05local\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((ADDRESSES[3], 0))
        other.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(ADDRESSES[3]))
        for start in range(first, first + 20_000, 50):
            tail = b"\0\x0c\0\x01\0\x27\x8d\0\0\x0b\x08"  # a pointer of 11 bytes, whose name has 8
            records = [(b"\xc0\x0c", service)[number == start] + tail + b"%08d\xc0\x0c" % number
                       for number in range(start, start + 50)]  # fmt: skip
            other.sendto(head + b"\0\x32\0\0\0\0" + b"".join(records), ("224.0.0.251", 5353))
            address = f"/ip4/{ADDRESSES[3]}/tcp/{start // 50 + 1}/p2p/{peer}"
            text = f"dnsaddr={address}".encode()
            record = b"\x01x" + service + b"\0\x10\0\x01\0\0\0\x78" + (len(text) + 1).to_bytes(2)
            other.sendto(head + b"\0\x01\0\0\0\0" + record + bytes([len(text)]) + text, ("224.0.0.251", 5353))
            await until(lambda address=address: address in neighbours.of(peer))  # type: ignore[misc]


async def pointers_without_end_are_not_kept() -> None:
    async with nodes({}, {}) as (a, b):
        await reaches(a, b.id)
        await flood(a, b.id, 0)  # the cache is full now
        tracemalloc.start()
        await flood(a, b.id, 20_000)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        await flood(a, b.id, 40_000)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 4_000_000


async def a_node_that_moves_is_found_again() -> None:
    mdns.LOOK = 0.05
    async with nodes({}, {"listen": ("/ip4/0.0.0.0/tcp/0",)}) as (a, b):
        await reaches(a, b.id)
        host: Any = b.transport._host  # type: ignore[attr-defined]
        now, moved = host.addresses, f"/ip4/{ADDRESSES[3]}/tcp/9/p2p/{b.id}"
        b.transport._mdns._addresses = lambda: (moved, *now()[:1])  # type: ignore[attr-defined]
        await until(lambda: moved in a.transport._mdns.neighbours.of(b.id))  # type: ignore[attr-defined]


async def js_and_we_find_each_other() -> None:
    async with nodes({}) as (ours,):
        with js_peer("tcp", "noise", host=ADDRESSES[1]) as js:
            await reaches(ours, js.id)
            heard: dict[str, Any] = {}
            while ours.id not in heard:
                heard = (await js.call("found"))["peers"]
            (address,) = heard[ours.id]
            assert f"{address}/p2p/{ours.id}" == ours.transport.addresses()[0]


if __name__ == "__main__":
    sys.unraisablehook = forgotten.append
    anyio.run(globals()[sys.argv[1]])
    gc.collect()
    assert not forgotten, forgotten
