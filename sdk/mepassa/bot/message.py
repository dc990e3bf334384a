"""A message that came in, as handlers see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mepassa.bot.folding import fold


class Message:
    """A text of a contact. `reply_to` is the id of the message that it answers, else None."""

    __slots__ = ("_command", "_folded", "_time", "contact", "conversation", "id", "reply_to", "text")

    def __init__(self, data: Mapping[str, Any]) -> None:
        """`data`: of an event `message.received`."""
        self.id: str = data["message_id"]
        self.text: str = data["text"]
        self.contact: str = data["contact"]
        self.conversation: str = data["conversation"]
        self.reply_to: str | None = data.get("reply_to")
        self._time: str = data["time"]
        self._folded: str | None = None
        self._command: str | None = None

    @property
    def time(self) -> datetime:
        """When it was written, by its sender's clock; in UTC."""
        return datetime.fromisoformat(self._time)

    @property
    def folded(self) -> str:
        """The text without case, accents and surrounding space."""
        if self._folded is None:
            self._folded = fold(self.text)
        return self._folded

    @property
    def command(self) -> str:
        """`ping` of `/Ping now`, without case and accents; empty where the text is no command."""
        if self._command is None:
            text = self.text.lstrip()
            self._command = fold(text[1:].split(maxsplit=1)[0]) if text[:1] == "/" and text[1:2].isalpha() else ""
        return self._command

    @property
    def arguments(self) -> str:
        """`now` of `/Ping now`."""
        return "".join(self.text.split(maxsplit=1)[1:])

    def __repr__(self) -> str:
        return f"<Message {self.id}>"
