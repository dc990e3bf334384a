"""The command as tests of it run it, and what they let the node list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
from click.testing import CliRunner, Result
from mepassa.cli import main
from wire_node import Wire, WireNode

TIME = "2027-03-01T12:00:00.000Z"
HELLO = {
    "version": "9.9",
    "api": 1,
    "methods": [],
    "topics": [],
    "account": None,
    "scopes": ["admin"],
    "max_text": 65_536,
}
HOSTILE = "Ana\x1b[2J\u202egnp.exe\r\n\x9b"
SHOWN = "Ana<U+001B>[2J<U+202E>gnp.exe<U+000D><U+000A><U+009B>"


def contact(
    id: str, name: str = "", petname: str = "", verified: bool = False, blocked: bool = False
) -> dict[str, Any]:
    """A contact as the node lists it."""
    return {
        "contact": id,
        "conversation": f"with {id}",
        "state": "accepted",
        "name": petname or name,
        "petname": petname or None,
        "chosen_name": name or None,
        "verified": verified,
        "key_suffix": id[-4:],
        "kind": "person",
        "reason": None,
        "blocked": blocked,
        "online": False,
        "created_at": TIME,
    }


def message(id: str, text: str, **more: Any) -> dict[str, Any]:
    """A message of Ana's as the node lists it."""
    return {
        "message_id": id,
        "contact": "mp1ana",
        "conversation": "with mp1ana",
        "incoming": True,
        "text": text,
        "time": TIME,
        "state": "received",
        "route": "direct",
        "reply_to": None,
        "reason": None,
        **more,
    }


def answering(**result: Any) -> Callable[..., Awaitable[dict[str, Any]]]:
    """A method that always answers the same."""

    async def answer(wire: Wire, **params: Any) -> dict[str, Any]:
        return result

    return answer


def with_contacts(node: WireNode, *contacts: dict[str, Any]) -> None:
    """Let a node list these contacts."""

    async def list_contacts(wire: Wire, after: str | None = None, **rest: Any) -> dict[str, Any]:
        """One a page."""
        ids = [None, *(item["contact"] for item in contacts)]
        place = ids.index(after)
        items = list(contacts[place : place + 1])
        return {"items": items, "next": items[0]["contact"] if place + 1 < len(contacts) else None}

    node.methods["contacts.list"] = list_contacts


async def run(node: WireNode, *arguments: str, stdin: bytes = b"") -> Result:
    """What the command does with a node."""
    invoke = partial(CliRunner().invoke, main, ["--socket", str(node.path), *arguments], input=stdin)
    return await anyio.to_thread.run_sync(invoke)
