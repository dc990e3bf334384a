"""The contract of a media plugin: it executes calls and rooms; policy stays in the core."""

from __future__ import annotations

from typing import Protocol

from mepassad.api.types import AccountId


class Media(Protocol):
    """Carries sound and pictures of a room. Descriptions are SDP text (RFC 8866)."""

    name: str

    async def join(self, room: str, who: AccountId, offer: str) -> str:
        """Take part in a room; the answer to an offer. Raises `Unreachable`."""
        ...

    async def leave(self, room: str, who: AccountId) -> None:
        """Take part no more; somebody unknown is ignored."""
        ...
