"""A link: one persistent stream to a node, packets and acks of everybody who lives there batched into frames."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import anyio

from mepassad.api.context import Clock
from mepassad.api.transport import Stream
from mepassad.api.types import Contact, Outgoing
from mepassad.delivery.limits import ANSWERS, Allowance, Limits, Traffic
from mepassad.delivery.window import Window
from mepassad.errors import StreamClosed
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.messages_pb2 import Frame, Refusal
from mepassad.wire.packets import MAX_ANSWERS, Reason, parse_frame

ACK_LAG = 0.002  # seconds an ack waits for a packet to ride with
FRAME_TARGET = 64 * 1024  # bytes of packets gathered into one frame
GATHERED = 256 * 1024  # bytes of packets gathered for one write; one that begins below it still goes


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

    box = b""

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
        self._gathered = 0  # their bytes
        self._acks: list[bytes] = []
        self._refusals: list[Refusal] = []
        self._flush: asyncio.Handle | None = None
        self._progress = self._of_use = clock.monotonic()
        self._room, self._over = anyio.Event(), anyio.Event()
        self._unread = 0  # answers written since the stream last had room: the node may not have read them
        self.closed = False

    @property
    def relayed(self) -> bool:
        """Whether it runs over a relay."""
        return self.route == "relayed"

    # -- sending

    @property
    def full(self) -> bool:
        """Whether so much is under way, or waits on the stream, that no more should be offered now."""
        return self.window.full or self._gathered >= GATHERED or not self._stream.room

    def offer(self, rows: Sequence[Outgoing]) -> None:
        """Send packets that were not offered on this link yet."""
        if not self.window:
            self._progress = self._clock.monotonic()
        admitted = [row.packet for row in rows if not self.closed and self.window.admit(row)]
        self._packets += admitted
        self._gathered += sum(map(len, admitted))
        self._schedule(at_once=True)

    def forget(self, packet: bytes) -> None:
        """The packet may be offered again."""
        self.window.forget(packet)

    def hold(self, row: Outgoing) -> bool:
        """A packet that was refused is not to be offered before `release`; whether it is its contact's only one."""
        return self.window.hold(row)

    def release(self, contact: Contact) -> None:
        """What is held of a contact may be offered again."""
        self.window.release(contact.account, contact.id)
        self._relax()

    def ack(self, packets: Sequence[bytes]) -> None:
        """Confirm packets that are durable here; rides with packets that go the same way soon."""
        self._of_use = self._clock.monotonic()
        self._acks.extend(packets)
        self._schedule(at_once=False)

    def refuse(self, packet: bytes, reason: Reason) -> None:
        """Tell why a packet was not taken."""
        self._refusals.append(Refusal(packet=packet, reason=reason))
        self._schedule(at_once=False)

    def is_of(self, contact: Contact) -> bool:
        """Whether the node is one on which the contact lives."""
        return self.node in contact.nodes

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
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        packets, acks, refusals = self._packets, self._acks, self._refusals
        self._packets, self._acks, self._refusals = [], [], []
        self._gathered = 0
        self._unread = len(acks) + len(refusals) + (0 if self._stream.room else self._unread)
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
            self._end()  # what arrived before can still be read
        self._relax()

    async def room(self) -> None:
        """Wait until more may be offered. Raises `StreamClosed`."""
        while self.full and not self.closed:
            if self._stream.room:
                await self._room.wait()
            else:
                await self._stream.drain()
        if self.closed:
            raise StreamClosed

    def idle(self) -> float:
        """Seconds since the node last sent something that we could use."""
        return self._clock.monotonic() - self._of_use

    def stalled(self) -> bool:
        """Whether packets have been waiting for too long, and none was acked or refused."""
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
                    for start in range(0, max(1, len(frame.packets)), self._limits.window):
                        await self._arrived(frame.packets[start : start + self._limits.window])
                    await self._slow_down()
        finally:
            self.arriving = 0
            self.abort()

    async def _arrived(self, packets: Sequence[bytes]) -> None:
        await self._slow_down()
        self._allowance.take(max(1, len(packets)))
        if packets:
            self.arriving = len(packets)
            self._traffic.arriving.note(self.arriving)
            await self._peer.arrived(self, packets)
            self.arriving = 0

    async def _slow_down(self) -> None:
        """Go on when the node may send more, and has read our answers; nothing is dropped. Raises `StreamClosed`.

        Only answers are waited for: were we not to read while our packets wait on the stream, two nodes that both send
        much would wait for each other.
        """
        while (wait := self._allowance.debt(self._clock.monotonic())) > 0:
            await self._sleep(wait)
        if self._unread + len(self._acks) + len(self._refusals) > ANSWERS:
            self._send()
            try:
                async with asyncio.timeout(self._limits.stall):  # a fifth of the CPU of anyio's
                    await self._stream.drain()
            except TimeoutError:
                raise StreamClosed("The other node does not read its answers.") from None

    async def _sleep(self, seconds: float) -> None:
        """Wait, unless the link ends. Raises `StreamClosed`."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._when_over, tasks.cancel_scope)
            await self._clock.sleep(seconds)
            tasks.cancel_scope.cancel()
        if self.closed:
            raise StreamClosed

    async def _when_over(self, scope: anyio.CancelScope) -> None:
        await self._over.wait()
        scope.cancel()

    def _settle(self, frame: Frame) -> None:
        if rows := self.window.acked(frame.acks):
            self._progress = self._clock.monotonic()
            self._peer.acked(self, rows)
        for refusal in frame.refusals:
            if (row := self.window.refused(refusal.packet)) is not None:
                self._progress = self._clock.monotonic()
                self._peer.refused(self, row, refusal.reason)
        if frame.acks or frame.refusals:
            self._relax()

    def _relax(self) -> None:
        self._room.set()
        self._room = anyio.Event()

    def abort(self) -> None:
        """End the link at once."""
        self._end()
        self._stream.abort()

    def _end(self) -> None:
        self.closed = True
        self._over.set()
        self._relax()
