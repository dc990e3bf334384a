"""Padding of contents, so that their size tells only a class: plaintext ‖ 0x80 ‖ zeros (docs/protocol/padding.md)."""

from __future__ import annotations

from collections.abc import Sequence

from mepassad.errors import MalformedContent, MessageTooLarge

SIZES = (256, 1024, 4096, 16384, 65536)
MAX_PADDED = 1024 * 1024  # bytes, a size of Padmé itself

_MARK = b"\x80"


def padded_size(size: int, sizes: Sequence[int] = SIZES) -> int:
    """The size class of that many bytes: the next of `sizes`, above them Padmé (at most 12 % more).

    Padmé: PURBs, Nikitin et al., PETS 2019, section 4: only the leading bits of a size are told, about as many as it
    takes to write down its order of magnitude.
    """
    for fixed in sizes:
        if size <= fixed:
            return fixed
    exponent = size.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return (size + step - 1) // step * step


def pad(plaintext: bytes, sizes: Sequence[int] = SIZES) -> bytes:
    """To one of `sizes`, or by Padmé. Raises `MessageTooLarge` when the result would be above `MAX_PADDED`."""
    size = padded_size(len(plaintext) + 1, sizes)
    if size > MAX_PADDED:
        raise MessageTooLarge(f"A content may have {MAX_PADDED - 1} bytes at most.", limit=MAX_PADDED - 1)
    return (plaintext + _MARK).ljust(size, b"\x00")


def unpad(padded: bytes) -> bytes:
    """The reverse of `pad`; of any size up to the limit, since the classes are the sender's choice.

    Raises `MalformedContent`.
    """
    marked = padded.rstrip(b"\x00")
    if len(padded) > MAX_PADDED or not marked.endswith(_MARK):
        raise MalformedContent("The decrypted content is not padded as the protocol says.")
    return marked[:-1]
