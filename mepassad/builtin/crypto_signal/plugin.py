"""The crypto plugin `signal`: the pure functions of this folder behind the `Crypto` contract, with real randomness."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mepassad.api import Component, PluginContext, hookimpl
from mepassad.api.crypto import Accepted, Bundle, Crypto, Decrypted, DeviceKey, Encrypted, Initiated, Replenished
from mepassad.api.types import AccountId, PrivateKey
from mepassad.builtin.crypto_signal import handshake, keys, prekeys, ratchet


class Signal:
    """PQXDH and the Double Ratchet. Implements `mepassad.api.crypto.Crypto`, which documents the methods."""

    name = "signal"
    capabilities = frozenset({"pq", "signed-prekey", "seeded-identity", "last-resort", "transcript"})

    def replenish(self, account: AccountId, device: DeviceKey, held: Sequence[PrivateKey], now: int) -> Replenished:
        """Top up and rotate prekeys. Call it only when the mailboxes are drained: it also drops what is too old."""
        return prekeys.replenish(account, held, now, os.urandom)

    def bundle(self, device: DeviceKey, held: Sequence[PrivateKey], now: int, one_time: bool = True) -> Bundle:
        """A bundle for one peer; keep `given_at` of the keys it names before it leaves the node."""
        return prekeys.bundle(device, held, now, one_time)

    def initiate(self, device: DeviceKey, peer: bytes, bundle: bytes, now: int) -> Initiated:
        """Begin a session with the device `peer`."""
        return handshake.initiate(device, peer, bundle, now, os.urandom(keys.KEY_SIZE), keys.kem_encapsulate)

    def accept(
        self, device: DeviceKey, peer: bytes, message: bytes, key: Callable[[int], PrivateKey | None], now: int
    ) -> Accepted:
        """Open a first message."""
        return handshake.accept(device, peer, message, key)

    def encrypt(self, state: bytes, plaintext: bytes) -> Encrypted:
        """Encrypt one message."""
        return ratchet.encrypt(state, plaintext, os.urandom)

    def decrypt(self, state: bytes, skipped: Mapping[bytes, bytes], message: bytes) -> Decrypted:
        """Open one message; `skipped` iterates oldest first."""
        return ratchet.decrypt(state, skipped, message)


@asynccontextmanager
async def run(context: PluginContext) -> AsyncIterator[Crypto]:
    """The component. Raises `CryptoUnsupported` where the build of `cryptography` lacks a primitive."""
    keys.probe()
    yield Signal()


@hookimpl
def provide_crypto(config: Any) -> Component[Crypto] | None:
    """The engine, when the configuration asks for `signal`."""
    return run if config.crypto.plugin == Signal.name else None
