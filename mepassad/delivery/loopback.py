"""The way from a node to itself: accounts of one node reach each other without a network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import anyio
from anyio.abc import TaskGroup

from mepassad.api.transport import Handler, Reachability, Stream
from mepassad.api.types import NodeId
from mepassad.errors import StreamClosed, Unreachable
from mepassad.log import StructuredLog

HIGH_WATER = 1 << 20  # unread bytes before the writer waits


class End:
    """One end of a stream within the node. Implements `mepassad.api.transport.Stream`."""

    route = "direct"
    address = ""

    def __init__(self, peer: NodeId, protocol: str) -> None:
        """`other` is set once both ends are made."""
        self.peer, self.protocol = peer, protocol
        self.other: End
        self._unread = bytearray()
        self._ended = self._closed = False
        self._changed = anyio.Event()

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def write(self, data: bytes) -> None:
        """Hand bytes to the other end. Raises `StreamClosed`."""
        if self._closed or self.other._closed:
            raise StreamClosed
        self.other._unread += data
        self.other._change()

    @property
    def room(self) -> bool:
        """Whether the other end has read most of what was written."""
        return len(self.other._unread) <= HIGH_WATER or self.other._closed

    async def drain(self) -> None:
        """Wait until the other end has read most of it. Raises `StreamClosed`."""
        while not self.room:
            await self.other._changed.wait()
        if self._closed or self.other._closed:
            raise StreamClosed

    async def read(self) -> bytes:
        """What has arrived; b"" at the end."""
        while not self._unread and not self._ended and not self._closed:
            await self._changed.wait()
        data = bytes(self._unread)
        self._unread.clear()
        self._change()
        return data

    async def close(self) -> None:
        """End the stream; what was written can still be read."""
        self.abort()

    def abort(self) -> None:
        """End the stream."""
        self._closed = self.other._ended = True
        self._change()
        self.other._change()


class Loopback:
    """A transport that reaches this node only. Implements `mepassad.api.transport.Transport`."""

    name = "loopback"

    def __init__(self, node: NodeId, tasks: TaskGroup) -> None:
        """`node`: this node's own id."""
        self._node, self._tasks = node, tasks
        self._handlers: dict[str, Handler] = {}

    async def listen(self) -> None:
        """Nothing to do."""

    def addresses(self) -> tuple[str, ...]:
        """None: nobody else can come this way."""
        return ()

    def can_dial(self, address: str) -> bool:
        """No address is needed, none is understood."""
        return False

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve a protocol."""
        self._handlers[protocol] = handler

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str) -> Stream:
        """A stream to this node itself. Raises `Unreachable` for any other."""
        if peer != self._node or protocol not in self._handlers:
            raise Unreachable
        near, far = End(peer, protocol), End(peer, protocol)
        near.other, far.other = far, near
        self._tasks.start_soon(self._serve, far)
        return near

    async def _serve(self, end: End) -> None:
        try:
            await self._handlers[end.protocol](end)
        except StreamClosed:
            pass  # the other end has gone
        except Exception as error:
            StructuredLog("loopback").warning("a stream failed", protocol=end.protocol, reason=type(error).__name__)
        finally:
            end.abort()

    def connected(self) -> tuple[NodeId, ...]:
        """This node."""
        return (self._node,)

    def tasks(self) -> int:
        """None of its own."""
        return 0

    def watch(self, seen: Callable[[NodeId], None], lost: Callable[[NodeId], None]) -> None:
        """A node never loses itself."""

    def prefer(self, nodes: Collection[NodeId]) -> None:
        """A node always has a place for itself."""

    async def network_changed(self) -> None:
        """No network is in between."""

    def discover(self, found: Callable[[NodeId], None]) -> None:
        """A node knows where it is."""

    def use_servers(self, addresses: Sequence[str]) -> None:
        """A node needs nobody to reach itself."""

    def follow(self, moved: Callable[[], None], climbed: Callable[[NodeId], None]) -> None:
        """A node stays where it is, as seen by itself."""

    def reachability(self) -> Reachability:
        """Unknown: nobody else comes this way."""
        return Reachability()

    def stats(self) -> dict[str, int]:
        """Nothing is counted."""
        return {}
