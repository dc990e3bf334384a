"""The topics of events: facts (durable, numbered) and signals (neither numbered nor kept)."""

from __future__ import annotations

FACTS: dict[str, str] = {
    "message.received": "A contact's message is durable here.",
    "message.sent": "A node or device took a message's bytes.",
    "message.delivered": "A device of the contact confirmed a message.",
    "message.read": "The contact read a message.",
    "message.failed": "A message will not be delivered; the message's state and reason say why.",
    "contact.added": "A contact was made, on either side of an invite.",
    "contact.changed": "A contact's name, state, verification or block changed, or it was removed.",
    "contact.keys_changed": "A contact has other devices than before; their account, that is their words, signed it.",
    "account.superseded": "A contact names a device list of this account that this node does not have.",
    "invite.reused": "Somebody else knew an invite that was used up: it leaked, and perhaps to who used it.",
    "plugin.failed": "A component of the node failed; optional ones are started again.",
}

SIGNALS: dict[str, str] = {
    "contact.online": "A live connection to a contact came up.",
    "contact.offline": "The last live connection to a contact ended.",
    "typing": "A contact is typing, or stopped.",
    "events.lagged": "Signals were dropped because this client read too slowly.",
}

TOPICS = {**FACTS, **SIGNALS}
