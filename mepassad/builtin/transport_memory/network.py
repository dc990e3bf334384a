"""The network that memory nodes share by name: who is there, who is linked, and which links a test has cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from weakref import WeakValueDictionary

from mepassad.api import AddressRefused, Unreachable
from mepassad.api.types import NodeId
from mepassad.builtin.transport_memory.stream import MemoryStream

if TYPE_CHECKING:
    from mepassad.builtin.transport_memory.transport import MemoryTransport


class Network:
    """Nodes of one process by id, the links between them, and the cuts."""

    _by_name: ClassVar[WeakValueDictionary[str, Network]] = WeakValueDictionary()

    def __init__(self) -> None:
        self._listening: dict[NodeId, MemoryTransport] = {}
        self._links: dict[frozenset[NodeId], Link] = {}
        self._cuts: set[frozenset[NodeId]] = set()

    @classmethod
    def named(cls, name: str) -> Network:
        """The network of that name; it lives as long as a node or test holds it."""
        network = cls._by_name.get(name)
        if network is None:
            network = cls._by_name[name] = cls()
        return network

    def cut(self, a: NodeId, b: NodeId) -> None:
        """Break the link between two nodes and allow no new one until `heal`."""
        self._cuts.add(frozenset((a, b)))
        self._drop(frozenset((a, b)))

    def heal(self, a: NodeId, b: NodeId) -> None:
        """Allow links between the two nodes again."""
        self._cuts.discard(frozenset((a, b)))

    def join(self, node: MemoryTransport) -> None:
        """Let others dial a node. Raises `AddressRefused` when its id is taken."""
        if self._listening.setdefault(node.node_id, node) is not node:
            raise AddressRefused(f"A node {node.node_id} already listens on this memory network.")

    def leave(self, node: MemoryTransport) -> None:
        """Take a node off the network and break its links."""
        if self._listening.get(node.node_id) is node:
            del self._listening[node.node_id]
        for ends in [ends for ends, link in self._links.items() if node in link.nodes]:
            self._drop(ends)

    def link(self, dialler: MemoryTransport, peer: NodeId, *, dial: bool) -> Link:
        """The live link to `peer`, or with `dial` a new one. Raises `Unreachable`."""
        ends = frozenset((dialler.node_id, peer))
        link = self._links.get(ends)
        if link is not None:
            return link
        listener = self._listening.get(peer)
        if not dial or listener is None or listener is dialler or ends in self._cuts:
            raise Unreachable(f"The node {peer} cannot be reached now.")
        link = self._links[ends] = Link(dialler, listener)
        listener.link_up(dialler.node_id)
        dialler.link_up(peer)
        return link

    def _drop(self, ends: frozenset[NodeId]) -> None:
        link = self._links.pop(ends, None)
        if link is not None:
            link.cut()


class Link:
    """A live connection of two nodes and its streams."""

    def __init__(self, dialler: MemoryTransport, listener: MemoryTransport) -> None:
        self.nodes = (dialler, listener)
        self._streams: list[MemoryStream] = []

    def open(self, opener: MemoryTransport, protocol: str) -> MemoryStream:
        """A new stream, handed to the other node's handler. Raises `Unreachable` when it has none."""
        (other,) = (node for node in self.nodes if node is not opener)
        near, far = MemoryStream.pair(opener.node_id, other.node_id, protocol)
        other.accept(far)
        self._streams = [stream for stream in self._streams if not stream.ended]
        self._streams += [near, far]
        return near

    def cut(self) -> None:
        """Break all streams and tell both nodes."""
        for stream in self._streams:
            stream._break()
        first, second = self.nodes
        first.link_down(second.node_id)
        second.link_down(first.node_id)
