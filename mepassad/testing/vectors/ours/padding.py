"""Our padding, over JSON."""

from __future__ import annotations

from mepassad.testing.vectors.book import Fields
from mepassad.wire import padding, seal

SIZES = {"content": padding.SIZES, "packet": seal.SIZES}


def size(size: int, of: str) -> Fields:
    """How long so many bytes are when padded; `of` a content, or of a packet for an envelope."""
    return {"padded": len(padding.pad(bytes(size), SIZES[of]))}


def pad(plaintext: str, of: str) -> Fields:
    """Bytes, padded."""
    return {"padded": padding.pad(bytes.fromhex(plaintext), SIZES[of]).hex()}


def unpad(padded: str, zeros: int) -> Fields:
    """What is left without the padding; behind `padded` come so many zero bytes more."""
    return {"plaintext": padding.unpad(bytes.fromhex(padded) + bytes(zeros)).hex()}
