"""Nodes that nobody can dial meet and write over relays: places are renewed, and taken elsewhere when a relay dies.

`MEPASSAD_MESSAGES` is how many are under way when a relay is killed in their middle (`make torture`: 1,000).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio

from mepassad.testing.rpc_client import RpcClient
from tests.daemon import Daemon, Fleet, befriend, reaches, received, texts
from tests.lab.peers import has_place, message, node_id, transport

MESSAGES = int(os.environ.get("MEPASSAD_MESSAGES", "300"))


async def relay(fleet: Fleet, name: str, **limits: Any) -> tuple[Daemon, str]:
    """A relay, and its address."""
    daemon = fleet.daemon(name, roles=["relay"], relay=limits).start()
    return daemon, f"/ip4/127.0.0.1/tcp/{daemon.port()}/p2p/{await node_id(daemon)}"


async def lent(daemon: Daemon) -> dict[str, int]:
    """The numbers of a relay."""
    async with daemon.session() as rpc:
        found: dict[str, int] = (await rpc.call("system.stats"))["relays"]["transport_libp2p"]
        return found


@asynccontextmanager
async def hidden(fleet: Fleet, *bootstrap: str, places: int = 1) -> AsyncIterator[tuple[RpcClient, RpcClient]]:
    """Two nodes that listen nowhere, each with a place at so many relays."""
    section = {"listen": [], "bootstrap": list(bootstrap), "relay_after_ms": 0}
    async with AsyncExitStack() as stack:
        daemons = fleet.start("ana", "bruno", transport_libp2p=section)
        ana, bruno = [await stack.enter_async_context(daemon.client()) for daemon in daemons]
        for rpc in (ana, bruno):
            await has_place(rpc, places)
        yield ana, bruno


async def test_two_nodes_that_nobody_can_dial_meet_by_an_invite_and_write_over_a_relay(fleet: Fleet) -> None:
    server, address = await relay(fleet, "relay")
    async with hidden(fleet, address) as (ana, bruno):
        bruno_id, ana_id = await befriend(ana, bruno)
        assert await message(ana, bruno_id, "por aqui") == "relayed"
        assert await message(bruno, ana_id, "e de volta") == "relayed"
        assert (await ana.call("system.stats"))["routes"] == {"relayed": 1}
        numbers = await lent(server)
        assert (numbers["places"], numbers["circuits"]) == (2, 1)
        assert numbers["bytes"] > 2000


async def test_a_newcomer_who_knows_no_relay_is_reachable_through_the_one_of_the_invite(fleet: Fleet) -> None:
    _, address = await relay(fleet, "relay")
    section = {"listen": [], "bootstrap": [address]}
    (host,), (guest,) = (
        fleet.start("ana", transport_libp2p=section),
        fleet.start("bruno", transport_libp2p={"listen": []}),
    )
    async with host.session() as ana, guest.session() as bruno:
        await has_place(ana)
        bruno_id, _ = await befriend(ana, bruno)
        await has_place(bruno)
        assert await message(ana, bruno_id, "sem configurar nada") == "relayed"
    guest.restart()
    async with host.session() as ana:
        assert await message(ana, bruno_id, "de novo") == "relayed"


async def test_a_place_is_renewed_before_it_ends(fleet: Fleet) -> None:
    server, address = await relay(fleet, "relay", lifetime=2)
    async with hidden(fleet, address) as (ana, bruno):
        bruno_id, _ = await befriend(ana, bruno)
        await anyio.sleep(2.5)  # a place lasts as long by the relay's clock
        assert (await lent(server))["places"] == 2
        assert await message(ana, bruno_id, "ainda aqui") == "relayed"


async def test_a_relay_that_is_killed_in_the_middle_of_messages_costs_none_and_doubles_none(fleet: Fleet) -> None:
    relays = [await relay(fleet, name) for name in ("first", "second")]
    async with hidden(fleet, *(address for _, address in relays), places=2) as (ana, bruno):
        bruno_id, ana_id = await befriend(ana, bruno)
        busy, *_ = [server for server, _ in relays if (await lent(server))["circuits"]]
        said = [f"{number}" for number in range(MESSAGES)]
        for number, text in enumerate(said):
            sent = await ana.call("messages.send", contact=bruno_id, text=text)
            if number == MESSAGES // 2:
                busy.kill()
        await reaches(ana, sent["message_id"], "delivered")
        assert await texts(bruno, ana_id) == said
        events = [await bruno.event("message.received") for _ in said]
        assert received(events) == said
        assert (await transport(ana))["relay_places"] == 1


async def test_a_relay_with_a_pass_gives_places_to_those_that_have_it(fleet: Fleet) -> None:
    secret = fleet.folder / "pass"
    secret.touch(0o600)
    secret.write_text("correct horse battery\n")
    server, address = await relay(fleet, "relay", admit="pass", pass_file=str(secret))
    section = {"listen": [], "bootstrap": [address]}
    (ana,), (bruno,) = (
        fleet.start("ana", transport_libp2p=section, pass_file=str(secret)),
        fleet.start("bruno", transport_libp2p=section),
    )
    async with ana.session() as one, bruno.session() as other:
        await has_place(one)
        bruno_id, _ = await befriend(one, other)
        assert await message(one, bruno_id, "com senha") == "relayed"
        assert (await transport(other))["relay_places"] == 0
        assert (await lent(server))["places"] == 1
    assert not [daemon for daemon in fleet.daemons if "correct horse" in daemon.log()]


async def test_a_relay_of_a_company_serves_those_on_its_list_and_whoever_calls_them(fleet: Fleet) -> None:
    ana, bruno = (fleet.daemon(name, transport_libp2p={"listen": []}) for name in ("ana", "bruno"))
    listed = await node_id(ana.start())
    server, address = await relay(fleet, "relay", admit="list", list=[listed])
    assert ana.stop() == 0
    for daemon in (ana, bruno):
        daemon.configure(transport_libp2p={"bootstrap": [address]})
        daemon.start()
    async with ana.session() as one, bruno.session() as other:
        await has_place(one)
        bruno_id, _ = await befriend(one, other)
        assert await message(one, bruno_id, "de dentro") == "relayed"
        assert (await transport(other))["relay_places"] == 0
        assert (await lent(server))["places"] == 1
