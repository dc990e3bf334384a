"""The command as tests of it run it, and what they let the node list."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
from click.testing import CliRunner, Result
from mepassa.cli import main
from wire_node import Wire, WireNode

HOSTILE = "Ana\x1b[2J\u202egnp.exe\r\n\x9b"
SHOWN = "Ana<U+001B>[2J<U+202E>gnp.exe<U+000D><U+000A><U+009B>"


def contact(id: str, name: str = "", petname: str = "", verified: bool = False) -> dict[str, Any]:
    """A contact as the node lists it."""
    return {
        "contact": id,
        "conversation": f"with {id}",
        "state": "accepted",
        "name": petname or name,
        "petname": petname or None,
        "chosen_name": name or None,
        "verified": verified,
    }


def with_contacts(node: WireNode, *contacts: dict[str, Any]) -> None:
    """Let a node list these contacts."""

    async def list_contacts(wire: Wire, after: str | None = None, account: str | None = None) -> dict[str, Any]:
        """One a page."""
        ids = [None, *(item["contact"] for item in contacts)]
        place = ids.index(after)
        items = list(contacts[place : place + 1])
        return {"items": items, "next": items[0]["contact"] if place + 1 < len(contacts) else None}

    node.methods["contacts.list"] = list_contacts


async def run(node: WireNode, *arguments: str) -> Result:
    """What the command does with a node."""
    return await anyio.to_thread.run_sync(partial(CliRunner().invoke, main, ["--socket", str(node.path), *arguments]))
