"""`mepassa status`: who the node is, where it is reached, and how much there is of everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from mepassa.cli.i18n import _
from mepassa.cli.servers import served, served_rows, server_rows, servers
from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import echo_line, echo_table
from mepassa.generated.params import API
from mepassa.text import as_json, visible

KNOWN = ("public", "private")
"""Kinds of a node that was told whether others reach it."""

PROMISED: Mapping[str, int] = {"direct": 80, "relayed": 15, "mailbox": 5}
"""Of 100 messages, those that are to go this way: peer to peer when possible, over a server when necessary."""


def _standing(reachability: Mapping[str, Any], places: int) -> str:
    """Whether others reach the node, in words; `places`: at how many relays it has one."""
    kind, nat = reachability.get("kind"), reachability.get("nat")
    if kind == "public":
        return _("from outside")
    if kind != "private":
        return _("not known yet")
    if not places:
        return _("not from outside, and no relay lends a place")
    if nat == "cone":
        return _("over relays; directly once a hole is punched")
    if nat == "symmetric":
        return _("over relays; its router lets no holes be punched")
    return _("over relays, or by a hole that is punched")


@click.command(short_help="Show version, account, addresses, counts.")
@click.option(
    "--routes", is_flag=True, help="Instead, how the messages that this node sent went, beside what is promised."
)
@click.option("--json", "json_", is_flag=True, help="One JSON object.")
@over_socket
async def status(session: Session, routes: bool, json_: bool) -> None:
    """Show the node's version, the account with its name, addresses, whether others reach the node from outside, what
    it serves others with, how its mailboxes and relays do, and how many contacts, unread messages and connected
    contacts there are."""
    stats = await session.client.system.stats()
    if routes:
        show_routes(stats.get("routes", {}), json_)
        return
    facts = await _facts(session, stats)
    if json_:
        echo_line(as_json(facts))
        return
    places = facts["relays"]["places"] if facts["relays"] else 0
    standings = [  # a server that nobody told how it is reached is of use to its clients nevertheless
        one for one in facts["reachability"].values() if one.get("kind") in KNOWN or not facts["serves"]
    ]
    if "relay" in facts["serves"] and facts["addresses"]:
        facts["relays"] = None  # it needs none, as it is one
    rows = [
        (_("version"), facts["version"]),
        (_("name"), facts["name"]),
        (_("account"), facts["account"]),
        *([(_("node"), str(facts["node"]))] if facts["node"] else []),
        (_("socket"), facts["socket"]),
        *((_("address"), address) for address in facts["addresses"]),
        *((_("reachable"), _standing(one, places)) for one in standings),
        *served_rows(facts["serves"]),
        *server_rows(facts),
        (_("contacts"), str(facts["contacts"])),
        (_("unread"), str(facts["unread"])),
        (_("contacts connected"), str(facts["connections"])),
    ]
    echo_table([(name, visible(fact)) for name, fact in rows])


async def _facts(session: Session, stats: Mapping[str, Any]) -> dict[str, Any]:
    """All that there is to say, by name."""
    client = session.client
    hello = await client.system.hello(client="mepassa", api=API)
    identity = await client.identity.show(account=session.account)
    contacts = [contact async for contact in client.contacts.iterate(account=session.account)]
    conversations = [one async for one in client.conversations.iterate(account=session.account)]
    return {
        "version": hello.version,
        "name": identity.name,
        "account": identity.account,
        "kind": identity.kind,
        "node": stats.get("node"),
        "socket": str(session.socket),
        "addresses": identity.addresses,
        "reachability": stats.get("reachability", {}),
        "serves": served(stats),
        **servers(stats),
        "contacts": len(contacts),
        "pending": sum(contact.state == "pending" for contact in contacts),
        "unread": sum(one.unread for one in conversations),
        "connections": stats.get("links"),
        "uptime_seconds": stats.get("uptime_seconds"),
    }


def show_routes(counted: Mapping[str, int], json_: bool) -> None:
    """Show by which route messages were delivered, of all that this node has sent."""
    total = sum(counted.get(route, 0) for route in PROMISED)
    shares = {route: round(100 * counted.get(route, 0) / total, 1) if total else None for route in PROMISED}
    if json_:
        found = {
            route: {"promised": promised, "happened": shares[route], "messages": counted.get(route, 0)}
            for route, promised in PROMISED.items()
        }
        echo_line(as_json(found))
        return
    words = {"direct": _("direct"), "relayed": _("relayed"), "mailbox": _("mailbox")}
    rows = [(_("route"), _("promised"), _("happened"), _("messages"))]
    for route, promised in PROMISED.items():
        share = "-" if shares[route] is None else f"{shares[route]} %"
        rows.append((words[route], f"{promised} %", share, str(counted.get(route, 0))))
    echo_table(rows)
