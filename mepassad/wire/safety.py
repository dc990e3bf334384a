"""Safety numbers: 60 digits by which two people see that nobody stands between them. docs/protocol/safety.md."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from mepassad.api.types import AccountId
from mepassad.errors import InvalidParams
from mepassad.wire.ids import account_key

ITERATIONS = 5200
DIGITS = 60
GROUP = 5
_VERSION = b"\x00\x00"
_CHUNKS = 6  # of five bytes and five digits each, a side


@lru_cache(maxsize=256)
def fingerprint(key: bytes, stable_id: bytes) -> str:
    """One side's 30 digits, as libsignal's numeric fingerprint makes them of a public key and what names its owner.

    Some milliseconds of hashing, once for each of the sides that were asked for lately.
    """
    digest = _VERSION + key + stable_id
    for _ in range(ITERATIONS):
        digest = hashlib.sha512(digest + key).digest()
    chunks = (digest[at : at + 5] for at in range(0, 5 * _CHUNKS, 5))
    return "".join(f"{int.from_bytes(chunk, 'big') % 100_000:05}" for chunk in chunks)


def safety_number(one: AccountId, other: AccountId) -> str:
    """The 60 digits of two accounts, the same on both sides. Raises ValueError on what is no account id."""
    return "".join(sorted(fingerprint(account_key(account), account.lower().encode()) for account in (one, other)))


def groups(number: str) -> list[str]:
    """A safety number as it is read aloud: twelve groups of five digits."""
    return [number[at : at + GROUP] for at in range(0, DIGITS, GROUP)]


def same_number(number: str, typed: str) -> bool:
    """Whether what somebody typed, with any white space, is a safety number. Raises `InvalidParams` unless it has 60
    digits: what was cut short says nothing about who is there."""
    digits = "".join(typed.split())
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        raise InvalidParams(f"A safety number has {DIGITS} digits.")
    return hmac.compare_digest(number, digits)
