"""Looks for what keeps a node from working, or from being reached: each finding with its reason and what mends it."""

from __future__ import annotations

import json
import os
import resource
import shlex
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mepassad.config.load import Loaded
from mepassad.config.model import Config
from mepassad.delivery.passes import NOT_NAMED, NOT_TAKEN
from mepassad.descriptors import ENOUGH
from mepassad.findings import LINE, Edit, Finding, State, editing
from mepassad.i18n import _
from mepassad.listening import why_not

FULL, LOW = 64 << 20, 1 << 30
"""Bytes of room on the disk below which the node cannot work, and may soon not."""

PATIENCE = 3.0
"""Seconds that a node has to answer a call, and another one a connection."""

CONNECTIONS_ASIDE = 128
"""Descriptors that a node needs beside those of connections."""

BEGAN = 1_790_000_000
"""Unix seconds: no clock is right that shows less."""

Ask = Callable[[str], Any]
"""Calls a method of the running node; None where none runs. Raises `TimeoutError` where one does that does not answer,
`PermissionError` where this user may not ask."""

OWN_PORT = "[Service] AmbientCapabilities=CAP_NET_BIND_SERVICE CapabilityBoundingSet=CAP_NET_BIND_SERVICE"
"""What a unit needs to listen below port 1024, as in README."""


def examine(loaded: Loaded, path: Path | None, ask: Ask) -> Iterator[Finding]:
    """Everything there is to find. `path`: the configuration file."""
    edit = editing(path)
    mepassad = f"mepassad --config {shlex.quote(str(path))}" if path else "mepassad"
    config, folder = loaded.config, loaded.config.node.data_dir
    stats, node = asked(ask, folder, mepassad)
    libp2p: Any = loaded.sections.get("transport_libp2p")
    yield clock(folder, time.time())
    yield disk(folder)
    yield from keys(folder, mepassad)
    yield node
    if libp2p is not None:
        # A node that runs has its ports itself.
        yield from ports(libp2p.listen, edit) if stats is None and node.state == "warning" else ()
        yield descriptors(libp2p.max_connections, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        if libp2p.bootstrap or not (config.roles or config.mailboxes):
            yield from servers("bootstrap", libp2p.bootstrap, edit)
    if config.roles and not config.mailboxes:
        yield Finding("mailbox", "ok", _("This node serves others; it names no mailbox for accounts of its own."))
    elif stats is None:
        yield from servers("mailbox", config.mailboxes, edit)
    else:
        yield from mailboxes(config, stats, edit)
    yield from standing(stats, edit, mepassad)


def clock(folder: Path, now: float) -> Finding:
    """Whether the wall clock can be right: it decides what expires, and which device list is newer."""
    mend = "sudo timedatectl set-ntp true"
    if os.path.exists(folder) and not os.access(folder, os.R_OK | os.X_OK):
        return Finding(
            "clock", "unknown", _("What the node has written cannot be seen by this user."), _as_owner(folder)
        )
    written = max((path.stat().st_mtime for path in folder.glob("*.db*")), default=0.0)
    if now < max(BEGAN, written - 60):
        return Finding("clock", "bad", _("The clock shows a time before what the node has written already."), mend)
    if shutil.which("timedatectl"):
        command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            done = None
        if done is not None and done.stdout.strip() == "no":
            return Finding("clock", "warning", _("Nobody keeps the clock right."), mend)
    return Finding("clock", "ok", _("The clock is later than all that the node has written."))


def disk(folder: Path) -> Finding:
    """Whether there is room: a full disk means that nothing can be sent or taken."""
    place = next(found for found in (folder, *folder.parents) if os.path.exists(found))
    free = shutil.disk_usage(place).free
    state: State = "bad" if free < FULL else "warning" if free < LOW else "ok"
    why = _("{megabytes} MB are free for {path}.").format(megabytes=free // 1_000_000, path=place)
    return Finding(
        "disk", state, why, "" if state == "ok" else "du -xhd1 / | sort -h  # " + _("remove what is not needed")
    )


def keys(folder: Path, mepassad: str) -> Iterator[Finding]:
    """Whether the files of keys are the user's alone."""
    try:
        yield from list(_keys(folder, mepassad))
    except PermissionError:
        why = _("This user may not look at the keys in {path}.").format(path=folder)
        yield Finding("keys", "bad", why, _as_owner(folder))


def _as_owner(folder: Path) -> str:
    """The command that looks as the user whose the data folder is."""
    try:
        return f"sudo -u '#{folder.stat().st_uid}' mepassad doctor"
    except OSError:
        return "sudo mepassad doctor"


def _keys(folder: Path, mepassad: str) -> Iterator[Finding]:
    place = folder / "keys"
    if not place.is_dir():
        why = _("There is no data folder yet at {path}.").format(path=folder)
        yield Finding("keys", "warning", why, f"{mepassad} init")
        return
    sound = True
    for path, limit in ((folder, 0o022), (place, 0o077), *((one, 0o077) for one in sorted(place.iterdir()))):
        found = path.lstat()
        if stat.S_IMODE(found.st_mode) & limit and not stat.S_ISLNK(found.st_mode):
            mend = f"chmod {700 if path.is_dir() else 600} {shlex.quote(str(path))}"
            yield Finding("keys", "bad", _("Others may open {path}.").format(path=path), mend)
            sound = False
        elif found.st_uid != os.geteuid():
            mend = f"sudo chown {os.geteuid()} {shlex.quote(str(path))}"
            yield Finding("keys", "bad", _("{path} belongs to another user.").format(path=path), mend)
            sound = False
    if sound:
        yield Finding("keys", "ok", _("The key files in {path} are this user's alone.").format(path=place))


def asked(ask: Ask, folder: Path, mepassad: str) -> tuple[Mapping[str, Any] | None, Finding]:
    """What the node says of itself, and whether it answers."""
    try:
        stats = ask("system.stats")
    except TimeoutError:
        why = _("The node runs, and does not answer.")
        return None, Finding("node", "bad", why, "sudo systemctl restart mepassad")
    except PermissionError:
        return None, Finding("node", "unknown", _("This user may not ask the node."), _as_owner(folder))
    if stats is None:
        return None, Finding("node", "warning", _("The node does not run."), mepassad)
    why = _("The node runs; contacts connected: {links}.").format(links=stats.get("links", 0))
    return stats, Finding("node", "ok", why)


def ports(listen: Sequence[str], edit: Edit) -> Iterator[Finding]:
    """Whether the node could listen where it is told to."""
    for address in listen:
        _none, family, host, protocol, port, *_rest = address.split("/")
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        try:
            with socket.socket(socket.AF_INET6 if family == "ip6" else socket.AF_INET, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == "ip6":
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((host, int(port)))
        except PermissionError:
            why = _("This user may not listen on {address}.").format(address=address)
            yield Finding("port", "bad", why, f"sudo systemctl edit mepassad  # {OWN_PORT}")
        except OSError as error:
            why = _("The node cannot listen on {address}: {reason}.").format(address=address, reason=why_not(error))
            mend = _("in transport_libp2p.listen, an address of this machine with a port that is free, for {address}")
            yield Finding("port", "bad", why, edit(mend.format(address=address)))
        else:
            yield Finding("port", "ok", _("{address} is free.").format(address=address))


def descriptors(connections: int, hard: int) -> Finding:
    """Whether the process may open as many files as it is to have connections."""
    needed, found = connections + CONNECTIONS_ASIDE, ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    why = _("The process may open {found} files; {needed} are needed.").format(found=found, needed=needed)
    if found < needed:
        return Finding("descriptors", "bad", why, f"sudo systemctl edit mepassad  # [Service] LimitNOFILE={needed}")
    return Finding("descriptors", "ok", why)


def servers(about: str, addresses: Sequence[str], edit: Edit) -> Iterator[Finding]:
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
            yield Finding(about, "bad", why, edit(_("{line}, as the server prints it now").format(line=line)))
        else:
            yield Finding(about, "ok", _("{address} answers.").format(address=address))


def mailboxes(config: Config, stats: Mapping[str, Any], edit: Edit) -> Iterator[Finding]:
    """Whether the mailboxes serve this node, which knows better than a try from here."""
    if not config.mailboxes:
        yield from servers("mailbox", (), edit)
    file = config.pass_file
    write = f"install -m 600 /dev/stdin {shlex.quote(str(file))}  # "
    passes = {
        NOT_NAMED: edit(_("pass_file: the path of a file 0600 with the pass")),
        NOT_TAKEN: write + _("type the right pass, Enter and Ctrl-D; then start the node anew"),
    }
    for node, found in stats.get("mailboxes", {}).get("nodes", {}).items():
        if found.get("connected"):
            yield Finding("mailbox", "ok", _("{node} keeps what comes while this node is away.").format(node=node))
        else:
            reason = str(found.get("reason", ""))
            why = _("{node} does not serve this node now: {reason}").format(node=node, reason=reason)
            there = edit(_("{line}, as the server prints it now").format(line=f"mailboxes: [{LINE}]"))
            yield Finding("mailbox", "bad", why, passes.get(reason, there))


def standing(stats: Mapping[str, Any] | None, edit: Edit, mepassad: str) -> Iterator[Finding]:
    """How the node stands in the net: whether others reach it, and over what."""
    if stats is None:
        yield Finding("nat", "unknown", _("How this node is reached is known once it runs."), mepassad)
        return
    places = sum(int(one.get("relay_places", 0)) for one in stats.get("transports", {}).values())
    if places:
        yield Finding("relay", "ok", _("Relays through which the node is reached: {count}.").format(count=places))
    for name, found in stats.get("reachability", {}).items():
        kind, nat = found.get("kind"), _nat(str(found.get("nat")))
        if kind == "public":
            yield Finding("nat", "ok", _("Over {transport}, others come in by themselves.").format(transport=name))
        elif kind == "private" and not places:
            why = _("Over {transport}, nobody comes in (NAT: {nat}), and no relay lends a place.")
            mend = _("{line}, of a relay that admits this node")
            yield Finding(
                "nat", "warning", why.format(transport=name, nat=nat), edit(mend.format(line=f"mailboxes: [{LINE}]"))
            )
        else:
            told = _("Over {transport}, nobody comes in directly (NAT: {nat}); relays lend a place.")
            if kind != "private":
                told = _("Over {transport}, whether others come in is not known yet (NAT: {nat}).")
            yield Finding("nat", "ok" if kind == "private" else "unknown", told.format(transport=name, nat=nat))


def _nat(kind: str) -> str:
    words = {"none": _("none"), "cone": _("cone"), "symmetric": _("symmetric"), "unknown": _("unknown")}
    return words.get(kind, kind)


def asking(path: Path) -> Ask:
    """Calls on the node's socket."""

    def ask(method: str) -> Any:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(str(path))
                client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode() + b"\n")
                with client.makefile("rb") as answers:
                    return json.loads(answers.readline())["result"]
        except (TimeoutError, PermissionError):
            raise
        except (ValueError, LookupError) as error:  # somebody listens there, and says nothing of use
            raise TimeoutError from error
        except OSError:
            return None

    return ask
