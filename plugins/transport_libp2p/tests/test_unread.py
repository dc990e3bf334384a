"""What peers sent and nobody reads: bounded for each and for all, at the edge; the others notice nothing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from inside import drop
from libp2p.peer.id import ID
from libp2p.stream_muxer.yamux.yamux import DEFAULT_WINDOW_SIZE
from mepassad_transport_libp2p.config import MAX_READ, WINDOW, Config
from mepassad_transport_libp2p.unread import NEAR, TooMuchUnread, Unread
from running import Running

from mepassad.api import StreamClosed, Unreachable
from mepassad.testing.transport_node import CHUNK, HOLD, Held, Node, assert_echoes, until

PEER, ALL = 2_000_000, 5_000_000
A, B, C = ID(b"a"), ID(b"b"), ID(b"c")


class Books:
    """An `Unread` with what each peer holds, as if nothing had been read unless a test says so."""

    def __init__(self) -> None:
        self.held: dict[ID, int] = {}
        self.cut: list[ID] = []
        self.counts = 0
        config = Config(listen=(), read_high_water=1024, max_unread_per_peer=PEER, max_unread=ALL)
        self.unread = Unread(config, self.count, self.end)

    def count(self) -> dict[ID, int]:
        self.counts += 1
        return dict(self.held)

    def end(self, peer: ID) -> None:
        self.cut.append(peer)
        self.held.pop(peer, None)

    def send(self, peer: ID, size: int) -> None:
        self.unread.admit(peer, size)
        self.held[peer] = self.held.get(peer, 0) + size


def test_a_peer_may_have_as_much_unread_as_its_share_and_not_a_byte_more() -> None:
    books = Books()
    books.send(A, PEER)
    assert books.cut == []
    with pytest.raises(TooMuchUnread):
        books.send(A, 1)
    assert books.cut == [A]


def test_what_was_read_counts_no_more_and_is_counted_only_when_it_matters() -> None:
    books = Books()
    for _ in range(100):
        books.send(A, PEER // 10)
        books.held[A] = 0
    assert books.cut == []
    assert books.counts <= 10


def test_when_all_hold_too_much_the_one_with_most_is_cut_off_and_the_sender_goes_on() -> None:
    books = Books()
    for peer, size in ((A, PEER), (B, PEER - 1), (C, ALL - 2 * PEER + 1)):
        books.send(peer, size)
    assert books.cut == []  # exactly what all may hold
    books.send(C, 1)
    assert books.cut == [A]
    books.send(C, 1)
    assert books.cut == [A]


def test_when_all_hold_too_much_a_sender_who_holds_most_is_refused() -> None:
    books = Books()
    for peer in (A, B):
        books.send(peer, 1_500_000)
    books.send(C, PEER)
    with pytest.raises(TooMuchUnread):
        books.send(C, 1)
    assert books.cut == [C]


def test_a_relay_ends_what_others_do_not_take_of_a_peer_before_the_peer_is_cut_off_for_it() -> None:
    books, asked = Books(), list[ID]()

    def spare(peer: ID) -> int:
        asked.append(peer)
        books.held[peer] -= 800_000
        return 800_000

    books.unread.spare = spare
    books.send(A, int(PEER * NEAR))
    assert asked == []
    books.send(A, 1)
    assert asked == [A]
    books.send(A, PEER - int(PEER * NEAR))
    assert asked == [A]
    books.send(A, 800_000)
    assert (asked, books.cut) == ([A, A], [])


def test_a_relay_ends_what_others_do_not_take_when_all_hold_too_much_and_cuts_off_who_has_nothing_of_it() -> None:
    books, circuits = Books(), {A: 700_000}

    def spare(peer: ID) -> int:
        books.held[peer] -= circuits.get(peer, 0)
        return circuits.pop(peer, 0)

    books.unread.spare = spare
    for peer in (A, B, C):
        books.send(peer, 1_400_000)
    books.send(C, 100_000)
    books.send(B, 100_000)
    books.send(A, 600_001)
    assert books.cut == []
    books.send(A, 600_000)
    books.send(B, 100_001)
    assert books.cut == [A]


def test_a_share_that_one_stream_would_exceed_is_refused_with_a_sentence() -> None:
    one = 262_144 + WINDOW + MAX_READ
    Config(max_unread_per_peer=one)
    with pytest.raises(
        ValueError, match=f"max_unread_per_peer: {one - 1} is less than {one}, which one stream may hold"
    ):
        Config(max_unread_per_peer=one - 1)
    Config(max_unread=4_194_304)
    with pytest.raises(ValueError, match="max_unread: 4194303 is less than max_unread_per_peer, 4194304"):
        Config(max_unread=4_194_303)


async def flood(node: Node, target: Node, streams: int) -> None:
    """Fill streams that nobody reads, as far as the other node takes it."""
    for _ in range(streams):
        stream = await node.open(target, HOLD)
        for _ in range(2 * WINDOW // len(CHUNK)):
            stream.write(CHUNK)


def unread(node: Node) -> int:
    return node.transport.stats()["unread"]


def warned(node: Node) -> list[object]:
    """Whom a node says it cut off."""
    return [facts["node"] for level, _, facts in node.log.lines if level == "warning"]


@pytest.mark.parametrize("listen", ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"])
async def test_a_node_that_fills_many_streams_is_cut_off_and_another_notices_nothing(
    running: Running, listen: str
) -> None:
    limits = {"read_high_water": 1024, "max_unread_per_peer": PEER, "max_unread": ALL}
    async with running(3, listen=(listen,), **limits) as (a, b, c):
        Held(b)
        healthy = await c.open(b)
        await flood(a, b, 1)
        await until(lambda: unread(b) > DEFAULT_WINDOW_SIZE - 1024)  # negotiation took some
        await assert_echoes(healthy)
        assert warned(b) == []  # one full stream only waits
        with suppress(Unreachable, StreamClosed):
            await flood(a, b, 9)
        await until(lambda: bool(warned(b)))
        stats = b.transport.stats()
        assert stats["unread_most"] <= PEER < stats["unread_limit"]
        assert set(warned(b)) == {a.id}
        await assert_echoes(healthy)
        await drop(a, b)  # who came back at once may have filled its share again
        await assert_echoes(await a.open(b))  # nobody is banned
