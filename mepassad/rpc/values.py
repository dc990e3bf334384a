"""How values look on the wire of the RPC: ids, names, times."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mepassad.facts import timestamp

__all__ = ["AccountRef", "ContactRef", "ConversationRef", "Cursor", "Limit", "MessageRef", "Time", "timestamp"]


def _id(description: str) -> msgspec.Meta:
    return msgspec.Meta(min_length=1, max_length=128, description=description)


AccountRef = Annotated[str, _id("The id of an account of this node (`mp1…`).")]
ContactRef = Annotated[str, _id("The id of a contact: their account id (`mp1…`).")]
ConversationRef = Annotated[str, _id("The id of a conversation.")]
MessageRef = Annotated[str, _id("The id of a message.")]
Cursor = Annotated[str, msgspec.Meta(min_length=1, max_length=256, description="The `next` of the page before.")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=500, description="At most so many items; a page may hold fewer.")]
Time = Annotated[
    str, msgspec.Meta(description="RFC 3339, UTC, milliseconds.", extra_json_schema={"format": "date-time"})
]
