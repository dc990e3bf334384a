"""Our safety numbers, over JSON."""

from __future__ import annotations

from mepassad.api.types import AccountId
from mepassad.testing.vectors.book import Fields
from mepassad.wire import safety
from mepassad.wire.ids import account_key


def half(key: str, name: str) -> Fields:
    """One side's 30 digits, of a public key and the text that names its owner, here any."""
    return {"digits": safety.fingerprint(bytes.fromhex(key), name.encode())}


def number(one: str, other: str) -> Fields:
    """The safety number of two account ids, their keys, and the number as it is shown."""
    digits = safety.safety_number(AccountId(one), AccountId(other))
    keys = [account_key(account).hex() for account in (one, other)]
    return {"keys": keys, "number": digits, "shown": " ".join(safety.groups(digits))}


def typed(number: str, text: str) -> Fields:
    """Whether what somebody typed is this safety number."""
    return {"same": safety.same_number(number, text)}
