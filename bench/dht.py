"""Bare nodes of the DHT, many to a process, whose tables hold each other. python -m bench.dht COUNT

A line of JSON on stdout with the address of one of them once they listen; the end of standard input ends them.
"""

from __future__ import annotations

import json
import logging
import sys

import trio
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.host import Host
from mepassad_transport_libp2p.kad import Kad
from mepassad_transport_libp2p.kad_wire import Peer

from mepassad.api import Secret
from mepassad.clock import SystemClock
from mepassad.log import StructuredLog
from mepassad.wire.records import check_record


async def main(count: int) -> None:
    """Start so many, tell where one is, and live until standard input ends."""
    config, clock, nodes = Config(listen=("/ip4/127.0.0.1/tcp/0",), mdns=False), SystemClock(), list[Kad]()
    peers, log = list[Peer](), StructuredLog("dht")
    async with trio.open_nursery() as nursery:
        for number in range(1, count + 1):
            host = Host(config, Secret(number.to_bytes(32, "big")), log)
            await nursery.start(host.run)
            await host.listen()
            peers.append(Peer(host.node_id, (host.addresses()[0].partition("/p2p/")[0],)))
            nodes.append(Kad(host, (), True, log))
        for node in nodes:
            node.shelf.check = lambda key, value: check_record(key, value, int(clock.now()))
            for peer in peers:
                node.table.add(peer)
            node.serve()
        print(json.dumps({"address": f"{peers[0].addresses[0]}/p2p/{peers[0].id}"}), flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    logging.disable(logging.ERROR)
    trio.run(main, int(sys.argv[1]))
