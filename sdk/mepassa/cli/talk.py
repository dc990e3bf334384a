"""A conversation while it goes on: what comes in, what is written, and what becomes of it."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import anyio
from anyio.abc import TaskGroup

from mepassa.cli.i18n import _
from mepassa.cli.link import Link
from mepassa.cli.people import called
from mepassa.cli.screen import Screen
from mepassa.cli.search import PAGE, newest
from mepassa.cli.session import Refused, Session
from mepassa.cli.transcript import NAME, Progress, Said, Transcript, notice
from mepassa.cli.words import NOT_DONE, complaint, sentence, state_word
from mepassa.errors import MepassaError
from mepassa.events import Event, Events
from mepassa.generated import (
    ContactEvent,
    ContactItem,
    ContactKeysChanged,
    ContactPresence,
    MessageItem,
    MessageProgress,
    MessageReceived,
    Typing,
    UnknownMessage,
)
from mepassa.text import cut, visible

TOPICS = (
    "message.received", "message.sent", "message.delivered", "message.read", "message.failed",
    "contact.changed", "contact.keys_changed", "contact.offline", "typing",
)  # fmt: skip
GATHER = 0.25
"""Seconds in which news of one's own messages gather, so that one line tells of several."""


class Talk:
    """The conversation of an account with a contact, on a screen."""

    def __init__(self, session: Session, account: str, contact: ContactItem, screen: Screen) -> None:
        """`account`: the id of the account that writes."""
        self.refused = False  # whether the node refused to send a line
        self._client, self._account, self._contact, self._screen = session.client, account, contact, screen
        self._transcript, self._progress = Transcript(called(contact)), Progress()
        self._news = anyio.Event()
        self._link = Link(self.tell)
        self._sending = anyio.Lock()
        self._began = datetime.now(UTC)
        self._typing = False
        self._tasks: TaskGroup

    async def begin(self, events: Events[Any], count: int, tasks: TaskGroup) -> None:
        """Show the last messages, mark them as read, and go on with what happens, in `tasks`."""
        self._tasks = tasks
        said = await newest(self._pages(count), count) if count else []
        for message in said:
            await self._show(message)
        for message in said[::-1]:
            if message.incoming:
                await self._mark_read(message.message_id)
                break
        self._prompt()
        self._screen.changed = self._write_or_rest
        tasks.start_soon(self._follow, events)
        tasks.start_soon(self._tell_progress)

    def tell(self, sentence: str) -> None:
        """Show a sentence beside the messages."""
        self._screen.show(notice(sentence, self._screen.columns()))

    # -- what is asked for

    async def send(self, text: str, number: int | None = None) -> None:
        """Send a text once, however often the node is restarted meanwhile; `number`: of the message it answers."""
        reply_to = None if number is None else self._transcript.message_id(number)
        if number is not None and reply_to is None:
            self.tell(_("There is no message {number} here.").format(number=number))
            return
        send = functools.partial(
            self._client.messages.send,
            contact=self._contact.contact,
            text=text,
            reply_to=reply_to,
            request_id=uuid.uuid4().hex,
            account=self._account,
        )
        async with self._sending:
            try:
                sent = await self._link.call(send)
            except NOT_DONE as error:
                self.refused = True
                self.tell(complaint(error))
                return
            said = Said(
                message_id=sent.message_id, incoming=False, text=text, time=datetime.now(UTC), reply_to=reply_to
            )
            self._screen.show(self._transcript.lines(said, self._screen.columns()))
            self._note(sent.message_id, "queued", None)

    async def history(self, count: int) -> None:
        """Show the last messages again."""
        for message in await self._link.call(lambda: newest(self._pages(count), count)):
            await self._show(message)

    async def search(self, words: str, count: int) -> None:
        """Show the newest messages of this conversation that have all these words in them."""
        for message in (found := await self._link.call(lambda: self._found(words, count))):
            await self._show(message)
        if not found:
            self.tell(_("Nothing was found."))

    def finish(self) -> None:
        """Tell what was not told yet."""
        self._screen.show(self._progress.take())

    def _pages(self, count: int) -> Any:
        conversation = self._contact.conversation
        return self._client.messages.iterate(conversation=conversation, limit=min(count, PAGE), account=self._account)

    async def _found(self, words: str, count: int) -> Sequence[MessageItem]:
        found = self._client.messages.iterate_search(query=words, limit=PAGE, account=self._account)
        here = (message async for message in found if message.conversation == self._contact.conversation)
        return await newest(here, count)

    # -- what happens

    async def _follow(self, events: Events[Any]) -> None:
        events.watch(lost=self._lost, back=self._link.back)
        async for event in events:
            await self._happened(event)

    async def _happened(self, event: Event[Any]) -> None:
        match event.data:
            case MessageReceived() as data if data.conversation == self._contact.conversation:
                await self._received(data)
            case MessageProgress() as data if data.conversation == self._contact.conversation:
                await self._progressed(data)
            case Typing() as data if data.contact == self._contact.contact:
                self._prompt(typing=data.active)
            case ContactPresence() as data if data.contact == self._contact.contact:
                self._prompt()  # who is gone types no more
            case ContactEvent() as data if data.contact == self._contact.contact:
                self._changed(data)
            case ContactKeysChanged() as data if data.contact == self._contact.contact:
                told = _("{name} has other devices than before; the safety number is the same.")
                self.tell(told.format(name=self._transcript.name))

    def _lost(self) -> None:
        self._link.lost()
        self._prompt()  # whether the contact types is not known now

    async def _received(self, data: MessageReceived) -> None:
        if data.text is None or data.time is None or data.message_id in self._transcript:
            return
        self._prompt()
        said = Said(
            message_id=data.message_id,
            incoming=True,
            text=data.text,
            time=data.time,
            reply_to=data.reply_to,
            quoted=await self._quoted(data.reply_to),
        )
        self._screen.show(self._transcript.lines(said, self._screen.columns()))
        await self._mark_read(data.message_id)

    async def _progressed(self, data: MessageProgress) -> None:
        if data.message_id not in self._transcript:
            async with self._sending:  # it may be the one that is being sent
                pass
        if data.message_id not in self._transcript and not await self._written_elsewhere(data.message_id):
            return
        if data.state is not None:
            self._note(data.message_id, data.state, data.route)
        if data.reason:
            self.tell(f"[{self._transcript.number(data.message_id)}] {sentence(data.reason)}")

    async def _written_elsewhere(self, message_id: str) -> bool:
        """Show a message that another program of this account sends; False for one from before the conversation."""
        with suppress(UnknownMessage):
            message = await self._link.call(
                lambda: self._client.messages.get(message_id=message_id, account=self._account)
            )
            if message.time >= self._began:
                await self._show(message)
                return True
        return False

    def _changed(self, data: ContactEvent) -> None:
        if data.state == "removed":
            raise Refused(_("{name} is no contact any more.").format(name=self._transcript.name))
        if data.state == "refused":
            self.tell(f"{self._transcript.name}: {state_word(data.state)}")
        if data.name:
            self._transcript.name = visible(data.name)
            self._prompt()

    # -- showing

    async def _show(self, message: MessageItem) -> None:
        said = Said(
            message_id=message.message_id,
            incoming=message.incoming,
            text=message.text,
            time=message.time,
            state=None if message.incoming else message.state,
            route=message.route,
            reply_to=message.reply_to,
            quoted=await self._quoted(message.reply_to),
        )
        self._screen.show(self._transcript.lines(said, self._screen.columns()))

    async def _quoted(self, message_id: str | None) -> str | None:
        """The text of a message that is answered, where it has no number."""
        if message_id is None or message_id in self._transcript:
            return None
        with suppress(UnknownMessage):
            get = self._client.messages.get
            return (await self._link.call(lambda: get(message_id=message_id, account=self._account))).text
        return None

    def _prompt(self, *, typing: bool = False) -> None:
        name = cut(self._transcript.name, NAME)
        self._screen.prompt(_("{name} is typing… > ").format(name=name) if typing else f"{name}> ")

    def _note(self, message_id: str, state: str, route: str | None) -> None:
        number = self._transcript.number(message_id)
        if number is not None:
            self._progress.note(number, state, route)
            self._news.set()

    async def _tell_progress(self) -> None:
        while True:
            await self._news.wait()
            await anyio.sleep(GATHER)
            self._news = anyio.Event()
            self._screen.show(self._progress.take())

    # -- telling the contact

    async def _mark_read(self, message_id: str) -> None:
        with suppress(UnknownMessage):
            await self._link.call(lambda: self._client.messages.mark_read(message_id=message_id, account=self._account))

    def _write_or_rest(self, line: str) -> None:
        """The line that is being typed has changed."""
        typing = bool(line) and not line.startswith("/")
        if typing != self._typing:
            self._typing = typing
            self._tasks.start_soon(self._tell_typing, typing)

    async def _tell_typing(self, active: bool) -> None:
        with suppress(MepassaError):  # it is of no use later
            await self._client.conversations.typing(contact=self._contact.contact, active=active, account=self._account)
