"""A daemon that writes down all that it is asked, and answers, as a node of the DHT and as a mailbox node's directory.

Run as `python -m tests.recording FILE PROGRAM ARGUMENT …`, in place of the program `mepassad`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mepassad_transport_libp2p.kad_calls import Answers
from mepassad_transport_libp2p.kad_pb2 import KadRequest
from mepassad_transport_libp2p.kad_wire import Reply, pack_reply

from mepassad.api.types import NodeId
from mepassad.cli.main import main
from mepassad.serving.records import RecordServer
from mepassad.wire.messages_pb2 import DirectoryReply, DirectoryRequest


def record(path: Path) -> None:
    """Have everything written down from now on."""
    in_dht, at_mailbox = Answers.answer, RecordServer.answer

    def write(*seen: bytes) -> None:
        with path.open("ab") as file:
            file.write(b"|".join((*seen, b"")))

    def answer(self: Answers, node: NodeId, request: KadRequest, host: str) -> Reply:
        reply = in_dht(self, node, request, host)
        write(b"dht", request.SerializeToString(), pack_reply(reply))
        return reply

    async def answer_too(self: RecordServer, node: NodeId, request: DirectoryRequest) -> DirectoryReply:
        reply = await at_mailbox(self, node, request)
        write(b"mailbox", request.SerializeToString(), reply.SerializeToString())
        return reply

    Answers.answer, RecordServer.answer = answer, answer_too  # type: ignore[method-assign]


if __name__ == "__main__":
    record(Path(sys.argv[1]))
    main(sys.argv[3:])
