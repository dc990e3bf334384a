"""The contract of a directory: signed, encrypted records that are found by those who were told their name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

Check = Callable[[bytes, bytes], int]
"""From the name and the value of a record, its version, where it may be kept and passed on; else raises
`MepassaError`."""


class Record(NamedTuple):
    """A record as it is published: opaque bytes under a version. The caller encrypts, signs and verifies."""

    value: bytes
    version: int


class Directory(Protocol):
    """Publishes and finds records: in a DHT, on the LAN, at mailbox nodes. A hint, never the truth: the caller checks
    signatures, and takes the highest valid version of all directories."""

    name: str

    def admit(self, check: Check) -> None:
        """Keep and pass on for others only what this takes, and of one name the highest version. Nothing is kept for
        others before it was called."""
        ...

    async def publish(self, key: bytes, record: Record, lifetime: int) -> None:
        """Offer a record under a key for `lifetime` seconds. Raises `Unreachable` where nobody took it."""
        ...

    async def find(self, key: bytes) -> Record | None:
        """The newest record found, or None. Raises `Unreachable`."""
        ...

    def stats(self) -> dict[str, int]:
        """Numbers for an operator by name; which there are may change."""
        ...
