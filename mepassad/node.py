"""The node: brought up in order on one stack, taken down in reverse. docs/architecture.md has the order."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import Any

import anyio
from anyio.abc import TaskGroup
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad import __version__, descriptors, notify, trail, welcome
from mepassad.api.context import Clock, Component
from mepassad.api.crypto import Crypto
from mepassad.api.gauges import Gauge
from mepassad.api.node_id import node_id_from_key
from mepassad.api.transport import Transport
from mepassad.api.types import Account
from mepassad.bots import BotHost
from mepassad.bus import Bus
from mepassad.clock import SystemClock
from mepassad.components import Components, first_error
from mepassad.config.load import Loaded
from mepassad.core import Core
from mepassad.delivery.loopback import Loopback
from mepassad.delivery.passes import Badge
from mepassad.errors import ComponentFailed
from mepassad.ground import ground
from mepassad.log import StructuredLog
from mepassad.metrics import Monitor
from mepassad.moves import Moves
from mepassad.network import Machine, Network
from mepassad.plugins import Plugins
from mepassad.rpc.server import serve
from mepassad.serving.passes import read_pass
from mepassad.serving.roles import Roles
from mepassad.supervisor import Supervisor, tell_failure
from mepassad.upkeep import keep_up
from mepassad.usage import usage
from mepassad.wire.addresses import worth_telling

STOP_SECONDS = 20.0
"""How long a stop may take; then the process is ended all the same."""


class Node:
    """What the RPC methods work with. Implements `mepassad.rpc.node.Node`."""

    version = __version__

    def __init__(self, loaded: Loaded, clock: Clock, bus: Bus, core: Core, components: Components) -> None:
        """The node is up once `serve` was entered with it."""
        assert components.store is not None  # noqa: S101 (the store is the first to be entered)
        self.config, self.clock, self.bus, self.core = loaded.config, clock, bus, core
        self.store = components.store
        self.accounts, self.contacts, self.invites = core.accounts, core.contacts, core.invites
        self.conversations, self.outbox, self.verifications = core.conversations, core.outbox, core.verifications
        self.tokens, self.bots, self.answers = core.tokens, core.bots, core.answers
        self.transports: Sequence[Transport] = ()
        self.gauges: dict[str, Gauge] = {}
        key = Ed25519PrivateKey.from_private_bytes(components.node_key).public_key().public_bytes_raw()
        self.key, self.id = key, node_id_from_key(key)
        self.roles = Roles(loaded.config, key, clock, core.contacts.friends)
        self.servers = servers_of(loaded)
        self.supervisor: Supervisor
        self.monitor = Monitor(loaded.config.metrics, self.stats, StructuredLog("metrics"))
        self.stopped = anyio.Event()
        self._started = clock.monotonic()

    def addresses(self) -> list[str]:
        """Multiaddrs under which this node can be dialled."""
        return [address for transport in self.transports for address in transport.addresses()]

    def hints(self) -> Mapping[str, Sequence[str]]:
        """Node id → addresses without `/p2p`, as invites and introductions carry them.

        This node's id also where it has no address: whoever is connected to it can answer then.
        """
        found: dict[str, list[str]] = {self.id: []}
        for address in worth_telling(self.addresses()):
            bare, _, node = address.rpartition("/p2p/")
            found.setdefault(node, []).append(bare)
        return found

    def served(self, addresses: Sequence[str]) -> None:
        """These nodes serve this one from now on."""
        for transport in self.transports:
            transport.use_servers(addresses)

    def stats(self) -> dict[str, object]:
        """Counters of the node: what `system.stats` answers."""
        links = self.core.router.links.all()
        return {
            "node": self.id,
            "pid": os.getpid(),
            "uptime_seconds": round(self.clock.monotonic() - self._started, 3),
            **usage(self.transports),
            "accounts": len(self.accounts.all()),
            "contacts": len(self.contacts.everybody()),
            "links": len(links),
            "directories": {one.name: one.stats() for one in self.core.lookup.directories.up()},
            "relays": {name: relay.stats() for name, relay in self.supervisor.live["relay"].items()},
            "components": {noun: sorted(live) for noun, live in self.supervisor.live.items() if live},
            "routes": dict(self.core.settlement.routes),
            "mailboxes": self.core.mailboxes.stats(),
            "descriptor_limit": descriptors.limit(),
            "transports": {transport.name: transport.stats() for transport in self.transports},
            "reachability": {one.name: one.reachability()._asdict() for one in self.transports},
            "store": self.store.stats(),
            "serves": list(self.roles.names),
            "roles": self.roles.stats(),
            "passes": self.roles.passes(),
            "queues": {key: value for name, gauge in self.gauges.items() for key, value in gauge.show(name).items()},
        }

    def stop(self) -> None:
        """Begin to stop."""
        self.stopped.set()


def run(loaded: Loaded, plugins: Plugins, *, invite: bool = False) -> int:
    """Run the node until SIGTERM, SIGINT or `system.stop`; the exit code. Raises what keeps it from starting.

    `invite`: print an invite also where nobody sits at a terminal.
    """
    gc.disable()  # to import so much takes a fifth longer when what is to stay is walked again and again
    descriptors.raise_limit()
    anyio.run(_main, loaded, plugins, invite)
    return 0


async def _main(loaded: Loaded, plugins: Plugins, invite: bool) -> None:
    words, clock = welcome.FirstWords(loaded.config.node.data_dir), SystemClock()
    manager = notify.Manager(os.environ, StructuredLog("node"))
    last_resort = threading.Timer(STOP_SECONDS, lambda: _give_up(node))
    last_resort.daemon = True
    try:
        async with (
            up(loaded, plugins, clock, words.take) as node,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(_heed_signals, node)
            tasks.start_soon(_heed_machine, node, clock)
            await welcome.show(node, invite)
            words.show()
            gc.freeze()  # what the start made stays; collections need not walk it again
            gc.enable()
            tasks.start_soon(manager.keep_telling, clock)
            manager.tell(notify.READY)
            await node.stopped.wait()
            StructuredLog("node").info("stopping")
            manager.tell(notify.STOPPING)
            last_resort.start()
            tasks.cancel_scope.cancel()
    finally:
        last_resort.cancel()
        words.show()  # an account was made, then something failed: its words must not be lost with it


def _give_up(node: Node) -> None:
    """End the process although something in it does not end, such as a bot that catches being cancelled. Whatever was
    confirmed is on the disk."""
    StructuredLog("node").error("the node does not stop, it is ended", bots=sorted(node.supervisor.live["bot"]))
    os._exit(1)


async def _heed_signals(node: Node) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            node.stop()


async def _heed_machine(node: Node, clock: Clock) -> None:
    with closing(Machine(clock)) as machine:
        await heed_network(node, machine)


async def heed_network(node: Node, network: Network) -> None:
    """Whenever the network changes, have transports renew their connections and lanes try at once; until cancelled."""
    told = node.hints()
    while True:
        await network.change()
        for transport in node.transports:
            await transport.network_changed()
        before, told = told, node.hints()
        StructuredLog("node").info("the network changed", addresses=node.addresses())
        node.core.lookup.finder.hurry()
        node.core.router.network_changed(moved=told != before)


@asynccontextmanager
async def up(
    loaded: Loaded, plugins: Plugins, clock: Clock, first_words: Callable[[str, Account], None] | None = None
) -> AsyncIterator[Node]:
    """A running node; leaving stops it. A first run makes an account, and hands over its words.

    Raises what `ground` raises, `SocketInUse`, `AddressRefused`, and `ComponentFailed` when a component fails later;
    that is a fact (`plugin.failed`) first.
    """
    async with AsyncExitStack() as stack:
        components, core, bus = await begin(stack, loaded, plugins, clock)
        node = Node(loaded, clock, bus, core, components)
        core.invites.hints = node.hints
        await core.load()
        if not core.accounts.all():
            account, words = await core.accounts.create(loaded.config.node.name, "person")
            (first_words or welcome.FirstWords(loaded.config.node.data_dir).take)(words, account)
        stack.push_async_exit(_obituary(bus, clock))
        core.screen([await stack.enter_async_context(components.live(*one)) for one in _of("filter", components)])
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        node.supervisor = Supervisor(components, bus, clock)
        core.lookup.supervised(node.supervisor)
        await _connect(stack, node, components, tasks)
        standing = await stack.enter_async_context(anyio.create_task_group())  # on transports, so it ends before them
        stack.callback(standing.cancel_scope.cancel)
        standing.start_soon(node.supervisor.run)
        for room in (core.router.run, core.lookup.run, core.mailboxes.run, core.receipts.run, core.tokens.expire):
            tasks.start_soon(room)
        tasks.start_soon(keep_up, core, node.store, clock, loaded.config.events)
        rpc = serve(node, loaded.config.rpc, StructuredLog("rpc"), plugins.methods())
        host = BotHost(node.supervisor, await stack.enter_async_context(rpc), core.accounts, core.bots)
        living = await stack.enter_async_context(anyio.create_task_group())  # bots end before what they speak to
        stack.callback(living.cancel_scope.cancel)
        host.start(components, living)
        node.monitor.ready = True
        stack.callback(setattr, node.monitor, "ready", False)
        StructuredLog("node").info("ready", socket=str(loaded.config.rpc.socket), addresses=len(node.addresses()))
        yield node


def servers_of(loaded: Loaded) -> Mapping[str, Sequence[str]]:
    """The nodes that the configuration names as servers, mailboxes and what transports have under `bootstrap`: node
    id → addresses with it."""
    named = [one for section in loaded.sections.values() for one in getattr(section, "bootstrap", ())]
    found: dict[str, list[str]] = {}
    for address in (*loaded.config.mailboxes, *named):
        found.setdefault(address.rpartition("/p2p/")[2], []).append(address)
    return found


def _of(noun: str, components: Components) -> Sequence[tuple[str, Component[Any]]]:
    return components.provided(f"provide_{noun}")


async def begin(stack: AsyncExitStack, loaded: Loaded, plugins: Plugins, clock: Clock) -> tuple[Components, Core, Bus]:
    """Folder, lock, keys, store, crypto: all that is needed without a network."""
    held = await stack.enter_async_context(ground(loaded, plugins, clock))
    components, store = held.components, held.store
    crypto: Crypto = await stack.enter_async_context(components.live(*components.one("provide_crypto")))
    bus = Bus(store, (await store.event_range())[1])
    trail.follow(bus, StructuredLog("trail"))
    return components, Core(loaded.config, clock, store, crypto, bus, held.keys), bus


async def _connect(stack: AsyncExitStack, node: Node, components: Components, tasks: TaskGroup) -> None:
    node.transports = [await stack.enter_async_context(components.live(*one)) for one in _of("transport", components)]
    await node.monitor.start(tasks)
    ways = [Loopback(node.id, tasks), *node.transports]
    node.core.link(ways, tasks)
    pass_file = node.config.pass_file
    badge = Badge(read_pass(pass_file) if pass_file else None, node.key, node.served)
    node.core.mailboxes.wear(badge)
    for transport in node.transports:
        badge.greet(transport, node.servers, tasks, StructuredLog("delivery"))
    node.roles.serve(ways, tasks, node.supervisor)
    moves = Moves(
        node.hints, node.core.router, node.contacts, node.transports, node.clock, tasks, node.config.mailboxes
    )
    tasks.start_soon(moves.heed)
    tasks.start_soon(moves.learn_servers)
    node.gauges.update(node.core.gauges())
    for transport in node.transports:
        await transport.listen()
    if not node.transports:
        StructuredLog("node").warning("local only: `plugins` names no transport, so no other node can be reached")


Exit = Callable[[type[BaseException] | None, BaseException | None, object], Awaitable[bool]]


def _obituary(bus: Bus, clock: Clock) -> Exit:
    """Keeps the fact that a component failed, while the store still lives."""

    async def exit_(kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        cause = first_error(error) if error is not None else None
        if isinstance(cause, ComponentFailed):
            with anyio.CancelScope(shield=True):
                await tell_failure(bus, clock, str(cause.data["plugin"]), str(cause.data["reason"]))
        return False

    return exit_
