"""The mailboxes of this node, as its config names them: where others put what they have for us while we are away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import anyio

from mepassad.api.backoff import Backoff
from mepassad.api.context import Clock, Log
from mepassad.api.node_id import key_from_node_id
from mepassad.api.store import Store
from mepassad.api.types import Contact, NodeId
from mepassad.bus import Fact, Signal
from mepassad.delivery.boxes import Boxes
from mepassad.delivery.drain import Drain
from mepassad.delivery.links import Links
from mepassad.delivery.mailbox_owner import MailboxOwner
from mepassad.delivery.passes import Badge
from mepassad.delivery.seals import SealKeys
from mepassad.people.accounts import Accounts, Me
from mepassad.people.numbers import Numbers
from mepassad.wire.hints import MAILBOX
from mepassad.wire.messages_pb2 import DeviceSealKey, NodeHint, Places

LATELY = 3600.0  # seconds since all mailboxes were drained within which nothing can wait for an old key


class Mailboxes:
    """All mailboxes of this node, and what contacts and guests are told of them."""

    def __init__(
        self,
        addresses: Sequence[str],
        store: Store,
        clock: Clock,
        log: Log,
        accounts: Accounts,
        numbers: Numbers,
        seals: SealKeys,
        boxes: Boxes,
        drain: Drain,
        backoff: Callable[[], Backoff],
    ) -> None:
        """`addresses` end in `/p2p/` and the id of their node; several may be of one node."""
        self._numbers, self._seals, self._drain = numbers, seals, drain
        self._addresses: dict[NodeId, list[str]] = {}
        for address in addresses:
            bare, _, node = address.rpartition("/p2p/")
            self._addresses.setdefault(NodeId(node), []).append(bare)
        self._owners = [
            MailboxOwner(node, told, store, clock, log, accounts, numbers, boxes, drain, backoff())
            for node, told in self._addresses.items()
        ]

    def link(self, links: Links) -> None:
        """Dial through these."""
        for owner in self._owners:
            owner.links = links

    def wear(self, badge: Badge) -> None:
        """Show this where a pass is asked for."""
        for owner in self._owners:
            owner.badge = badge

    async def run(self) -> None:
        """Speak to the mailboxes until cancelled."""
        async with anyio.create_task_group() as tasks:
            for owner in self._owners:
                tasks.start_soon(owner.run)

    def hints(self) -> Mapping[str, Sequence[str]]:
        """Node id → addresses without `/p2p`, as invites carry them."""
        return {node: told for node, told in self._addresses.items()}

    def places(self, me: Me, contact: Contact) -> Places:
        """Where a contact finds us while we are away; also where there is no mailbox, so that those of before are
        forgotten."""
        return Places(
            mailboxes=[
                NodeHint(key=key_from_node_id(node), addresses=told, roles=MAILBOX)
                for node, told in self._addresses.items()
            ],
            number_key=self._numbers.key(contact.number),
            directory_key=me.directory.prekeys_key() if me.directory else b"",
            seal_keys=[DeviceSealKey(device=me.device.public, seal_key=self._seals.public(me.row.id))],
        )

    def heed(self, event: Fact | Signal) -> None:
        """Contacts come and go, and so do their boxes."""
        if isinstance(event, Fact) and event.topic.startswith(("contact.", "account.")):
            self.refresh()

    def refresh(self) -> None:
        """Open and close boxes as contacts and invites are now."""
        for owner in self._owners:
            owner.refresh()

    def hurry(self) -> None:
        """The network changed: dial at once what is not connected."""
        for owner in self._owners:
            owner.hurry()

    def drained(self) -> bool:
        """Whether nothing was waiting lately in any mailbox: then no old key is needed any more."""
        return all(owner.drained_within(LATELY) for owner in self._owners)

    def stats(self) -> Mapping[str, object]:
        """For `system.stats`, by node."""
        nodes = {owner.node: owner.stats() for owner in self._owners}
        return {"junk": self._drain.junk, "nodes": nodes}
