"""Where this node is found changes though the network does not: relays come and go. Contacts are told then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import anyio
from anyio.abc import TaskGroup

from mepassad.api.context import Clock
from mepassad.api.transport import Transport
from mepassad.api.types import NodeId
from mepassad.delivery.router import Router
from mepassad.errors import MepassaError
from mepassad.log import StructuredLog
from mepassad.people.contacts import Contacts
from mepassad.wire.addresses import may_dial
from mepassad.wire.hints import relays_of

SETTLE = 1.0
"""Seconds in which changes that belong together are waited for."""

LOOK = 5.0
"""Seconds between two looks at which relays contacts name."""

CLIMBS = (0.0, 2.0, 10.0, 60.0)
"""Seconds before each try to move a link to a direct way: on a bad network the first question there may be lost."""

MAX_SERVERS = 4096
"""Addresses of servers that are remembered; beyond, all are told once more."""

Hints = Mapping[str, Sequence[str]]


class Moves:
    """Listens to transports, and has the router tell contacts new addresses and move links to direct ways."""

    def __init__(
        self,
        hints: Callable[[], Hints],
        router: Router,
        contacts: Contacts,
        transports: Sequence[Transport],
        clock: Clock,
        tasks: TaskGroup,
        mailboxes: Sequence[str],
    ) -> None:
        """`hints`: where the node is found now, as contacts are told; `mailboxes`: its own, which may be relays too."""
        self._mailboxes = list(mailboxes)
        self._hints, self._router, self._contacts, self._transports = hints, router, contacts, transports
        self._clock, self._tasks = clock, tasks
        self._servers: set[str] = set()  # addresses that transports were told
        self._log = StructuredLog("delivery")
        self._changed = anyio.Event()
        self._told = hints()
        for transport in transports:
            transport.follow(self._moved, self._climbed)

    async def learn_servers(self) -> None:
        """Let transports know the own mailboxes, and the relays that contacts named, which serve a newcomer who knows
        no other; until cancelled."""
        while True:
            contacts = [contact for contact in self._contacts.everybody() if not contact.blocked]
            told = [address for contact in contacts for addresses in contact.nodes.values() for address in addresses]
            every = self._mailboxes + relays_of(filter(may_dial, told))
            fresh = [address for address in every if address not in self._servers]
            if fresh:
                if len(self._servers) > MAX_SERVERS:
                    self._servers.clear()
                self._servers.update(fresh)
                for transport in self._transports:
                    transport.use_servers(fresh)
            await self._clock.sleep(LOOK)

    def _moved(self) -> None:
        self._changed.set()

    def _climbed(self, node: NodeId) -> None:
        self._tasks.start_soon(self._climb, node)

    async def _climb(self, node: NodeId) -> None:
        for wait in CLIMBS:
            await self._clock.sleep(wait)
            try:
                await self._router.links.climb(node)
            except MepassaError as error:
                self._log.info("a direct way does not work yet, or was gone again", node=node, reason=error.sentence)
            else:
                return

    async def heed(self) -> None:
        """Tell contacts whenever the node moved, until cancelled."""
        while True:
            await self._changed.wait()
            await self._clock.sleep(SETTLE)
            self._changed = anyio.Event()
            before, self._told = self._told, self._hints()
            if self._told != before:
                self._router.moved()
