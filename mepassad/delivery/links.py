"""Links: one persistent stream to a node, packets and acks of everybody who lives there batched into frames."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import anyio

from mepassad.api.context import Clock, Log
from mepassad.api.gauges import Gauge
from mepassad.api.transport import Stream, Transport
from mepassad.api.types import NodeId, Outgoing
from mepassad.delivery.limits import Allowance, Limits, Traffic
from mepassad.delivery.window import Window
from mepassad.errors import MepassaError, OtherNode, StreamClosed, Unreachable
from mepassad.wire.addresses import may_dial
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.messages_pb2 import Frame, Refusal
from mepassad.wire.packets import MAX_ANSWERS, MESSAGE_PROTOCOL, Reason, parse_frame

ACK_LAG = 0.002  # seconds an ack waits for a packet to ride with
LINKS_OF_A_NODE = 4  # beyond, the oldest is ended: a node that lost its links without a word comes back with new ones
FRAME_TARGET = 64 * 1024  # bytes of packets gathered into one frame


class Peer(Protocol):
    """Who a link works for: called with what arrives on it."""

    async def arrived(self, link: Link, packets: Sequence[bytes]) -> None:
        """Packets came. Each is to be acked or refused, or left to be offered again."""
        ...

    def acked(self, link: Link, rows: Sequence[Outgoing]) -> None:
        """The node took these."""
        ...

    def refused(self, link: Link, row: Outgoing, reason: int) -> None:
        """The node did not take this one."""
        ...


class Link:
    """A live stream to a node."""

    def __init__(
        self, stream: Stream, peer: Peer, clock: Clock, limits: Limits, allowance: Allowance, traffic: Traffic
    ) -> None:
        """`peer` is told what arrives once `run` is called. `allowance` is shared by all links of the node, `traffic`
        by all links."""
        self._allowance, self._traffic = allowance, traffic
        self.node, self.route = stream.peer, stream.route
        self._stream, self._peer, self._clock, self._limits = stream, peer, clock, limits
        self._loop = asyncio.get_running_loop()
        self.window = Window(limits, traffic)
        self.arriving = 0  # packets that came and are being dealt with
        self._packets: list[bytes] = []
        self._acks: list[bytes] = []
        self._refusals: list[Refusal] = []
        self._flush: asyncio.Handle | None = None
        self._progress = self._of_use = clock.monotonic()
        self._room = anyio.Event()
        self.closed = False

    # -- sending

    @property
    def full(self) -> bool:
        """Whether so much is unacknowledged that no more should be offered now."""
        return self.window.full

    def offer(self, rows: Sequence[Outgoing]) -> None:
        """Send packets that were not offered on this link yet."""
        if not self.window:
            self._progress = self._clock.monotonic()
        self._packets += [row.packet for row in rows if not self.closed and self.window.admit(row)]
        self._schedule(at_once=True)

    def forget(self, packet: bytes) -> None:
        """The packet may be offered again."""
        self.window.forget(packet)

    def ack(self, packets: Sequence[bytes]) -> None:
        """Confirm packets that are durable here; rides with packets that go the same way soon."""
        self._of_use = self._clock.monotonic()
        self._acks.extend(packets)
        self._schedule(at_once=False)

    def refuse(self, packet: bytes, reason: Reason) -> None:
        """Tell why a packet was not taken."""
        self._refusals.append(Refusal(packet=packet, reason=reason))
        self._schedule(at_once=False)

    def _schedule(self, at_once: bool) -> None:
        if self.closed:
            return
        if at_once:
            if self._flush is None or isinstance(self._flush, asyncio.TimerHandle):
                if self._flush is not None:
                    self._flush.cancel()
                self._flush = self._loop.call_soon(self._send)
        elif self._flush is None:
            self._flush = self._loop.call_later(ACK_LAG, self._send)

    def _send(self) -> None:
        self._flush = None
        packets, acks, refusals = self._packets, self._acks, self._refusals
        self._packets, self._acks, self._refusals = [], [], []
        frames = []
        while packets or acks or refusals:
            size = count = 0
            while count < len(packets) and (not count or size + len(packets[count]) <= FRAME_TARGET):
                size += len(packets[count])
                count += 1
            frame = Frame(packets=packets[:count], acks=acks[:MAX_ANSWERS], refusals=refusals[:MAX_ANSWERS])
            packets, acks, refusals = packets[count:], acks[MAX_ANSWERS:], refusals[MAX_ANSWERS:]
            frames.append(pack(frame.SerializeToString()))
        try:
            self._stream.write(b"".join(frames))
        except StreamClosed:
            self.closed = True

    async def room(self) -> None:
        """Wait until more may be offered. Raises `StreamClosed`."""
        while self.full and not self.closed:
            await self._room.wait()
        if self.closed:
            raise StreamClosed
        await self._stream.drain()

    def idle(self) -> float:
        """Seconds since the node last sent something that we could use."""
        return self._clock.monotonic() - self._of_use

    def stalled(self) -> bool:
        """Whether packets have been waiting for an ack for too long."""
        return bool(self.window) and self._clock.monotonic() - self._progress > self._limits.stall

    # -- receiving

    async def run(self) -> None:
        """Hand over what arrives until the stream ends. Raises `MalformedFrame`, `FrameTooLarge`."""
        splitter = Splitter(self._limits.max_packet + FRAME_TARGET + 128 * 1024)
        try:
            while data := await self._stream.read():
                for raw in splitter.feed(data):
                    frame = parse_frame(raw)
                    self._settle(frame)
                    for start in range(0, len(frame.packets), self._limits.window):
                        await self._arrived(frame.packets[start : start + self._limits.window])
                    await self._slow_down(max(1, len(frame.packets)))
        finally:
            self.arriving = 0
            self.abort()

    async def _arrived(self, packets: Sequence[bytes]) -> None:
        self.arriving = len(packets)
        self._traffic.arriving.note(self.arriving)
        await self._peer.arrived(self, packets)
        self.arriving = 0

    async def _slow_down(self, packets: int) -> None:
        """Read on when the node may send more, and has read our answers; nothing is dropped. Raises `StreamClosed`."""
        wait = self._allowance.take(packets, self._clock.monotonic())
        if wait > 0:
            await self._clock.sleep(wait)
        try:
            async with asyncio.timeout(self._limits.stall):  # a fifth of the CPU of anyio's
                await self._stream.drain()
        except TimeoutError:
            raise StreamClosed("The other node does not read its answers.") from None

    def _settle(self, frame: Frame) -> None:
        if rows := self.window.acked(frame.acks):
            self._progress = self._clock.monotonic()
            self._peer.acked(self, rows)
        for refusal in frame.refusals:
            if (row := self.window.refused(refusal.packet)) is not None:
                self._peer.refused(self, row, refusal.reason)
        if frame.acks or frame.refusals:
            self._relax()

    def _relax(self) -> None:
        self._room.set()
        self._room = anyio.Event()

    def abort(self) -> None:
        """End the link at once."""
        self.closed = True
        self._relax()
        self._stream.abort()


class Links:
    """All live links, by node; opens new ones and serves those that others open."""

    def __init__(self, transports: Sequence[Transport], peer: Peer, clock: Clock, log: Log, limits: Limits) -> None:
        """`up` and `down` are called when a node's first link begins and its last one ends, `found` with a node that a
        transport discovered."""
        self._transports, self._peer, self._clock, self._log, self._limits = transports, peer, clock, log, limits
        self._links: dict[NodeId, list[Link]] = {}
        self._allowances: dict[NodeId, Allowance] = {}
        self._preferred: Collection[NodeId] = frozenset()
        self._dialling: defaultdict[NodeId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.traffic = Traffic(
            unacked=Gauge(limits.window, lambda: (len(link.window) for link in self.all())),
            unacked_bytes=Gauge(limits.window_bytes, lambda: (link.window.size for link in self.all())),
            arriving=Gauge(limits.window, lambda: (link.arriving for link in self.all())),
        )
        self.spawn: Callable[[Callable[[Link], Coroutine[Any, Any, None]], Link], object]
        self.up: Callable[[Link], None] = lambda link: None
        self.down: Callable[[Link], None] = lambda link: None
        self.found: Callable[[NodeId], None] = lambda node: None

    def serve(self) -> None:
        """Register for incoming links, and for nodes that are found, with all transports."""
        for transport in self._transports:
            transport.handle(MESSAGE_PROTOCOL, self.run)
            transport.discover(self.found)

    def prefer(self, nodes: Collection[str]) -> None:
        """Have all transports keep places for these nodes; told once, until they change."""
        wanted = frozenset(map(NodeId, nodes))
        if wanted != self._preferred:
            self._preferred = wanted
            for transport in self._transports:
                transport.prefer(wanted)

    async def run(self, stream: Stream) -> None:
        """Live with a stream until it ends. Each keeps a frame that is not whole yet, so a node has only so many."""
        live = [link for link in self._links.get(stream.peer, ()) if not link.closed]
        if len(live) >= LINKS_OF_A_NODE:
            live[0].abort()
        await self._live(self._add(stream))

    def _add(self, stream: Stream) -> Link:
        allowance = self._allowances.get(stream.peer)
        if allowance is None:
            allowance = self._allowances[stream.peer] = Allowance(self._limits, self._clock.monotonic())
        link = Link(stream, self._peer, self._clock, self._limits, allowance, self.traffic)
        self._links.setdefault(link.node, []).append(link)
        return link

    async def _live(self, link: Link) -> None:
        self.up(link)
        try:
            await link.run()
        except MepassaError as error:
            self._log.info("a link was ended", node=link.node, reason=error.sentence)
        except Exception as error:
            # A mistake of ours that a peer's bytes can provoke must cost that link, never the node.
            self._log.error("a link failed", node=link.node, reason=f"{type(error).__name__}: {error}")
        finally:
            links = self._links[link.node]
            links.remove(link)
            if not links:
                del self._links[link.node], self._allowances[link.node]
            self.down(link)

    def of(self, nodes: Mapping[str, Sequence[str]]) -> Link | None:
        """A live link to one of these nodes, if there is any."""
        for node in nodes:
            for link in self._links.get(NodeId(node), ()):
                if not link.closed:
                    return link
        return None

    def all(self) -> Sequence[Link]:
        """Every live link."""
        return [link for links in self._links.values() for link in links]

    async def open(self, nodes: Mapping[str, Sequence[str]]) -> Link:
        """A link to one of these nodes, dialled if need be. Raises `Unreachable`, `OtherNode`."""
        failure = Unreachable()
        for node, addresses in nodes.items():
            async with self._dialling[NodeId(node)]:
                if (found := self.of({node: addresses})) is not None:
                    return found
                try:
                    stream = await self.stream(NodeId(node), addresses, MESSAGE_PROTOCOL)
                except Unreachable as error:
                    failure = error
                    continue
                link = self._add(stream)
                self.spawn(self._live, link)
                return link
        raise failure

    async def stream(self, node: NodeId, addresses: Sequence[str], protocol: str) -> Stream:
        """A stream of a protocol to a node, over the first transport that gets through. `addresses` are without
        `/p2p`. Raises `Unreachable`, `OtherNode`."""
        failure = Unreachable()
        for transport in self._transports:
            full = [f"{address}/p2p/{node}" for address in addresses if may_dial(address)]
            usable = [address for address in full if transport.can_dial(address)]
            try:
                return await transport.open(node, usable, protocol)  # it may be connected, or know more addresses
            except (Unreachable, StreamClosed) as error:
                if not isinstance(failure, OtherNode):
                    failure = error if isinstance(error, Unreachable) else Unreachable(error.sentence)
        raise failure
