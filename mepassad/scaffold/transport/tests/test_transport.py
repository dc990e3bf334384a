"""The transport keeps the contract of transports, and what it says of sockets, keys and limits."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest
from mepassad.api import AddressRefused, OtherNode, Secret, Unreachable
from mepassad.testing.transport_contract import TransportContract
from mepassad.testing.transport_node import ECHO, Node, assert_echoes, until

from mepassad_transport_unix.handshake import Keys
from mepassad_transport_unix.plugin import Config, component

CANARY = b"a text that nobody between two nodes may read"
BETWEEN = "B" * 16
"""The name of a socket that somebody put between two nodes."""


class TestUnixTransport(TransportContract):
    component = staticmethod(component)
    settings: Config

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> Path:
        """Where the sockets of a test lie."""
        self.settings = Config(folder=tmp_path / "sockets")
        return self.settings.folder

    def config(self) -> Config:
        return self.settings

    @pytest.mark.parametrize(("shared", "mode"), [(False, 0o600), (True, 0o666)])
    async def test_the_socket_is_for_its_user_unless_it_is_shared(
        self, tmp_path: Path, folder: Path, shared: bool, mode: int
    ) -> None:
        self.settings = Config(folder=folder, shared=shared)
        async with self.nodes(tmp_path, 1) as (a,):
            (path,) = folder.iterdir()
            assert (path.name, stat.S_IMODE(path.stat().st_mode)) == (a.id[-16:], mode)
        assert not list(folder.iterdir())
        assert not list((tmp_path / "0").iterdir())

    async def test_a_socket_of_a_run_that_was_killed_is_replaced(self, tmp_path: Path, folder: Path) -> None:
        async with self.nodes(tmp_path, 1) as (a,):
            path = folder / a.id[-16:]
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(path))
        async with self.nodes(tmp_path, 2) as (a, b):
            await assert_echoes(await b.open(a))

    async def test_a_folder_that_cannot_be_is_told(self, tmp_path: Path) -> None:
        self.settings = Config(folder=tmp_path / ("n" * 120))
        with pytest.RaisesGroup(AddressRefused, flatten_subgroups=True):
            async with self.nodes(tmp_path, 1):
                pass

    async def test_who_passes_bytes_on_sees_none_of_what_is_said(self, tmp_path: Path, folder: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            passed = bytearray()

            async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                while data := await reader.read(65536):
                    passed.extend(data)
                    writer.write(data)
                writer.close()

            async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                there = await asyncio.open_unix_connection(folder / b.id[-16:])
                await asyncio.gather(pass_on(reader, there[1]), pass_on(there[0], writer))

            async with await asyncio.start_unix_server(between, folder / BETWEEN):
                stream = await a.transport.open(b.id, [f"/unix/{BETWEEN}"], ECHO)
                await assert_echoes(stream, CANARY)
                assert len(passed) > 2 * len(CANARY)
                assert CANARY not in passed
                await b.stop()
                await until(lambda: not a.transport.connected())

    async def test_who_stands_in_the_middle_is_found_out_and_learns_nothing(self, tmp_path: Path, folder: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            learnt, keys = bytearray(), Keys(Secret(bytes(32)), tmp_path)

            async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                there, back = await asyncio.open_unix_connection(
                    folder / b.id[-16:], ssl=keys.dialling, server_hostname=""
                )
                writer.write(await there.readexactly(128))  # what the node says first, signature and all
                learnt.extend(await reader.read())
                writer.close()
                back.close()

            async with await asyncio.start_unix_server(between, folder / BETWEEN, ssl=keys.listening):
                with pytest.raises(Unreachable, match="did not prove its key"):
                    await a.transport.open(b.id, [f"/unix/{BETWEEN}"], ECHO)
            assert not learnt
            assert not b.seen

    async def test_another_node_is_named_and_does_not_learn_who_called(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 3) as (a, b, c):
            with pytest.raises(OtherNode) as caught:
                await a.transport.open(c.id, b.transport.addresses(), ECHO)
            assert caught.value.data == {"node": b.id}
            await until(lambda: b.transport.stats()["incoming"] == 0)
            assert b.seen == []

    async def test_junk_on_the_socket_harms_nobody(self, tmp_path: Path, folder: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            stream, keys = await a.open(b), Keys(Secret(bytes(32)), tmp_path)
            for size in (0, 1, 128, 5000):
                for tls in (None, keys.dialling):
                    _, writer = await asyncio.open_unix_connection(
                        folder / b.id[-16:], ssl=tls, server_hostname="" if tls else None
                    )
                    writer.write(os.urandom(size))
                    writer.close()
            await assert_echoes(stream)
            await until(lambda: b.transport.stats()["incoming"] == 2)  # a's presence and its stream
            assert b.seen == [a.id]

    async def test_a_stranger_is_refused_where_no_place_is_left_and_a_contact_is_not(
        self, tmp_path: Path, folder: Path
    ) -> None:
        self.settings = Config(folder=folder, max_connections=2)
        async with self.nodes(tmp_path, 3) as (a, b, c):

            async def reached(node: Node) -> bool:
                try:
                    await assert_echoes(await node.open(a))
                except Unreachable:
                    return False
                return True

            assert await reached(b)
            assert not await reached(c)
            a.transport.prefer([c.id])
            assert await reached(c)

    async def test_nothing_but_a_name_can_be_dialled(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 1) as (a,):
            assert a.transport.can_dial(f"/unix/{BETWEEN}")
            for name in (
                "",
                "B" * 15,
                "B" * 17,
                "../aaaaaaaaaaaaa",
                "%2Faaaaaaaaaaaaa",
                "B" * 15 + "\0",
                "B" * 16 + "\n",
            ):
                assert not a.transport.can_dial(f"/unix/{name}")
