"""What `mepassa status` says of servers: the mailboxes of this node, the relays at which it has a place, and what it is
a server of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from mepassa.cli import times
from mepassa.cli.i18n import _
from mepassa.cli.words import sentence


def servers(stats: Mapping[str, Any]) -> dict[str, Any]:
    """The mailboxes by node, and places at relays beside how many are needed; of what `system.stats` answers."""
    transports = [one for one in stats.get("transports", {}).values() if "relay_places" in one]
    places = sum(int(one["relay_places"]) for one in transports)
    needed = sum(int(one.get("relay_places_needed", 0)) for one in transports)
    return {
        "mailboxes": dict(stats.get("mailboxes", {}).get("nodes", {})),
        "relays": {"places": places, "needed": needed} if transports else None,
    }


def served(stats: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What this node does for others, by role, with the numbers that are known; of what `system.stats` answers."""
    parts = {
        "bootstrap": (stats.get("directories", {}).values(), ("nodes", "records")),
        "relay": (stats.get("relays", {}).values(), ("places", "circuits")),
        "mailbox": ([stats.get("roles", {}).get("mailbox", {})], ("boxes", "envelopes", "records")),
    }
    found = {role: parts.get(role, ((), ())) for role in stats.get("serves", ())}
    return {
        role: {
            name: sum(int(one[name]) for one in ones if name in one)
            for name in names
            if any(name in one for one in ones)
        }
        for role, (ones, names) in found.items()
    }


def served_rows(found: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, str]]:
    """A line for each role."""
    words = {"bootstrap": _("bootstrap"), "relay": _("relay"), "mailbox": _("mailbox")}
    counted = {
        "nodes": _("nodes"),
        "records": _("records"),
        "places": _("places lent"),
        "circuits": _("circuits"),
        "boxes": _("boxes"),
        "envelopes": _("envelopes waiting"),
    }
    for role, numbers in found.items():
        told = ", ".join(f"{counted[name]}: {number}" for name, number in numbers.items())
        yield _("serves"), f"{words.get(role, role)} ({told})" if told else words.get(role, role)


def server_rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A line for each mailbox, and one for relays where there are any."""
    for node, mailbox in found["mailboxes"].items():
        yield _("mailbox"), f"{node}: {_mailbox(node, mailbox)}"
    if (relays := found["relays"]) is not None:
        told = _("places: {places} of {needed}") if relays["needed"] or relays["places"] else _("none needed")
        yield _("relays"), told.format(**relays)


def _mailbox(node: str, found: Mapping[str, Any]) -> str:
    since, why = times.whole(datetime.fromisoformat(str(found["since"]))), sentence(str(found["reason"]))
    # The line names the node already.
    why = why.replace(f"/p2p/{node}", "").removeprefix(f"The node {node} cannot be reached now: ")
    if not found["connected"]:
        told = _("not connected since {time}").format(time=since)
        return f"{told}: {why}" if why else told
    told = _("connected since {time}, boxes: {boxes}").format(time=since, boxes=found["boxes"])
    if found["waiting"]:
        told += ", " + _("not empty: {waiting}").format(waiting=found["waiting"])
    elif found["drained"]:
        told += ", " + _("empty")
    return f"{told}; {why}" if why else told
