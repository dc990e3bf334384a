"""What can go wrong between a client and its node; each message is a sentence for the user.

What the node may refuse has an exception each in `mepassa.generated.errors`; all are exported by `mepassa`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MepassaError(Exception):
    """The parent of all errors of this package."""


class RpcError(MepassaError):
    """The node refused a call. What it is known to refuse has a class of its own, such as `UnknownContact`.

    `code` and `name` are stable (docs/rpc.md lists them), `message` is a sentence for the user, `data` holds facts
    by name, such as `oldest` of `EventsExpired`.
    """

    def __init__(self, code: int, name: str, message: str, data: Mapping[str, Any]) -> None:
        super().__init__(code, name, message, data)
        self.code = code
        self.name = name
        self.message = message
        self.data = data

    def __str__(self) -> str:
        return self.message


class InvalidCall(MepassaError):
    """A parameter is missing, unknown, of the wrong type or out of bounds; nothing was sent."""


class CallTooLarge(MepassaError):
    """The call does not fit into one line of the protocol; nothing was sent."""


class NodeNotRunning(MepassaError):
    """Nobody answers on the node's socket, or this user may not open it."""


class NodeSilent(NodeNotRunning):
    """The node's socket is open, and nothing answers there in time."""


class ConnectionLost(MepassaError):
    """The connection ended before the answer came; whether the call was carried out is not known."""


class ProtocolError(ConnectionLost):
    """What answers does not speak mepassad's protocol, or not as it should; the connection was ended."""

    def __init__(self, sentence: str = "What answers on the socket does not speak mepassad's protocol.") -> None:
        super().__init__(sentence)
