"""Dialling several addresses of one node, staggered, until the first answers (RFC 8305, "Happy Eyeballs").

The library's own dialling waits 250 ms even after success, tries only one TCP address of a node, and refuses to dial
a node again for 60 seconds after a failure; hence it is not used. Not needed once `Swarm.dial_peer` does none of that.
"""

from __future__ import annotations

import errno
import os
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

import trio
from libp2p.abc import INetConn
from libp2p.peer.id import ID
from libp2p.security.noise.exceptions import PeerIDMismatchesPubkey
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.api import OtherNode, Unreachable
from mepassad_transport_libp2p.address import Address, interleaved
from mepassad_transport_libp2p.compat.certificates import OtherPeer
from mepassad_transport_libp2p.compat.swarm import LastingSwarm

STAGGER = 0.25
"""Seconds before the next address is tried beside the ones under way (RFC 8305, section 8)."""

_FOUND = re.compile(r"remote_peer_id_from_pubkey=(\w+)")  # the library tells the other id in words only

MAX_ADDRESSES = 16
"""Addresses of one node that are tried."""

TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EINVAL)
"""What the system says where there is a connection from this port to that address, or was one a moment ago."""


Source = Callable[[Address], tuple[str, int] | None]
"""From which of the node's own ports an address is dialled; None: from any."""


async def dial(
    swarm: LastingSwarm,
    peer: ID,
    addresses: Sequence[Address],
    heard: Sequence[Address],
    timeout: float,
    source: Source = lambda address: None,
) -> INetConn:
    """A connection to `peer` over the first address that answers with its key; those `heard` are tried last.

    Raises `Unreachable`; `OtherNode`, with its id as `node`, where another one answered at one of `addresses`. At one
    that was heard, anybody may have invited the dial, so it says nothing of where the peer went.
    """
    if not addresses and not heard:
        raise Unreachable(f"No address of the node {peer} is known.")
    failures: dict[Address, Unreachable] = {}
    made: list[INetConn] = []
    with trio.move_on_after(timeout) as deadline:
        if swarm.crowd.full() and swarm.crowd.leaver(wanted=True) is None:
            raise Unreachable("This node has all the connections that transport_libp2p.max_connections allows.")
        async with trio.open_nursery() as nursery:
            for address in dict.fromkeys((*interleaved(addresses)[:MAX_ADDRESSES], *interleaved(heard))):
                failed = trio.Event()
                dialling = partial(_one, swarm, peer, address, source(address))
                nursery.start_soon(_attempt, dialling, address, nursery.cancel_scope, failed, made, failures)
                with trio.move_on_after(STAGGER):
                    await failed.wait()
    if made:
        return made[0]
    for address, failure in failures.items():
        if isinstance(failure, OtherNode) and address in addresses:
            raise failure
    late = deadline.cancelled_caught or not failures
    reason = "nobody answered in time" if late else list(failures.values())[-1].sentence
    raise Unreachable(f"The node {peer} cannot be reached now: {reason}.")


async def _one(swarm: LastingSwarm, peer: ID, address: Address, source: tuple[str, int] | None) -> INetConn:
    """Dial one address, from a port if that is free towards it, else from any. Raises what a failed dial raises."""
    there = Multiaddr(str(address._replace(peer=None)))
    if source is not None:
        try:
            return await swarm.dial_addr(there, peer, source)
        except Exception as error:
            if not any(isinstance(cause, OSError) and cause.errno in TAKEN for cause in _causes(error)):
                raise
    return await swarm.dial_addr(there, peer)


async def _attempt(
    dialling: Callable[[], Awaitable[INetConn]],
    address: Address,
    others: trio.CancelScope,
    failed: trio.Event,
    made: list[INetConn],
    failures: dict[Address, Unreachable],
) -> None:
    """Try one address; success ends the others, failure lets the next begin at once."""
    try:
        made.append(await dialling())
    except Exception as error:
        failures[address] = _failure(address, error)
        failed.set()
    else:
        others.cancel()


def _failure(address: Address, error: BaseException) -> Unreachable:
    """Why an address failed, in words for a user; and who answered there instead, if somebody did."""
    for cause in _causes(error):
        if (found := _found(cause)) is not None:
            return OtherNode(f"{address} did not answer with the key of this node.", node=found)
    return Unreachable(f"{address} did not answer{_why(error)}")


def _why(error: BaseException) -> str:
    """What the system or TLS said, if they said anything that leads further."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            said = f"{cause.verify_message}; tls_authorities names authorities that are trusted"
            return f" with a certificate that is trusted ({said})"
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno in errno.errorcode:
            return f" ({os.strerror(cause.errno).lower()})"
    return ""


def _found(error: BaseException) -> str | None:
    """The id of the other node that an error tells of."""
    if isinstance(error, OtherPeer):
        return str(error.found)
    told = _FOUND.search(str(error)) if isinstance(error, PeerIDMismatchesPubkey) else None
    return told[1] if told else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what led to it, and the members of groups, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [led for led in (one.__cause__ or one.__context__,) if led is not None]
            waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
