"""Where packets come from, as the inbox sees it: a link to a node, or a mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mepassad.api.types import Contact
from mepassad.wire.packets import Reason


class Source(Protocol):
    """Told what became of the packets that it brought."""

    @property
    def route(self) -> str:
        """How they came, as kept with a message."""
        ...

    @property
    def box(self) -> bytes:
        """The number of the box of ours that they lay in; empty where they came on a stream."""
        ...

    def ack(self, packets: Sequence[bytes]) -> None:
        """The effect of these (ids) is durable, or there is none."""
        ...

    def refuse(self, packet: bytes, reason: Reason) -> None:
        """This one (its id) was not taken."""
        ...

    def is_of(self, contact: Contact) -> bool:
        """Whether only the contact can have brought them: then one that comes too early is worth keeping."""
        ...
