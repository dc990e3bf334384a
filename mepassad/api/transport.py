"""The contract of a transport: it moves bytes between nodes over persistent streams and sees only ciphertext."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from mepassad.api.types import NodeId


class Stream(Protocol):
    """A byte stream to one node, authenticated and encrypted by the transport.

    `write` queues and wakes the transport once for all that is queued; `drain` waits until the queue is below its
    high-water mark (the peer reads slowly: its sender waits, the node does not). `room` tells without waiting whether
    it would. `read` returns what has arrived,
    at least one byte, or b"" at the end. Unread bytes are bounded: then the transport stops reading from the peer.
    All methods are cancel-safe: a cancelled `read` loses nothing.
    """

    peer: NodeId
    route: str  # "direct" or "relayed", as kept with a message
    address: str  # of those that `open` was given, the one at which the node answered; "" where that is not known
    protocol: str

    def write(self, data: bytes) -> None:
        """Queue bytes. Raises `StreamClosed`."""
        ...

    @property
    def room(self) -> bool:
        """Whether the queue is short; also of a stream that is over."""
        ...

    async def drain(self) -> None:
        """Wait until the queue is short. Raises `StreamClosed`."""
        ...

    async def read(self) -> bytes:
        """What has arrived; b"" once the peer ended the stream or it broke."""
        ...

    async def close(self) -> None:
        """Send what is queued, then end the stream. Never raises."""
        ...

    def abort(self) -> None:
        """End the stream at once, dropping what is queued. Never raises."""
        ...


Handler = Callable[[Stream], Awaitable[None]]


class Reachability(NamedTuple):
    """How a node stands in the net."""

    kind: str = "unknown"
    """`public`: others came in by themselves; `private`: a NAT stands before it, and nobody did; or `unknown`."""
    nat: str = "unknown"
    """`none`; `cone`: one port looks the same to everybody, so that holes can be punched; `symmetric`: it does not; or
    `unknown`."""
    observed: tuple[str, ...] = ()
    """As whom others see the ports on which it listens: multiaddrs without `/p2p`."""


class Transport(Protocol):
    """Opens and accepts streams. Entered as a component; it listens only once `listen` is called.

    A handler that raises ends its own stream only. Two transports may serve one node; the router asks each whether
    it `can_dial` an address.
    """

    name: str

    async def listen(self) -> None:
        """Begin to accept streams, after all handlers are registered. Raises `AddressRefused`; where that has the
        `address` (text) and the `errno` (number) of what the system refused, the user reads it in their language."""
        ...

    def addresses(self) -> tuple[str, ...]:
        """Where this node can be dialled now: multiaddrs that end in `/p2p/<node id>`. Short ones: an invite has room
        for about 100 bytes of them, and goes without those that do not fit."""
        ...

    def can_dial(self, address: str) -> bool:
        """Whether this transport understands the multiaddr."""
        ...

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve incoming streams of a protocol, each by one call of `handler`; the stream ends when it returns."""
        ...

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str) -> Stream:
        """A stream to `peer`, over a live connection or by dialling `addresses` and what was discovered. Raises
        `Unreachable`, or `OtherNode` with its id in `data["node"]` where another node answered at one of `addresses`;
        never returns a stream to one with another key."""
        ...

    def connected(self) -> tuple[NodeId, ...]:
        """Nodes with a live connection."""
        ...

    def tasks(self) -> int:
        """How many tasks the transport runs outside the daemon's loop, in an event loop of its own; else 0."""
        ...

    def watch(self, seen: Callable[[NodeId], None], lost: Callable[[NodeId], None]) -> None:
        """Be told, on the daemon's loop, when a node's first connection comes up and its last one ends."""
        ...

    def prefer(self, nodes: Collection[NodeId]) -> None:
        """Keep a place for these nodes however many others come, and the way to them open: those of contacts. Each
        call replaces what the one before said; an id that is none is passed over."""
        ...

    async def network_changed(self) -> None:
        """The machine's addresses or routes changed: drop at once what cannot work any more, find out soon what else
        is dead, and tell the watchers as ever. Streams that still work go on. Never raises."""
        ...

    def discover(self, found: Callable[[NodeId], None]) -> None:
        """Be told, on the daemon's loop, of any node that this transport found an address of by itself. It dials none
        of them before `open` asks for it."""
        ...

    def use_servers(self, addresses: Sequence[str]) -> None:
        """These nodes may serve this one, as relays or otherwise: multiaddrs that end in `/p2p/<node id>`, beside those
        of earlier calls and of the configuration. A node that is not reachable from outside may be reached through
        them; which of them serve is found out, and at once of one that is named again, since it may grant now what it
        refused. What is no such address is passed over."""
        ...

    def follow(self, moved: Callable[[], None], climbed: Callable[[NodeId], None]) -> None:
        """Be told, on the daemon's loop, whenever `addresses` changed by other means than a change of the network; and
        of a node that was reached over a relay, once it is reached directly: streams opened from then on are."""
        ...

    def reachability(self) -> Reachability:
        """Whether others can reach this node, as far as is known now."""
        ...

    def stats(self) -> dict[str, int]:
        """Numbers for an operator by name, `connections` among them; which others there are may change."""
        ...
