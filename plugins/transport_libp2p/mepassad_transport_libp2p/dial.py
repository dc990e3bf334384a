"""Dialling several addresses of one node, staggered, until the first answers (RFC 8305, "Happy Eyeballs").

The library's own dialling waits 250 ms even after success, tries only one TCP address of a node, and refuses to dial
a node again for 60 seconds after a failure; hence it is not used. Not needed once `Swarm.dial_peer` does none of that.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio
from libp2p.abc import INetConn
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.api import Unreachable
from mepassad_transport_libp2p.address import Address
from mepassad_transport_libp2p.compat.swarm import LastingSwarm

STAGGER = 0.25
"""Seconds before the next address is tried beside the ones under way (RFC 8305, section 8)."""

MAX_ADDRESSES = 16
"""Addresses of one node that are tried."""


async def dial(swarm: LastingSwarm, peer: ID, addresses: Sequence[Address], timeout: float) -> INetConn:
    """A connection to `peer` over the first address that answers with its key. Raises `Unreachable`."""
    if not addresses:
        raise Unreachable(f"No address of the node {peer} is known.")
    reasons: list[str] = []
    made: list[INetConn] = []
    with trio.move_on_after(timeout) as deadline:
        try:
            await swarm.make_room()
        except SwarmException:
            raise Unreachable(
                "This node has all the connections that transport_libp2p.max_connections allows."
            ) from None
        async with trio.open_nursery() as nursery:
            for address in addresses[:MAX_ADDRESSES]:
                failed = trio.Event()
                nursery.start_soon(_attempt, swarm, peer, address, nursery.cancel_scope, failed, made, reasons)
                with trio.move_on_after(STAGGER):
                    await failed.wait()
    if made:
        return made[0]
    reason = "nobody answered in time" if deadline.cancelled_caught or not reasons else reasons[-1]
    raise Unreachable(f"The node {peer} cannot be reached now: {reason}.")


async def _attempt(
    swarm: LastingSwarm,
    peer: ID,
    address: Address,
    others: trio.CancelScope,
    failed: trio.Event,
    made: list[INetConn],
    reasons: list[str],
) -> None:
    """Try one address; success ends the others, failure lets the next begin at once."""
    try:
        made.append(await swarm.dial_addr(Multiaddr(str(address._replace(peer=None))), peer))
    except Exception as error:
        reasons.append(_reason(address, error))
        failed.set()
    else:
        others.cancel()


def _reason(address: Address, error: BaseException) -> str:
    """Why an address failed, in words for a user."""
    causes = str(error) + str(error.__cause__)
    if "mismatch" in causes.lower() or "security" in causes:
        return f"{address} did not answer with the key of this node"
    return f"{address} did not answer"
