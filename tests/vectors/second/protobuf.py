"""Protobuf by hand, as the text says it is read: no generated code, the fields of each message from the texts."""

from __future__ import annotations

from typing import Any

from second.refused import Refused, need

# Field number: name, type. `*` = repeated, `?` = tells absent from 0. Another name as a type = a message of that name.
SCHEMAS: dict[str, dict[int, tuple[str, str]]] = {
    "Device": {1: ("key", "bytes"), 2: ("name", "string"), 3: ("added_at", "uint64"), 4: ("agreement", "bytes")},
    "DeviceList": {
        1: ("account", "bytes"),
        2: ("version", "uint64"),
        3: ("devices", "Device*"),
        4: ("revoked", "bytes*"),
    },
    "SignedDeviceList": {1: ("list", "bytes"), 2: ("signature", "bytes")},
    "Card": {
        1: ("name", "string"),
        2: ("kind", "string"),
        3: ("devices", "SignedDeviceList"),
        4: ("made_at", "uint64"),
    },
    "SignedCard": {1: ("card", "bytes"), 2: ("device", "bytes"), 3: ("signature", "bytes")},
    "NodeHint": {1: ("key", "bytes"), 2: ("addresses", "string*"), 3: ("roles", "uint32")},
    "Whereabouts": {1: ("nodes", "NodeHint*"), 2: ("mailboxes", "NodeHint*"), 3: ("devices", "SignedDeviceList")},
    "Invite": {
        1: ("account", "bytes"),
        2: ("secret", "bytes"),
        3: ("number", "bytes"),
        4: ("expires_at", "uint32"),
        5: ("hints", "NodeHint*"),
    },
    "ListStamp": {1: ("version", "uint64"), 2: ("hash", "bytes")},
    "Introduction": {
        1: ("card", "SignedCard"),
        2: ("number", "bytes"),
        3: ("nodes", "NodeHint*"),
        4: ("invite", "bytes"),
        5: ("proof", "bytes"),
        6: ("directory_number", "bytes"),
        7: ("reunion_key", "bytes"),
    },
    "Receipts": {1: ("delivered", "bytes*"), 2: ("read", "bytes*")},
    "Text": {1: ("text", "string")},
    "Typing": {1: ("active", "bool")},
    "Verification": {1: ("invite", "bytes"), 2: ("proof", "bytes")},
    "Content": {
        1: ("id", "bytes"),
        2: ("conversation", "bytes"),
        3: ("kind", "uint32"),
        4: ("time_ms", "uint64"),
        5: ("reply_to", "bytes"),
        6: ("ours", "ListStamp"),
        7: ("theirs", "ListStamp"),
        8: ("introduction", "Introduction"),
        9: ("receipts", "Receipts"),
        10: ("lost", "bytes*"),
        16: ("text", "Text"),
        17: ("typing", "Typing"),
        18: ("verification", "Verification"),
    },
    "Packet": {1: ("sender", "bytes"), 2: ("recipient", "bytes"), 3: ("session", "bytes"), 4: ("message", "bytes")},
    "Refusal": {1: ("packet", "bytes"), 2: ("reason", "uint32")},
    "Frame": {1: ("packets", "bytes*"), 2: ("acks", "bytes*"), 3: ("refusals", "Refusal*")},
    "PrekeyRequest": {1: ("number", "bytes"), 2: ("last_resort", "bool")},
    "SealKey": {1: ("id", "sfixed64"), 2: ("created_at", "int64"), 3: ("public", "bytes"), 4: ("signature", "bytes")},
    "DeviceBundle": {1: ("device", "bytes"), 2: ("bundle", "bytes"), 3: ("seal_key", "SealKey")},
    "PrekeyReply": {1: ("devices", "SignedDeviceList"), 2: ("bundles", "DeviceBundle*"), 3: ("refusal", "uint32")},
    "MailboxOwner": {1: ("number", "bytes"), 2: ("signature", "bytes")},
    "MailboxOpen": {1: ("boxes", "MailboxOwner*")},
    "MailboxClose": {1: ("box", "MailboxOwner")},
    "MailboxPut": {1: ("numbers", "bytes*"), 2: ("sealed", "bytes"), 3: ("hours", "uint32")},
    "MailboxFetch": {1: ("box", "MailboxOwner"), 2: ("after", "uint64"), 3: ("limit", "uint32")},
    "MailboxWatch": {1: ("boxes", "MailboxOwner*")},
    "MailboxAck": {1: ("box", "MailboxOwner"), 2: ("ids", "bytes*")},
    "MailboxPublish": {
        1: ("box", "MailboxOwner"),
        2: ("one_time", "bytes*"),
        3: ("last_resort", "bytes"),
        4: ("replace", "bool"),
    },
    "MailboxTake": {1: ("number", "bytes")},
    "MailboxRequest": {
        1: ("id", "uint64"),
        2: ("open", "MailboxOpen"),
        3: ("close", "MailboxClose"),
        4: ("put", "MailboxPut"),
        5: ("fetch", "MailboxFetch"),
        6: ("watch", "MailboxWatch"),
        7: ("ack", "MailboxAck"),
        8: ("publish", "MailboxPublish"),
        9: ("take", "MailboxTake"),
    },
    "SignedPrekey": {
        1: ("id", "sfixed64"),
        2: ("created_at", "int64"),
        3: ("public", "bytes"),
        4: ("signature", "bytes"),
    },
    "OneTimePrekey": {1: ("id", "sfixed64"), 2: ("public", "bytes")},
    "Bundle": {
        1: ("signed_prekey", "SignedPrekey"),
        2: ("pq_prekey", "SignedPrekey"),
        3: ("one_time_prekey", "OneTimePrekey"),
    },
    "Handshake": {
        1: ("ephemeral", "bytes"),
        2: ("ciphertext", "bytes"),
        3: ("signed_prekey", "sfixed64"),
        4: ("pq_prekey", "sfixed64"),
        5: ("one_time_prekey", "sfixed64?"),
    },
}
ONEOFS: dict[str, set[str]] = {
    "Content": {"text", "typing", "verification"},
    "MailboxRequest": {"open", "close", "put", "fetch", "watch", "ack", "publish", "take"},
}
WIRE_TYPES = {"uint32": 0, "uint64": 0, "int64": 0, "bool": 0, "sfixed64": 1}  # all others: 2
DEEPEST = 100


class Reader:
    """A place in bytes that moves on."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, size: int) -> bytes:
        need(self.at + size <= len(self.raw), "Malformed")
        self.at += size
        return self.raw[self.at - size : self.at]

    def varint(self, longest: int = 10) -> int:
        value = 0
        for place in range(longest):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value
        raise Refused("Malformed")

    def tag(self) -> tuple[int, int]:
        tag = self.varint(5)
        need(0 < tag >> 3 < 1 << 29 and tag & 7 < 6, "Malformed")
        return tag >> 3, tag & 7

    def skip(self, number: int, wire: int, depth: int) -> None:
        if wire == 3:
            need(depth < DEEPEST, "Malformed")
            while (inner := self.tag())[1] != 4:
                self.skip(*inner, depth + 1)
            need(inner[0] == number, "Malformed")
        else:
            self.value(wire)

    def value(self, wire: int) -> int | bytes:
        need(wire not in (3, 4), "Malformed")
        if wire == 0:
            return self.varint()
        return self.take(8 if wire == 1 else 4 if wire == 5 else self.varint())


def decode(kind: str, raw: bytes, name: str = "Malformed") -> dict[str, Any]:
    """The fields that are there and hold something; what is no message of this kind is refused under `name`."""
    try:
        return merge(kind, raw, {}, 0)
    except Refused as error:
        raise Refused(name) from error


def merge(kind: str, raw: bytes, into: dict[str, Any], depth: int) -> dict[str, Any]:
    reader, schema = Reader(raw), SCHEMAS[kind]
    need(depth <= DEEPEST, "Malformed")
    while reader.at < len(raw):
        number, wire = reader.tag()
        field, declared = schema.get(number, ("", ""))
        of = declared.rstrip("*?")
        if not field or wire != WIRE_TYPES.get(of, 2):
            reader.skip(number, wire, depth)
            continue
        value = reader.value(wire)
        bodies = ONEOFS.get(kind, set())
        for rival in bodies - {field} if field in bodies else ():
            into.pop(rival, None)
        if declared.endswith("*"):
            into.setdefault(field, []).append(convert(of, value, {}, depth))
        else:
            into[field] = convert(of, value, into.get(field, {}), depth)
            if of not in SCHEMAS and not into[field] and not declared.endswith("?"):
                del into[field]
    return into


def convert(of: str, value: Any, before: Any, depth: int) -> Any:
    if of in SCHEMAS:
        return merge(of, value, before, depth + 1)
    if of == "string":
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused("Malformed") from error
    if of == "bool":
        return value != 0
    if of == "sfixed64":
        return int.from_bytes(value, "little", signed=True)
    if of == "int64":
        value &= (1 << 64) - 1
        return value - (1 << 64) if value >> 63 else value
    return value & (1 << int(of[4:])) - 1 if of.startswith("uint") else value


def encode(kind: str, fields: dict[str, Any]) -> bytes:
    """Fields in the order of their numbers, without those that hold their default."""
    raw = b""
    for number, (field, declared) in sorted(SCHEMAS[kind].items()):
        values = fields.get(field, [] if declared.endswith("*") else None)
        for value in values if declared.endswith("*") else [values]:
            of = declared.rstrip("*?")
            if value is not None and (value or declared.endswith(("*", "?")) or of in SCHEMAS):
                raw += varint(number << 3 | WIRE_TYPES.get(of, 2)) + payload(of, value)
    return raw


def payload(of: str, value: Any) -> bytes:
    if of == "sfixed64":
        return value.to_bytes(8, "little", signed=True)
    if WIRE_TYPES.get(of) == 0:
        return varint(int(value) & (1 << 64) - 1)
    data = encode(of, value) if of in SCHEMAS else value.encode() if of == "string" else value
    return varint(len(data)) + data


def varint(value: int) -> bytes:
    raw = b""
    while value > 0x7F:
        raw, value = raw + bytes([value & 0x7F | 0x80]), value >> 7
    return raw + bytes([value])


def plain(value: Any) -> Any:
    """A message as JSON has it: bytes in hexadecimal."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value


def read(message: str, raw: str) -> dict[str, Any]:
    return plain(decode(message, bytes.fromhex(raw), "MalformedContent"))
