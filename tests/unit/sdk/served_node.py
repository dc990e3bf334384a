"""The daemon's own RPC server in front of a node in memory, and streams to it that die or lie at a chosen byte."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from anyio.abc import ByteStream
from mepassa.unix import UnixStream

from mepassad.config.model import Rpc
from mepassad.log import StructuredLog
from mepassad.rpc.server import serve

_place = Path(__file__).parents[1] / "rpc" / "fake_node.py"
_specification = importlib.util.spec_from_file_location("fake_node", _place)
assert _specification is not None
assert _specification.loader is not None
fake_node = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(fake_node)


@asynccontextmanager
async def serving(node: Any, folder: str) -> AsyncIterator[Path]:
    config = Rpc(socket=Path(folder, "run", "s"))
    async with serve(node, config, StructuredLog("rpc")):
        yield config.socket


class Fault(NamedTuple):
    """After so many bytes `to` or `from` the node the stream dies; or `junk` is among what comes from it."""

    where: str
    after: int
    junk: bytes = b""


class FaultyStream(ByteStream):
    """A stream to a node with one fault, or none; it gives `chunk` bytes at most at once."""

    def __init__(self, inner: ByteStream, fault: Fault | None, chunk: int) -> None:
        self._inner, self._fault, self._chunk = inner, fault, chunk
        self._passed = {"to": 0, "from": 0}
        self._waiting = b""

    async def send(self, item: bytes) -> None:
        passes = self._passing("to", item)
        if passes:
            await self._inner.send(passes)
        if len(passes) < len(item):
            await self._inner.aclose()
            raise anyio.BrokenResourceError

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self._waiting:
            came = await self._inner.receive(max_bytes)
            passes = self._passing("from", came)
            if len(passes) == len(came):
                self._waiting = came
            elif self._fault is not None and self._fault.junk:
                self._waiting = passes + self._fault.junk + came[len(passes) :]
                self._fault = None
            else:
                self._waiting = passes
                with anyio.CancelScope(shield=True):
                    await self._inner.aclose()
        given, self._waiting = self._waiting[: self._chunk], self._waiting[self._chunk :]
        if not given:
            raise anyio.EndOfStream
        return given

    def _passing(self, where: str, data: bytes) -> bytes:
        before, self._passed[where] = self._passed[where], self._passed[where] + len(data)
        if self._fault is None or self._fault.where != where:
            return data
        return data[: max(0, self._fault.after - before)]

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        await self._inner.aclose()


class FaultyWay:
    """`Client(connect=…)`: the first connections have the faults, one each; those after them have none."""

    def __init__(self, socket: Path, faults: Iterable[Fault], chunk: int) -> None:
        self._faults = list(faults)
        self._socket, self._chunk = socket, chunk

    async def __call__(self) -> ByteStream:
        inner = await UnixStream.connect(self._socket)
        return FaultyStream(inner, self._faults.pop(0) if self._faults else None, self._chunk)
