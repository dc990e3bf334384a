"""The transport: a socket that listens, one connection a stream, and one more that says that a node is there."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from mepassad.api import AddressRefused, OtherNode, PluginContext, StreamClosed, Unreachable
from mepassad.api.transport import Handler, Reachability, Stream
from mepassad.api.types import NodeId

from mepassad_transport_unix.handshake import TIMEOUT, Keys, Reader, Writer
from mepassad_transport_unix.stream import HIGH_WATER, UnixStream

PRESENCE = ""
"""The protocol of the connection that lasts as long as both nodes do."""

ADDRESS = re.compile(r"/unix/([1-9A-Za-z]{16})(/p2p/[1-9A-Za-z]+)?")
"""An address is the name of a socket, the end of a node id: whoever tells us one cannot make us dial another path."""


class UnixTransport:
    """Streams to other nodes of this machine. Implements `mepassad.api.transport.Transport`."""

    name = "unix"

    def __init__(self, context: PluginContext) -> None:
        self._config, self._log, self._tasks = context.config, context.log, context.tasks
        self._keys = Keys(context.node_key, context.data_dir)
        self._server: asyncio.Server | None = None
        self._handlers: dict[str, Handler] = {}
        self._watchers: list[tuple[Callable[[NodeId], None], Callable[[NodeId], None]]] = []
        self._present: Counter[NodeId] = Counter()  # connections of presence
        self._streams: list[UnixStream] = []
        self._incoming = 0
        self._preferred: frozenset[NodeId] = frozenset()

    # -- listening

    async def listen(self) -> None:
        path = self._config.folder / _name(self._keys.node)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # of a run that was killed: two nodes do not have one key
            self._server = await asyncio.start_unix_server(
                self._accepted, path, ssl=self._keys.listening, limit=HIGH_WATER, ssl_handshake_timeout=TIMEOUT
            )
            path.chmod(0o666 if self._config.shared else 0o600)
        except OSError as error:
            raise AddressRefused(f"Cannot listen on {path}: {error}.") from error

    def addresses(self) -> tuple[str, ...]:
        return (f"/unix/{_name(self._keys.node)}/p2p/{self._keys.node}",) if self._server else ()

    def handle(self, protocol: str, handler: Handler) -> None:
        self._handlers[protocol] = handler

    def _accepted(self, reader: Reader, writer: Writer) -> None:
        self._tasks.start_soon(self._serve, reader, writer)

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        self._incoming += 1
        try:
            async with asyncio.timeout(TIMEOUT):
                peer, protocol = await self._keys.welcome(reader, writer)
            if self._has_room_for(peer) and (protocol == PRESENCE or protocol in self._handlers):
                writer.write(b"\1")
                await self._run(self._kept(UnixStream(peer, protocol, reader, writer)))
        except (Unreachable, OSError, EOFError, ValueError) as error:
            self._log.debug("a connection ended before it began", reason=type(error).__name__)
        finally:
            self._incoming -= 1
            writer.transport.abort()

    def _has_room_for(self, peer: NodeId) -> bool:
        return self._incoming <= self._config.max_connections or peer in self._preferred

    async def _run(self, stream: UnixStream) -> None:
        if stream.protocol == PRESENCE:
            self._came(stream.peer)
            await self._until_gone(stream)
            return
        try:
            await self._handlers[stream.protocol](stream)
            await stream.close()
        except StreamClosed:
            pass
        except Exception as error:  # a handler's mistake ends its own stream only
            self._log.warning("a stream handler failed", protocol=stream.protocol, error=type(error).__name__)

    # -- dialling

    def can_dial(self, address: str) -> bool:
        return ADDRESS.fullmatch(address) is not None

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str) -> Stream:
        failure = Unreachable(f"The node {peer} cannot be reached now.")
        names = [_name(peer)] if peer in self._present else []
        names += [found[1] for found in map(ADDRESS.fullmatch, addresses) if found]
        for name in dict.fromkeys(names) if peer != self._keys.node else ():
            try:
                if peer not in self._present:
                    presence = await self._dial(name, peer, PRESENCE)
                    self._came(peer)
                    self._tasks.start_soon(self._until_gone, presence)
                return await self._dial(name, peer, protocol)
            except Unreachable as error:
                failure = failure if isinstance(failure, OtherNode) else error
        raise failure

    async def _dial(self, name: str, peer: NodeId, protocol: str) -> UnixStream:
        """A stream, its handshake done. Raises `Unreachable`, `OtherNode`."""
        try:
            async with asyncio.timeout(TIMEOUT):
                reader, writer = await asyncio.open_unix_connection(
                    self._config.folder / name, ssl=self._keys.dialling, server_hostname="", limit=HIGH_WATER
                )
                stream = self._kept(UnixStream(peer, protocol, reader, writer))
                try:
                    await self._keys.greet(reader, writer, peer, protocol)
                except BaseException:
                    stream.abort()
                    raise
                return stream
        except (OSError, EOFError) as error:
            raise Unreachable(f"The node {peer} does not answer: {error}.") from error

    def _kept(self, stream: UnixStream) -> UnixStream:
        """Remember a stream until it ended: whoever opened it may forget it, and it lives on."""
        self._streams = [one for one in self._streams if not one.ended]
        self._streams.append(stream)
        return stream

    # -- who is there

    def _came(self, peer: NodeId) -> None:
        self._present[peer] += 1
        if self._present[peer] == 1:
            for seen, _ in self._watchers:
                seen(peer)

    async def _until_gone(self, presence: UnixStream) -> None:
        """A node is there as long as its connection of presence lives, on which nobody says anything."""
        peer = presence.peer
        try:
            await presence.read()
        finally:
            presence.abort()
            self._present[peer] -= 1
            if not self._present[peer]:
                del self._present[peer]
                for _, lost in self._watchers:
                    lost(peer)

    def connected(self) -> tuple[NodeId, ...]:
        return tuple(self._present)

    def watch(self, seen: Callable[[NodeId], None], lost: Callable[[NodeId], None]) -> None:
        self._watchers.append((seen, lost))

    def prefer(self, nodes: Collection[NodeId]) -> None:
        self._preferred = frozenset(nodes)

    async def network_changed(self) -> None:
        """Sockets of one machine know no network."""

    def discover(self, found: Callable[[NodeId], None]) -> None:
        """Nothing is found here that was not told."""

    def tasks(self) -> int:
        return 0

    def use_servers(self, addresses: Sequence[str]) -> None:
        """On one machine nobody needs a server to be reached."""

    def follow(self, moved: Callable[[], None], climbed: Callable[[NodeId], None]) -> None:
        """Addresses stay, and there are no relays."""

    def reachability(self) -> Reachability:
        return Reachability()

    def stats(self) -> dict[str, int]:
        return {"connections": len(self._present), "incoming": self._incoming}

    def leave(self) -> None:
        """Take the socket away and end all streams."""
        if self._server:
            self._server.close()
            (self._config.folder / _name(self._keys.node)).unlink(missing_ok=True)
        for stream in self._streams:
            stream.abort()


def _name(node: NodeId) -> str:
    return node[-16:]
