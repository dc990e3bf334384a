"""Our frames and packets, over JSON."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from mepassad.api.types import AccountId, Contact, ConversationId
from mepassad.delivery.handshake import Handshakes
from mepassad.testing.clock import ManualClock
from mepassad.testing.vectors.book import Fields
from mepassad.testing.vectors.ours.protobuf import plain
from mepassad.wire import framing, packets
from mepassad.wire.identity import parse, verify_devices
from mepassad.wire.ids import account_id
from mepassad.wire.messages_pb2 import Frame, PrekeyReply, PrekeyRequest


def length(size: int) -> Fields:
    """What is in front of a frame of so many bytes."""
    return {"prefix": framing.pack(bytes(size))[: -size or None].hex()}


def split(chunks: list[str], limit: int) -> Fields:
    """The frames in what arrives on a stream, chunk by chunk, `limit` being the longest that is taken."""
    splitter = framing.Splitter(limit)
    return {"frames": [frame.hex() for chunk in chunks for frame in splitter.feed(bytes.fromhex(chunk))]}


def packet_write(sender: str, recipient: str, session: str, message: str) -> Fields:
    """A packet, and its id."""
    raw = packets.pack_packet(*(bytes.fromhex(part) for part in (sender, recipient, session, message)))
    return {"packet": raw.hex(), "id": packets.packet_id(raw).hex()}


def packet_read(packet: str) -> Fields:
    """What a packet says, and its id."""
    raw = bytes.fromhex(packet)
    return plain(packets.parse_packet(raw)) | {"id": packets.packet_id(raw).hex()}


def frame_write(packets: list[str], acks: list[str], refusals: list[Fields]) -> Fields:
    """A frame of a message stream, without its length."""
    told = [{"packet": bytes.fromhex(one["packet"]), "reason": one["reason"]} for one in refusals]
    frame = Frame(packets=map(bytes.fromhex, packets), acks=map(bytes.fromhex, acks), refusals=told)
    return {"frame": frame.SerializeToString().hex()}


def frame_read(frame: str) -> Fields:
    """What a frame of a message stream says."""
    return plain(packets.parse_frame(bytes.fromhex(frame)))


def prekey_request_read(request: str) -> Fields:
    """What a request for prekeys says."""
    return plain(parse(PrekeyRequest, bytes.fromhex(request)))


def prekey_reply_read(reply: str) -> Fields:
    """What a reply with prekeys says."""
    return plain(parse(PrekeyReply, bytes.fromhex(reply)))


def prekey_reply_check(reply: str, account: str, seen: str | None, now: int) -> Fields:
    """What a reply gives to an asker who looks for this account (its key), `seen` being the device list that was seen
    before (signed, null for none): bundles by device, of such as are on the list."""
    key = bytes.fromhex(account)
    before = verify_devices(bytes.fromhex(seen), key, None) if seen else None
    asker = SimpleNamespace(_clock=ManualClock(now), _contacts=SimpleNamespace(devices=lambda contact: before))
    no_id, no_conversation = AccountId(""), ConversationId("")
    contact = Contact(
        account=no_id, id=account_id(key), conversation=no_conversation, state="accepted", created_at=0
    )  # fmt: skip
    parsed = parse(PrekeyReply, bytes.fromhex(reply))
    devices, bundles = Handshakes._checked(cast(Handshakes, asker), contact, parsed)
    return {
        "version": devices.version,
        "bundles": {device.hex(): row.bundle.hex() for device, row in bundles.items()},
    }
