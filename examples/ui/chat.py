"""A chat in the terminal, to read before writing a UI of one's own; docs/ui.md walks through it.

    python examples/ui/chat.py [SOCKET]

Left the conversations, right the chosen one. Arrows or Tab choose, Enter sends, Esc or Ctrl-C leaves.
"""

from __future__ import annotations

import curses
import gettext
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import anyio
import mepassa
from mepassa import Client, ContactItem, ConversationItem, Events, MepassaError, MessageItem, MessageReceived, Typing
from mepassa.text import cut, visible, width, wrapped

FRAME = 0.05  # seconds between two looks at the node, however much happens
TYPING = 60.0  # seconds after which a typing notice is forgotten: its end may have been lost
LATEST = datetime(9999, 12, 30, tzinfo=UTC)  # whose clock is beyond has no date in every zone
INDENT = "    "  # before all lines of a message but the first, so that no text passes for another message
# The SDK's catalogue has the node's words, such as "delivered", in the user's language.
_ = gettext.translation("mepassa", Path(mepassa.__file__).with_name("locale"), fallback=True).gettext
IS_TYPING = _("{name} is typing… > ").rstrip("> ")


class Chat:
    """What is on the screen. The node has the truth: events only say that it is time to read it again."""

    def __init__(self, client: Client, screen: curses.window) -> None:
        self.client, self.screen = client, screen
        self.talks: dict[str, tuple[ConversationItem, ContactItem]] = {}  # by conversation, the last active one first
        self.chosen = ""  # a conversation; "" while there is none
        self.messages: list[MessageItem] = []  # of the chosen one, newest first
        self.drafts: dict[str, tuple[str, str]] = {}  # by conversation: a text and the `request_id` to send it under
        self.typing: dict[str, float] = {}  # by conversation: until when somebody types
        self.away = self.refused = ""  # why nothing can be read, why the draft was not sent
        self.changed = anyio.Event()

    async def run(self) -> None:
        """Show what happens, and do what is typed until Esc. Raises `MepassaError`."""
        account = (await self.client.identity.show()).account  # others may live on the node, perhaps as its contacts
        async with self.client.events(account=account) as events, anyio.create_task_group() as tasks:
            events.watch(lost=self.wake, back=self.wake)
            tasks.start_soon(self.follow, events)
            tasks.start_soon(self.look)
            tasks.start_soon(self.fit)
            await self.obey()
            tasks.cancel_scope.cancel()

    def wake(self) -> None:
        """Something has changed, or the node went away or came back."""
        self.changed.set()

    async def follow(self, events: Events) -> None:
        """Take events as they come; after a restart of the node they go on where they ended."""
        async for event in events:
            match event.data:
                case Typing(conversation=talk, active=active):
                    self.typing[talk] = time.monotonic() + TYPING if active else 0
                case MessageReceived(conversation=str(talk)):
                    self.typing.pop(talk, None)
            self.wake()

    async def look(self) -> None:
        """Read and draw everything again, whenever something has changed."""
        while True:
            self.changed = anyio.Event()
            try:
                await self.read()
                if self.away:
                    self.away = self.refused = ""
            except MepassaError as error:
                self.away = str(error)
            self.draw()
            await anyio.sleep(FRAME)
            with anyio.move_on_after(TYPING if self.typing else None):
                await self.changed.wait()

    async def read(self) -> None:
        """Read what is shown, and mark as read the messages of the chosen conversation."""
        people = {person.contact: person async for person in self.client.contacts.iterate()}
        talks = [talk async for talk in self.client.conversations.iterate()]
        self.talks = {talk.conversation: (talk, people[talk.contact]) for talk in talks if talk.contact in people}
        if self.chosen not in self.talks:
            self.choose(next(iter(self.talks), ""))
        if chosen := self.chosen:
            page = await self.client.messages.list(conversation=chosen, limit=min(curses.LINES, 500))
            if chosen == self.chosen:  # still
                self.messages = page.items
                unread = [one.message_id for one in page.items if one.incoming and one.state == "received"]
                if unread:
                    await self.client.messages.mark_read(message_id=unread[0])  # and with it all before
                    self.wake()

    async def obey(self) -> None:
        """Do what each key says, until Esc."""
        self.screen.nodelay(True)
        while True:
            await anyio.wait_readable(sys.stdin)
            keys: list[int | str] = []
            with suppress(curses.error):  # there are no more
                while True:
                    keys.append(self.screen.get_wch())
            escape = keys.index("\x1b") if "\x1b" in keys else len(keys)
            for key in keys[:escape] if self.chosen else ():
                await self.press(key, *self.drafts.get(self.chosen, ("", "")))
            if keys[escape:] == ["\x1b"]:  # with more behind it, it is a key that curses does not know
                return
            self.draw()

    async def press(self, key: int | str, draft: str, request_id: str) -> None:
        """Do what a key says."""
        talks = list(self.talks)
        match key:
            case "\t" | curses.KEY_DOWN:
                self.choose(talks[(talks.index(self.chosen) + 1) % len(talks)])
            case curses.KEY_BTAB | curses.KEY_UP:
                self.choose(talks[talks.index(self.chosen) - 1])
            case "\n" | "\r" | curses.KEY_ENTER if draft.strip():
                await self.send(draft, request_id)
            case "\x7f" | "\b" | curses.KEY_BACKSPACE:
                await self.write(draft[:-1])
            case str() if key >= " ":
                await self.write(draft + key)

    def choose(self, conversation: str) -> None:
        """Show another conversation."""
        self.chosen, self.messages, self.refused = conversation, [], ""
        self.wake()

    async def write(self, draft: str) -> None:
        """Have another draft, and tell when one is begun and when it is gone."""
        before, _id = self.drafts.get(self.chosen, ("", ""))
        self.drafts[self.chosen], self.refused = (draft, uuid4().hex), ""
        if bool(before) != bool(draft):
            with suppress(MepassaError):  # it is of no use later
                await self.client.conversations.typing(conversation=self.chosen, active=bool(draft))

    async def send(self, text: str, request_id: str) -> None:
        """Send the draft. When that fails it stays, and Enter tries again: one `request_id` makes one message."""
        talk, self.refused = self.chosen, ""
        try:
            await self.client.messages.send(conversation=talk, text=text, request_id=request_id)
            self.drafts.pop(talk)
        except MepassaError as error:
            self.refused = str(error)
        self.wake()

    async def fit(self) -> None:
        """Take the terminal's new size whenever it changes."""
        with anyio.open_signal_receiver(signal.SIGWINCH) as signals:
            async for _signal in signals:
                columns, lines = os.get_terminal_size()
                curses.resizeterm(max(lines, 1), max(columns, 1))
                self.wake()

    def draw(self) -> None:
        """Put everything on the screen; the conversations only where it is wide enough."""
        lines, columns = self.screen.getmaxyx()
        left = min(30, columns // 3) if columns >= 40 else 0
        self.screen.erase()
        first = max(0, [*self.talks, self.chosen].index(self.chosen) - lines + 3)  # so that the chosen one is seen
        for row, (talk, person) in enumerate([*self.talks.values()][first : first + lines - 2]):
            text = f"{'*' if person.online else ' '}{talk.unread or '':>3} {name(person)}"
            self.put(row, 0, text, left - 1, curses.A_REVERSE if talk.conversation == self.chosen else 0)
        if self.chosen:
            person = self.talks[self.chosen][1]
            shown = (line for one in self.messages for line in reversed(as_lines(one, person, columns - left)))
            for row, line in zip(range(lines - 3, 0, -1), shown, strict=False):  # the newest lowest
                self.put(row, left, line, columns - left)
            typing = self.typing.get(self.chosen, 0) > time.monotonic()
            heading = IS_TYPING.format(name=name(person)) if typing else about(person)
            self.put(0, left, heading, columns - left, curses.A_BOLD)
        told = visible(_(self.away or self.refused or "Tab  Enter  Esc"))
        self.put(lines - 2, 0, told.ljust(columns), columns, curses.A_REVERSE)
        draft = visible(self.drafts.get(self.chosen, ("", ""))[0])[-columns:]
        while draft and width(draft) > columns - 3:
            draft = draft[1:]
        self.put(lines - 1, 0, f"> {draft}", columns)
        self.screen.refresh()

    def put(self, row: int, column: int, text: str, columns: int, style: int = 0) -> None:
        """Write visible text into at most so many columns; what is outside of the screen is left out."""
        with suppress(curses.error):
            self.screen.addstr(row, column, cut(text, columns), style)


def name(person: ContactItem) -> str:
    """How to call somebody. A name that they chose has the end of their id beside it: another may choose the same."""
    return visible(person.petname or f"{person.chosen_name or ''} {person.key_suffix}")


def about(person: ContactItem) -> str:
    """Who somebody is, and how things are with them."""
    facts = {"online": person.online, "verified": person.verified, "blocked": person.blocked}
    facts |= {person.kind: person.kind != "person", person.state: person.state != "accepted"}
    return ", ".join([name(person), *(_(fact) for fact, true in facts.items() if true)])


def as_lines(message: MessageItem, person: ContactItem, columns: int) -> list[str]:
    """A message in lines of so many columns. Where it stands, on which route, and why, is to be seen always."""
    who, state = (name(person), None) if message.incoming else (_("you"), message.state)
    facts = ", ".join(_(fact) for fact in (state, message.route, message.reason) if fact)
    text = f"{min(message.time, LATEST).astimezone():%H:%M} {who}: {message.text}" + f" [{facts}]" * bool(facts)
    parts = text.replace("\n", f"\n{INDENT}").split("\n")
    return [line for part in parts for line in wrapped(visible(part), columns, INDENT)]


async def main(screen: curses.window) -> None:
    """Chat over the socket that was named, else over the usual one."""
    with suppress(curses.error):  # else it would be white on black, whatever the terminal is
        curses.use_default_colors()
    async with Client(*sys.argv[1:2]) as client:
        await Chat(client, screen).run()


if __name__ == "__main__":
    curses.set_escdelay(25)  # milliseconds that the rest of a longer key has to follow an Esc
    try:
        curses.wrapper(lambda screen: anyio.run(main, screen))
    except* MepassaError as errors:
        sys.exit("\n".join(map(str, errors.exceptions)))
    except* KeyboardInterrupt:
        pass
