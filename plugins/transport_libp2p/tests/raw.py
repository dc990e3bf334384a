"""Raw clients for tests: they speak to a node's port byte by byte, and badly where a test wants it."""

from __future__ import annotations

import asyncio

from mepassad.testing.transport_node import Node

MULTISTREAM = "/multistream/1.0.0"


def port_of(node: Node) -> int:
    """The TCP port of a node on loopback."""
    return int(node.transport.addresses()[0].split("/")[4])


def message(text: str) -> bytes:
    """A multistream-select message (below 128 bytes): its length with the newline, its text, a newline."""
    return bytes([len(text) + 1]) + text.encode() + b"\n"


async def connect(node: Node) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A plain TCP connection to a node."""
    return await asyncio.open_connection("127.0.0.1", port_of(node))


async def answer(reader: asyncio.StreamReader) -> str:
    """The next multistream-select message; "" at the end."""
    size = await reader.read(1)
    return (await reader.readexactly(size[0])).decode().rstrip("\n") if size else ""


async def closed(reader: asyncio.StreamReader) -> bool:
    """Wait until the node has closed the connection."""
    try:
        while await reader.read(65536):
            pass
    except ConnectionError:
        pass
    return True
