"""One QUIC connection: raw and multiplexed at once, driven by datagrams, by a timer and by what its streams send."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

import trio
from aioquic.quic import events
from libp2p.abc import IMuxedConn, IRawConnection
from libp2p.connection_types import ConnectionType
from libp2p.peer.id import ID
from libp2p.security.exceptions import HandshakeFailure
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad_transport_libp2p.compat.certificates import peer_of
from mepassad_transport_libp2p.compat.greeting import Greeting
from mepassad_transport_libp2p.compat.quic.core import Core
from mepassad_transport_libp2p.compat.quic.stream import Stream

if TYPE_CHECKING:
    from mepassad_transport_libp2p.compat.quic.endpoint import Endpoint, Place

PINGS = 2
"""How often a peer is asked for a sign of life within the time in which a silent one counts as dead."""

MAX_EARLY = 8
"""Datagrams of a newcomer that are kept until it may enter; what is lost of a handshake is sent again."""


class Connection(IRawConnection, IMuxedConn, Greeting):
    """A connection of an endpoint. It is alive while `run` runs."""

    def __init__(self, core: Core, endpoint: Endpoint, place: Place, expected: ID | None) -> None:
        """`expected`: the peer we dial, None where we are dialled."""
        self.peer_id = expected or endpoint.own
        self.event_started, self.event_closed = trio.Event(), trio.Event()
        self.ids: set[bytes] = set()
        self._core = core
        core.unread = self._unread
        self._endpoint = endpoint
        self._place = place
        self._expected = expected
        self._begun, self._greeted = trio.Event(), trio.Event()
        self._early: list[tuple[bytes, Place]] = []
        self._failure: Exception | None = None
        self._streams: dict[int, Stream] = {}
        self._leaving: set[int] = set()  # streams that we send nothing more on
        self._put, self._accepted = trio.open_memory_channel[Stream](math.inf)  # aioquic bounds the peer's streams
        self._wake = trio.Event()
        self._ping_at = trio.current_time()
        if expected is not None:  # a newcomer may not enter yet
            self._begun.set()

    # -- the handshake

    async def greet(self) -> None:
        """Wait until the peer, from now on read, has proved its key. Raises HandshakeFailure, `OtherPeer`."""
        if not self._begun.is_set():
            self._begun.set()
            early, self._early = self._early, []
            for datagram, place in early:
                self.receive(datagram, place)
        await self._greeted.wait()
        if self._failure is not None:
            raise self._failure

    def refuse(self) -> None:
        """Tell a newcomer that there is no room. Who is not even told that costs half of it."""
        with suppress(Exception):  # of what a stranger sent
            self._core.refuse(*self._early[0])

    def _check_peer(self) -> None:
        try:
            self.peer_id, _ = peer_of(self._core.shown(), self._expected)
        except HandshakeFailure as failure:
            self._failure = failure
            self._core.close(reason_phrase="no key of a peer")
        self._greeted.set()

    # -- the engine

    async def run(self) -> None:
        """Send what is due, once it has begun, until the connection is over."""
        try:
            await self._begun.wait()
            while not self.event_closed.is_set():
                await self._pause()
                now = trio.current_time()
                if (timer := self._core.get_timer()) is not None and timer <= now:
                    self._core.handle_timer(now)
                if self._ping_at <= now and self._greeted.is_set():
                    self._core.send_ping(0)
                    self._alive(now)
                self._handle_events()
                await self.flush()
        except Exception as error:  # of what a stranger sent; it must not end others
            self._over(type(error).__name__)
        finally:
            self.leave()

    async def _pause(self) -> None:
        """Wait for something to do."""
        timer = self._core.get_timer()
        due = self._ping_at if self._greeted.is_set() else float("inf")
        with trio.move_on_at(due if timer is None else min(due, timer)):
            await self._wake.wait()
        self._wake = trio.Event()

    async def flush(self) -> None:
        """Send what may be sent now."""
        await self._endpoint.send(self._core.datagrams_to_send(trio.current_time()))
        for stream_id in [gone for gone in self._leaving if not self._core.knows(gone)]:
            self._leaving.discard(stream_id)
            self._streams.pop(stream_id, None)

    def receive(self, datagram: bytes, place: Place) -> None:
        """Take a datagram in; a newcomer's is not looked at before it may enter, because a look is dear."""
        if not self._begun.is_set():
            self._early += [(datagram, place)] if len(self._early) < MAX_EARLY else []
            return
        now, before = trio.current_time(), self._core.received
        try:
            self._core.receive_datagram(datagram, place, now)
            self._handle_events()
            if (size := self._core.received - before) > 0:
                self._endpoint.admit(self.peer_id, size)
        except trio.TooSlowError:  # its peer holds too much of our memory
            self.leave()
        except Exception as error:  # of what a stranger sent; it must not end others
            self._over(type(error).__name__)
        self._alive(now)
        self._wake.set()

    def _alive(self, now: float) -> None:
        self._ping_at = now + (self._core.configuration.idle_timeout / PINGS)

    def _handle_events(self) -> None:
        while (event := self._core.next_event()) is not None:
            self._handle(event)
        for stream in self._streams.values():
            stream.wake()

    def _handle(self, event: events.QuicEvent) -> None:
        match event:
            case events.StreamDataReceived(data=data, end_stream=end, stream_id=stream_id):
                self._stream(stream_id).arrived(data, end)
            case events.StreamReset(stream_id=stream_id):
                self.reset(stream_id)
                if stream_id in self._streams:
                    self._streams[stream_id].broke()
            case events.StopSendingReceived(stream_id=stream_id) if stream_id in self._streams:
                self._streams[stream_id].refused()
                self._leaving.add(stream_id)
            case events.HandshakeCompleted():
                self._check_peer()
            case events.ConnectionIdIssued(connection_id=issued):
                self._endpoint.route(issued, self)
            case events.ConnectionIdRetired(connection_id=retired):
                self._endpoint.unroute(retired, self)
            case events.ConnectionTerminated(reason_phrase=reason):
                self._over(reason or "closed by the peer")

    def _over(self, reason: str) -> None:
        """Everything ends; who waits is told."""
        if self.event_closed.is_set():
            return
        self.event_closed.set()
        self._begun.set()
        self._endpoint.forget(self)
        if not self._greeted.is_set():
            self._failure = HandshakeFailure(reason)
            self._greeted.set()
        for stream in self._streams.values():
            stream.broke()
        self._put.close()
        self._wake.set()

    def failed(self, reason: str) -> None:
        """The network tells that nobody is there; believed during the handshake only, for anybody can say so."""
        if not self._greeted.is_set():
            self._over(reason)

    # -- streams

    async def open_stream(self) -> Stream:
        """A new stream. Raises MuxedConnUnavailable."""
        if self.event_closed.is_set():
            raise MuxedConnUnavailable("The connection is closed.")
        stream_id = self._core.get_next_available_stream_id()
        self._core.send_stream_data(stream_id, b"")  # takes the number
        self._streams[stream_id] = stream = Stream(self, stream_id)
        return stream

    async def accept_stream(self) -> Stream:
        """The next stream that the peer opens. Raises MuxedConnUnavailable at the end."""
        try:
            return await self._accepted.receive()
        except trio.EndOfChannel:
            raise MuxedConnUnavailable("The connection is closed.") from None

    def _stream(self, stream_id: int) -> Stream:
        """A stream by its number; one that the peer has just opened is put before whoever accepts."""
        stream = self._streams.get(stream_id)
        if stream is None:
            stream = self._streams[stream_id] = Stream(self, stream_id)
            self._put.send_nowait(stream)
        return stream

    def send(self, stream_id: int, data: bytes, end: bool = False) -> None:
        """Queue bytes of a stream, `end` after its last."""
        if not self.event_closed.is_set() and self._core.knows(stream_id):
            self._core.send_stream_data(stream_id, data, end)
            if end:
                self._leaving.add(stream_id)
            self._wake.set()

    def reset(self, stream_id: int) -> None:
        """End a stream in both directions."""
        self._core.stop(stream_id)
        if self._core.knows(stream_id):
            self._core.reset_stream(stream_id, 0)
        self._leaving.add(stream_id)
        self._wake.set()

    def taken(self, stream_id: int, size: int) -> None:
        """A stream's reader took so many bytes."""
        if self._core.taken(stream_id, size):
            self._wake.set()

    @property
    def held(self) -> int:
        """Bytes of the peer that are here and unread."""
        return self._core.held

    def _unread(self) -> int:
        return sum(stream.unread for stream in self._streams.values())

    def unsent(self, stream_id: int) -> int:
        """Bytes of a stream that were not acknowledged."""
        return self._core.unsent(stream_id)

    # -- what the swarm asks of a raw and of a multiplexed connection

    async def start(self) -> None:
        """Nothing to start: it runs since its first datagram."""
        self.event_started.set()

    async def close(self) -> None:
        """Tell the peer, and end."""
        self.leave()
        await trio.lowlevel.checkpoint()

    def leave(self) -> None:
        """Tell the peer, if that can be done at once, and end."""
        if self.event_closed.is_set():
            return
        with suppress(Exception):  # as in `run`; or a newcomer was not looked at
            self._core.close()
            for datagram, place in self._core.datagrams_to_send(trio.current_time()):
                self._endpoint.send_now(datagram, place)
        self._over("closed")

    @property
    def is_initiator(self) -> bool:  # type: ignore[override] # a field of raw connections, a property of others
        """Whether we dialled."""
        return self._expected is not None

    @property
    def from_listener(self) -> bool:
        """Whether we dialled it from the socket that listens."""
        return self._expected is not None and self._endpoint.listens

    @property
    def is_established(self) -> bool:
        """Whether the peer has proved its key."""
        return self._greeted.is_set() and self._failure is None

    @property
    def is_closed(self) -> bool:
        """Whether it is over."""
        return self.event_closed.is_set()

    async def read(self, n: int | None = None) -> bytes:
        """Not of a whole connection: bytes pass on its streams."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """Not of a whole connection: bytes pass on its streams."""
        raise NotImplementedError

    def get_remote_address(self) -> tuple[str, int] | None:
        """Where the peer is."""
        return str(self._place[0]), int(self._place[1])

    def get_transport_addresses(self) -> list[Multiaddr]:
        """Where the peer is, as a multiaddr."""
        kind = "ip6" if ":" in self._place[0] else "ip4"
        return [Multiaddr(f"/{kind}/{self._place[0]}/udp/{self._place[1]}/quic-v1")]

    def get_connection_type(self) -> ConnectionType:
        """Direct."""
        return ConnectionType.DIRECT
