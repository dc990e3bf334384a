"""A source of packets that a test holds in its hand: it brings packets to a node's inbox and keeps the answers."""

from __future__ import annotations

from collections.abc import Sequence

import anyio.lowlevel

from mepassad.api.store import Commit
from mepassad.api.types import Contact, NodeId
from mepassad.testing.nodes import RunningNode
from mepassad.wire.content import seal_content
from mepassad.wire.ids import account_key
from mepassad.wire.messages_pb2 import Content
from mepassad.wire.packets import Reason, packet_id


class Courier:
    """Implements `mepassad.delivery.source.Source`: `acked` and `refused` are what the inbox answered."""

    box = b""

    def __init__(self) -> None:
        self.node, self.route = NodeId("a test"), "direct"
        self.acked: list[bytes] = []
        self.refused: list[tuple[bytes, Reason]] = []

    def ack(self, packets: Sequence[bytes]) -> None:
        self.acked.extend(packets)

    def refuse(self, packet: bytes, reason: Reason) -> None:
        self.refused.append((packet, reason))

    def is_of(self, contact: Contact) -> bool:
        return self.node in contact.nodes

    async def hand(self, to: RunningNode, *packets: bytes) -> list[Reason | None]:
        """Bring packets; for each, in order: None when it was acked, else why it was refused."""
        self.acked, self.refused = [], []
        await to.core.inbox.arrived(self, packets)
        await anyio.lowlevel.checkpoint()  # facts of what was just kept are published in this turn of the loop
        answers = dict(self.refused)
        assert {*self.acked, *answers} == {packet_id(packet) for packet in packets}
        return [answers.get(packet_id(packet)) for packet in packets]


async def packet(sender: RunningNode, receiver: RunningNode, content: Content | bytes) -> bytes:
    """A packet from the first account of a node to that of another, of a content or of any plaintext, in the newest
    session of the two; it is not put into the outbox."""
    me = sender.core.accounts.me(sender.account)
    device = receiver.core.accounts.me(receiver.account).device.public
    plaintext = content
    if isinstance(plaintext, Content):
        plaintext = seal_content(plaintext, me.device, account_key(receiver.account))
    async with sender.core.sessions.lock(sender.account, receiver.account):
        head = sender.core.sessions.current(sender.contact(receiver), device)
        assert head is not None
        raw, put = sender.core.sessions.encrypt(me, head, plaintext)
        kept = sender.node.store.commit(Commit((put,)))
    await kept
    return raw


def text(sender: RunningNode, receiver: RunningNode, words: str) -> Content:
    """A text message's content, as the sender would make it."""
    content = sender.core.outbox.empty(sender.contact(receiver), 1)
    content.text.text = words
    return content
