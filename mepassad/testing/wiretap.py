"""A memory transport whose frames a test sees, holds back, doubles or changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from mepassad.api import Component, ConfigRegister, PluginContext, hookimpl
from mepassad.api.transport import Handler, Stream, Transport
from mepassad.api.types import NodeId
from mepassad.builtin.transport_memory import plugin as memory
from mepassad.builtin.transport_memory.transport import MemoryTransport
from mepassad.errors import MalformedFrame
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.packets import MESSAGE_PROTOCOL, parse_frame

_LIMIT = 1 << 25


class Passed(msgspec.Struct, frozen=True):
    """One frame that a node wrote: by whom, to whom, in which protocol, and its bytes without the length."""

    sender: NodeId
    receiver: NodeId
    protocol: str
    frame: bytes


class Wiretap:
    """The plugin `transport_memory`, tapped. Give it to a catalogue in that plugin's place.

    `passed` is everything written so far, in order. `meddle` says what becomes of a frame: the frames that go out
    in its place. It may raise nothing.
    """

    def __init__(self) -> None:
        self.passed: list[Passed] = []
        self.meddle: Callable[[Passed], Sequence[bytes]] = lambda passed: (passed.frame,)

    @hookimpl
    def register_config(self, register: ConfigRegister) -> None:
        memory.register_config(register)

    @hookimpl
    def provide_transport(self, config: Any) -> Component[Transport]:
        return self._component

    @asynccontextmanager
    async def _component(self, context: PluginContext) -> AsyncIterator[Transport]:
        async with memory.component(context) as transport:
            assert isinstance(transport, MemoryTransport)
            yield _Tapped(transport, self)

    def packets(self, sender: NodeId | None = None) -> list[bytes]:
        """All packets written so far, or those that one node wrote."""
        frames = [
            parse_frame(passed.frame)
            for passed in self.passed
            if passed.protocol == MESSAGE_PROTOCOL and sender in (None, passed.sender)
        ]
        return [packet for frame in frames for packet in frame.packets]


class _Tapped:
    """A node's memory transport. Implements `mepassad.api.transport.Transport`."""

    def __init__(self, inner: MemoryTransport, tap: Wiretap) -> None:
        self.name, self._inner, self._tap = inner.name, inner, tap
        self.listen, self.addresses, self.can_dial = inner.listen, inner.addresses, inner.can_dial
        self.connected, self.watch, self.tasks, self.stats = inner.connected, inner.watch, inner.tasks, inner.stats
        self.use_servers, self.follow, self.reachability = inner.use_servers, inner.follow, inner.reachability
        self.prefer, self.network_changed, self.discover = inner.prefer, inner.network_changed, inner.discover

    def handle(self, protocol: str, handler: Handler) -> None:
        async def tapped(stream: Stream) -> None:
            await handler(_TappedStream(stream, self._inner.node_id, self._tap))

        self._inner.handle(protocol, tapped)

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str) -> Stream:
        stream = await self._inner.open(peer, addresses, protocol)
        return _TappedStream(stream, self._inner.node_id, self._tap)


class _TappedStream:
    """A stream whose frames go past the tap. Implements `mepassad.api.transport.Stream`."""

    def __init__(self, inner: Stream, owner: NodeId, tap: Wiretap) -> None:
        self.peer, self.route, self.protocol = inner.peer, inner.route, inner.protocol
        self.address = inner.address
        self._inner, self._owner, self._tap = inner, owner, tap
        self._splitter = Splitter(_LIMIT)
        self.drain, self.read, self.close, self.abort = inner.drain, inner.read, inner.close, inner.abort

    @property
    def room(self) -> bool:
        return self._inner.room

    def write(self, data: bytes) -> None:
        try:
            frames = self._splitter.feed(data)
        except MalformedFrame:  # a test's junk goes through as it is
            self._inner.write(data)
            return
        for frame in frames:
            passed = Passed(self._owner, self.peer, self.protocol, frame)
            self._tap.passed.append(passed)
            out = b"".join(pack(instead) for instead in self._tap.meddle(passed))
            self._inner.write(out)
