"""A machine's link goes and comes back, its address changes: all that was said arrives once, soon after.

Two daemons in two network namespaces with a wire between them. How long it took is printed, and not asserted.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Iterator

import anyio
import pytest

from mepassad.testing.rpc_client import RpcClient
from tests.daemon import Fleet, Friends, eventually, items, reaches, texts
from tests.lab.namespaces import NAMESPACES, Host, collect, why_not, wired

OUTAGE = 10.0
"""Seconds that the link is down."""


class Wire:
    """Two friends on two hosts."""

    def __init__(self, fleet: Fleet, ana: Host, bruno: Host) -> None:
        sections = {"transport_libp2p": {"listen": ["/ip4/0.0.0.0/tcp/4001"]}, "delivery": {"retry_max": 60}}
        daemons = [fleet.daemon(name, **sections) for name in ("ana", "bruno")]
        for daemon, host in zip(daemons, (ana, bruno), strict=True):
            daemon.start(*host.inside)
        self.hosts, self.friends = (ana, bruno), Friends(*daemons)


@pytest.fixture
def wire(fleet: Fleet) -> Iterator[Wire]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with wired("ana", "bruno") as hosts:
        yield Wire(fleet, *hosts)


class Talk:
    """What the two say to each other, numbered, in the order in which it was said."""

    def __init__(self, friends: Friends, ana: RpcClient, bruno: RpcClient) -> None:
        self.sides = ((ana, friends.bruno_id, "a"), (bruno, friends.ana_id, "b"))
        self.said: dict[str, list[str]] = {"a": [], "b": []}
        self.sent: list[tuple[RpcClient, str]] = []

    async def both(self) -> None:
        """Each says something to the other, which may be unreachable."""
        for rpc, contact, name in self.sides:
            text = f"{name}{len(self.said[name])}"
            sent = await rpc.call("messages.send", contact=contact, text=text)
            self.said[name].append(text)
            self.sent.append((rpc, sent["message_id"]))

    async def arrived(self) -> None:
        """All of it arrived, and each once."""
        for rpc, message in self.sent:
            await reaches(rpc, message, "delivered")
        (ana, bruno, _), (other, ana_id, _) = self.sides
        for rpc, contact in ((ana, bruno), (other, ana_id)):
            found = await texts(rpc, contact)
            assert {name: [text for text in found if text[0] == name] for name in "ab"} == self.said

    async def online(self, yes: bool) -> None:
        """Wait until both believe the other to be online, or not."""
        for rpc, *_ in self.sides:
            await eventually(functools.partial(items, rpc, "contacts.list"), lambda rows: rows[0]["online"] is yes)


def tell(what: str, began: float) -> None:
    sys.stdout.write(f"\n{what}: messages flowed again {time.monotonic() - began:.2f} s later\n")


async def test_after_ten_seconds_without_a_link_all_that_was_said_arrives_once(wire: Wire) -> None:
    async with wire.friends.ana.session() as ana, wire.friends.bruno.session() as bruno:
        talk = Talk(wire.friends, ana, bruno)
        await talk.both()
        await talk.arrived()
        wire.hosts[0].link(up=False)
        down = time.monotonic()
        while time.monotonic() - down < OUTAGE:
            await talk.both()
            await anyio.sleep(0.5)
        await talk.online(yes=False)
        wire.hosts[0].link(up=True)
        up = time.monotonic()
        await talk.both()
        await talk.arrived()
        tell("link down for 10 s and up", up)


async def test_after_a_change_of_address_messages_flow_both_ways_and_arrive_once(wire: Wire) -> None:
    async with wire.friends.ana.session() as ana, wire.friends.bruno.session() as bruno:
        talk = Talk(wire.friends, ana, bruno)
        await talk.both()
        await talk.arrived()
        for old, new in (("192.0.2.1", "192.0.2.3"), ("192.0.2.3", "192.0.2.4")):
            wire.hosts[0].lose(f"{old}/24")
            wire.hosts[0].address(f"{new}/24")
            moved = time.monotonic()
            await talk.both()
            await talk.arrived()
            tell("address changed", moved)

        async def known() -> str:
            return str(wire.friends.bruno.ask("SELECT nodes FROM contact"))

        stored = await eventually(known, lambda found: "192.0.2.4" in found)
        assert "192.0.2.1/" not in stored


def test_namespaces_of_a_process_that_is_gone_are_collected() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    host = Host("left")
    try:
        gone = NAMESPACES / host.namespace.replace("-left", "-x").replace(host.namespace.split("-")[1], "4194305")
        gone.touch()  # above the largest process id that Linux gives
        collect()
        assert not gone.exists()
        assert (NAMESPACES / host.namespace).exists()
    finally:
        host.remove()
    assert not (NAMESPACES / host.namespace).exists()
