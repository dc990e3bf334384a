"""A bot: a function that is called once for every message that comes in."""

from __future__ import annotations

import argparse
import logging
import re
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio

from mepassa.client import Client
from mepassa.cursor import CursorFile, default_state
from mepassa.errors import ConnectionLost, MepassaError, NodeNotRunning, RpcError
from mepassa.events import Event, pauses
from mepassa.pace import MAX_ANSWERS, WINDOW, Pace

log = logging.getLogger("mepassa.bot")

Handler = Callable[["Context"], Awaitable[None]]

_TOO_FAST = "%s leaves messages of %s unanswered: more than %d answers in %d seconds; is it a bot as well?"


class Context:
    """One message that came in, and the way to answer it."""

    def __init__(self, bot: str, client: Client, data: dict[str, Any], pace: Pace) -> None:
        self.client = client
        self.account: str = data["account"]
        self.message_id: str = data["message_id"]
        self.contact: str = data["contact"]
        self.conversation: str = data["conversation"]
        self.text: str = data["text"]
        self._bot = bot
        self._pace = pace
        self._replies = 0

    async def reply(self, text: str) -> None:
        """Answer in the same conversation; the answer is durable when this returns. Raises `RpcError`.

        Waits for a node that is away. The n-th reply to a message is sent once, however often the bot or its node is
        restarted: its `request_id` is made of the bot's name, the message's id and n. What would be more than
        `MAX_ANSWERS` to one contact in `WINDOW` seconds is not sent: it may be a bot that answers in its turn.
        """
        if not self._pace.allows(self.contact):
            if self._pace.warns(self.contact):
                log.warning(_TOO_FAST, self._bot, self.contact, MAX_ANSWERS, WINDOW)
            return
        self._replies += 1
        request_id = f"{self._bot}:{self.message_id}:{self._replies}"
        for pause in pauses():
            try:
                await self.client.call(
                    "messages.send",
                    account=self.account,
                    conversation=self.conversation,
                    text=text,
                    request_id=request_id,
                )
                return
            except (ConnectionLost, NodeNotRunning):
                await anyio.sleep(pause)
            except RpcError as error:
                if error.name != "RequestReused":  # an earlier run answered, in other words
                    raise
                return


class Bot:
    """A bot with one handler, which gets the messages of one account, one after the other.

    A handler that raises is logged and does not stop the bot. Whom a restart caught in the middle of a message is
    given that message again. On its very first start a bot gets all messages that the node still remembers, so that
    nobody who wrote early goes without an answer.
    """

    def __init__(self, name: str) -> None:
        """`name`: 1 to 32 of a–z, 0–9, - and _; it names the bot's state file and marks its replies."""
        if not re.fullmatch(r"[a-z0-9_-]{1,32}", name):
            raise ValueError("A bot's name has 1 to 32 characters of a–z, 0–9, - and _.")
        self.name = name
        self._handler: Handler | None = None
        self._pace = Pace()

    def message(self, handler: Handler) -> Handler:
        """Decorate the function that gets the messages."""
        self._handler = handler
        return handler

    def run(self, arguments: Sequence[str] | None = None) -> None:
        """Run until it is interrupted, with the options of the command line (`--help` lists them)."""
        options = _options(self.name, arguments)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        try:
            anyio.run(self._run, options)
        except KeyboardInterrupt:
            return
        except NodeNotRunning as error:
            sys.exit(_complaint(error, 3))
        except MepassaError as error:
            sys.exit(_complaint(error, 1))

    async def _run(self, options: argparse.Namespace) -> None:
        async with Client(options.socket) as client:
            await self.serve(client, CursorFile(options.state), account=options.account)

    async def serve(self, client: Client, cursor: CursorFile, *, account: str | None = None) -> None:
        """Run over `client` for ever. `account`: whose messages, None for the node's first account.

        Raises `NodeNotRunning` or `ConnectionLost` when there is no node at the start, `RpcError`, `StateUnreadable`.
        """
        me: str = (await client.call("identity.show", account=account))["account"]
        after = cursor.load(me) or 0
        while True:
            try:
                await self._follow(client, cursor, me, after)
            except RpcError as error:
                if error.name != "EventsExpired":
                    raise
            log.warning("%s lost its place among the node's events and begins with the oldest kept", self.name)
            after = 0

    async def _follow(self, client: Client, cursor: CursorFile, me: str, after: int) -> None:
        """Handle events for ever; returns only when the node has none as late as `after`: it was set up anew."""
        async with client.follow(topics=["message.received"], after=after, account=me) as events:
            if events.cursor != after:
                return
            log.info("%s is ready as %s", self.name, me)
            async for event in events:
                await self._handle(client, event)
                if event.seq is not None:
                    cursor.save(me, event.seq)

    async def _handle(self, client: Client, event: Event[dict[str, Any]]) -> None:
        if self._handler is None or event.data.get("text") is None:  # erased since, or not a text
            return
        try:
            await self._handler(Context(self.name, client, event.data, self._pace))
        except Exception as error:
            log.error("%s failed on message %s: %s", self.name, event.data.get("message_id"), _where(error))


def _where(error: Exception) -> str:
    """What kind of failure and where; never the exception's own words, which may quote the message."""
    kind = error.name if isinstance(error, RpcError) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return " > ".join([f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames] + [kind])


def _options(name: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"The bot `{name}`, over a running mepassad.")
    parser.add_argument("--socket", help="the node's socket (default: $MEPASSAD_SOCKET, else the usual place)")
    parser.add_argument("--account", help="the account whose messages it gets (default: the node's first)")
    parser.add_argument(
        "--state", type=Path, default=default_state(name), help="where it keeps its place (default: %(default)s)"
    )
    return parser.parse_args(arguments)


def _complaint(error: MepassaError, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code
