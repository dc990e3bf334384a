"""The four carriers together on one host: listened on, told, dialled; and the certificates of TLS WebSocket."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from mepassad_transport_libp2p.address import CARRIERS, parse_dial
from mepassad_transport_libp2p.config import Config
from running import Running
from test_listening import refusal

from mepassad.api import Unreachable
from mepassad.testing.certificates import make_files
from mepassad.testing.transport_node import ECHO, Node, assert_echoes, until

ALL = ("/tcp/0", "/udp/0/quic-v1", "/tcp/0/ws", "/tcp/0/tls/ws")
LOOPBACK = tuple("/ip4/127.0.0.1" + carried for carried in ALL)


def carriers(node: Node) -> list[str]:
    return [parse_dial(address).carrier for address in node.transport.addresses()]


async def test_one_node_listens_over_all_and_is_reached_over_each(running: Running, tmp_path: Path) -> None:
    settings: dict[str, Any] = make_files(tmp_path).settings()
    async with running(1, listen=LOOPBACK, **settings) as (server,):
        assert carriers(server) == list(CARRIERS)
        for address in server.transport.addresses():
            async with running(2, listen=(), **settings) as (_, client):
                assert client.transport.can_dial(address)
                await assert_echoes(await client.transport.open(server.id, [address], ECHO), b"over any" * 10_000)


@pytest.mark.parametrize("wild", ["/ip4/0.0.0.0", "/ip6/::"])
async def test_a_wildcard_of_each_carrier_becomes_addresses_that_can_be_dialled(
    running: Running, tmp_path: Path, wild: str
) -> None:
    if wild == "/ip6/::" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    files = make_files(tmp_path)
    listen = tuple(wild + carried for carried in ALL)
    async with running(1, listen=listen, **files.settings()) as (server,):
        own = [parse_dial(text) for text in server.transport.addresses() if "/127.0.0.1/" in text or "/::1/" in text]
        assert [address.carrier for address in own] == list(CARRIERS)
        for address in own:
            await reach(running, server, str(address), **files.settings())


async def test_a_node_with_dead_addresses_of_all_carriers_is_reached_over_the_one_that_lives(
    running: Running, tmp_path: Path
) -> None:
    settings: dict[str, Any] = make_files(tmp_path).settings()
    async with running(3, listen=LOOPBACK, **settings) as (a, b, c):
        dead = [address.replace(c.id, b.id) for address in c.transport.addresses()]
        await c.stop()
        (alive,) = [address for address in b.transport.addresses() if "/tls/ws" in address]
        await assert_echoes(await a.transport.open(b.id, [*dead, alive], ECHO))


async def test_junk_to_each_listener_keeps_the_host_alive(running: Running, tmp_path: Path) -> None:
    settings: dict[str, Any] = make_files(tmp_path).settings()
    junk = [os.urandom(1400), bytes(1400), b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00" + os.urandom(600), b""]
    async with running(1, listen=LOOPBACK, handshake_timeout=0.5, **settings) as (b,):
        for text in b.transport.addresses():
            address = parse_dial(text)
            kind = socket.SOCK_DGRAM if address.carrier == "quic" else socket.SOCK_STREAM
            for data in junk:
                with socket.socket(socket.AF_INET, kind) as stranger:
                    stranger.connect((address.host, address.port))
                    stranger.sendall(data)
        for text in b.transport.addresses():
            await reach(running, b, text, **settings)
        assert [line for line in b.log.lines if line[0] != "debug"] == []


async def test_a_busy_port_of_each_carrier_is_refused_by_name(running: Running, tmp_path: Path) -> None:
    settings: dict[str, Any] = make_files(tmp_path).settings()
    async with running(1, listen=LOOPBACK, **settings) as (server,):
        for text in server.transport.addresses():
            taken = str(parse_dial(text)._replace(peer=None))
            sentence = await refusal(running, taken, **settings)
            assert sentence == f"Cannot listen on {taken}: another program already listens there."


async def reach(running: Running, server: Node, address: str, **settings: Any) -> None:
    async with running(2, listen=(), dial_timeout=5.0, **settings) as (_, client):
        await assert_echoes(await client.transport.open(server.id, [address], ECHO))


async def test_a_tls_websocket_must_show_a_certificate_that_is_trusted_and_of_its_name(
    running: Running, tmp_path: Path
) -> None:
    files = make_files(tmp_path, "node.example.org")
    others = make_files(tmp_path_of(tmp_path, "other"))
    async with running(1, listen=("/ip4/127.0.0.1/tcp/0/wss",), **files.settings()) as (server,):
        (address,) = server.transport.addresses()
        trusting = {"tls_authorities": files.authorities}
        named = address.replace("/tls/ws", "/tls/sni/node.example.org/ws")
        await reach(running, server, address, **trusting)
        await reach(running, server, named, **trusting)
        for wrong, settings in (
            (address, {}),
            (address, {"tls_authorities": others.authorities}),
            (address.replace("/tls/ws", "/tls/sni/other.example.org/ws"), trusting),
            (address.replace("/ip4/127.0.0.1", "/dns4/localhost"), trusting),
        ):
            refused = pytest.RaisesExc(Unreachable, match="with a certificate that is trusted")
            with pytest.RaisesGroup(refused, allow_unwrapped=True, flatten_subgroups=True):
                await reach(running, server, wrong, **settings)
        assert {level for level, *_ in server.log.lines} <= {"debug"}


def tmp_path_of(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


async def test_a_certificate_that_was_renewed_is_shown_from_then_on(running: Running, tmp_path: Path) -> None:
    files, renewed = make_files(tmp_path), make_files(tmp_path_of(tmp_path, "renewed"))
    async with running(1, listen=("/ip4/127.0.0.1/tcp/0/wss",), **files.settings()) as (server,):
        (address,) = server.transport.addresses()
        shutil.copy(renewed.certificate, files.certificate)
        os.utime(files.certificate, (1, 1))
        await reach(running, server, address, tls_authorities=files.authorities)  # the key is still the old one
        await until(lambda: any("renewed certificate" in line[1] for line in server.log.lines))
        shutil.copy(renewed.key, files.key)
        os.utime(files.key, (2, 2))
        await reach(running, server, address, tls_authorities=renewed.authorities)


async def test_a_key_that_others_may_read_is_refused_with_the_cure(running: Running, tmp_path: Path) -> None:
    files = make_files(tmp_path)
    files.key.chmod(0o640)
    sentence = await refusal(running, "/ip4/127.0.0.1/tcp/0/wss", **files.settings())
    assert sentence == f"tls_key: {files.key} can be read by others; run: chmod 600 {files.key}"


async def test_a_key_of_another_user_is_refused(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = make_files(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    sentence = await refusal(running, "/ip4/127.0.0.1/tcp/0/wss", **files.settings())
    assert sentence == f"tls_key: {files.key} belongs to another user; it must be yours."


@pytest.mark.parametrize("name", ["certificate", "key", "authorities"])
@pytest.mark.parametrize(
    "content", [None, b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
async def test_files_that_cannot_be_used_are_refused_by_name(
    running: Running, tmp_path: Path, name: str, content: bytes | None
) -> None:
    files = make_files(tmp_path)
    path: Path = getattr(files, name)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    sentence = await refusal(running, "/ip4/127.0.0.1/tcp/0/wss", **files.settings())
    assert str(path) in sentence
    assert "cannot be" in sentence


def test_by_default_a_node_listens_over_tcp_and_quic() -> None:
    assert [parse_dial(address).carrier for address in Config().listen] == ["tcp", "tcp", "quic", "quic"]
