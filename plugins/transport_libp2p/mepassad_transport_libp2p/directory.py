"""The DHT as the daemon sees it, in asyncio. Implements `mepassad.api.directory.Directory`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from mepassad.api import Component, PluginContext, StreamClosed, Unreachable
from mepassad.api.directory import Check, Directory, Record

if TYPE_CHECKING:
    from mepassad_transport_libp2p.bridge import Guest
    from mepassad_transport_libp2p.kad import Kad


class KadDirectory:
    """Records in the DHT."""

    name = "dht"

    def __init__(self, guest: Guest, kad: Kad) -> None:
        self._guest, self._kad, self._published = guest, kad, 0

    def admit(self, check: Check) -> None:
        """Keep and pass on what this takes."""
        self._kad.shelf.check = check

    async def publish(self, key: bytes, record: Record, lifetime: int) -> None:
        """Have a record kept by the nodes nearest to it; how long is in the record. Raises `Unreachable`."""
        try:
            kept = await self._guest.call(self._kad.put, key, record)
        except StreamClosed as error:
            raise Unreachable from error
        if not kept:
            raise Unreachable("No node of the directory was reached.")
        self._published += 1

    async def find(self, key: bytes) -> Record | None:
        """The newest record in the DHT. Raises `Unreachable`."""
        try:
            return await self._guest.call(self._kad.get, key)
        except StreamClosed as error:
            raise Unreachable from error

    def stats(self) -> dict[str, int]:
        """How many nodes are known, how many records are kept, and how many of ours were taken."""
        return {"nodes": len(self._kad.table), "records": len(self._kad.shelf), "published": self._published}


async def _take_part(guest: Guest, kad: Kad) -> None:
    with suppress(StreamClosed):  # the transport stops, and the node with it
        await guest.call(kad.run)


def directory(serves: bool) -> Component[Directory]:
    """The component that takes part in the DHT, on the host that the transport has left; as a server, if it
    `serves`."""

    @asynccontextmanager
    async def component(context: PluginContext) -> AsyncIterator[Directory]:
        from mepassad_transport_libp2p.kad import Kad

        guest, host = context.shared["guest"], context.shared["host"]
        kad = Kad(host, context.config.bootstrap, serves, context.log)
        host.watch(kad.met, kad.lost)
        context.tasks.start_soon(_take_part, guest, kad)
        yield KadDirectory(guest, kad)

    return component
