"""What a message costs by route: bytes on the wire, CPU of each daemon, and what a server keeps. docs/scale.md.

It runs in a network namespace of its own, where nothing but these daemons speaks: what its loopback counts is theirs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from bench.client import TEXT_BYTES, Client, Events, send_request
from bench.daemons import LIBP2P, Daemon, Pair, folder
from bench.directory import CONFIG as IN_A_DHT
from bench.directory import NODES, dht
from bench.results import Line, rounded

TEXTS = 200
LARGE, LARGE_COUNT = 60_000, 100  # bytes of a text as long as what files will be made of
PUBLISH = 20.0  # seconds in which a record is at its nodes
SETTLE = 20.0  # seconds until a start is over
REST = 120.0  # seconds in which a node that has nothing to say is looked at
SERVER = "roles: [bootstrap, relay, mailbox]\n" + LIBP2P
NOWHERE = "plugins: [transport_libp2p]\ntransport_libp2p: {{listen: []}}\n{line}\n"
LINE = re.compile(r"mailboxes: \[.*\]")
_ROOT = Path(__file__).resolve().parents[1]
_INSIDE = "ip link set lo up && exec {python} -m bench.traffic {count}"


def traffic(count: int = TEXTS) -> Iterator[Line]:
    """Bytes and CPU of N texts (200): direct, relayed, by a mailbox. Needs root, for a network of its own."""
    inside = _INSIDE.format(python=sys.executable, count=count)
    command = ["unshare", "--net", "sh", "-c", inside]
    for line in subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=_ROOT).stdout.splitlines():
        yield json.loads(line)


def wire_bytes() -> int:
    """Bytes that went over loopback since it is up, headers of all layers included."""
    rows = Path("/proc/net/dev").read_text().splitlines()
    return int(next(row for row in rows if row.strip().startswith("lo:")).split()[9])


def used(daemon: Daemon) -> float:
    """CPU seconds of a daemon."""
    return sum(daemon.cpu_seconds().values())


def line(name: str, value: float, unit: str) -> None:
    """One figure, as JSON."""
    sys.stdout.write(json.dumps({"bench": "traffic", "name": name, "value": rounded(value), "unit": unit}) + "\n")
    sys.stdout.flush()


class Meter:
    """What texts cost from its making to `tell`."""

    def __init__(self, **daemons: Daemon) -> None:
        """The daemons that are looked at, by their part."""
        self._daemons = daemons
        self._bytes, self._cpu = wire_bytes(), {name: used(one) for name, one in daemons.items()}

    def tell(self, route: str, count: int) -> None:
        """The figures of one text."""
        line(f"{route}, bytes on the wire", (wire_bytes() - self._bytes) / count, "B")
        for name, one in self._daemons.items():
            line(f"{route}, CPU of the {name}", (used(one) - self._cpu[name]) / count * 1e6, "us")


def spoken(two: Pair, count: int, size: int = TEXT_BYTES) -> None:
    """Texts of so many bytes one after the other, each once the one before was delivered."""
    a, delivered = Client(two.a.socket), Events(two.a.socket, "message.delivered")
    with closing(a), closing(delivered):
        for _ in range(count):
            a.socket.sendall(send_request(two.account_b, size))
            delivered.wait()
            a.lines()


def heard(events: Events, count: int) -> None:
    """Wait for so many events, however many come at once."""
    while count > 0:
        count -= len(events.read())


def rest(**daemons: Daemon) -> None:
    """What it costs that two nodes are connected to their server and say nothing."""
    time.sleep(SETTLE)
    before, cpu = wire_bytes(), {name: used(one) for name, one in daemons.items()}
    time.sleep(REST)
    line("at rest, bytes an hour of a node on the wire", (wire_bytes() - before) / 2 * 3600 / REST, "B")
    for name, one in daemons.items():
        line(f"at rest, CPU of the {name}", (used(one) - cpu[name]) / REST * 100, "%")


def kept(server: Daemon) -> int:
    """Bytes of what a mailbox keeps, on the disk."""
    return sum(file.stat().st_size for file in (server.folder / "plugins" / "mailbox_sqlite").iterdir())


def mailboxed(two: Pair, server: Daemon, count: int) -> None:
    """B is away, A writes; then B comes back."""
    two.b.stop()
    before, meter = kept(server), Meter(sender=two.a, server=server)
    a, sent = Client(two.a.socket), Events(two.a.socket, "message.sent")
    with closing(a), closing(sent):
        for _ in range(count):
            a.socket.sendall(send_request(two.account_b))
            a.lines()
        heard(sent, count)
    meter.tell("mailbox, in", count)
    line("mailbox, bytes on the disk of the server", (kept(server) - before) / count, "B")
    meter, delivered = Meter(sender=two.a, server=server), Events(two.a.socket, "message.delivered")
    with closing(delivered):
        two.b.start()
        heard(delivered, count)
    meter.tell("mailbox, out and receipts", count)


def published() -> None:
    """A start with a contact and without a word: what it costs to be found among the nodes of a DHT."""
    with dht(NODES) as address, folder() as place, ExitStack() as stack:
        two = Pair(*(started(stack, place / name, IN_A_DHT.format(address=address)) for name in "ab"))
        time.sleep(SETTLE)
        two.a.stop()
        two.b.stop()
        before = wire_bytes()
        two.a.start()
        time.sleep(PUBLISH)
        line(f"a start and a record among {NODES} nodes, bytes on the wire", wire_bytes() - before, "B")


def main(count: int) -> None:
    """All figures, in a network of one's own."""
    with folder() as place, ExitStack() as stack:
        direct = Pair(*(started(stack, place / name, LIBP2P) for name in "ab"))
        spoken(direct, 20)
        meter = Meter(sender=direct.a, recipient=direct.b)
        spoken(direct, count)
        meter.tell("direct", count)
        direct.a.stop()
        direct.b.stop()
        server = started(stack, place / "server", SERVER)
        told = LINE.search((server.folder / "log").read_text())
        assert told is not None
        behind = [started(stack, place / name, NOWHERE.format(line=told[0])) for name in "cd"]
        rest(node=behind[0], server=server)
        relayed = Pair(*behind)
        spoken(relayed, 20)
        meter = Meter(sender=relayed.a, recipient=relayed.b, server=server)
        spoken(relayed, count)
        meter.tell("relayed", count)
        meter = Meter(server=server)
        spoken(relayed, LARGE_COUNT, LARGE)
        meter.tell(f"relayed, of {LARGE:,} bytes", LARGE_COUNT)
        mailboxed(relayed, server, count)
    published()


def started(stack: ExitStack, place: Path, plugins: str) -> Daemon:
    """A daemon that runs until the stack is left."""
    daemon = Daemon(place, plugins)
    stack.callback(daemon.stop)
    daemon.start()
    return daemon


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TEXTS)
