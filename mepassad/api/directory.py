"""The contract of a directory: signed, encrypted records that are found by those who were told their name."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """A record as it is published: opaque bytes under a version. The caller encrypts, signs and verifies."""

    value: bytes
    version: int


class Directory(Protocol):
    """Publishes and finds records: in a DHT, on the LAN, at mailbox nodes. A hint, never the truth: the caller checks
    signatures, and takes the highest valid version of all directories."""

    name: str

    async def publish(self, key: bytes, record: Record, lifetime: int) -> None:
        """Offer a record under a key for `lifetime` seconds. Raises `Unreachable`."""
        ...

    async def find(self, key: bytes) -> Record | None:
        """The newest record found, or None. Raises `Unreachable`."""
        ...
