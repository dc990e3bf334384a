"""`mepassa chat`: a conversation, line by line."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable

import anyio
import click
from anyio.streams.memory import MemoryObjectReceiveStream

from mepassa.cli.i18n import _
from mepassa.cli.people import called, contact_argument, contact_or_guest
from mepassa.cli.screen import Pipe, Screen, Terminal
from mepassa.cli.session import Session, over_socket
from mepassa.cli.talk import TOPICS, Talk
from mepassa.cli.words import NOT_DONE, complaint
from mepassa.text import visible

SHOWN = 20  # messages at the start, and of /history and /search
MOST = 1000  # messages of /history
DIGITS = 9  # of a number that is typed
WAITING = 100  # typed lines that may wait for the node


@click.command(short_help="Talk to a contact, line by line.")
@contact_argument()
@click.option(
    "--history", type=click.IntRange(0, MOST), default=SHOWN, metavar="N", show_default=True,
    help="Messages to show first.",
)  # fmt: skip
@over_socket
async def chat(session: Session, contact: str, history: int) -> None:
    """Talk to CONTACT, or to whom an invite's link leads: shows the last messages, what comes in, and what becomes of
    what you write; marks as read what it has shown. On a terminal, /help shows what else can be done; Ctrl-D ends it.
    Lines of a pipe are sent one by one, as they are; it ends when the node has kept the last one."""
    client = session.client
    found = await contact_or_guest(session, contact)
    account = (await client.identity.show(account=session.account)).account
    asked = sys.stdin.isatty()
    screen: Screen = Terminal() if asked and sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else Pipe()
    talk = Talk(session, account, found, screen)
    async with (
        client.events(topics=TOPICS, account=account) as events,
        anyio.create_task_group() as tasks,
    ):
        await talk.begin(events, history, tasks)
        if asked:
            talk.tell(_("You talk to {name}. /help shows what can be done, Ctrl-D ends it.").format(name=called(found)))
        lines, waiting = anyio.create_memory_object_stream[str](WAITING)
        tasks.start_soon(_take, talk, waiting, asked, tasks.cancel_scope)
        async with lines:
            await screen.read(lines.send)
    if talk.refused and not asked:
        raise click.exceptions.Exit(1)


async def _take(
    talk: Talk, lines: MemoryObjectReceiveStream[str], asked: bool, conversation: anyio.CancelScope
) -> None:
    """Do what each line says, and end the conversation after the last one."""
    async with lines:
        async for line in lines:
            if not await (obey(talk, line) if asked else _send(talk, line)):
                break
    talk.finish()
    conversation.cancel()


async def _send(talk: Talk, line: str) -> bool:
    if line.strip():
        await talk.send(line)
    return True


async def obey(talk: Talk, line: str) -> bool:
    """Do what a typed line says: send it, or what its /command means. False: it ends the conversation."""
    if not line.startswith("/") or line.startswith("//"):
        return await _send(talk, line.removeprefix("/"))
    name, _blank, rest = line[1:].strip().partition(" ")
    if name == "quit":
        return False
    if name not in COMMANDS:
        told = _("There is no /{name}; /help shows what there is. To send such a line, write //{name}.")
        talk.tell(told.format(name=visible(name)))
    else:
        try:
            await COMMANDS[name](talk, rest.strip())
        except NOT_DONE as error:
            talk.tell(complaint(error))
    return True


async def _reply(talk: Talk, rest: str) -> None:
    number, _blank, text = rest.partition(" ")
    if not (_number(number) and text.strip()):
        talk.tell(_("Write /reply, the number before the message, and your answer: /reply 3 yes"))
        return
    await talk.send(text.strip(), _number(number))


def _number(word: str) -> int:
    """The number that somebody typed; 0 where it is none that a message could have."""
    return int(word) if word.isdecimal() and len(word) <= DIGITS else 0


async def _history(talk: Talk, rest: str) -> None:
    if rest and not 1 <= _number(rest) <= MOST:
        talk.tell(_("Write /history, or /history and how many messages, at most {most}.").format(most=MOST))
        return
    await talk.history(_number(rest) or SHOWN)


async def _search(talk: Talk, rest: str) -> None:
    if not rest:
        talk.tell(_("Write /search and words: /search good morning"))
        return
    await talk.search(rest, SHOWN)


async def _help(talk: Talk, rest: str) -> None:
    for line in (
        _("/reply N TEXT: answer message N"),
        _("/history [N]: show the last N messages"),
        _("/search WORDS: find messages of this conversation"),
        _("/quit: end it, as Ctrl-D does; what was written is sent nevertheless"),
    ):
        talk.tell(line)


COMMANDS: dict[str, Callable[[Talk, str], Awaitable[None]]] = {
    "reply": _reply,
    "history": _history,
    "search": _search,
    "help": _help,
}
