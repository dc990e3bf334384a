"""seal.md, Seal keys: what replies with prekeys need of it, too."""

from __future__ import annotations

from typing import Any

from second.primitives import verify
from second.refused import need

Fields = dict[str, Any]
DAY = 86_400


def signed(device: bytes, key: Fields) -> bytes:
    dated = b"".join(key.get(name, 0).to_bytes(8, "big", signed=True) for name in ("id", "created_at"))
    return b"mepassa/1 seal key" + device + dated + key["public"]


def acceptable(key: Fields, device: bytes, now: int) -> Fields:
    """A seal key that may be sealed to; refuses all others."""
    need(len(key.get("public", b"")) == 32, "BadBundle")
    need(now - 30 * DAY <= key.get("created_at", 0) <= now + DAY, "BadBundle")
    verify(device, key.get("signature", b""), signed(device, key), name="BadBundle")
    return key
