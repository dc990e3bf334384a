"""JSON-RPC 2.0, one object a line, sans-I/O: bytes to lines, lines to requests, replies to lines.

Source: https://www.jsonrpc.org/specification; the framing and the limits are in docs/adr/0004.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from mepassad.errors import InvalidRequest, MepassaError, ParseError

MAX_NAME = 128
"""Characters of a method's name and of an id that is a string."""

Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
Id = Name | int | float | None

_MAX_REASON = 200
_AT = " - at "
_ROOT = re.compile(r"`\$\.?")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Request(msgspec.Struct, frozen=True):
    """A call, or without an `id` a notification, which gets no reply."""

    jsonrpc: Literal["2.0"]
    method: Name
    params: msgspec.Raw = msgspec.Raw(b"{}")
    id: Id | msgspec.UnsetType = msgspec.UNSET


class _OnlyId(msgspec.Struct):
    id: Id = None


class _Result(msgspec.Struct, tag_field="jsonrpc", tag="2.0"):
    id: Id
    result: object


class _ErrorObject(msgspec.Struct):
    code: int
    message: str
    data: dict[str, object]


class _Error(msgspec.Struct, tag_field="jsonrpc", tag="2.0"):
    id: Id
    error: _ErrorObject


class _Notification(msgspec.Struct, tag_field="jsonrpc", tag="2.0"):
    method: str
    params: object


_request = msgspec.json.Decoder(Request)
_only_id = msgspec.json.Decoder(_OnlyId)
_encode = msgspec.json.Encoder(enc_hook=str).encode


class LineReader:
    """Cuts a byte stream into lines. After a line that is too long it is `overflowed` and takes nothing more."""

    def __init__(self, max_line: int) -> None:
        """`max_line`: bytes of a line without its end."""
        self._max_line = max_line
        self._partial = bytearray()
        self.overflowed = False

    def allow(self, max_line: int) -> None:
        """From now on lines may be so long."""
        self._max_line = max_line

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their ends."""
        lines: list[bytes] = []
        *complete, rest = data.split(b"\n")
        for part in complete:
            self._extend(part)
            if self.overflowed:
                return lines
            lines.append(bytes(self._partial))
            self._partial.clear()
        self._extend(rest)
        return lines

    def _extend(self, part: bytes) -> None:
        self.overflowed = self.overflowed or len(self._partial) + len(part) > self._max_line
        if self.overflowed:
            self._partial.clear()
        else:
            self._partial += part


def parse_request(line: bytes, max_depth: int) -> Request:
    """Read one line. Raises `ParseError` (not JSON, not UTF-8) or `InvalidRequest` (JSON, but not one request, or
    nested deeper than `max_depth`)."""
    try:
        if not line.isascii():
            line.decode()  # what the decoder skips, it does not check
        request = _request.decode(line)
    except msgspec.ValidationError as error:
        raise InvalidRequest(_invalid(line, error)) from None
    except RecursionError:
        raise _too_deep(max_depth) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ParseError from None
    if line.count(b"{") + line.count(b"[") > max_depth and _deeper(line, max_depth):
        raise _too_deep(max_depth)
    return request


def _too_deep(max_depth: int) -> InvalidRequest:
    return InvalidRequest(f"The line is nested more than {max_depth} deep.", limit=max_depth)


def _deeper(line: bytes, depth: int) -> bool:
    """Whether valid JSON is nested deeper: each round takes away the innermost brackets."""
    brackets = _STRING.sub(b"", line).translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(depth):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _invalid(line: bytes, error: msgspec.ValidationError) -> str:
    if line.lstrip()[:1] == b"[":
        return "Batches are not supported; send one request a line."
    return f"The line is not a JSON-RPC 2.0 request object: {reason(error)}."


def reason(error: msgspec.ValidationError) -> str:
    """What the decoder found wrong, and in which field, short enough for a reply."""
    found, _, place = str(error).rpartition(_AT)
    field = _ROOT.sub("`", place)
    if not found:
        return place[:_MAX_REASON]
    return (found if field == "``" else f"{found}, in {field}")[:_MAX_REASON]


def find_id(line: bytes) -> Id:
    """The id of a line that is not a valid request, so that its error finds its caller; None if there is none."""
    try:
        return _only_id.decode(line).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def result_line(id: Id, result: object) -> bytes:
    """The reply to a call that succeeded. Raises TypeError if the result cannot be written."""
    return _encode(_Result(id, result)) + b"\n"


def error_line(id: Id, error: MepassaError) -> bytes:
    """The reply to a call that failed: `{code, message, data: {name, …}}`."""
    data = {"name": error.name, **error.data}
    return _encode(_Error(id, _ErrorObject(error.code, error.sentence, data))) + b"\n"


def notification_line(method: str, params: object) -> bytes:
    """A message to the client that asks for no answer."""
    return _encode(_Notification(method, params)) + b"\n"
