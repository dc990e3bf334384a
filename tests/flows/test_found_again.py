"""Real daemons that find each other in the DHT, and at a mailbox node, after both have moved."""

from __future__ import annotations

from typing import Any

import pytest

from tests.daemon import Daemon, Fleet, befriend, eventually, reaches, texts


async def hint(server: Daemon) -> str:
    """The address of a server that others put into their configuration."""
    async with server.session() as rpc:
        addresses: list[str] = (await rpc.call("identity.show"))["addresses"]
        return addresses[0]


async def published(server: Daemon, records: int) -> None:
    """Wait until a server keeps so many records."""
    async with server.session() as rpc:
        await eventually(lambda: rpc.call("system.stats"), lambda stats: kept(stats) == records)


def kept(stats: dict[str, Any]) -> int:
    """The records that a node keeps for others, in the DHT or as a mailbox node."""
    mailbox = stats["roles"].get("mailbox", {"records": 0})
    return int(stats["directories"]["dht"]["records"] + mailbox["records"])


@pytest.mark.parametrize("role", ["bootstrap", "mailbox"])
async def test_two_who_both_moved_find_each_other_through_a_server(fleet: Fleet, role: str) -> None:
    (server,) = fleet.start("server", roles=[role])
    where = await hint(server)
    known: dict[str, Any] = (
        {"mailboxes": [where]} if role == "mailbox" else {"transport_libp2p": {"bootstrap": [where], "mdns": False}}
    )
    ana, bruno = fleet.start("ana", "bruno", **known)
    async with ana.session() as a, bruno.session() as b:
        bruno_id, ana_id = await befriend(a, b)
    for one in (ana, bruno):
        one.stop()
        one.move()
        one.start()
    await published(server, 2)
    async with ana.session() as rpc:
        sent = await rpc.call("messages.send", contact=bruno_id, text="achei")
        await reaches(rpc, sent["message_id"], "delivered")
    async with bruno.session() as rpc:
        assert await texts(rpc, ana_id) == ["achei"]


async def test_a_bootstrap_node_that_is_started_anew_has_the_records_again(fleet: Fleet) -> None:
    (server,) = fleet.start("server", roles=["bootstrap"])
    known = {"transport_libp2p": {"bootstrap": [await hint(server)], "mdns": False}}
    ana, bruno = fleet.start("ana", "bruno", **known)
    async with ana.session() as a, bruno.session() as b:
        await befriend(a, b)
    await published(server, 2)
    server.kill()
    server.start()
    await published(server, 2)
