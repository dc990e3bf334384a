"""Client, bots and command for a mepassad node."""

from mepassa.bot import Bot, Context
from mepassa.client import Client
from mepassa.errors import CallTooLarge, ConnectionLost, MepassaError, NodeNotRunning, RpcError, StateUnreadable
from mepassa.events import Event, Events

__version__ = "0.1.0"

__all__ = [
    "Bot",
    "CallTooLarge",
    "Client",
    "ConnectionLost",
    "Context",
    "Event",
    "Events",
    "MepassaError",
    "NodeNotRunning",
    "RpcError",
    "StateUnreadable",
]
