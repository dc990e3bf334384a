"""The contract of a blob store: large encrypted bytes, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol


class Blobs(Protocol):
    """Keeps large encrypted bytes. Names are opaque text of letters, digits, `-` and `_`, given by the caller."""

    name: str

    async def put(self, blob: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep a stream of bytes; their count. It is there whole when this returns, or not at all. Raises
        `StoreFull`."""
        ...

    def get(self, blob: str, offset: int = 0) -> AsyncIterator[bytes]:
        """The bytes from an offset on. Raises LookupError where there is no such blob."""
        ...

    async def drop(self, blob: str) -> None:
        """Forget a blob; an unknown one is ignored."""
        ...
