"""An experiment: a transport over iroh (QUIC, PyPI `iroh`). Not a plugin; docs/adr/0021 says why. Needs `iroh`."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import iroh
from iroh import iroh_ffi

from bench.iroh_stream import IrohStream
from mepassad.api import PluginContext, StreamClosed, Unreachable
from mepassad.api.node_id import key_from_node_id, node_id_from_key
from mepassad.api.transport import Handler, Reachability, Transport
from mepassad.api.types import NodeId

ALPN = b"mepassa/0"
DIAL_TIMEOUT = ANSWER_TIMEOUT = 5.0
_YES, _NO = b"\x01", b"\x00"


@asynccontextmanager
async def component(context: PluginContext) -> AsyncIterator[Transport]:
    """A node on iroh, without relays or discovery."""
    copy_by_memmove()
    transport = IrohTransport(context)
    await transport.bind()
    try:
        yield transport
    finally:
        await transport.leave()


def copy_by_memmove() -> None:
    """Make the bindings copy bytes at once: iroh 1.2.0 does it one byte at a time in Python, 10 MB a second at most."""

    def write(self: Any, value: bytes) -> None:
        with self._reserve(len(value)):
            ctypes.memmove(ctypes.addressof(self.rbuf.data.contents) + self.rbuf.len, bytes(value), len(value))

    def read(self: Any, size: int) -> bytes:
        if self.offset + size > self.len:
            raise iroh_ffi.InternalError("read past end of rust buffer")
        data = ctypes.string_at(ctypes.addressof(self.data.contents) + self.offset, size) if size else b""
        self.offset += size
        return data

    setattr(iroh_ffi._UniffiRustBufferBuilder, "write", write)  # noqa: B010
    setattr(iroh_ffi._UniffiRustBufferStream, "read", read)  # noqa: B010


class IrohTransport:
    """Implements `mepassad.api.transport.Transport`. A stream begins with the name of its protocol, and its answer."""

    name = "iroh"

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._handlers: dict[str, Handler] = {}
        self._watchers: list[tuple[Callable[[NodeId], None], Callable[[NodeId], None]]] = []
        self._connections: dict[NodeId, list[iroh.Connection]] = {}
        self._streams: dict[IrohStream, int] = {}
        self._dials: dict[NodeId, asyncio.Lock] = {}

    async def bind(self) -> None:
        """Take a port of loopback."""
        self._endpoint = await iroh.Endpoint.bind(
            iroh.EndpointOptions(
                preset=iroh.preset_minimal(), bind_addr="127.0.0.1:0", secret_key=bytes(self._context.node_key),
                alpns=[ALPN], relay_mode=iroh.RelayMode.disabled(),
            )
        )  # fmt: skip
        self._id = node_id_from_key(self._endpoint.id().to_bytes())

    async def listen(self) -> None:
        """Begin to accept."""
        self._context.tasks.start_soon(self._accept)

    def addresses(self) -> tuple[str, ...]:
        """Sockets of loopback, as multiaddrs of this experiment."""
        bound = [one.rpartition(":") for one in self._endpoint.bound_sockets()]
        return tuple(f"/ip4/{host}/udp/{port}/iroh/p2p/{self._id}" for host, _, port in bound if "." in host)

    def can_dial(self, address: str) -> bool:
        """Whether it has the form of `addresses`."""
        return _socket(address) is not None

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve incoming streams."""
        self._handlers[protocol] = handler

    def connected(self) -> tuple[NodeId, ...]:
        """Nodes with a live connection."""
        return tuple(self._connections)

    def tasks(self) -> int:
        """None outside the daemon's loop: iroh's own are in Rust."""
        return 0

    def watch(self, seen: Callable[[NodeId], None], lost: Callable[[NodeId], None]) -> None:
        """Be told of first connections and last ends."""
        self._watchers.append((seen, lost))

    def prefer(self, nodes: Collection[NodeId]) -> None:
        """There is room for all."""

    async def network_changed(self) -> None:
        """iroh watches the network itself."""

    def discover(self, found: Callable[[NodeId], None]) -> None:
        """Nothing is looked for here."""

    def use_servers(self, addresses: Sequence[str]) -> None:
        """iroh has relays of its own; none is used here."""

    def follow(self, moved: Callable[[], None], climbed: Callable[[NodeId], None]) -> None:
        """Nothing of this is told."""

    def reachability(self) -> Reachability:
        """Unknown here."""
        return Reachability()

    def stats(self) -> dict[str, int]:
        """How many connections there are."""
        return {"connections": len(self.connected())}

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str) -> IrohStream:
        """A stream to `peer`. Raises `Unreachable`."""
        connection = await self._connection(peer, addresses)
        with suppress(iroh.IrohError, TimeoutError):
            async with asyncio.timeout(ANSWER_TIMEOUT):
                pair = await connection.open_bi()
                await pair.send().write_all(bytes([len(protocol)]) + protocol.encode())
                if await pair.recv().read_exact(1) == _YES:
                    return self._stream(connection, peer, protocol, pair)
        raise Unreachable(f"The node does not serve {protocol} now.")

    async def leave(self) -> None:
        """Say goodbye."""
        for stream in list(self._streams):
            stream.broke()
        for connection in [one for several in self._connections.values() for one in several]:
            connection.close(0, b"")
        await self._endpoint.close()

    async def _connection(self, peer: NodeId, addresses: Sequence[str]) -> iroh.Connection:
        if peer == self._id:
            raise Unreachable("This is the node itself.")
        async with self._dials.setdefault(peer, asyncio.Lock()):
            if live := self._connections.get(peer):
                return live[-1]
            sockets = [socket for address in addresses if (socket := _socket(address, peer))]
            if not sockets:
                raise Unreachable("No address of this node is known.")
            address = iroh.EndpointAddr(iroh.EndpointId.from_bytes(key_from_node_id(peer)), None, sockets)
            try:
                async with asyncio.timeout(DIAL_TIMEOUT):
                    connection = await self._endpoint.connect(address, ALPN)
            except (iroh.IrohError, TimeoutError):
                raise Unreachable("Nobody answers there.") from None
            self._context.tasks.start_soon(self._live, connection)
            self._up(connection, peer)
            return connection

    async def _accept(self) -> None:
        while (incoming := await self._endpoint.accept_next()) is not None:
            self._context.tasks.start_soon(self._welcome, incoming)

    async def _welcome(self, incoming: iroh.Incoming) -> None:
        with suppress(iroh.IrohError):
            connection = await (await incoming.accept()).connect()
            self._up(connection, node_id_from_key(connection.remote_id().to_bytes()))
            await self._live(connection)

    def _up(self, connection: iroh.Connection, peer: NodeId) -> None:
        several = self._connections.setdefault(peer, [])
        several.append(connection)
        if len(several) == 1:
            for seen, _ in self._watchers:
                seen(peer)
        self._context.tasks.start_soon(self._bury, connection, peer)

    async def _bury(self, connection: iroh.Connection, peer: NodeId) -> None:
        await connection.closed()
        for stream in [one for one, owner in self._streams.items() if owner == connection.stable_id()]:
            stream.broke()
        self._connections[peer].remove(connection)
        if not self._connections[peer]:
            del self._connections[peer]
            for _, lost in self._watchers:
                lost(peer)

    async def _live(self, connection: iroh.Connection) -> None:
        peer = node_id_from_key(connection.remote_id().to_bytes())
        with suppress(iroh.IrohError):
            while True:
                self._context.tasks.start_soon(self._serve, connection, peer, await connection.accept_bi())

    async def _serve(self, connection: iroh.Connection, peer: NodeId, pair: iroh.BiStream) -> None:
        try:
            (size,) = await pair.recv().read_exact(1)
            protocol = (await pair.recv().read_exact(size)).decode(errors="replace")
            handler = self._handlers.get(protocol)
            await pair.send().write_all(_NO if handler is None else _YES)
        except iroh.IrohError:
            return
        if handler is not None:
            await self._run(handler, self._stream(connection, peer, protocol, pair))

    async def _run(self, handler: Callable[[IrohStream], Awaitable[None]], stream: IrohStream) -> None:
        try:
            await handler(stream)
            await stream.close()
        except Exception as error:
            if not isinstance(error, StreamClosed):
                self._context.log.warning("a stream handler failed", error=type(error).__name__)
            stream.abort()

    def _stream(self, connection: iroh.Connection, peer: NodeId, protocol: str, pair: iroh.BiStream) -> IrohStream:
        stream = IrohStream(peer, protocol, pair, self._forget)
        self._streams[stream] = connection.stable_id()
        return stream

    def _forget(self, stream: IrohStream) -> None:
        self._streams.pop(stream, None)


def _socket(address: str, peer: NodeId | None = None) -> str | None:
    """`host:port` of an address of this transport, None of another, or one that names another node than `peer`."""
    match address.split("/"):
        case ["", "ip4", host, "udp", port, "iroh"]:
            return f"{host}:{port}"
        case ["", "ip4", host, "udp", port, "iroh", "p2p", owner] if peer in (None, owner):
            return f"{host}:{port}"
    return None
