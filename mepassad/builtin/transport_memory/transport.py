"""A node's transport on a memory network. Implements `mepassad.api.transport.Transport`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from anyio.abc import TaskGroup

from mepassad.api import StreamClosed, Unreachable
from mepassad.api.context import Log
from mepassad.api.node_id import key_from_node_id
from mepassad.api.transport import Handler, Reachability, Stream
from mepassad.api.types import NodeId
from mepassad.builtin.transport_memory.network import Network
from mepassad.builtin.transport_memory.stream import MemoryStream


class MemoryTransport:
    """Streams to other nodes of the same process; addresses are `/memory/<network>/p2p/<node id>`."""

    name = "memory"

    def __init__(self, network: str, node_id: NodeId, tasks: TaskGroup, log: Log) -> None:
        self.node_id = node_id
        self._prefix = f"/memory/{network}/p2p/"
        self._network = Network.named(network)
        self._tasks = tasks
        self._log = log
        self._handlers: dict[str, Handler] = {}
        self._watchers: list[tuple[Callable[[NodeId], None], Callable[[NodeId], None]]] = []
        self._connected: dict[NodeId, None] = {}
        self._listens = self._left = False
        self.preferred: frozenset[NodeId] = frozenset()
        self.changes = 0

    async def listen(self) -> None:
        """Let other nodes dial this one. Raises `AddressRefused` when its id is taken."""
        self._network.join(self)
        self._listens = True

    def addresses(self) -> tuple[str, ...]:
        """This node's one address, once it listens."""
        return (self._prefix + self.node_id,) if self._listens else ()

    def can_dial(self, address: str) -> bool:
        """Whether the address is of a node on this network."""
        return self._node_of(address) is not None

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve incoming streams of a protocol."""
        self._handlers[protocol] = handler

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str) -> Stream:
        """A stream to `peer`. Raises `Unreachable`."""
        if self._left:
            raise Unreachable("This node has left the network.")
        own = [address for address in addresses if self._node_of(address) == peer]
        known = peer in self._connected
        stream = self._network.link(self, peer, dial=bool(own)).open(self, protocol)
        stream.address = "" if known or not own else own[0]
        return stream

    def connected(self) -> tuple[NodeId, ...]:
        """Nodes with a live link."""
        return tuple(self._connected)

    def tasks(self) -> int:
        """None of its own."""
        return 0

    def watch(self, seen: Callable[[NodeId], None], lost: Callable[[NodeId], None]) -> None:
        """Be told of links that come up and end."""
        self._watchers.append((seen, lost))

    def prefer(self, nodes: Collection[NodeId]) -> None:
        """Remember them; there is room for all."""
        self.preferred = frozenset(nodes)

    async def network_changed(self) -> None:
        """Count it; links are cut by the network, not by what surrounds it."""
        self.changes += 1

    def discover(self, found: Callable[[NodeId], None]) -> None:
        """Nothing is found here that was not told."""

    def use_servers(self, addresses: Sequence[str]) -> None:
        """Everybody is reached without."""

    def follow(self, moved: Callable[[], None], climbed: Callable[[NodeId], None]) -> None:
        """Addresses stay, and there are no relays."""

    def reachability(self) -> Reachability:
        """Unknown: there is no net."""
        return Reachability()

    def stats(self) -> dict[str, int]:
        """How many links there are."""
        return {"connections": len(self._connected)}

    def leave(self) -> None:
        """Stop listening and break all links."""
        self._left = True
        self._listens = False
        self._network.leave(self)

    def accept(self, stream: MemoryStream) -> None:
        """Start the handler of an incoming stream. Raises `Unreachable` when there is none."""
        handler = self._handlers.get(stream.protocol)
        if handler is None:
            raise Unreachable(f"The other node does not serve {stream.protocol}.")
        self._tasks.start_soon(self._serve, handler, stream)

    def link_up(self, peer: NodeId) -> None:
        """A link to `peer` came up."""
        self._connected[peer] = None
        for seen, _ in self._watchers:
            seen(peer)

    def link_down(self, peer: NodeId) -> None:
        """The link to `peer` ended."""
        self._connected.pop(peer, None)
        for _, lost in self._watchers:
            lost(peer)

    async def _serve(self, handler: Handler, stream: MemoryStream) -> None:
        try:
            await handler(stream)
            await stream.close()
        except StreamClosed:
            pass
        except Exception as error:
            self._log.warning("a stream handler failed", protocol=stream.protocol, error=type(error).__name__)
        finally:
            if not stream.ended:
                stream.abort()

    def _node_of(self, address: str) -> NodeId | None:
        """The node id in an address of this network, else None."""
        text = address.removeprefix(self._prefix)
        if text == address:
            return None
        try:
            key_from_node_id(text)
        except ValueError:
            return None
        return NodeId(text)
