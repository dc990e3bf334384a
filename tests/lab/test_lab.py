"""Nodes behind routers, on a small internet: the route that theory expects, and nothing lost on the way up to it.

The whole table of kinds is printed by `python -m tests.lab`.
"""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from tests.daemon import Fleet, becomes, befriend, reaches, texts
from tests.lab.net import internet, why_not
from tests.lab.peers import CLIMB, Peers, has_place, meet, message
from tests.lab.theory import expected
from tests.lab.wire import Quality

REASON = why_not()
pytestmark = [pytest.mark.skipif(REASON is not None, reason=str(REASON)), pytest.mark.timeout(180)]

BAD = Quality(delay_ms=300, loss=0.2)
"""Of one wire, each way."""

PATIENCE = 120.0
"""Seconds until all that was said on it has arrived."""

SLOW = Quality(delay_ms=50, loss=0.01)
"""Of the wire at each of two nodes, each way: 100 ms and 2 % from one to the other, and back."""


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    with internet() as net, Fleet(tmp_path_factory.mktemp("l")) as fleet:
        found = Peers(net, fleet)
        anyio.run(found.relay)
        yield found


@pytest.mark.parametrize(
    ("host", "guest"),
    [("port_restricted", "udp_blocked"), ("symmetric", "restricted"), ("carrier_grade", "tcp_443_only")],
)
async def test_two_nodes_come_to_the_route_that_theory_expects(peers: Peers, host: str, guest: str) -> None:
    daemons = [peers.launch(f"{number}{kind.replace('_', '')}", kind) for number, kind in enumerate((host, guest))]
    for daemon in daemons:
        daemon.wait_ready()
    async with daemons[0].session() as one, daemons[1].session() as other:
        for rpc in (one, other):
            await has_place(rpc)
        outcome = await meet(one, other, expected(host, guest))
        assert outcome.route == expected(host, guest)
        assert outcome.climbed < CLIMB
        kinds = [(await rpc.call("system.stats"))["reachability"]["libp2p"]["kind"] for rpc in (one, other)]
        assert kinds == ["private", "private"]


async def test_on_slow_wires_that_lose_things_messages_move_to_the_direct_way_without_loss_or_doubles(
    peers: Peers,
) -> None:
    names = ("ana", "bruno")
    daemons = [
        peers.launch(name, kind, SLOW) for name, kind in zip(names, ("port_restricted", "full_cone"), strict=True)
    ]
    for daemon in daemons:
        daemon.wait_ready()
    async with daemons[0].session() as ana, daemons[1].session() as bruno:
        for rpc in (ana, bruno):
            await has_place(rpc)
        uri = (await ana.call("invites.create"))["uri"]
        ana_id = (await bruno.call("invites.accept", uri=uri))["contact"]
        said, route = list[str](), ""
        with anyio.fail_after(CLIMB):
            while route != "direct":
                said += [f"{number}" for number in range(len(said), len(said) + 20)]
                sent = [await bruno.call("messages.send", contact=ana_id, text=text) for text in said[-20:]]
                route = (await reaches(bruno, sent[-1]["message_id"], "delivered"))["route"]
        me = (await bruno.call("identity.show"))["account"]
        assert await texts(ana, me) == said
        assert await becomes(ana, me, "accepted")


async def test_on_a_wire_that_loses_a_fifth_and_takes_300_ms_all_arrives_once_and_in_order(peers: Peers) -> None:
    daemons = [peers.launch("elisa", "public", Quality()), peers.launch("fabio", "public")]
    for daemon in daemons:
        daemon.wait_ready()
    async with daemons[0].session() as elisa, daemons[1].session() as fabio:
        fabio_id, elisa_id = await befriend(elisa, fabio)
        peers.net.wire(BAD)
        said = {name: [f"{name} {number}" for number in range(20)] for name in ("elisa", "fabio")}
        for one, other in zip(said["elisa"], said["fabio"], strict=True):
            first = await elisa.call("messages.send", contact=fabio_id, text=one)
            last = await fabio.call("messages.send", contact=elisa_id, text=other)
        for rpc, sent in ((elisa, first), (fabio, last)):
            await reaches(rpc, sent["message_id"], "delivered", patience=PATIENCE)
        for rpc, contact in ((elisa, fabio_id), (fabio, elisa_id)):
            found = await texts(rpc, contact)
            assert {name: [text for text in found if text.startswith(name)] for name in said} == said
        peers.net.wire(Quality())


async def test_after_a_cut_and_its_healing_all_arrives(peers: Peers) -> None:
    impatient = {"retry_min": 0.1, "retry_max": 0.5, "stall_timeout": 2}
    daemons = [peers.launch(name, "public", delivery=impatient) for name in ("carla", "davi")]
    for daemon in daemons:
        daemon.wait_ready()
    async with daemons[0].session() as carla, daemons[1].session() as davi:
        await has_place(davi)
        davi_id, carla_id = await befriend(carla, davi)
        for other in ("davi", "relay"):
            peers.net.cut("carla", other)
        sent = [await carla.call("messages.send", contact=davi_id, text=f"{number}") for number in range(5)]
        assert (await carla.call("messages.get", message_id=sent[0]["message_id"]))["state"] == "queued"
        peers.net.heal("carla", "relay")  # over which the rest goes: the two are still apart
        route = (await reaches(carla, sent[-1]["message_id"], "delivered"))["route"]
        assert route == "relayed"
        peers.net.heal("carla", "davi")
        assert await texts(davi, carla_id) == [f"{number}" for number in range(5)]
        assert await message(carla, davi_id, "de novo")
