"""What the node tells, and in what shape.

Generated from docs/openrpc.json by `make gen`; not to be edited.
"""

from __future__ import annotations

from mepassa.generated.values import (
    AccountSuperseded,
    ContactEvent,
    ContactKeysChanged,
    ContactPresence,
    InviteReused,
    Lagged,
    MessageProgress,
    MessageReceived,
    PluginFailed,
    Typing,
)
from mepassa.value import Value

TOPICS: dict[str, type[Value]] = {
    "message.received": MessageReceived,
    "message.sent": MessageProgress,
    "message.delivered": MessageProgress,
    "message.read": MessageProgress,
    "message.failed": MessageProgress,
    "contact.added": ContactEvent,
    "contact.changed": ContactEvent,
    "contact.keys_changed": ContactKeysChanged,
    "account.superseded": AccountSuperseded,
    "invite.reused": InviteReused,
    "plugin.failed": PluginFailed,
    "contact.online": ContactPresence,
    "contact.offline": ContactPresence,
    "typing": Typing,
    "events.lagged": Lagged,
}
"""The data of the events of each topic."""
