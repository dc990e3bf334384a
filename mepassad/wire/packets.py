"""Packets and the frames that carry them between nodes (`/mepassa/message/1`)."""

from __future__ import annotations

import enum
import hashlib

from google.protobuf.message import DecodeError

from mepassad.errors import MalformedFrame
from mepassad.wire.messages_pb2 import Frame, Packet

MESSAGE_PROTOCOL = "/mepassa/message/1"
PREKEY_PROTOCOL = "/mepassa/prekeys/1"
MAX_ANSWERS = 1024  # acks, and refusals, of a frame: a million of them, all empty, would fit one that is not too large


class Reason(enum.IntEnum):
    """Why a packet was not taken."""

    BUSY = 1  # try again later
    NO_SESSION = 2  # the recipient does not have this session
    UNKNOWN_DEVICE = 3  # the recipient device does not live on this node
    TOO_LARGE = 4
    INVITE_UNKNOWN = 5
    INVITE_EXPIRED = 6
    INVITE_USED = 7
    PREKEY_MISSING = 8  # a first message names a one-time prekey that is gone


def pack_packet(sender: bytes, recipient: bytes, session: bytes, message: bytes) -> bytes:
    """The bytes of a packet; a retry sends exactly these again."""
    return Packet(sender=sender, recipient=recipient, session=session, message=message).SerializeToString()


def parse_packet(raw: bytes) -> Packet:
    """A packet. Raises `MalformedFrame`."""
    try:
        packet = Packet.FromString(raw)
    except DecodeError as error:
        raise MalformedFrame from error
    if len(packet.sender) != 32 or len(packet.recipient) != 32 or len(packet.session) != 16 or not packet.message:
        raise MalformedFrame
    return packet


def packet_id(raw: bytes) -> bytes:
    """The id of a packet on every route: SHA-256 of its bytes."""
    return hashlib.sha256(raw).digest()


def parse_frame(raw: bytes) -> Frame:
    """A frame. Raises `MalformedFrame`."""
    try:
        frame = Frame.FromString(raw)
    except DecodeError as error:
        raise MalformedFrame from error
    if max(len(frame.acks), len(frame.refusals)) > MAX_ANSWERS or any(len(ack) != 32 for ack in frame.acks):
        raise MalformedFrame
    return frame
