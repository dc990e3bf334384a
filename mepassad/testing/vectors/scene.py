"""How Ana begins a session with Bia: Bia's prekeys, her bundles, and Ana's side of three handshakes."""

from __future__ import annotations

from mepassad.testing.vectors.book import Fields
from mepassad.testing.vectors.drawn import Drawn, draw
from mepassad.testing.vectors.ours import handshake, prekeys
from mepassad.testing.vectors.people import ANA, BIA, NOW


def _key(kind: str, size: int) -> Fields:
    identifier = int.from_bytes(draw(f"Bia, {kind}, id", 8), "big") >> 1
    return {"kind": kind, "id": identifier, "created_at": NOW - 3600, "secret": draw(f"Bia, {kind}", size).hex()}


SIGNED, ONE_TIME = _key("signed-prekey", 32), _key("one-time-prekey", 32)
ONE_TIME_PQ, LAST_RESORT = _key("one-time-pq-prekey", 64), _key("last-resort-pq-prekey", 64)
HELD = [SIGNED, LAST_RESORT, ONE_TIME, ONE_TIME_PQ]
# What a handshake is begun with, and the PQ prekey that it is for.
HANDSHAKES = {
    "with both one-time keys": (HELD, ONE_TIME_PQ),
    "with the last resort alone": ([SIGNED, LAST_RESORT], LAST_RESORT),
    "with the last resort and a one-time key": ([SIGNED, LAST_RESORT, ONE_TIME], LAST_RESORT),
    "with a signed prekey whose id is 0": ([SIGNED | {"id": 0}, LAST_RESORT], LAST_RESORT),
}


def bundle(held: list[Fields]) -> bytes:
    """Bia's bundle of these keys."""
    made = prekeys.bundle_write(BIA.device.seed().hex(), held, NOW, True)
    return bytes.fromhex(made["bundle"])


def initiation(drawn: Drawn, case: str) -> Fields:
    """The inputs of Ana's side of a handshake."""
    held, pq = HANDSHAKES[case]
    secret, ciphertext = drawn.kem(f"handshake {case}", bytes.fromhex(pq["secret"]))
    return {
        "device_seed": ANA.device.seed().hex(),
        "peer": BIA.device.public.hex(),
        "bundle": bundle(held).hex(),
        "now": NOW,
        "ephemeral": draw(f"Ana, ephemeral key {case}", 32).hex(),
        "ciphertext": ciphertext.hex(),
        "shared_secret": secret.hex(),
    }


def initiated(drawn: Drawn, case: str) -> bytes:
    """Ana's first state."""
    return bytes.fromhex(handshake.initiate(**initiation(drawn, case))["state"])
