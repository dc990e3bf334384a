"""What can go wrong between a client and its node; each message is a sentence for the user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MepassaError(Exception):
    """The parent of all errors of this package."""


class RpcError(MepassaError):
    """The node refused a call.

    `code` and `name` are stable (docs/rpc.md lists them), `message` is a sentence for the user, `data` holds facts
    by name, such as `oldest` of `EventsExpired`.
    """

    def __init__(self, code: int, name: str, message: str, data: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message
        self.data = data


class NodeNotRunning(MepassaError):
    """Nobody answers on the node's socket, or this user may not open it."""


class ConnectionLost(MepassaError):
    """The connection ended before the answer came; whether the call was carried out is not known."""


class CallTooLarge(MepassaError):
    """The call does not fit into one line of the protocol; nothing was sent."""
