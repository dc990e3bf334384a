"""Bytes as text: bech32m (BIP-350), base58, base64url."""

from __future__ import annotations

import re

from second.refused import need

BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
GENERATOR = [0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]


def groups(data: bytes, bits: int) -> list[int]:
    """Bytes as groups of bits, zeros added at the end."""
    text = "".join(f"{byte:08b}" for byte in data)
    text += "0" * (-len(text) % bits)
    return [int(text[at : at + bits], 2) for at in range(0, len(text), bits)]


def ungroup(values: list[int], bits: int) -> bytes:
    """The reverse; refuses groups that hold no byte, and bits left over that are not 0."""
    text = "".join(f"{value:0{bits}b}" for value in values)
    spare = len(text) % 8
    need(spare < bits and "1" not in text[len(text) - spare :], "Malformed")
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text) - spare, 8))


def checksum(prefix: str, values: list[int]) -> int:
    """The residue that is 1 in bech32 and another constant in bech32m."""
    check = 1
    for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit in range(5):
            check ^= GENERATOR[bit] if top >> bit & 1 else 0
    return check ^ 0x2BC830A3


def bech32m(prefix: str, data: bytes) -> str:
    values = groups(data, 5)
    check = checksum(prefix, values + [0] * 6)
    return f"{prefix}1" + "".join(BECH32[v] for v in values + [check >> 5 * (5 - i) & 31 for i in range(6)])


def unbech32m(prefix: str, text: str) -> bytes:
    need(re.fullmatch(r"[!-~]{8,90}", text) and text in (text.lower(), text.upper()), "Malformed")
    head, _, tail = text.lower().rpartition("1")
    need(head == prefix and len(tail) >= 6 and set(tail) <= set(BECH32), "Malformed")
    values = [BECH32.index(c) for c in tail]
    need(checksum(prefix, values) == 0, "Malformed")
    return ungroup(values[:-6], 5)


def base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def unbase58(text: str) -> bytes:
    need(set(text) <= set(BASE58), "Malformed")
    number = 0
    for letter in text:
        number = number * 58 + BASE58.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def base64url(data: bytes) -> str:
    return "".join(BASE64[value] for value in groups(data, 6))


def unbase64url(text: str) -> bytes:
    need(set(text) <= set(BASE64), "Malformed")
    return ungroup([BASE64.index(c) for c in text], 6)
