"""Ana and Bia, of whom the vectors tell: their keys, and what both of them have signed."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.crypto import DeviceKey
from mepassad.testing.vectors.drawn import draw
from mepassad.wire.identity import agree, sign_devices

NOW = 1_800_000_000  # Unix seconds
IDENTITY = b"\1" + bytes(31)  # a key of low order, y = 1
WEAK = IDENTITY + bytes(32)  # a signature that holds under it, whatever is signed
DAY = 86_400


class Person:
    """An account with one device. `devices` is its signed device list."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seed = draw(f"{name}, account", 32)
        self.account = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.key = self.account.public_key().public_bytes_raw()
        self.device = DeviceKey(draw(f"{name}, device", 32))
        self.devices = sign_devices(self.account, [agree(self.device, self.key, name, NOW)], 0, NOW)


ANA, BIA, EVE = Person("Ana"), Person("Bia"), Person("Eve")
