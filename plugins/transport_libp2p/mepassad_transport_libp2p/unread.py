"""What peers sent and nobody has read yet: bounded for each peer, and for all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Set
from typing import Any

import trio
from libp2p.abc import INetConn, INetStream
from libp2p.peer.id import ID

from mepassad.api.context import Log
from mepassad_transport_libp2p.compat.swarm import LastingSwarm
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.stream import Libp2pStream

NEAR = 0.75
"""Share of what one peer may have unread, above which a relay ends circuits of it that are not read."""


class TooMuchUnread(trio.TooSlowError):
    """A peer sent more than may wait here. Of the kind on which the muxer closes the connection."""


class Unread:
    """Counts what comes in, and cuts off whoever makes the node hold too much.

    Within the window of a stream nothing is lost and its sender waits; this is for those who open many streams, and
    for many peers at once. What is read is not subtracted: the count is an upper bound, made exact when it matters.
    """

    def __init__(self, config: Config, count: Callable[[], Mapping[ID, int]], cut: Callable[[ID], None]) -> None:
        """`count` gives the bytes that each peer has here now; `cut` ends all that a peer has here, at once. `spare`,
        set where this node is a relay, ends what others do not take of a peer, and gives the bytes."""
        self._config, self._count, self._cut = config, count, cut
        self.spare: Callable[[ID], int] | None = None
        self._near = config.max_unread_per_peer * NEAR
        self._held: Counter[ID] = Counter()
        self._total = 0

    def admit(self, peer: ID, size: int) -> None:
        """Bytes of a peer are about to come in. Above a limit the peer that has most here is cut off, for all that
        others may need; raises `TooMuchUnread` where that is the one who sends."""
        before = self._held[peer]
        self._add(peer, size)
        near = self.spare is not None and before <= self._near < self._held[peer]
        most = self._config.max_unread_per_peer
        if not near and self._held[peer] <= most and self._total <= self._config.max_unread:
            return
        self._held = Counter(self._count())
        self._total = self._held.total()
        self._add(peer, size)
        if self._held[peer] > self._near:
            self._relieve(peer)
        if self._held[peer] > most:
            self._cut_off(peer)
            raise TooMuchUnread
        self._make_room(peer)

    def _make_room(self, peer: ID) -> None:
        """Cut off whoever has most until there is room for all. Raises `TooMuchUnread` where that is this peer."""
        while self._total > self._config.max_unread:
            ((most, _),) = self._held.most_common(1)
            if self._relieve(most):
                continue
            self._cut_off(most)
            if most == peer:
                raise TooMuchUnread

    def _relieve(self, peer: ID) -> bool:
        """Let a relay end what others do not take of a peer; whether there was anything."""
        spared = self.spare(peer) if self.spare is not None else 0
        self._add(peer, -spared)
        return spared > 0

    def _add(self, peer: ID, size: int) -> None:
        self._held[peer] += size
        self._total += size

    def _cut_off(self, peer: ID) -> None:
        self._total -= self._held.pop(peer)
        self._cut(peer)


class Ledger:
    """Who has what unread at a host: in the buffers of its muxers, and in its streams."""

    def __init__(self, swarm: LastingSwarm, streams: Set[Libp2pStream], log: Log) -> None:
        """`streams`: those that are open, whoever opened them."""
        self._swarm, self._streams, self._log = swarm, streams, log

    def count(self) -> Mapping[ID, int]:
        """Bytes that each peer sent and nobody has read."""
        held: Counter[ID] = Counter()
        for connection in self._swarm.get_connections():
            held[connection.muxed_conn.peer_id] += _held(connection)
        for stream in self._streams:
            held[ID.from_base58(stream.peer)] += stream.unread
        return held

    def waiting(self, stream: INetStream) -> int:
        """Bytes that wait on a stream of a circuit."""
        buffer = _buffer(stream)
        return len(buffer) if buffer is not None else int(getattr(_muxed(stream), "unread", 0))

    def clear(self, stream: INetStream) -> None:
        """Forget what waits on a stream that is about to be reset; with QUIC that happens with the reset."""
        if (buffer := _buffer(stream)) is not None:
            buffer.clear()

    def cut(self, peer: ID) -> None:
        """Forget what a peer sent, and end its streams. Its connections are to be dropped then."""
        self._log.warning("a node sent too much that is not read: it was cut off", node=str(peer))
        for stream in [stream for stream in self._streams if stream.peer == str(peer)]:
            stream.abort()
        for connection in self._swarm.get_connections(peer):
            for buffer in _buffers(connection):
                buffer.clear()


def _held(connection: INetConn) -> int:
    """Bytes that the muxer of a connection holds: Yamux in buffers, QUIC as it says itself."""
    own: int | None = getattr(connection.muxed_conn, "held", None)
    return sum(map(len, _buffers(connection))) if own is None else own


def _buffers(connection: INetConn) -> Collection[bytearray]:
    """What Yamux holds for the streams of a connection."""
    buffers: dict[int, bytearray] = getattr(connection.muxed_conn, "stream_buffers", {})
    return buffers.values()


def _muxed(stream: INetStream) -> Any:
    return getattr(stream, "muxed_stream", None)


def _buffer(stream: INetStream) -> bytearray | None:
    """Where Yamux keeps what waits on a stream; None for QUIC, and where nothing came yet."""
    buffers: dict[int, bytearray] = getattr(stream.muxed_conn, "stream_buffers", {})
    return buffers.get(getattr(_muxed(stream), "stream_id", -1))
