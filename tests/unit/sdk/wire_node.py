"""A node's side of the socket as the SDK's tests need it: real sockets, a scripted end, deaths at a chosen byte."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import ByteStream, SocketStream, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream
from mepassa.unix import UnixStream

ME = "mp1me"
ANA = "mp1ana"

CONTACT = {"account": ME, "contact": ANA, "state": "accepted"}
MESSAGE = {"account": ME, "message_id": "m1"}
LEAST: dict[str, dict[str, Any]] = {
    "contact.added": CONTACT,
    "contact.changed": CONTACT,
    "typing": {"account": ME, "contact": ANA, "conversation": "c1", "active": True},
    **{f"message.{step}": MESSAGE for step in ("received", "sent", "delivered", "read", "failed")},
}
"""The data that an event has at least."""

Method = Callable[..., Awaitable[dict[str, Any]]]


class Refusal(Exception):
    def __init__(self, code: int, name: str, message: str, **data: object) -> None:
        self.error = {"code": code, "message": message, "data": {"name": name, **data}}


REFUSED = Refusal(2000, "TokenRefused", "This token is not good.")


class WireNode:
    """Answers calls from `methods`, replays and follows `log`; a connection dies once it has sent `lives` bytes,
    those of the answer to a greeting without a token aside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.sent: dict[str, str] = {}
        self.lives: list[int] = []
        self.deaf = 0  # so many first connections are never read
        self.tokens: set[str] | None = None  # those that are good; None: none is asked for
        self.shown: list[str] = []
        self._wires: list[Wire] = []
        self.connections = 0
        self.methods: dict[str, Method] = {
            "system.hello": self.hello,
            "identity.show": self.identity,
            "messages.send": self.send,
            "events.subscribe": self.subscribe,
        }
        self._grown = anyio.Event()
        self._arrivals: dict[str, anyio.Event] = defaultdict(anyio.Event)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[WireNode]:
        listener = await anyio.create_unix_listener(self.path)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._serve)
            yield self
            tasks.cancel_scope.cancel()
        self.path.unlink(missing_ok=True)

    def publish(self, topic: str, **data: Any) -> int:
        self.log.append((topic, {**LEAST.get(topic, {}), **data}))
        self._grown.set()
        self._grown = anyio.Event()
        return len(self.log)

    def receive(self, text: str, account: str = ME) -> str:
        message_id = f"m{len(self.log) + 1}"
        self.publish(
            "message.received", account=account, message_id=message_id, contact=ANA, conversation="c1", text=text
        )
        return message_id

    async def called(self, method: str) -> None:
        """Wait until `method` has been called."""
        await self._arrivals[method].wait()

    async def hello(self, wire: Wire, client: str, api: int, token: str | None = None) -> dict[str, Any]:
        if token is None:
            return {"version": "0", "api": api}
        self.shown.append(token)
        if token not in (self.tokens or ()):
            raise REFUSED
        wire.token = token
        return {"version": "0", "api": api}

    async def cut(self) -> None:
        """End all connections."""
        for wire in self._wires:
            await wire.close()

    async def revoke(self, token: str) -> None:
        """As a node does: a line that belongs to no call, then the end."""
        assert self.tokens is not None
        self.tokens.remove(token)
        for wire in self._wires:
            if wire.token == token:
                await wire.write({"jsonrpc": "2.0", "id": None, "error": REFUSED.error})
                await wire.close()

    async def identity(self, wire: Wire, account: str = ME) -> dict[str, Any]:
        return {"account": account, "name": "Bia", "kind": "person", "addresses": ["/ip4/127.0.0.1/tcp/1/p2p/x"]}

    async def send(self, wire: Wire, *, text: str, request_id: str = "", **_: Any) -> dict[str, Any]:
        key = request_id or f"anonymous-{len(self.sent)}"
        if self.sent.setdefault(key, text) != text:
            raise Refusal(1205, "RequestReused", "This `request_id` was already used for a different message.")
        return {"message_id": f"out-{key}"}

    async def subscribe(
        self, wire: Wire, topics: list[str] | None = None, after: int | None = None, account: str | None = None
    ) -> dict[str, Any]:
        start = len(self.log) if after is None else min(after, len(self.log))
        wire.afterwards = lambda: self._follow(wire, topics, account, start)
        return {"subscription": "s1", "seq": start}

    async def _follow(self, wire: Wire, topics: list[str] | None, account: str | None, seq: int) -> None:
        while True:
            grown = self._grown
            for topic, data in self.log[seq:]:
                seq += 1
                if topic in (topics or [topic]) and data.get("account") in (account or data.get("account"),):
                    event = {"subscription": "s1", "seq": seq, "topic": topic, "data": data}
                    await wire.write({"jsonrpc": "2.0", "method": "events.event", "params": event})
            await grown.wait()

    async def _serve(self, accepted: SocketStream) -> None:
        self.connections += 1
        stream = UnixStream(accepted)
        wire = Wire(stream, self.lives.pop(0) if self.lives else None)
        self._wires.append(wire)
        async with stream, anyio.create_task_group() as tasks:
            if self.connections <= self.deaf:
                await anyio.sleep_forever()
            try:
                while True:
                    call = json.loads(await wire.incoming.receive_until(b"\n", 1 << 20))
                    await self.take(tasks, wire, call)
            except (anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError):
                tasks.cancel_scope.cancel()

    async def take(self, tasks: TaskGroup, wire: Wire, call: dict[str, Any]) -> None:
        """Carry out calls at once, in any order."""
        tasks.start_soon(self._answer, wire, call)

    async def _answer(self, wire: Wire, call: dict[str, Any]) -> None:
        greets = call["method"] == "system.hello" and "token" not in call["params"]  # as every client does
        if not greets:
            self.calls.append((call["method"], call["params"]))
        self._arrivals[call["method"]].set()
        try:
            if self.tokens is not None and not wire.token and call["method"] != "system.hello":
                raise REFUSED
            answer = {"result": await self.methods[call["method"]](wire, **call["params"])}
        except Refusal as refusal:
            answer = {"error": refusal.error}
        await wire.write({"jsonrpc": "2.0", "id": call["id"], **answer}, counts=not greets)
        if wire.afterwards is not None:
            follow, wire.afterwards = wire.afterwards, None
            await follow()


class Wire:
    """A connection that closes after `life` bytes."""

    def __init__(self, stream: ByteStream, life: int | None) -> None:
        self.incoming = BufferedByteReceiveStream(stream)
        self.account = ME  # for whom it acts
        self.afterwards: Callable[[], Awaitable[None]] | None = None
        self.token = ""
        self._stream = stream
        self._life = life
        self._writing = anyio.Lock()  # answers are written by several tasks

    async def write(self, message: dict[str, Any], *, counts: bool = True) -> None:
        await self.write_bytes(json.dumps(message).encode() + b"\n", counts=counts)

    async def write_bytes(self, data: bytes, *, counts: bool = True) -> None:
        async with self._writing:
            if not counts and self._life is not None:
                self._life += len(data)
            await self._send(data)

    async def _send(self, data: bytes) -> None:
        try:
            if self._life is not None and len(data) > self._life:
                await self._stream.send(data[: self._life])
                await self.close()
            else:
                await self._stream.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return
        if self._life is not None:
            self._life -= len(data)

    async def close(self) -> None:
        await self._stream.aclose()
