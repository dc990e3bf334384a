"""What `mepassad doctor` finds of servers: whether they serve the node, and how it stands in the net."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mepassad.config.model import Config
from mepassad.delivery.passes import NOT_NAMED, NOT_TAKEN
from mepassad.errors import MailboxNotAdmitted
from mepassad.findings import LINE, PATIENCE, Edit, Finding, typed_into
from mepassad.i18n import _

NOT_ADMITTED = MailboxNotAdmitted().sentence
"""Why a mailbox does not serve this node that admits by a list, or by the contacts of its owner."""


def servers(about: str, addresses: Sequence[str], edit: Edit, mepassad: str) -> Iterator[Finding]:
    """Whether the servers that the configuration names answer."""
    line = {"bootstrap": "transport_libp2p: {bootstrap: [%s]}", "mailbox": "mailboxes: [%s]"}[about] % LINE
    if not addresses:
        without = {
            "bootstrap": _("No bootstrap node: contacts that moved are not found in the DHT."),
            "mailbox": _("No mailbox: what is sent while this node is away waits at its senders."),
        }
        yield Finding(about, "warning", without[about], edit(line))
    for address in addresses:
        _none, _kind, host, protocol, port, *_rest = (address + "////").split("/")
        if protocol != "tcp" or not port.isdecimal():
            why = _("{address} is not reached over TCP, so it cannot be tried from here.").format(address=address)
            yield Finding(about, "unknown", why)
            continue
        try:
            socket.create_connection((host, int(port)), PATIENCE).close()
        except OSError as error:
            why = _("{address} does not answer: {reason}.").format(address=address, reason=error)
            yield Finding(about, "bad", why, _later(mepassad, line))
        else:
            yield Finding(about, "ok", _("{address} answers.").format(address=address))


def _later(mepassad: str, line: str) -> str:
    """The cure where a server was not reached: most of them are back by themselves."""
    told = _(
        "again in a while; if it stays so, ask its operator whether it runs, and only then write {line}, as the server "
        "prints it now"
    )
    return f"{mepassad} doctor  # " + told.format(line=line)


def mailboxes(config: Config, stats: Mapping[str, Any], edit: Edit, mepassad: str) -> Iterator[Finding]:
    """Whether the mailboxes serve this node, which knows better than a try from here."""
    if not config.mailboxes:
        yield from servers("mailbox", (), edit, mepassad)
    known = _(
        "shows this node's id: ask the mailbox's owner to make you a contact, where it admits contacts, or to put the "
        "id on its list, or for its pass, for pass_file"
    )
    file = config.pass_file or Path("pass")
    cures = {
        NOT_NAMED: edit(_("pass_file: the path of a file 0600 with the pass")),
        NOT_TAKEN: typed_into(file, _("type the right pass, Enter and Ctrl-D; then start the node anew")),
        NOT_ADMITTED: f"mepassa status  # {known}",
    }
    for node, found in _mailboxes(stats).items():
        if found.get("connected"):
            yield Finding("mailbox", "ok", _("{node} keeps what comes while this node is away.").format(node=node))
        else:
            reason = str(found.get("reason", ""))
            why = _("{node} does not serve this node now: {reason}")
            said = reason.replace(f"/p2p/{node}", "").removeprefix(f"The node {node} cannot be reached now: ")
            why = why.format(node=node, reason=_(said) if said else "")  # gettext makes its header of nothing
            yield Finding("mailbox", "bad", why, cures.get(reason) or _later(mepassad, f"mailboxes: [{LINE}]"))


def _mailboxes(stats: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The node's mailboxes, by node."""
    nodes: Mapping[str, Mapping[str, Any]] = stats.get("mailboxes", {}).get("nodes", {})
    return nodes


def standing(stats: Mapping[str, Any] | None, edit: Edit, mepassad: str) -> Iterator[Finding]:
    """How the node stands in the net: whether others reach it, and over what."""
    if stats is None:
        yield Finding("nat", "unknown", _("How this node is reached is known once it runs."), mepassad)
        return
    places = sum(int(one.get("relay_places", 0)) for one in stats.get("transports", {}).values())
    if places:
        yield Finding("relay", "ok", _("Relays through which the node is reached: {count}.").format(count=places))
    own = _mailboxes(stats).values()
    line = f"mailboxes: [{'…, ' if own else ''}{LINE}]"  # beside those that are there
    for name, found in stats.get("reachability", {}).items():
        kind, nat = found.get("kind"), _nat(str(found.get("nat")))
        if kind == "public":
            yield Finding("nat", "ok", _("Over {transport}, others come in by themselves.").format(transport=name))
        elif kind == "private" and not places and not all(one.get("connected") for one in own):
            # What mends the mailboxes mends this: they lend places, too, and the line that names them is right.
            why = _("Over {transport}, nobody comes in (NAT: {nat}) until a mailbox above serves this node.")
            yield Finding("nat", "unknown", why.format(transport=name, nat=nat))
        elif kind == "private" and not places:
            why = _("Over {transport}, nobody comes in (NAT: {nat}), and no relay lends a place.")
            mend = _("{line}, of a relay that admits this node")
            yield Finding("nat", "warning", why.format(transport=name, nat=nat), edit(mend.format(line=line)))
        else:
            told = _("Over {transport}, nobody comes in directly (NAT: {nat}); relays lend a place.")
            if kind != "private":
                told = _("Over {transport}, whether others come in is not known yet (NAT: {nat}).")
            yield Finding("nat", "ok" if kind == "private" else "unknown", told.format(transport=name, nat=nat))


def _nat(kind: str) -> str:
    words = {"none": _("none"), "cone": _("cone"), "symmetric": _("symmetric"), "unknown": _("unknown")}
    return words.get(kind, kind)
