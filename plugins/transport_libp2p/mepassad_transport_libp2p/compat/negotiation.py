"""Cure: a protocol negotiation message of any length was read into memory, before the peer proved any key.

Also, one that is not UTF-8 raised what nobody caught and ended the host. The limit is go-libp2p's.
Not needed once `MultiselectCommunicator.read` bounds its messages and maps decoding errors.
"""

from __future__ import annotations

from libp2p.exceptions import ParseError
from libp2p.io.abc import Reader
from libp2p.io.utils import read_exactly
from libp2p.protocol_muxer import multiselect_communicator
from libp2p.utils.varint import decode_uvarint_from_stream

MAX_MESSAGE = 1024
"""Bytes of a multistream-select message, its newline included."""


async def read_message(reader: Reader) -> bytes:
    """One multistream-select message without its newline: UTF-8, at most `MAX_MESSAGE` bytes. Raises ParseError."""
    size = await decode_uvarint_from_stream(reader)
    if not 0 < size <= MAX_MESSAGE:
        raise ParseError(f"a negotiation message of {size} bytes")
    message = await read_exactly(reader, size)
    if not message.endswith(b"\n"):
        raise ParseError("a negotiation message without its newline")
    try:
        message.decode()
    except UnicodeDecodeError:
        raise ParseError("a negotiation message that is not UTF-8") from None
    return message[:-1]


def apply() -> None:
    """Make all negotiations read bounded messages."""
    setattr(multiselect_communicator, "read_delim", read_message)  # noqa: B010 the module exports no such name
