"""padding.md."""

from __future__ import annotations

from typing import Any

from second.refused import need

Fields = dict[str, Any]
SIZES = {"content": [256, 1_024, 4_096, 16_384, 65_536], "packet": [512, 1_536, 4_608, 16_896, 66_048]}
LIMIT = 1_048_576


def size(size: int, of: str) -> Fields:
    length = size + 1
    found = next((fixed for fixed in SIZES[of] if length <= fixed), 0)
    if not found:
        exponent = floor_log2(length)
        step = 2 ** (exponent - (floor_log2(exponent) + 1))
        found = -(-length // step) * step
    need(found <= LIMIT, "MessageTooLarge")
    return {"padded": found}


def floor_log2(number: int) -> int:
    return number.bit_length() - 1


def padded(plaintext: bytes, of: str) -> bytes:
    return plaintext + b"\x80" + bytes(size(len(plaintext), of)["padded"] - len(plaintext) - 1)


def unpadded(raw: bytes) -> bytes:
    need(len(raw) <= LIMIT, "MalformedContent")
    marked = raw.rstrip(b"\0")
    need(marked[-1:] == b"\x80", "MalformedContent")
    return marked[:-1]


def pad(plaintext: str, of: str) -> Fields:
    return {"padded": padded(bytes.fromhex(plaintext), of).hex()}


def unpad(padded: str, zeros: int) -> Fields:
    return {"plaintext": unpadded(bytes.fromhex(padded) + bytes(zeros)).hex()}
