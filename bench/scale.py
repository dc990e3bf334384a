"""What accounts cost their servers a month, from what was measured and what is assumed: the tables of docs/scale.md.

    python -m bench.scale

Nothing is measured here. The measured figures are those of `python -m bench traffic mailbox-peers`; a month has 30
days, a TB 10^12 bytes. What an account does in a day, and the prices, are assumptions.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence

import msgspec

DAYS, DAY, TB, GB = 30, 86_400, 1e12, 1e9
COPIES = 2  # of what waits: an account's mailboxes, to each of which the sender puts it; or those of a database

# -- measured: bytes on the wire, a node's both directions together, and its CPU seconds

REST_BYTES, REST_CPU = 38e3, 2.8e-5  # an hour of a connected client; seconds of CPU in a second
CLIENT_MEMORY = 93.5e3  # bytes of a connected client with ten boxes
RELAYED_BYTES, RELAYED_CPU = 4210, 4.6e-3  # a text with its receipt
WAITING_BYTES, WAITING_CPU = 1683 + 4278, 0.32e-3 + 0.42e-3  # a text into a mailbox and out, with its receipt
WAITING_DISK = 2678
BULK_CPU, BULK_MORE = 0.1e-6, 1.12  # seconds of a byte of a large text that is relayed; bytes on the wire for one of it
RECORD_BYTES, RECORD_CPU = 485e3, 20 * 10e-3  # a start and a record among 50 nodes, 20 of which keep it
RECORDS = 4  # in a day, starts included

# -- assumed: what an account does in a day, and how

TEXTS = 50
FILES, FILE_BYTES = 3, 400e3
CALL_SECONDS, CALL_BYTES = 240, 2 * 2 * 6e3  # each way 48 kbit/s, into a server and out of it
GROUP_SECONDS, GROUP_BYTES = 60, 4 * 75e3  # 600 kbit/s in, and out to three others
CONNECTED, PEAK = 0.4, 3.0  # of the accounts, at any time; the busiest hour beside the mean
WAIT_DAYS, KEEP_DAYS = 0.5, 30.0  # how long something waits in a mailbox; how long a server keeps media

# -- assumed: what it costs, in US$

NODE, NODE_TRAFFIC, NODE_DISK = 5.0, 1 * TB, 20 * GB  # a month of 1 core, 1 GB; its outgoing traffic is in the price
NODE_MEMORY, NODE_CORE = 0.8e9, 0.5  # what of it may be used at the peak
TRAFFIC = {"cheap": 10.0, "dear": 90.0}  # a TB that goes out
DISK = 20.0  # a TB for a month
REAIS = 5.4  # for a US$


class Design(msgspec.Struct, frozen=True):
    """Which share of what is said goes over a relay, and which waits in a mailbox; the rest goes directly."""

    name: str
    relayed: float
    waiting: float
    turn: float  # of calls of two
    sfu: float  # of calls of more
    kept: float  # days that a file lies there
    found: bool  # whether accounts find each other by a directory
    servers: int  # that an account is connected to, and puts to


DESIGNS = (
    Design("as promised: 80 / 15 / 5", 0.15, 0.05, 0.15, 0.30, WAIT_DAYS, found=True, servers=COPIES),
    Design("phones asleep: 30 / 10 / 60", 0.10, 0.60, 0.15, 0.30, WAIT_DAYS, found=True, servers=COPIES),
    Design("all through servers", 0.0, 1.0, 1.0, 1.0, KEEP_DAYS, found=False, servers=1),
)


class Load(msgspec.Struct, frozen=True):
    """What servers carry: bytes a month in both directions, mean cores, bytes of disk and memory."""

    traffic: float = 0.0
    cores: float = 0.0
    disk: float = 0.0
    memory: float = 0.0

    def __add__(self, other: Load) -> Load:
        """Both."""
        return Load(
            self.traffic + other.traffic,
            self.cores + other.cores,
            self.disk + other.disk,
            self.memory + other.memory,
        )


def parts(design: Design, accounts: float) -> Mapping[str, Load]:
    """What each part of the servers carries."""
    texts, files, records = accounts * TEXTS, accounts * FILES * FILE_BYTES, accounts * RECORDS  # a day
    here = accounts * CONNECTED * design.servers
    relayed, waiting = texts * design.relayed, texts * design.waiting
    put, carried = waiting * design.servers, files * (design.relayed + design.waiting * design.servers)
    return {
        "keeping in touch": Load(here * REST_BYTES * 24 * DAYS, here * REST_CPU, 0, here * CLIENT_MEMORY),
        "directory": Load(records * RECORD_BYTES * DAYS, records * RECORD_CPU / DAY) if design.found else Load(),
        "texts relayed": Load(relayed * RELAYED_BYTES * DAYS, relayed * RELAYED_CPU / DAY),
        "texts in mailboxes": Load(
            put * WAITING_BYTES * DAYS, put * WAITING_CPU / DAY, waiting * COPIES * WAITING_DISK * WAIT_DAYS
        ),
        "files *": Load(
            carried * 2 * BULK_MORE * DAYS, carried * BULK_CPU / DAY, files * design.waiting * COPIES * design.kept
        ),
        "calls of two (TURN) *": Load(accounts * CALL_SECONDS * CALL_BYTES * design.turn * DAYS / 2),
        "calls of more (SFU) *": Load(accounts * GROUP_SECONDS * GROUP_BYTES * design.sfu * DAYS),
    }


def nodes(load: Load) -> int:
    """How many of the smallest servers that takes; 2 at least."""
    return max(COPIES, math.ceil(load.memory / NODE_MEMORY), math.ceil(load.cores * PEAK / NODE_CORE))


def money(load: Load, price: float) -> float:
    """US$ a month; half of the bytes go out."""
    count = nodes(load)
    traffic = max(0.0, load.traffic / 2 - count * NODE_TRAFFIC) / TB * price
    return count * NODE + traffic + max(0.0, load.disk - count * NODE_DISK) / TB * DISK


def table(accounts: int) -> Iterator[str]:
    """The rows of one size."""
    yield f"| {accounts:,} accounts | " + " | ".join(design.name for design in DESIGNS) + " |"
    yield "|---|" + "---|" * len(DESIGNS)
    loads = [parts(design, accounts) for design in DESIGNS]
    for part in loads[0]:
        yield row(part, [f"{load[part].traffic / TB:,.2f} TB" for load in loads])
    totals = [total(load) for load in loads]
    yield row("all traffic", [f"{one.traffic / TB:,.2f} TB" for one in totals])
    yield row("cores, mean", [f"{one.cores:,.2f}" for one in totals])
    yield row("disk", [f"{one.disk / TB:,.3f} TB" for one in totals])
    yield row("nodes of 1 core, 1 GB", [f"{nodes(one):,}" for one in totals])
    for kind, price in TRAFFIC.items():
        yield row(f"a month, traffic {kind}", [amount(money(total, price)) for total in totals])
        yield row(
            f"saved, traffic {kind}", [f"{1 - money(total, price) / money(totals[-1], price):.0%}" for total in totals]
        )


def amount(dollars: float) -> str:
    """Both currencies."""
    return f"US$ {dollars:,.0f} (R$ {dollars * REAIS:,.0f})"


def row(name: str, cells: Sequence[str]) -> str:
    """A row."""
    return f"| {name} | " + " | ".join(cells) + " |"


def offsets() -> Iterator[str]:
    """How much less each part carries than where all goes through servers."""
    yield "| carried less | " + " | ".join(design.name for design in DESIGNS[:-1]) + " | the sources say |"
    yield "|---|---|---|---|"
    full = parts(DESIGNS[-1], 1)
    loads = [parts(design, 1) for design in DESIGNS[:-1]]
    disk = [1 - total(load).disk / total(full).disk for load in loads]
    yield row("store: disk", [*(f"{one:.0%}" for one in disk), "80 %"])
    for name, said in (("calls of two (TURN) *", "85 %"), ("calls of more (SFU) *", "70 %")):
        yield row(name, [*(f"{1 - load[name].traffic / full[name].traffic:.0%}" for load in loads), said])
    yield row("all traffic", [*(f"{1 - total(load).traffic / total(full).traffic:.0%}" for load in loads), "75 %"])


def total(load: Mapping[str, Load]) -> Load:
    """All parts together."""
    return sum(load.values(), Load())


def tables() -> str:
    """All of it, as it stands in docs/scale.md."""
    blocks = [*("\n".join(table(count)) for count in (1_000, 100_000, 10_000_000)), "\n".join(offsets())]
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    sys.stdout.write(tables())
