"""A client that costs next to nothing: blocking sockets, a request made once, lines counted rather than parsed."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

TEXT_BYTES = 200
_READ = 1 << 18


class Client:
    """One connection to a daemon, with one call at a time."""

    def __init__(self, path: Path) -> None:
        """Raises OSError while nobody listens there."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self._rest = b""
        self._early: list[bytes] = []

    def lines(self) -> list[bytes]:
        """The whole lines that the next read brings; may be none. Raises EOFError."""
        if self._early:
            early, self._early = self._early, []
            return early
        data = self.socket.recv(_READ)
        if not data:
            raise EOFError("The daemon closed the connection.")
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Call and wait for the result. Raises RuntimeError with the daemon's own sentence."""
        self.socket.sendall(request(method, params))
        while not (lines := self.lines()):
            pass
        self._early = lines[1:]  # events may come with the reply
        reply = json.loads(lines[0])
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']['message']}")
        result: dict[str, Any] = reply["result"]
        return result

    def close(self) -> None:
        """End the connection."""
        self.socket.close()


class Events:
    """A subscription on a connection of its own, so that every line on it is an event."""

    def __init__(self, path: Path, topic: str) -> None:
        """Follows from now on."""
        self._client = Client(path)
        self._client.call("events.subscribe", topics=[topic])
        self.socket = self._client.socket

    def read(self) -> list[bytes]:
        """The events that the next read brings; may be none."""
        return self._client.lines()

    def wait(self) -> None:
        """Wait for one event."""
        while not self._client.lines():
            pass

    def close(self) -> None:
        """End the subscription."""
        self._client.close()


def request(method: str, params: dict[str, object]) -> bytes:
    """The line of a call."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"


def send_request(contact: str, size: int = TEXT_BYTES) -> bytes:
    """The line that sends a text of so many bytes to a contact."""
    text = "The quick brown fox jumps over the lazy dog, and the dog sleeps on. " * (1 + size // 60)
    return request("messages.send", {"contact": contact, "text": text[:size]})
