"""Two daemons on one local network find each other there, wherever each of them was before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mepassad.testing.lan import ADDRESSES, Lan, NoLan, lan
from tests.daemon import Daemon, Fleet, befriend, free_address, reaches


@pytest.fixture
def network() -> Iterator[Lan]:
    try:
        with lan() as found:
            yield found
    except NoLan as reason:
        pytest.skip(f"no network namespace here: {reason}")


def move(daemon: Daemon, number: int) -> None:
    """Listen on a new port, on one of the addresses of the local network, from the next start on."""
    daemon.configure(transport_libp2p={"listen": [free_address().replace("127.0.0.1", ADDRESSES[number])]})


async def test_two_who_both_moved_find_each_other_on_their_local_network(fleet: Fleet, network: Lan) -> None:
    daemons = ana, bruno = [fleet.daemon(name, log={"level": "debug"}) for name in ("ana", "bruno")]
    for number, daemon in enumerate(daemons):
        move(daemon, number)
        daemon.start(*network.wrapper)
    async with ana.session() as rpc, bruno.session() as other:
        bruno_id, ana_id = await befriend(rpc, other)
    for number, daemon in enumerate(daemons):
        assert daemon.stop() == 0
        move(daemon, number + 2)
    for daemon in daemons:
        daemon.start(*network.wrapper)
    async with ana.session() as rpc, bruno.session() as other:
        there = await rpc.call("messages.send", contact=bruno_id, text="achei")
        back = await other.call("messages.send", contact=ana_id, text="achou")
        await reaches(rpc, there["message_id"], "delivered")
        await reaches(other, back["message_id"], "delivered")
