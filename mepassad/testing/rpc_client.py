"""A raw RPC client for tests: every reply and event is checked against the OpenRPC document."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import jsonschema
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream

from mepassad.rpc.methods import ALL
from mepassad.rpc.openrpc import document
from mepassad.rpc.registry import Registry

_MAX_LINE = 1 << 27
_FAREWELL = 5.0  # seconds a node has to close a session that we ended


class RpcError(Exception):
    """The node refused a call."""

    def __init__(self, error: dict[str, Any]) -> None:
        self.code: int = error["code"]
        self.name: str = error["data"]["name"]
        self.data: dict[str, Any] = error["data"]
        super().__init__(f"{self.name}: {error['message']}")


class RpcClient:
    """Calls by name, events by topic. Make one with `connect`."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.events: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []  # replies that belong to no call of ours
        self.ended = False
        self._methods: dict[int, str] = {}
        self._replies: dict[int, dict[str, Any]] = {}
        self._news = anyio.Event()

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result. Raises `RpcError`; an answer that is not as documented is an AssertionError."""
        id = await self.begin(method, **params)
        await self.until(lambda: id in self._replies)
        reply = self._replies.pop(id)
        check_reply(method, reply)
        if "error" in reply:
            raise RpcError(reply["error"])
        return dict(reply["result"])

    async def begin(self, method: str, **params: Any) -> int:
        """Send a call without waiting; its reply is dropped unless it is waited for."""
        id = len(self._methods) + 1
        self._methods[id] = method
        await self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        return id

    async def send(self, line: object) -> None:
        """Send bytes as they are, or anything else as a line of JSON."""
        await self.stream.send(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")

    async def event(self, *topics: str) -> dict[str, Any]:
        """The first event of these topics (none: of any) that was not taken yet: subscription, seq, topic, data."""

        def found() -> list[dict[str, Any]]:
            return [event for event in self.events if not topics or event["topic"] in topics]

        await self.until(lambda: bool(found()))
        event = found()[0]
        self.events.remove(event)
        return event

    async def until(self, true: Callable[[], bool], timeout: float = 10) -> None:
        """Wait until what arrived makes it true. Raises TimeoutError, and EOFError when the node closed first."""
        with anyio.fail_after(timeout):
            while not true():
                if self.ended:
                    raise EOFError("the node closed the connection")
                await self._news.wait()

    async def until_closed(self, timeout: float = 10) -> None:
        """Wait until the node has closed the connection."""
        await self.until(lambda: self.ended, timeout)

    async def leave(self) -> None:
        """Say that no more calls come, and wait for the node to close.

        To cancel the reader instead would now and then hit it while bytes arrive, which anyio's Unix stream does not
        survive: its callback then sets a future that is cancelled.
        """
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            await self.stream.send_eof()
        with anyio.move_on_after(_FAREWELL):
            while not self.ended:
                await self._news.wait()

    async def _read(self) -> None:
        lines = BufferedByteReceiveStream(self.stream)
        try:
            while True:
                self._take(json.loads(await lines.receive_until(b"\n", _MAX_LINE)))
                self._tell()
        except (anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.ended = True
            self._tell()

    def _take(self, line: dict[str, Any]) -> None:
        if line.get("method") == "events.event":
            check_event(line)
            self.events.append(line["params"])
        elif line.get("id") in self._methods:
            self._replies[line["id"]] = line
        else:
            self.others.append(line)

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()


@asynccontextmanager
async def connect(path: Path) -> AsyncIterator[RpcClient]:
    """A session on a node's socket."""
    async with await anyio.connect_unix(path) as stream, anyio.create_task_group() as tasks:
        client = RpcClient(stream)
        tasks.start_soon(client._read)
        yield client
        await client.leave()
        tasks.cancel_scope.cancel()


def check_reply(method: str, reply: dict[str, Any]) -> None:
    """Raise AssertionError unless the document allows this reply to this method."""
    assert reply.keys() in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"}), reply
    assert reply["jsonrpc"] == "2.0"
    results, errors, _ = _validators()
    if "result" in reply:
        _check(results[method], reply["result"])
        return
    error = reply["error"]
    assert error.keys() == {"code", "message", "data"}, error
    declared = errors.get(method, {}) | errors[""]
    assert declared.get(error["data"]["name"]) == error["code"], f"{method} does not declare {error}"


def check_event(notification: dict[str, Any]) -> None:
    """Raise AssertionError unless the document allows this event."""
    assert notification.keys() == {"jsonrpc", "method", "params"}, notification
    _, _, events = _validators()
    params = notification["params"]
    _check(events[""], params)
    _check(events[params["topic"]], params["data"])


def _check(validator: jsonschema.Draft202012Validator, value: object) -> None:
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    assert error is None, f"{error.message if error else ''} in {value}"


Validators = dict[str, jsonschema.Draft202012Validator]


@cache
def _validators() -> tuple[Validators, dict[str, dict[str, int]], Validators]:
    openrpc = document(Registry(ALL))
    schemas = {name: _closed(schema) for name, schema in openrpc["components"]["schemas"].items()}

    def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator({**schema, "components": {"schemas": schemas}})

    def names(errors: list[dict[str, Any]]) -> dict[str, int]:
        return {error["data"]["name"]: error["code"] for error in errors}

    results = {method["name"]: validator(method["result"]["schema"]) for method in openrpc["methods"]}
    errors = {method["name"]: names(method["errors"]) for method in openrpc["methods"]}
    errors[""] = names(list(openrpc["components"]["errors"].values()))
    events = {event["topic"]: validator(event["schema"]) for event in openrpc["x-events"]}
    events[""] = validator(openrpc["x-notifications"][0]["params"])
    return results, errors, events


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Clients ignore keys that they do not know; a test does not."""
    return {**schema, "additionalProperties": False} if "properties" in schema else schema
