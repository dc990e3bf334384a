"""What docs/hooks.md leaves to the author of a plugin: something behind each name that it does not define."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from anyio.abc import TaskGroup
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.directory import Check, Record
from mepassad.api.node_id import node_id_from_key
from mepassad.api.store import Store
from mepassad.api.types import NodeId, Secret
from mepassad.builtin.store_sqlite.store import open_store
from mepassad.builtin.transport_memory.transport import MemoryTransport
from mepassad.log import StructuredLog
from tests.fixtures.crypto_olm import Olm

__all__ = ["Bluetooth", "Circuits", "Folder", "Forwarder", "LocalNetwork", "Olm", "UnifiedPush", "open_my_mailbox",
           "open_my_store"]  # fmt: skip


class Bluetooth(MemoryTransport):
    """A transport that reaches nodes of this process only."""

    def __init__(self, config: object, node_key: Secret, tasks: TaskGroup) -> None:
        """At home on the network `documents`."""
        key = Ed25519PrivateKey.from_private_bytes(node_key).public_key().public_bytes_raw()
        super().__init__("documents", node_id_from_key(key), tasks, StructuredLog("bluetooth"))


@asynccontextmanager
async def open_my_store(folder: Path, config: object) -> AsyncIterator[Store]:
    """The store that the node has otherwise."""
    async with open_store(folder / "node.db", cache_mb=8, queue_limit=4096, backups_made_before=0) as store:
        yield store


class _Part:
    """Stands where the core asks next to nothing: it only has to be alive."""

    name = "part"

    def __init__(self, *given: object) -> None:
        """`given`: what the document hands to it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to stop."""

    def stats(self) -> dict[str, int]:
        """Nothing to count."""
        return {}

    def admit(self, check: object) -> None:
        """Nothing is kept for others."""


open_my_mailbox: Any = _Part
Folder: Any = _Part


class LocalNetwork(_Part):
    """A directory in which nobody is."""

    name = "local"

    def admit(self, check: Check) -> None:
        """Nothing is kept."""

    async def publish(self, key: bytes, record: Record, lifetime: int) -> None:
        """Nothing is kept."""

    async def find(self, key: bytes) -> Record | None:
        """Nothing is found."""
        return None

    def stats(self) -> dict[str, int]:
        """Nothing is counted."""
        return {}


class Circuits(_Part):
    """A relay that lends nothing."""

    name = "circuits"

    def serve(self, admits: Callable[[NodeId], bool]) -> None:
        """Admit nobody."""

    def used(self) -> Mapping[NodeId, int]:
        """Nothing."""
        return {}

    def stats(self) -> dict[str, int]:
        """Nothing."""
        return {}


UnifiedPush: Any = _Part
Forwarder: Any = _Part
