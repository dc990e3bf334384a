"""A daemon that is a mailbox node, used over libp2p, killed, told its pass."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

pytest.importorskip("mepassad_transport_libp2p")

from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component

from mepassad.api.node_id import key_from_node_id
from mepassad.api.types import NodeId, Secret
from mepassad.clock import SystemClock
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.delivery.passes import show_pass
from mepassad.errors import MailboxNotAdmitted, MepassaError, StreamClosed, Unreachable
from mepassad.testing.transport_node import Node, run_node
from mepassad.wire.mailbox import MAILBOX_PROTOCOL
from mepassad.wire.passes import PASS_PROTOCOL
from tests.daemon import Daemon, Fleet

PATIENCE = 20.0


def address_of(daemon: Daemon) -> str:
    """The address in the line that it shows for the configuration of others; the newest one."""
    return re.findall(r"mailboxes: \[([^\],]+)", daemon.out())[-1]


@asynccontextmanager
async def node(folder: Path) -> AsyncIterator[Node]:
    """A bare node that only dials."""
    async with anyio.create_task_group() as tasks:
        made: Node = await tasks.start(run_node, component, Config(listen=()), os.urandom(32), folder)
        yield made
        made.leave.set()


@asynccontextmanager
async def asking(client: Node, address: str) -> AsyncIterator[MailboxStream]:
    """A stream to the daemon's mailbox, while it is used."""
    stream = await client.transport.open(NodeId(address.rpartition("/")[2]), [address], MAILBOX_PROTOCOL)
    mailbox = await MailboxStream.opened(stream, SystemClock(), PATIENCE)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(mailbox.run)
        yield mailbox
        mailbox.abort()
        tasks.cancel_scope.cancel()


async def test_what_a_killed_mailbox_node_confirmed_is_there_when_it_comes_back(fleet: Fleet, tmp_path: Path) -> None:
    daemon = fleet.daemon("server", roles=["mailbox"]).start()
    address, box = address_of(daemon), Ed25519PrivateKey.generate()
    number, confirmed = box.public_key().public_bytes_raw(), list[bytes]()
    async with node(tmp_path) as client:
        async with asking(client, address) as mailbox:
            await mailbox.open([box])
            await mailbox.publish(box, [b"one", b"two"], b"last")
            assert await mailbox.take(number) == b"one"

            async def deposit(sealed: bytes) -> None:
                try:
                    if await mailbox.put([number], sealed, 24) == [0]:
                        confirmed.append(sealed)
                except (StreamClosed, Unreachable):
                    pass

            async with anyio.create_task_group() as tasks:
                for _ in range(200):
                    tasks.start_soon(deposit, os.urandom(1585))
                while len(confirmed) < 50:
                    await anyio.sleep(0.001)
                daemon.kill()
        daemon.start()
        async with asking(client, address) as mailbox:
            lying, after = set[bytes](), 0
            while some := await mailbox.fetch(box, after, 256):
                lying |= {one.sealed for one in some}
                after = some[-1].cursor
            assert set(confirmed) <= lying
            assert await mailbox.open([box]) == [1]
            assert [await mailbox.take(number) for _ in range(2)] == [b"two", b"last"]


async def test_a_mailbox_node_with_a_pass_opens_boxes_for_who_knows_it(fleet: Fleet, tmp_path: Path) -> None:
    secret = tmp_path / "pass"
    secret.touch(0o600)
    secret.write_text("correct horse battery\n")
    mailbox_section = {"admit": "pass", "pass_file": str(secret)}
    daemon = fleet.daemon("server", roles=["mailbox"], mailbox=mailbox_section).start()
    address, box = address_of(daemon), Ed25519PrivateKey.generate()
    async with node(tmp_path) as client, asking(client, address) as mailbox:
        with pytest.raises(MailboxNotAdmitted):
            await mailbox.open([box])
        stream = await client.transport.open(mailbox.node, [address], PASS_PROTOCOL)
        assert await show_pass(stream, Secret(b"correct horse battery"), key_from_node_id(client.id), PATIENCE)
        assert await mailbox.open([box]) == [0]
    assert "correct horse" not in daemon.log()


async def test_a_daemon_without_the_role_keeps_no_mailbox(fleet: Fleet, tmp_path: Path) -> None:
    daemon = fleet.daemon("bruno").start()
    assert "mailboxes:" not in daemon.out()
    assert not (daemon.data / "plugins" / "mailbox_sqlite").exists()
    async with daemon.session() as rpc:
        address = (await rpc.call("identity.show"))["addresses"][0]
    async with node(tmp_path) as client:
        with pytest.raises(MepassaError):
            async with asking(client, address):
                pass
