"""The server side of `/mepassa/pass/1`: a node shows that it knows the pass of this one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import anyio

from mepassad.api.node_id import key_from_node_id
from mepassad.api.transport import Stream
from mepassad.api.types import Secret
from mepassad.errors import ConfigError, MalformedFrame
from mepassad.i18n import _
from mepassad.people.keyfiles import check_private
from mepassad.serving.admission import Admission
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.messages_pb2 import PassChallenge, PassProof, PassReply
from mepassad.wire.passes import MAX_PASS_FRAME, MIN_PASS, about, parse

PATIENCE = 20.0  # seconds for the whole exchange


def read_pass(path: Path) -> Secret:
    """The pass in a file, without the white space around it. Raises `ConfigError`, and as `check_private`."""
    if not path.exists():
        raise ConfigError(f"{path}: " + _("there is no such file, but `pass_file` says that the pass is there."))
    check_private(path)
    text = path.read_bytes().strip()
    if len(text) < MIN_PASS:
        raise ConfigError(
            f"{path}: "
            + _("a pass has at least {least} characters; `openssl rand -hex 16` makes one.").format(least=MIN_PASS)
        )
    return Secret(text)


class Passes:
    """Takes proofs for all roles of the node that admit by pass."""

    def __init__(self, node_key: bytes, admissions: Sequence[Admission]) -> None:
        """`node_key`: this node's public key."""
        self._node_key, self._admissions = node_key, admissions
        self._admitted = self._refused = 0

    def stats(self) -> dict[str, int]:
        """How many proofs were right, and how many were not."""
        return {"admitted": self._admitted, "refused": self._refused}

    async def serve(self, stream: Stream) -> None:
        """One exchange: a challenge, a proof, whether it was right. Raises `MalformedFrame`, `FrameTooLarge`."""
        challenge, splitter = os.urandom(32), Splitter(MAX_PASS_FRAME)
        stream.write(pack(PassChallenge(challenge=challenge).SerializeToString()))
        with anyio.move_on_after(PATIENCE):
            while data := await stream.read():
                if frames := splitter.feed(data):
                    proof = parse(PassProof, frames[0]).proof
                    if len(proof) != len(challenge):
                        raise MalformedFrame
                    over = about(self._node_key, key_from_node_id(stream.peer), challenge)
                    admitted = any([one.shown(stream.peer, proof, over) for one in self._admissions])
                    self._admitted, self._refused = self._admitted + admitted, self._refused + (not admitted)
                    stream.write(pack(PassReply(admitted=admitted).SerializeToString()))
                    break
        await stream.close()
