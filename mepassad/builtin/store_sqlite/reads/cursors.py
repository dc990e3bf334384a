"""Where a page ended, as opaque text for `before`: a place in a conversation, or a message's number."""

from __future__ import annotations

import base64
import struct

_PLACE = struct.Struct(">qq")
_NUMBER = struct.Struct(">q")
_LAST = (1 << 63) - 1


def of_place(sort_ms: int, seq: int) -> str:
    """The `before` that continues a conversation."""
    return _text(_PLACE.pack(sort_ms, seq))


def place(before: str | None) -> tuple[int, int]:
    """(sort_ms, seq) that a page must stay below. Raises ValueError."""
    if before is None:
        return _LAST, _LAST
    sort_ms, seq = _unpack(_PLACE, before)
    return sort_ms, seq


def of_number(seq: int) -> str:
    """The `before` that continues a search."""
    return _text(_NUMBER.pack(seq))


def number(before: str | None) -> int:
    """The message number that a page must stay below. Raises ValueError."""
    return _LAST if before is None else _unpack(_NUMBER, before)[0]


def _text(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _unpack(layout: struct.Struct, before: str) -> tuple[int, ...]:
    try:
        numbers = layout.unpack(base64.b64decode(before + "=" * (-len(before) % 4), altchars=b"-_", validate=True))
    except (ValueError, struct.error):
        numbers = ()
    if not numbers or _text(layout.pack(*numbers)) != before:
        raise ValueError("this `before` is not the `next` of an earlier page")
    return numbers
