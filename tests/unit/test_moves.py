"""Relays that contacts name serve this node too; what they name is judged like any address that others tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anyio

from mepassad.errors import Unreachable
from mepassad.moves import CLIMBS, Moves
from mepassad.testing.clock import ManualClock

RELAY = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
GOOD = f"/ip4/203.0.113.5/tcp/4001/p2p/{RELAY}"
OWN = f"/dns4/mail.example.org/tcp/4001/p2p/{RELAY}"


async def servers(*contacts: Any) -> list[str]:
    """What transports are told of, where these are the contacts."""
    told: list[str] = []
    transport: Any = SimpleNamespace(follow=lambda moved, climbed: None, use_servers=told.extend)
    people: Any = SimpleNamespace(everybody=lambda: contacts)
    router: Any = None
    async with anyio.create_task_group() as tasks:
        moves = Moves(dict, router, people, [transport], ManualClock(), tasks, [OWN])
        tasks.start_soon(moves.learn_servers)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    return told


def contact(*addresses: str, blocked: bool = False) -> Any:
    return SimpleNamespace(blocked=blocked, nodes={"node": addresses})


async def test_own_mailboxes_and_the_relays_of_contacts_may_serve_and_those_of_a_blocked_one_may_not() -> None:
    other = contact(f"/ip4/203.0.113.6/tcp/1/p2p/{RELAY}/p2p-circuit", blocked=True)
    assert await servers(contact(f"{GOOD}/p2p-circuit", "/ip4/203.0.113.7/tcp/1"), other) == [OWN, GOOD]


async def test_relays_at_addresses_that_may_not_be_dialled_are_not_asked() -> None:
    for host in ("ip4/169.254.169.254", "dns4/anything.example", "ip6/fe80::1", "ip4/224.0.0.1"):
        assert await servers(contact(f"/{host}/tcp/80/p2p/{RELAY}/p2p-circuit")) == [OWN]


async def test_a_link_moves_to_a_direct_way_also_where_the_first_question_on_it_was_lost() -> None:
    tried, clock = list[str](), ManualClock()
    found: dict[str, Any] = {}

    async def climb(node: str) -> None:
        tried.append(node)
        if len(tried) == 1:
            raise Unreachable

    transport: Any = SimpleNamespace(follow=lambda moved, climbed: found.update(climbed=climbed))
    router: Any = SimpleNamespace(links=SimpleNamespace(climb=climb))
    nobody: Any = None
    async with anyio.create_task_group() as tasks:
        Moves(dict, router, nobody, [transport], clock, tasks, [])
        found["climbed"]("node")
        await anyio.wait_all_tasks_blocked()
        assert tried == ["node"]
        for wait in CLIMBS[1:]:
            clock.advance(wait)
            await anyio.wait_all_tasks_blocked()
    assert tried == ["node"] * 2
