"""`python -m tests.lab [KIND …]`: every kind of router with every other, and the route and time of a first message."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from tests.daemon import Daemon, Fleet
from tests.lab.nats import KINDS
from tests.lab.net import internet, why_not
from tests.lab.peers import Outcome, Peers, has_place, meet
from tests.lab.theory import expected
from tests.lab.wire import Quality


@dataclass
class Row:
    """What came of one pair."""

    host: str
    guest: str
    theory: str
    outcome: Outcome

    @property
    def good(self) -> bool:
        """Whether it went as theory has it."""
        return self.outcome.route == self.theory

    def line(self) -> str:
        """For people."""
        first, seconds, route, climbed = self.outcome
        mark = "" if self.good else f"   expected: {self.theory}"
        return f"{self.host:<15} {self.guest:<15} {first:<8} {seconds:7.2f} s   {route:<8} {climbed:7.2f} s{mark}"


async def table(peers: Peers, kinds: Sequence[str], quality: Quality | None) -> list[Row]:
    """Start one node of each kind for each side, and let all pairs meet."""
    await peers.relay()
    sides: list[dict[str, Daemon]] = [{}, {}]
    for side, kind in itertools.product((0, 1), kinds):
        name = f"{'ab'[side]}{''.join(filter(str.isalnum, kind))}"
        sides[side][kind] = peers.launch(name, kind, quality)
        sides[side][kind].wait_ready()
    rows = []
    for host, guest in itertools.combinations_with_replacement(kinds, 2):
        async with sides[0][host].session() as one, sides[1][guest].session() as other:
            for rpc in (one, other):
                await has_place(rpc)
            theory = expected(host, guest)
            rows.append(Row(host, guest, theory, await meet(one, other, theory)))
            sys.stderr.write(f"{rows[-1].line()}\n")
    return rows


def main() -> int:
    """Print the table; 1 where something went otherwise than theory has it."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of public, {', '.join(KINDS)}; default: all")
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds each way, at each node")
    parser.add_argument("--loss", type=float, default=0.0, help="share of frames that are lost, each way")
    parser.add_argument("--json", action="store_true", help="one object a pair")
    given = parser.parse_args()
    if (reason := why_not()) is not None:
        parser.exit(2, f"{reason}\n")
    quality = Quality(given.delay, given.loss) if given.delay or given.loss else None
    with tempfile.TemporaryDirectory() as folder, internet() as net, Fleet(Path(folder)) as fleet:
        rows = anyio.run(table, Peers(net, fleet), given.kinds or ("public", *KINDS), quality)
        fleet.quiet = True
    for row in rows:
        told = {"host": row.host, "guest": row.guest, "theory": row.theory, **row.outcome._asdict()}
        sys.stdout.write((json.dumps(told) if given.json else row.line()) + "\n")
    return int(not all(row.good for row in rows))


if __name__ == "__main__":
    sys.exit(main())
