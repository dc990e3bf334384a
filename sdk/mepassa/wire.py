"""The lines between client and node: JSON-RPC 2.0, one object a line, UTF-8 (sans-I/O)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from mepassa.errors import CallTooLarge, InvalidCall, ProtocolError, RpcError
from mepassa.generated.errors import REFUSALS
from mepassa.text import visible

T = TypeVar("T")

LINE_LIMIT = 1024 * 1024
"""Bytes of the longest line, without its newline."""

_JUNK = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ErrorObject(msgspec.Struct, frozen=True):
    """A refusal, as JSON-RPC 2.0 section 5.1 has it; the node puts the error's stable name into `data.name`."""

    code: int
    message: str
    data: dict[str, Any] = {}

    def exception(self) -> RpcError:
        """The refusal as the exception that a caller meets; a plain `RpcError` where its code is not known here."""
        name = self.data.get("name")
        facts = {key: value for key, value in self.data.items() if key != "name"}
        kind = REFUSALS.get(self.code, RpcError)
        return kind(self.code, name if isinstance(name, str) else kind.__name__, self.message, facts)


class Line(msgspec.Struct, frozen=True):
    """A line from the node: a reply has `result` or `error`, a notification has `method` and `params`."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: ErrorObject | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


_decoder = msgspec.json.Decoder(Line)


def encode_call(number: int, method: str, params: Mapping[str, object] | msgspec.Struct) -> bytes:
    """A call as one line. Raises `CallTooLarge`; `InvalidCall` when a parameter has no form in JSON."""
    problem = ""
    try:
        line = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    except UnicodeEncodeError:
        problem = "not valid UTF-8"
    except (TypeError, ValueError, OverflowError, RecursionError):
        problem = "not of what JSON has"
    if problem:  # not raised above: the caught exception holds what was to be sent
        raise InvalidCall(f"The parameter `{_faulty(params)}` of {method} is wrong: it is {problem}.")
    if len(line) > LINE_LIMIT:
        raise CallTooLarge(f"The call `{method}` has {len(line)} bytes; a line may have {LINE_LIMIT}.")
    return line + b"\n"


def _faulty(params: Mapping[str, object] | msgspec.Struct) -> str:
    """The first parameter that cannot be sent."""
    given = params if isinstance(params, Mapping) else msgspec.structs.asdict(params)
    for name, value in given.items():
        try:
            msgspec.json.encode({name: value})
        except (TypeError, ValueError, OverflowError, RecursionError):
            return visible(str(name))
    return "params"


def decode_line(line: bytes) -> Line:
    """What the node said. Raises `ProtocolError` on anything else, whatever the bytes."""
    try:
        decoded = _decoder.decode(line)
    except _JUNK:
        raise ProtocolError from None
    if (decoded.error is not None) + (decoded.method is not None) + bool(bytes(decoded.result)) != 1:
        raise ProtocolError
    return decoded


def read(raw: msgspec.Raw, kind: type[T], what: str) -> T:
    """A part of a line; `what` names it. Raises `ProtocolError` when it has another shape."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except _JUNK:
        raise ProtocolError(
            f"The node's {what} has not the shape that this client's version of mepassad's protocol gives it."
        ) from None
