"""Who has a place, and whose connection is closed for another: contacts before strangers."""

from __future__ import annotations

import socket
from contextlib import suppress

import anyio
import pytest
from mepassad_transport_libp2p.plugin import OTHERS, check_descriptors
from raw import connect
from running import Running

from mepassad.api import StreamClosed, Unreachable
from mepassad.api.transport import Stream
from mepassad.testing.component import Lines
from mepassad.testing.transport_node import ECHO, TIMEOUT, Node, assert_echoes, until


async def arrives(node: Node, at: Node) -> Stream:
    """A stream that answers, however often it takes."""
    with anyio.fail_after(TIMEOUT):
        while True:
            try:
                stream = await node.open(at)
                await assert_echoes(stream)
            except (Unreachable, StreamClosed, AssertionError):
                await anyio.sleep(0.02)
            else:
                return stream


# -- who has a place


async def test_a_contact_gets_the_place_of_the_stranger_who_came_first_however_busy(running: Running) -> None:
    async with running(5, max_connections=3) as (a, b, c, d, contact):
        a.transport.prefer([contact.id])
        strangers = [await node.open(a) for node in (b, c, d)]
        for stream in strangers:
            await assert_echoes(stream)
        await assert_echoes(await arrives(contact, a))
        with anyio.fail_after(TIMEOUT):
            assert await strangers[0].read() == b""
        for stream in strangers[1:]:
            await assert_echoes(stream)
        assert set(a.transport.connected()) == {c.id, d.id, contact.id}
        assert a.transport.stats()["made_room"] == 1


async def test_a_stranger_gets_no_place_of_a_contact_nor_of_a_node_that_was_dialled(running: Running) -> None:
    async with running(4, max_connections=2, idle_timeout=0.001) as (a, contact, dialled, stranger):
        a.transport.prefer([contact.id])
        await (await contact.open(a)).close()
        await (await a.open(dialled)).close()
        await anyio.sleep(0.05)  # both idle now, for longer than one may
        with pytest.raises(Unreachable):
            await stranger.open(a)
        assert set(a.transport.connected()) == {contact.id, dialled.id}
        assert a.transport.stats()["refused_full"] == 1


async def test_whom_the_node_dials_gets_the_place_of_a_stranger(running: Running) -> None:
    async with running(3, max_connections=1) as (a, stranger, b):
        stream = await stranger.open(a)
        await assert_echoes(stream)
        await assert_echoes(await a.open(b))
        assert await stream.read() == b""
        assert a.transport.connected() == (b.id,)


async def test_a_full_node_spends_no_handshake_on_strangers_once_all_contacts_are_here(running: Running) -> None:
    async with running(3, max_connections=2) as (a, stranger, contact):
        a.transport.prefer([contact.id])
        await assert_echoes(await stranger.open(a))
        await assert_echoes(await contact.open(a))
        reader, writer = await connect(a)
        with anyio.fail_after(TIMEOUT):
            assert await reader.read() == b""
        writer.close()
        assert a.transport.stats()["refused_full"] == 1


async def test_many_who_come_at_once_are_never_more_than_there_may_be(running: Running) -> None:
    async with running(9, max_connections=3) as (a, *others):
        a.transport.prefer([others[-1].id])

        async def come(node: Node) -> None:
            with suppress(Unreachable):
                await node.open(a)

        async with anyio.create_task_group() as tasks:
            for node in others:
                tasks.start_soon(come, node)
        await arrives(others[-1], a)
        assert len(a.transport.connected()) == 3 == a.transport.stats()["connections"]


# -- who idles


async def test_a_stranger_who_idles_for_too_long_is_closed_and_a_contact_is_not(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mepassad_transport_libp2p.host.IDLE_INTERVAL", 0.01)
    async with running(4, idle_close=0.2) as (a, contact, busy, stranger):
        for node, other in ((a, contact), (contact, a), (busy, a), (stranger, a)):
            node.transport.prefer([other.id])
        stream = await busy.open(a)
        await (await contact.open(a)).close()
        await (await stranger.open(a)).close()
        await until(lambda: stranger.id not in a.transport.connected())
        await assert_echoes(stream)
        assert set(a.transport.connected()) == {contact.id, busy.id}
        assert a.transport.stats()["closed_idle"] == 1


# -- who meets whom


async def test_dialling_that_leads_nowhere_ends_when_the_peer_comes_by_itself(running: Running) -> None:
    async with running(2, dial_timeout=60.0, handshake_timeout=60.0) as (a, b):
        found: list[Stream] = []
        with socket.create_server(("127.0.0.1", 0)) as mute, anyio.fail_after(TIMEOUT):
            address = f"/ip4/127.0.0.1/tcp/{mute.getsockname()[1]}"

            async def look() -> None:
                found.append(await a.transport.open(b.id, [address], ECHO))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(look)
                await anyio.wait_readable(mute)  # it dials
                assert not found
                await b.open(a)
            await assert_echoes(found[0])


async def test_two_who_dial_each_other_at_once_both_get_through(running: Running) -> None:
    for _ in range(5):
        async with running(2) as (a, b):
            streams: list[Stream] = []

            async def look(one: Node, other: Node, streams: list[Stream] = streams) -> None:
                streams.append(await one.open(other))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(look, a, b)
                tasks.start_soon(look, b, a)
            for stream in streams:
                await assert_echoes(stream)


# -- descriptors


def test_more_connections_than_the_process_may_have_files_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda what: (512 + OTHERS, 4096))
    log = Lines()
    check_descriptors(512, log)
    assert log.lines == []
    check_descriptors(513, log)
    ((level, sentence, _),) = log.lines
    assert level == "warning"
    assert "max_connections is 513" in sentence
    assert f"{512 + OTHERS} files" in sentence
