"""How values look on the wire of the RPC: ids, names, times."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mepassad.api.methods import AccountRef
from mepassad.facts import timestamp

__all__ = [
    "AccountRef",
    "ContactRef",
    "ContactState",
    "ConversationRef",
    "Cursor",
    "InviteUri",
    "Limit",
    "MessageRef",
    "MessageState",
    "Route",
    "Text",
    "Time",
    "secret",
    "timestamp",
]


def _id(description: str) -> msgspec.Meta:
    return msgspec.Meta(min_length=1, max_length=128, description=description)


ContactRef = Annotated[str, _id("The id of a contact: their account id (`mp1…`).")]
ConversationRef = Annotated[str, _id("The id of a conversation.")]
InviteUri = Annotated[
    str, msgspec.Meta(max_length=2_000, description="An invite as it was received, or a code as it was scanned.")
]
MessageRef = Annotated[str, _id("The id of a message.")]
Cursor = Annotated[str, msgspec.Meta(min_length=1, max_length=256, description="The `next` of the page before.")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=500, description="At most so many items; a page may hold fewer.")]
Time = Annotated[
    str,
    msgspec.Meta(
        description="RFC 3339, UTC, milliseconds.",
        extra_json_schema={"format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
    ),
]


def secret(description: str, max_length: int | None = None) -> msgspec.Meta:
    """What clients keep out of logs and reprs."""
    return msgspec.Meta(max_length=max_length, description=description, extra_json_schema={"x-secret": True})


Text = Annotated[str, secret("What was written.")]


def _one_of(title: str, description: str, *words: str) -> msgspec.Meta:
    """Words that the node's rows are sure to hold: checked by tests, not at run time; clients let newer words pass."""
    return msgspec.Meta(title=title, description=description, extra_json_schema={"enum": list(words)})


ContactState = Annotated[
    str,
    _one_of(
        "ContactState",
        "Pending until the other side answered; removed only in events.",
        *("pending", "accepted", "refused", "removed"),
    ),
]
MessageState = Annotated[
    str,
    _one_of(
        "MessageState",
        "Of one's own: queued, sent, delivered, read, failed, expired; of a contact's: received, read.",
        *("queued", "sent", "delivered", "read", "failed", "expired", "received"),
    ),
]
Route = Annotated[str, _one_of("Route", "How it came first.", "direct", "relayed", "mailbox")]
