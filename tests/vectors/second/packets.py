"""packets.md."""

from __future__ import annotations

from typing import Any

from second.identity import followed, listed
from second.primitives import sha256
from second.protobuf import decode, encode, plain, varint
from second.refused import Refused, need
from second.seal_keys import acceptable

Fields = dict[str, Any]


def length(size: int) -> Fields:
    return {"prefix": varint(size).hex()}


def split(chunks: list[str], limit: int) -> Fields:
    rest, frames = bytes.fromhex("".join(chunks)), []
    while rest:
        end = next((at for at, byte in enumerate(rest[:5]) if byte < 0x80), None)
        if end is None:
            need(len(rest) < 5, "MalformedFrame")
            break
        size = sum((byte & 0x7F) << 7 * at for at, byte in enumerate(rest[: end + 1]))
        need(size <= limit, "FrameTooLarge")
        if len(rest) < end + 1 + size:
            break
        frames.append(rest[end + 1 : end + 1 + size].hex())
        rest = rest[end + 1 + size :]
    return {"frames": frames}


def packet_write(sender: str, recipient: str, session: str, message: str) -> Fields:
    parts = {"sender": sender, "recipient": recipient, "session": session, "message": message}
    raw = encode("Packet", {name: bytes.fromhex(value) for name, value in parts.items()})
    return {"packet": raw.hex(), "id": sha256(raw).hex()}


def parsed(raw: bytes) -> Fields:
    packet = decode("Packet", raw, "MalformedFrame")
    for field, size in (("sender", 32), ("recipient", 32), ("session", 16)):
        need(len(packet.get(field, b"")) == size, "MalformedFrame")
    need(packet.get("message"), "MalformedFrame")
    return packet


def packet_read(packet: str) -> Fields:
    raw = bytes.fromhex(packet)
    return plain(parsed(raw)) | {"id": sha256(raw).hex()}


def frame_write(packets: list[str], acks: list[str], refusals: list[Fields]) -> Fields:
    told = [{"packet": bytes.fromhex(one["packet"]), "reason": one["reason"]} for one in refusals]
    frame = {"packets": [*map(bytes.fromhex, packets)], "acks": [*map(bytes.fromhex, acks)], "refusals": told}
    return {"frame": encode("Frame", frame).hex()}


def frame_read(frame: str) -> Fields:
    found = decode("Frame", bytes.fromhex(frame), "MalformedFrame")
    if any(len(ack) != 32 for ack in found.get("acks", [])):
        raise Refused("MalformedFrame")
    return plain(found)


def prekey_request_read(request: str) -> Fields:
    return plain(decode("PrekeyRequest", bytes.fromhex(request), "MalformedContent"))


def prekey_reply_read(reply: str) -> Fields:
    return plain(decode("PrekeyReply", bytes.fromhex(reply), "MalformedContent"))


def prekey_reply_check(reply: str, account: str, seen: str | None, now: int) -> Fields:
    told, key = decode("PrekeyReply", bytes.fromhex(reply), "MalformedContent"), bytes.fromhex(account)
    devices = followed(listed(told.get("devices", {}), key, now), key, seen)
    names = {device["key"] for device in devices["devices"]}
    given = {one.get("device", b"").hex(): one for one in told.get("bundles", [])}
    bundles = {device: one for device, one in given.items() if device in names}
    need(bundles, "Unreachable")
    for device, one in bundles.items():
        acceptable(one.get("seal_key", {}), bytes.fromhex(device), now)
    return {
        "version": devices["version"],
        "bundles": {device: one.get("bundle", b"").hex() for device, one in bundles.items()},
    }
