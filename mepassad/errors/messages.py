"""Errors about messages and conversations: 1200 to 1299."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class UnknownMessage(MepassaError):
    """There is no such message."""

    code = 1200


class UnknownConversation(MepassaError):
    """There is no such conversation; `conversations.list` shows those you have."""

    code = 1201


class MessageTooLarge(MepassaError):
    """The text is longer than `messages.max_text` allows."""

    code = 1202


class Rejected(MepassaError):
    """A filter refused this message."""

    code = 1203


class EmptyMessage(MepassaError):
    """A text message needs at least one visible character."""

    code = 1204


class RequestReused(MepassaError):
    """This `request_id` was already used for a different message."""

    code = 1205
