"""Where the bytes of the vectors come from: a stream from fixed seeds, and the little that only a library can draw."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from mepassad.builtin.crypto_signal.keys import kem_decapsulate, kem_encapsulate, kem_public
from mepassad.errors import DecryptFailed


def draw(name: str, size: int) -> bytes:
    """So many bytes of the stream with this name: SHA-256(`mepassa vectors ` ‖ name ‖ 0x00 ‖ counter (4)), the counter
    from 0, one block after the other."""
    seed = b"mepassa vectors " + name.encode() + b"\0"
    blocks = (hashlib.sha256(seed + counter.to_bytes(4, "big")).digest() for counter in range(-(-size // 32)))
    return b"".join(blocks)[:size]


class Drawn:
    """What `cryptography` draws itself, and takes from nobody: ML-KEM's encapsulations, HPKE's encapsulated keys.

    A value that was published is kept as long as it opens to what it should; else a new one is drawn.
    """

    def __init__(self, kept: dict[str, Any]) -> None:
        """`kept`: what was published, {} to draw all anew."""
        self._kept = kept
        self.used: dict[str, Any] = {}

    def kem(self, name: str, seed: bytes) -> tuple[bytes, bytes]:
        """(shared secret, ciphertext) for the ML-KEM key of this 64-byte seed."""
        kept = self.used.get(name) or self._kept.get(name, {})
        secret, ciphertext = (bytes.fromhex(kept.get(part, "")) for part in ("shared_secret", "ciphertext"))
        if not ciphertext or kem_decapsulate(seed, ciphertext) != secret:
            secret, ciphertext = kem_encapsulate(kem_public(seed))
        self.used[name] = {"shared_secret": secret.hex(), "ciphertext": ciphertext.hex()}
        return secret, ciphertext

    def envelope(
        self, name: str, expected: bytes, seal: Callable[[], bytes], unseal: Callable[[bytes], bytes]
    ) -> bytes:
        """An envelope that `unseal` opens to `expected`, made by `seal` where there is none. `unseal` may raise
        `DecryptFailed`."""
        envelope = bytes.fromhex(self._kept.get(name, {}).get("envelope", ""))
        try:
            opened = unseal(envelope)
        except DecryptFailed:
            opened = None
        if opened != expected:
            envelope = seal()
        self.used[name] = {"envelope": envelope.hex()}
        return envelope
