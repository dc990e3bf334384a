"""Multicast DNS: finding nodes on the local networks of this machine, and being found there, without any server.

Follows the libp2p specification (discovery/mdns.md) over IPv4 multicast, with `zeroconf`; py-libp2p's own announces
addresses that other implementations do not read, and blocks the loop that it is called from. Each local network has
a voice of its own, which says what can be reached there and nothing of other networks.
"""

from __future__ import annotations

import logging
import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import anyio
import zeroconf
from zeroconf import IPVersion, RecordUpdate, ServiceInfo, Zeroconf
from zeroconf._dns import DNSQuestion
from zeroconf._protocol.outgoing import DNSOutgoing
from zeroconf.asyncio import AsyncZeroconf
from zeroconf.const import _CLASS_IN, _FLAGS_QR_QUERY, _TYPE_PTR

from mepassad.api import PluginContext
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.neighbours import Interface, Neighbours, interfaces, text_of

SERVICE = "_p2p._udp.local."

PORT = 4001
"""The port that the service record names, because it must name one; nobody reads it."""

TTL = 120
"""Seconds that others may keep what is told, as the specification has it."""

ASK = 0.75 * TTL
"""Seconds between two questions who is there. `zeroconf` has a browser that asks for each name that it was told, and
keeps as many as somebody makes up."""

ASK_AT_FIRST = 2
"""Looks at which it is asked at first, since a question may be lost."""

LOOK = 5.0
"""Seconds between two looks at which networks and addresses there are."""

GOODBYE = 1.0
"""Seconds to tell the networks that the node leaves."""

MAX_INTERFACES = 8
"""Networks that are spoken to."""

_IP_MULTICAST_ALL = 49  # Linux; the module `socket` does not name it


# What goes wrong is told in a line of our own; junk that a stranger sends is not worth one.
logging.getLogger("zeroconf").setLevel(logging.CRITICAL)


class Mdns:
    """Speaks on every local network in which the node listens on an address; in others it is silent and deaf."""

    def __init__(self, context: PluginContext, own: NodeId, addresses: Callable[[], Sequence[str]]) -> None:
        """`addresses`: where the node can be dialled now."""
        self._context, self._addresses = context, addresses
        self._scope = anyio.CancelScope()
        self._voices: dict[tuple[Interface, bytes], _Voice | None] = {}
        self.neighbours = Neighbours(own, context.clock)

    def start(self) -> None:
        """Begin, unless the configuration says no."""
        if self._context.config.mdns and not self._context.config.metered:
            self._context.tasks.start_soon(self._run)

    def stop(self) -> None:
        """Take leave of all networks."""
        self._scope.cancel()

    async def _run(self) -> None:
        try:
            with self._scope:
                while True:
                    await self._look()
                    await self._context.clock.sleep(LOOK)
        finally:
            with anyio.CancelScope(shield=True):
                await self._end(list(self._voices))

    async def _look(self) -> None:
        """Begin to speak where the node can be reached now, end where it cannot, and begin anew where that changed."""
        told = {(one, text): one for one in interfaces() if (text := text_of(self._addresses(), one))}
        wanted = list(told)[:MAX_INTERFACES]
        await self._end([key for key in self._voices if key not in wanted])
        async with anyio.create_task_group() as tasks:
            for key in wanted:
                if key not in self._voices:
                    tasks.start_soon(self._begin, *key)
        for voice in filter(None, self._voices.values()):
            voice.ask(self._context.clock.monotonic())

    async def _begin(self, interface: Interface, text: bytes) -> None:
        key = interface, text
        self._voices[key] = None
        try:
            voice = self._voices[key] = _Voice(interface, self.neighbours)
            await voice.begin(text)
        except Exception as error:
            # Without multicast the node lives on as before; the next try is when the network changed.
            self._context.log.info("no multicast DNS on a network", address=interface.address, reason=str(error))
            await self._end([key])
            self._voices[key] = None

    async def _end(self, keys: Sequence[tuple[Interface, bytes]]) -> None:
        async with anyio.create_task_group() as tasks:
            for key in keys:
                if (voice := self._voices.pop(key)) is not None:
                    tasks.start_soon(voice.end)


class _Voice(zeroconf.RecordUpdateListener):
    """Speaks and listens on one local network."""

    def __init__(self, interface: Interface, neighbours: Neighbours) -> None:
        """Raises OSError where the machine does not allow it."""
        self._interface, self._neighbours = interface, neighbours
        self._zeroconf = AsyncZeroconf(interfaces=[interface.address], ip_version=IPVersion.V4Only)
        self._asked: list[float] = []

    async def begin(self, text: bytes) -> None:
        """Tell `text` under a random name. Raises OSError, and what the library raises."""
        speaker = self._zeroconf.zeroconf
        await speaker.async_wait_for_start()
        if not speaker.engine.senders:
            raise OSError("the interface takes no multicast")
        _keep_apart(speaker)
        speaker.async_add_listener(self, None)
        name = secrets.token_hex(16)
        info = ServiceInfo(
            SERVICE, f"{name}.{SERVICE}", PORT, properties=text, server=f"{name}.local.", host_ttl=TTL, other_ttl=TTL
        )
        # A random name needs no look whether somebody has it already.
        await (await self._zeroconf.async_register_service(info, cooperating_responders=True))

    def ask(self, now: float) -> None:
        """Ask who is there, if it is time. `now`: monotonic seconds."""
        if len(self._asked) >= ASK_AT_FIRST and now - self._asked[-1] < ASK:
            return
        self._asked = [*self._asked[1 - ASK_AT_FIRST :], now]
        question = DNSOutgoing(_FLAGS_QR_QUERY)
        question.add_question(DNSQuestion(SERVICE, _TYPE_PTR, _CLASS_IN))
        with suppress(Exception):  # the network may be gone; the next look finds out
            self._zeroconf.zeroconf.async_send(question)

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        """Records came."""
        for record in (update.new for update in records):
            text = getattr(record, "text", None)  # text records alone have one
            if isinstance(text, bytes) and record.key.endswith(f".{SERVICE}") and not record.is_expired(now):
                self._neighbours.hear(text, self._interface)

    async def end(self) -> None:
        """Tell the others, if they are quick, and fall silent."""
        for step in (self._zeroconf.async_unregister_all_services, self._zeroconf.async_close):
            with anyio.move_on_after(GOODBYE, shield=True), suppress(Exception):  # what fails now is over anyway
                await step()


def _keep_apart(speaker: Zeroconf) -> None:
    """Hear what comes over the own interface only: Linux also hands a socket the multicast of others that any program
    joined, and an answer to it would tell one network of another."""
    if sys.platform == "linux":
        for reader in speaker.engine.readers:
            reader.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
