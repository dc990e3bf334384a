"""py-libp2p as it comes, to show what the cures are for."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from libp2p import new_host
from libp2p.abc import IHost
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.peer.peerinfo import PeerInfo
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.testing.transport_node import TIMEOUT

LOOPBACK = Multiaddr("/ip4/127.0.0.1/tcp/0")


QUIC = Multiaddr("/ip4/127.0.0.1/udp/0/quic-v1")


@asynccontextmanager
async def stock(noise: bool = True, listen: Multiaddr = LOOPBACK, **settings: Any) -> AsyncIterator[IHost]:
    """A py-libp2p host as it comes."""
    keys = create_new_key_pair()
    if noise:
        settings["sec_opt"] = {NOISE: Noise(keys, noise_privkey=create_noise_key_pair().private_key)}
    host = new_host(key_pair=keys, listen_addrs=[listen], **settings)
    async with host.run([listen]):
        yield host


def info(host: IHost) -> PeerInfo:
    return PeerInfo(host.get_id(), host.get_transport_addrs())


def in_trio(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """A test that runs in trio itself, without the bridge; the sockets that stock hosts forget are forgiven."""

    def run() -> None:
        async def limited() -> None:
            with trio.fail_after(TIMEOUT):
                await test()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            trio.run(limited)
            gc.collect()

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run
