"""safety.md."""

from __future__ import annotations

from hashlib import sha512
from hmac import compare_digest
from typing import Any

from second.identity import account_id_read
from second.refused import need

Fields = dict[str, Any]


def half(key: str, name: str) -> Fields:
    public = bytes.fromhex(key)
    h = sha512(bytes(2) + public + name.encode("ascii") + public).digest()
    for _ in range(5199):
        h = sha512(h + public).digest()
    return {"digits": "".join(str(int.from_bytes(h[at : at + 5], "big") % 100_000).zfill(5) for at in range(0, 30, 5))}


def number(one: str, other: str) -> Fields:
    keys = [account_id_read(one)["key"], account_id_read(other)["key"]]
    halves = [half(key, account.lower())["digits"] for key, account in zip(keys, (one, other), strict=True)]
    digits = min(halves) + max(halves)
    return {"keys": keys, "number": digits, "shown": " ".join(digits[at : at + 5] for at in range(0, 60, 5))}


def typed(number: str, text: str) -> Fields:
    digits = "".join(text.split())
    need(len(digits) == 60 and set(digits) <= set("0123456789"), "InvalidParams")
    return {"same": compare_digest(digits, number)}
