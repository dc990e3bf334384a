"""Our records of the directory, over JSON."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.testing.vectors.book import Fields
from mepassad.wire import records as wire
from mepassad.wire.directory import Directory
from mepassad.wire.identity import parse
from mepassad.wire.messages_pb2 import Whereabouts


def directory_key(private: str) -> Fields:
    """The key that opens what lies under a directory number, from the number's private key."""
    return {"key": Directory(bytes.fromhex(private), bytes(32)).prekeys_key().hex()}


def name_write(kind: str, number: str) -> Fields:
    """The name of a record of a kind, under a number."""
    return {"name": wire.record_key(wire.Kind(kind), bytes.fromhex(number)).decode()}


def name_read(name: str) -> Fields:
    """Kind and number in the name of a record."""
    kind, number = wire.parse_key(bytes.fromhex(name))
    return {"kind": kind.value, "number": number.hex()}


def record_write(kind: str, private: str, secret: str, content: str, version: int, nonce: str) -> Fields:
    """A record of a content (the bytes of a Whereabouts), from the private key of its number and the key that opens
    it."""
    owner = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    found, of = parse(Whereabouts, bytes.fromhex(content)), wire.Kind(kind)
    value = wire.write_record(of, owner, bytes.fromhex(secret), found, version, bytes.fromhex(nonce))
    return {"name": wire.record_key(of, owner.public_key().public_bytes_raw()).decode(), "record": value.hex()}


def record_check(name: str, record: str, now: int) -> Fields:
    """The version of a record that whoever cannot open it may keep and pass on."""
    return {"version": wire.check_record(name.encode(), bytes.fromhex(record), now)}


def record_read(name: str, record: str, secret: str, now: int) -> Fields:
    """Version and content of a record."""
    version, found = wire.read_record(name.encode(), bytes.fromhex(record), bytes.fromhex(secret), now)
    return {"version": version, "content": found.SerializeToString(deterministic=True).hex()}
