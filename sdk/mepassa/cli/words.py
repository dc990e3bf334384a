"""What the node says in words of its own, in the user's language."""

from __future__ import annotations

from mepassa.cli.i18n import _
from mepassa.errors import CallTooLarge, InvalidCall, RpcError
from mepassa.text import visible
from mepassa.wire import LINE_LIMIT

NOT_DONE = (RpcError, CallTooLarge, InvalidCall)
"""A call that was not carried out, because of what was asked for."""


def complaint(error: RpcError | CallTooLarge | InvalidCall) -> str:
    """Why a call was not carried out."""
    if isinstance(error, RpcError):
        return refusal(error)
    if isinstance(error, CallTooLarge):
        return _("That is too long: a line to the node may have {limit} bytes.").format(limit=LINE_LIMIT)
    return visible(str(error))


def refusal(error: RpcError) -> str:
    """What the node said, and the error's stable name, by which one finds more about it."""
    return f"{_with_facts(error) or sentence(error.message)} ({visible(error.name)})"


def sentence(said: str) -> str:
    """A sentence of the node's in the user's language; one that the catalogue does not know stays as it is."""
    return visible(_(said))


def state_word(state: str) -> str:
    """How a message or a contact is."""
    words = {
        "queued": _("queued"),
        "sent": _("sent"),
        "delivered": _("delivered"),
        "read": _("read"),
        "failed": _("failed"),
        "expired": _("expired"),
        "received": _("received"),
        "pending": _("pending"),
        "accepted": _("accepted"),
        "refused": _("refused"),
        "removed": _("removed"),
    }
    return words.get(state) or visible(state)


def fate_word(state: str, route: str | None) -> str:
    """What became of one's own message, in a word."""
    if state == "sent" and route == "mailbox":
        return _("deposited")
    return _("waiting") if state == "queued" else state_word(state)


def route_word(route: str) -> str:
    """How a message came or went."""
    words = {"direct": _("direct"), "relayed": _("relayed"), "mailbox": _("mailbox")}
    return words.get(route) or visible(route)


def kind_word(kind: str) -> str:
    """What an account is."""
    words = {"person": _("person"), "bot": _("bot"), "ai-agent": _("AI agent"), "node": _("node")}
    return words.get(kind) or visible(kind)


def _with_facts(error: RpcError) -> str | None:
    """The sentences that the node says with facts of the case in them."""
    match error.name, error.data:
        case "UnknownTopic", {"topic": topic, "topics": [*topics]}:
            told = _("There is no topic {topic}; there are {topics}.")
            return visible(told.format(topic=repr(topic), topics=", ".join(map(str, topics))))
        case "NotPermitted", {"method": method, "scope": scope}:
            told = _("This token may not call {method}: that needs the scope {scope}.")
            return visible(told.format(method=method, scope=scope))
    return None
