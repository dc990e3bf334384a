"""Showing a node that one knows its pass, before boxes are opened there or its relay is used."""

from __future__ import annotations

import anyio

from mepassad.api.node_id import key_from_node_id
from mepassad.api.transport import Stream
from mepassad.api.types import Secret
from mepassad.errors import FrameTooLarge, MalformedFrame, Unreachable
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.messages_pb2 import PassChallenge, PassProof, PassReply
from mepassad.wire.passes import MAX_PASS_FRAME, about, parse, prove


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
