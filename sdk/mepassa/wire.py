"""The lines between client and node: JSON-RPC 2.0, one object a line, UTF-8 (sans-I/O)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mepassa.errors import CallTooLarge, RpcError

LINE_LIMIT = 1024 * 1024
"""Bytes of the longest line, without its newline."""


class MalformedLine(Exception):
    """The node sent a line that is neither a reply nor a notification."""


class ErrorObject(msgspec.Struct, frozen=True):
    """A refusal, as JSON-RPC 2.0 section 5.1 has it; the node puts the error's stable name into `data.name`."""

    code: int
    message: str
    data: dict[str, Any] = {}

    def exception(self) -> RpcError:
        """The refusal as the exception that a caller meets."""
        name = self.data.get("name")
        facts = {key: value for key, value in self.data.items() if key != "name"}
        return RpcError(self.code, name if isinstance(name, str) else "RpcError", self.message, facts)


class Line(msgspec.Struct, frozen=True):
    """A line from the node: a reply has `result` or `error`, a notification has `method` and `params`."""

    id: int | None = None
    result: dict[str, Any] | None = None
    error: ErrorObject | None = None
    method: str | None = None
    params: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(Line)


def encode_call(number: int, method: str, params: Mapping[str, Any]) -> bytes:
    """A call as one line. Raises `CallTooLarge`; TypeError or ValueError when a parameter has no form in JSON."""
    line = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    if len(line) > LINE_LIMIT:
        raise CallTooLarge(f"The call `{method}` has {len(line)} bytes; a line may have {LINE_LIMIT}.")
    return line + b"\n"


def decode_line(line: bytes) -> Line:
    """What the node said. Raises `MalformedLine` on anything else, whatever the bytes."""
    try:
        decoded = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedLine from None
    if sum(part is not None for part in (decoded.result, decoded.error, decoded.method)) != 1:
        raise MalformedLine
    return decoded
