"""Client, bots and command for a mepassad node."""

from mepassa.bot import Bot, Context, F, Router
from mepassa.client import Client
from mepassa.errors import CallTooLarge, ConnectionLost, MepassaError, NodeNotRunning, RpcError
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
    "F",
    "MepassaError",
    "NodeNotRunning",
    "Router",
    "RpcError",
]
