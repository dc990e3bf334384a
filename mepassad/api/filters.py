"""The contract of a message filter: it may change or refuse what passes, in order, on both ways."""

from __future__ import annotations

from typing import Protocol

import msgspec

from mepassad.api.types import AccountId, Message


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A text message before it is prepared. Filters return it, or a changed copy."""

    account: AccountId
    contact: AccountId
    text: str
    reply_to: str = ""


class MessageFilter(Protocol):
    """Sees plaintext in memory, before it is kept; may raise `Rejected` with a sentence for the user.

    Called one message after the other, in the order of the `plugins` list. Must not take long: it holds the message.
    """

    name: str

    async def message_send(self, draft: Draft) -> Draft:
        """Before a message of ours is kept. Raises `Rejected`: the call fails and nothing is kept."""
        ...

    async def message_received(self, message: Message) -> Message:
        """Before a message of a contact is kept. Raises `Rejected`: it is acknowledged and dropped."""
        ...
