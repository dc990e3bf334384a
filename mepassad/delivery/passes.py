"""Showing a node that one knows its pass, before boxes are opened there or its relay is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import anyio
from anyio.abc import TaskGroup

from mepassad.api.context import Log
from mepassad.api.node_id import key_from_node_id
from mepassad.api.transport import Stream, Transport
from mepassad.api.types import NodeId, Secret
from mepassad.delivery.links import Links
from mepassad.errors import FrameTooLarge, MailboxNotAdmitted, MalformedFrame, StreamClosed, Unreachable
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.messages_pb2 import PassChallenge, PassProof, PassReply
from mepassad.wire.passes import MAX_PASS_FRAME, PASS_PROTOCOL, about, parse, prove

PATIENCE = 20.0  # seconds for one exchange

NOT_NAMED = "This mailbox node asks for a pass: ask its operator for it, and name a file 0600 with it in `pass_file`."
NOT_TAKEN = "This mailbox node does not take the pass in `pass_file`: ask its operator for the right one."


async def show_pass(stream: Stream, pass_: Secret, node_key: bytes, patience: float) -> bool:
    """Show a pass on a stream of `PASS_PROTOCOL`, which ends with that; whether the node admits this one now.

    `node_key`: our own node's public key (32 bytes); `patience`: seconds. Raises `Unreachable` when the node does not
    answer as one does that has a pass, `StreamClosed`.
    """
    splitter = Splitter(MAX_PASS_FRAME)
    try:
        with anyio.move_on_after(patience):
            challenge = parse(PassChallenge, await _frame(stream, splitter)).challenge
            over = about(key_from_node_id(stream.peer), node_key, challenge)
            stream.write(pack(PassProof(proof=prove(pass_, over)).SerializeToString()))
            return parse(PassReply, await _frame(stream, splitter)).admitted
    except (MalformedFrame, FrameTooLarge) as error:
        raise Unreachable("The node did not ask for a pass as one does that has one.") from error
    finally:
        stream.abort()
    raise Unreachable("The node did not ask for a pass in time.")


async def _frame(stream: Stream, splitter: Splitter) -> bytes:
    """The next frame; the node sends one at a time. Raises `MalformedFrame` at the end."""
    while data := await stream.read():
        if frames := splitter.feed(data):
            return frames[0]
    raise MalformedFrame


class Badge:
    """What this node shows to nodes that ask for a pass: its own mailboxes, and the servers that its configuration
    names, which may be relays."""

    def __init__(
        self, pass_: Secret | None, node_key: bytes, admitted: Callable[[Sequence[str]], None] = lambda addresses: None
    ) -> None:
        """`node_key`: this node's public key (32 bytes). `admitted` is told the addresses, each with `/p2p` and the
        node's id, of who took the pass: what it refused before, it may grant now."""
        self._pass, self._node_key, self._admitted = pass_, node_key, admitted

    async def show(self, links: Links, node: NodeId, addresses: Sequence[str]) -> None:
        """Show the pass to a node. Raises `MailboxNotAdmitted` where there is none, or it is the wrong one, and as
        `Links.stream` and `show_pass`."""
        if self._pass is None:
            raise MailboxNotAdmitted(NOT_NAMED)
        stream = await links.stream(node, addresses, PASS_PROTOCOL, told=False)
        if not await show_pass(stream, self._pass, self._node_key, PATIENCE):
            raise MailboxNotAdmitted(NOT_TAKEN)
        self._admitted([f"{address}/p2p/{node}" for address in addresses])

    def greet(self, transport: Transport, servers: Mapping[str, Sequence[str]], tasks: TaskGroup, log: Log) -> None:
        """From now on, show the pass to each of these nodes that a transport connects to: a relay does not say that it
        asks for one, it only gives no place. To others it is never shown, since whoever sees it may try to guess it.
        `servers`: node id → addresses with it."""
        if (own := self._pass) is None:
            return

        async def show(node: NodeId) -> None:
            try:
                stream = await transport.open(node, (), PASS_PROTOCOL)
                taken = await show_pass(stream, own, self._node_key, PATIENCE)
            except (Unreachable, StreamClosed) as error:
                log.debug("a server asks for no pass", node=node, reason=error.sentence)
                return
            if taken:
                self._admitted(servers[node])
            else:
                log.warning("a server does not take the pass in `pass_file`", node=node)

        def seen(node: NodeId) -> None:
            if node in servers:
                tasks.start_soon(show, node)

        transport.watch(seen, lambda node: None)
