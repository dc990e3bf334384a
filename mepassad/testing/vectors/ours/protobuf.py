"""Protobuf as our library reads it, over JSON."""

from __future__ import annotations

from google.protobuf.message import Message

from mepassad.builtin.crypto_signal import signal_pb2
from mepassad.testing.vectors.book import Fields
from mepassad.wire import messages_pb2
from mepassad.wire.identity import parse


def plain(message: Message) -> Fields:
    """A message's fields by name, as far as they hold something."""
    return {field.name: _plain(value) for field, value in message.ListFields()}


def _plain(value: object) -> object:
    if isinstance(value, Message):
        return plain(value)
    if isinstance(value, str | int):
        return value
    return value.hex() if isinstance(value, bytes) else [_plain(one) for one in value]  # type: ignore[attr-defined]


def read(message: str, raw: str) -> Fields:
    """The fields of a message of this name in these bytes. What is refused has the name that contents give to it."""
    kind = getattr(messages_pb2, message, None) or getattr(signal_pb2, message)
    return plain(parse(kind, bytes.fromhex(raw)))
