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
from mepassad.descriptors import ENOUGH
from mepassad.errors import UnsafePath
from mepassad.findings import PATIENCE, Edit, Finding, State, editing, typed_into
from mepassad.i18n import _
from mepassad.listening import why_not
from mepassad.lock import holder
from mepassad.reached import mailboxes, servers, standing
from mepassad.survey import of_metrics, reason, unlistenable, unusable

FULL, LOW = 64 << 20, 1 << 30
"""Bytes of room on the disk below which the node cannot work, and may soon not."""

CONNECTIONS_ASIDE = 128
"""Descriptors that a node needs beside those of connections."""

BEGAN = 1_790_000_000
"""Unix seconds: no clock is right that shows less."""

UNITS = tuple(Path(place, "mepassad.service") for place in ("/etc/systemd/system", "/usr/lib/systemd/system"))
"""Where the unit of a node is that systemd starts."""

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
    yield from files(config, edit)
    yield node
    off = stats is None and node.state == "warning"  # one that runs has its ports itself
    yield from (
        Finding("port", "bad", f"{key}: {why}", edit(_("metrics.port: a port that is free")))
        for key, why in of_metrics(loaded, off=off)
    )
    if libp2p is not None:
        yield from ports(libp2p.listen, edit) if off else ()
        yield descriptors(libp2p.max_connections, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        if libp2p.bootstrap or not (config.roles or config.mailboxes):
            yield from servers("bootstrap", libp2p.bootstrap, edit, mepassad)
    if config.roles and not config.mailboxes:
        yield Finding("mailbox", "ok", _("This node serves others; it names no mailbox for accounts of its own."))
    elif stats is None:
        yield from servers("mailbox", config.mailboxes, edit, mepassad)
    else:
        yield from mailboxes(config, stats, edit, mepassad)
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


def files(config: Config, edit: Edit) -> Iterator[Finding]:
    """Whether the files that the configuration names are there, and for the node alone where they hold a pass."""
    for key, path, error in unusable(config):
        if key == "bots":
            mend = edit(_("bots: the paths of files that are there"))
        elif isinstance(error, UnsafePath) and path.stat().st_uid != os.geteuid():
            mend = f"sudo chown {os.geteuid()} {shlex.quote(str(path))}"
        elif isinstance(error, UnsafePath):
            mend = f"chmod 600 {shlex.quote(str(path))}"
        elif isinstance(error, OSError):
            mend = _as_owner(config.node.data_dir)
        else:
            mend = typed_into(path, _("type the pass, Enter and Ctrl-D"))
        yield Finding("files", "bad", f"{key}: {reason(path, error)}", mend)


def asked(ask: Ask, folder: Path, mepassad: str) -> tuple[Mapping[str, Any] | None, Finding]:
    """What the node says of itself, and whether it answers."""
    try:
        stats = ask("system.stats")
    except TimeoutError:
        return None, _silent(folder)
    except PermissionError:
        return None, Finding("node", "unknown", _("This user may not ask the node."), _as_owner(folder))
    if stats is None:
        return None, Finding("node", "warning", _("The node does not run."), mepassad)
    why = _("The node runs; contacts connected: {links}.").format(links=stats.get("links", 0))
    return stats, Finding("node", "ok", why)


def _silent(folder: Path) -> Finding:
    """What is to be done about a node that runs and does not answer."""
    why, pid = _("The node runs, and does not answer."), holder(folder)
    if pid is not None and _stopped(pid):
        why = _("The node does not answer: its process {pid} is stopped.").format(pid=pid)
        return Finding("node", "bad", why, f"kill -CONT {pid}")
    if any(place.exists() for place in UNITS):
        return Finding("node", "bad", why, "sudo systemctl restart mepassad")
    ending = "pgrep -af mepassad" if pid is None else f"kill {pid}"
    return Finding("node", "bad", why, f"{ending}  # " + _("end it, and start it anew as it was started"))


def _stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal, as Linux tells it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False


def ports(listen: Sequence[str], edit: Edit) -> Iterator[Finding]:
    """Whether the node could listen where it is told to."""
    for address in listen:
        error = unlistenable(address)
        if error is None:
            yield Finding("port", "ok", _("{address} is free.").format(address=address))
        elif isinstance(error, PermissionError):
            why = _("This user may not listen on {address}.").format(address=address)
            yield Finding("port", "bad", why, f"sudo systemctl edit mepassad  # {OWN_PORT}")
        else:
            why = _("The node cannot listen on {address}: {reason}.").format(address=address, reason=why_not(error))
            mend = _("in transport_libp2p.listen, an address of this machine with a port that is free, for {address}")
            yield Finding("port", "bad", why, edit(mend.format(address=address)))


def descriptors(connections: int, hard: int) -> Finding:
    """Whether the process may open as many files as it is to have connections."""
    needed, found = connections + CONNECTIONS_ASIDE, ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    why = _("The process may open {found} files; {needed} are needed.").format(found=found, needed=needed)
    if found < needed:
        return Finding("descriptors", "bad", why, f"sudo systemctl edit mepassad  # [Service] LimitNOFILE={needed}")
    return Finding("descriptors", "ok", why)


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
