"""A relay that records everything, and is given all that both ends know, finds nothing of it in what it saw.

Node ids apart, which a relay needs to know: an invite names them, so whoever has both ties the two.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

pytest.importorskip("mepassad_transport_libp2p")

from libp2p.network.stream.net_stream import NetStream
from mepassad_transport_libp2p.compat.relay_server import RelayLimits
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component

from mepassad.api.node_id import key_from_node_id
from mepassad.testing.component import Lines
from mepassad.testing.transport_node import Node, run_node
from mepassad.wire.invites import parse_invite
from tests.daemon import Daemon, Fleet, becomes
from tests.lab.peers import has_place, message, node_id

WINDOW = 12  # bytes; two that are equal by chance would be a wonder
SAID = "what no relay is to see of two who speak over it"


class Recorder:
    """All that a relay reads of any stream, and its log."""

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self.read = bytearray()
        read = NetStream.read

        async def recorded(stream: NetStream, n: int | None = None) -> bytes:
            data = await read(stream, n)
            self.read += data
            return data

        patched.setattr(NetStream, "read", recorded)

    def seen(self, log: Lines) -> bytes:
        return bytes(self.read) + repr(log.lines).encode()


@asynccontextmanager
async def relay(folder: Path) -> AsyncIterator[Node]:
    """A relay in this process, of which every byte can be looked at."""
    section = Config(listen=("/ip4/127.0.0.1/tcp/0",))
    async with anyio.create_task_group() as tasks:
        made: Node = await tasks.start(run_node, component, section, os.urandom(32), folder)
        made.transport._host.relay(RelayLimits()).start()  # type: ignore[attr-defined]
        yield made
        await made.stop()


def known(daemon: Daemon) -> Iterator[bytes]:
    """All values in a node's database and its key files."""
    for (table,) in daemon.ask("SELECT name FROM sqlite_master WHERE type = 'table'"):
        for row in daemon.ask(f'SELECT * FROM "{table}"'):
            yield from (one if isinstance(one, bytes) else one.encode() for one in row if isinstance(one, bytes | str))
    yield from (path.read_bytes() for path in (daemon.data / "keys").iterdir())


async def test_a_recording_relay_finds_nothing_of_cards_and_invites_in_what_it_saw(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(monkeypatch)
    async with relay(tmp_path / "relay") as server:
        section = {"listen": [], "bootstrap": [server.transport.addresses()[0]]}
        daemons = fleet.start("ana", "bruno", transport_libp2p=section)
        async with daemons[0].session() as ana, daemons[1].session() as bruno:
            for rpc in (ana, bruno):
                await has_place(rpc)
            uri = (await ana.call("invites.create"))["uri"]
            ana_id = (await bruno.call("invites.accept", uri=uri))["contact"]
            await becomes(bruno, ana_id, "accepted")
            assert await message(bruno, ana_id, SAID) == "relayed"
        nodes = [await node_id(daemon) for daemon in daemons]
        own = [*nodes, server.id, *server.transport.addresses()]
        invite = parse_invite(uri)
        parts = [uri.encode(), invite.secret, invite.number, SAID.encode(), *known(daemons[0]), *known(daemons[1])]
        seen = recorder.seen(server.log)
    assert len(seen) > 10_000
    assert any(key_from_node_id(node) in seen for node in nodes), "it is the relay that was recorded"
    for public in own:
        parts = [
            part.replace(public.encode(), b"").replace(public.rpartition("/p2p/")[0].encode(), b"") for part in parts
        ]
        parts = [part.replace(key_from_node_id(public.rpartition("/")[2]), b"") for part in parts]
    windows = {seen[at : at + WINDOW] for at in range(len(seen) - WINDOW + 1)}
    found = {part[at : at + WINDOW] for part in parts for at in range(len(part) - WINDOW + 1)} & windows
    assert not found
