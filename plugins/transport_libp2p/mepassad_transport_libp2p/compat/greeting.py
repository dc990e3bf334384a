"""What the listeners of this package hand to the swarm: connections that still have to greet, and may be slow at it."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Greeting(ABC):
    """A connection with a handshake of its own below those of libp2p: QUIC, WebSocket."""

    @abstractmethod
    async def greet(self) -> None:
        """Do the handshake; raises an exception of any kind where it fails. The caller bounds its time."""

    def refuse(self) -> None:  # noqa: B027 most can say no only by closing
        """Before the handshake: say that there is no room, where that can be said. Whoever calls closes then."""
