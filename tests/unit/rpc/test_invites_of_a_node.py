"""How long the invites of a real node are good."""

from __future__ import annotations

from mepassad.facts import timestamp
from mepassad.testing.nodes import Nodes
from mepassad.testing.rpc_client import connect
from mepassad.wire.invites import parse_invite


async def test_an_invite_is_good_for_the_configured_days_unless_said_otherwise(nodes: Nodes) -> None:
    ana = await nodes.start("ana", invites__expires_days=3)
    now = int(nodes.clock.now())
    for given, seconds in ({}, 3 * 86_400), ({"expires_in": None}, 3 * 86_400), ({"expires_in": 60}, 60):
        async with connect(ana.node.config.rpc.socket) as client:
            made = await client.call("invites.create", **given)
        assert made["expires_at"] == timestamp((now + seconds) * 1000)
    _, expires_at = await ana.node.invites.create(ana.account, 1)
    assert expires_at == now + 3 * 86_400
    assert parse_invite(await ana.node.invites.standing(ana.account)).expires_at == now + 3 * 86_400
