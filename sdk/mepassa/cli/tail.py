"""`mepassa tail`: the node's events as they happen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from mepassa.cli import times
from mepassa.cli.i18n import _
from mepassa.cli.session import Session, over_socket
from mepassa.cli.streams import while_read
from mepassa.cli.text import columns, echo_line
from mepassa.cli.words import route_word, sentence, state_word
from mepassa.client import Client
from mepassa.errors import ConnectionLost, NodeNotRunning, RpcError
from mepassa.events import Event
from mepassa.text import as_json, cut, visible

_TOPIC = len("message.delivered")
_TIME = len("14:02:11")


@click.command(short_help="Follow events until Ctrl-C.")
@click.option("--json", "json_", is_flag=True, help="One JSON object a line: seq, topic and data.")
@click.option("--topic", "topics", multiple=True, metavar="TOPIC", help="Only this one; may be given several times.")
@click.option(
    "--after", type=click.IntRange(min=0), metavar="N", help="Begin behind this number; 0 = with the oldest kept."
)
@over_socket
async def tail(session: Session, json_: bool, topics: Sequence[str], after: int | None) -> None:
    """Follow events of all the node's accounts (with --account: of that one) until Ctrl-C: when, what, who, and the
    text, or the state and route of a message. A line fits the terminal; --json shows everything."""
    chosen: dict[str, Any] = {"topics": topics or None, "account": session.account}
    await while_read((_objects if json_ else _short)(session.client, chosen, after))


async def _objects(client: Client, chosen: dict[str, Any], after: int | None) -> None:
    async for told in client.follow(**chosen, after=after):
        echo_line(as_json({"seq": told.seq, "topic": told.topic, "data": told.data}))


async def _short(client: Client, chosen: dict[str, Any], after: int | None) -> None:
    async with client.events(**chosen) as from_now_on:
        known = from_now_on.cursor or 0
    lines = Lines(client, known)
    async for event in client.events(**chosen, after=known if after is None else after):
        echo_line(cut(await lines.of(event), columns()))


class Lines:
    """Events as short lines for people."""

    def __init__(self, client: Client, known: int) -> None:
        """`known`: the number of the last event that has happened already; when, is not told of those."""
        self._client = client
        self._known = known
        self._names: dict[tuple[str, str], str] = {}

    async def of(self, event: Event[Any]) -> str:
        """`14:02:11  message.received   Ana  bom dia`."""
        data = event.data
        cells = (self._when(event), f"{visible(event.topic):<{_TOPIC}}", await self._who(data), _what(data))
        return "  ".join(cell for cell in cells if cell).rstrip()

    def _when(self, event: Event[Any]) -> str:
        time = getattr(event.data, "time", None)
        if time is None and (event.seq is None or event.seq > self._known):
            time = datetime.now(UTC)
        return " " * _TIME if time is None else times.second(time)

    async def _who(self, data: Any) -> str:
        account, contact = getattr(data, "account", None), getattr(data, "contact", None)
        if not account or not contact:
            return ""
        if name := getattr(data, "name", None):
            self._names[account, contact] = visible(name)
        elif (account, contact) not in self._names:
            try:
                self._names[account, contact] = await self._name(account, contact)
            except (ConnectionLost, NodeNotRunning):  # events wait until it is back, and the next one asks again
                return _end_of(contact)
        return self._names[account, contact]

    async def _name(self, account: str, contact: str) -> str:
        try:
            found = (await self._client.contacts.get(contact=contact, account=account)).name
        except RpcError:  # removed meanwhile, or not this session's to see
            found = ""
        return visible(found) or _end_of(contact)


def _end_of(contact: str) -> str:
    return visible(f"…{contact[-8:]}")


def _what(data: Any) -> str:
    """The text, or how a message or a contact is; all facts of an event of another kind."""
    if (text := getattr(data, "text", None)) is not None:
        return visible(text)
    words = []
    if state := getattr(data, "state", None):
        words.append(state_word(state))
    if route := getattr(data, "route", None):
        words.append(route_word(route))
    if (active := getattr(data, "active", None)) is not None:
        words.append(_("types") if active else _("stopped"))
    if plugin := getattr(data, "plugin", None):
        words.append(visible(plugin))
    if reason := getattr(data, "reason", None):
        words.append(sentence(reason))
    if (dropped := getattr(data, "dropped", None)) is not None:
        words.append(_("{count} dropped").format(count=dropped))
    return ", ".join(words) if not isinstance(data, dict) else as_json(data)
