"""A message that came in, as handlers see it."""

from __future__ import annotations

from datetime import datetime

from mepassa.bot.folding import fold
from mepassa.generated.values import MessageReceived


class Message:
    """A text of a contact. `time`: when it was written, by its sender's clock, in UTC. `reply_to`: the id of the
    message that it answers, or None."""

    __slots__ = ("_command", "_folded", "contact", "conversation", "id", "reply_to", "text", "time")

    def __init__(
        self, id: str, text: str, contact: str, conversation: str, time: datetime, reply_to: str | None = None
    ) -> None:
        self.id = id
        self.text = text
        self.contact = contact
        self.conversation = conversation
        self.time = time
        self.reply_to = reply_to
        self._folded: str | None = None
        self._command: str | None = None

    @classmethod
    def of(cls, data: MessageReceived) -> Message | None:
        """The message that an event tells of; None if it was erased since."""
        if data.text is None or data.contact is None or data.conversation is None or data.time is None:
            return None
        return cls(data.message_id, data.text, data.contact, data.conversation, data.time, data.reply_to)

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
