"""Client, bots and command for a mepassad node."""

from typing import TYPE_CHECKING, Any

from mepassa import generated
from mepassa.client import Client
from mepassa.errors import (
    CallTooLarge,
    ConnectionLost,
    InvalidCall,
    MepassaError,
    NodeNotRunning,
    NodeSilent,
    ProtocolError,
    RpcError,
)
from mepassa.events import Event, Events
from mepassa.generated import *  # noqa: F403 - every value and refusal of the node, listed in its __all__
from mepassa.pages import Pages

if TYPE_CHECKING:
    from mepassa.bot import Bot, Clock, Context, F, Router

__version__ = "0.1.0"

__all__ = [
    "Bot",
    "CallTooLarge",
    "Client",
    "Clock",
    "ConnectionLost",
    "Context",
    "Event",
    "Events",
    "F",
    "InvalidCall",
    "MepassaError",
    "NodeNotRunning",
    "NodeSilent",
    "Pages",
    "ProtocolError",
    "Router",
    "RpcError",
]
__all__ += generated.__all__

_OF_BOTS = {"Bot", "Clock", "Context", "F", "Router"}  # a client is imported faster without them


def __getattr__(name: str) -> Any:
    if name not in _OF_BOTS:
        raise AttributeError(f"module 'mepassa' has no attribute {name!r}")
    from mepassa import bot

    return getattr(bot, name)
