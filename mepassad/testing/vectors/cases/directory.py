"""The directory: names and records, who may keep them, who can read them, and what is refused."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import directory as ours
from mepassad.testing.vectors.people import ANA, DAY, IDENTITY, NOW, WEAK
from mepassad.wire import records as wire
from mepassad.wire.directory import Directory
from mepassad.wire.messages_pb2 import NodeHint, SignedDeviceList, Whereabouts

TEXT = "directory.md"
ADDRESSES = draw("Ana, addresses number", 32)
CARD = Directory.of(ANA.seed)
SECRET, NONCE = draw("Ana, addresses key", 32), draw("nonce of a record", 12)
NODES = [NodeHint(key=draw("Ana, node", 32), addresses=["/ip4/203.0.113.7/tcp/4001"])]
MAILBOX = NodeHint(key=draw("mailbox", 32), addresses=["/ip4/198.51.100.1/tcp/4001"], roles=1)
FOUND = Whereabouts(nodes=NODES, mailboxes=[MAILBOX])
FULL = Whereabouts(nodes=NODES, devices=SignedDeviceList.FromString(ANA.devices))


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    book.add(ours.directory_key, "Ana's", private=CARD.private.hex())
    _names(book)
    name, record = _written(book)
    _checked(book, name, record)
    _read(book, name, record)


def _names(book: Book) -> None:
    number = draw("a number", 32)
    for kind in ("addresses", "card"):
        book.add(ours.name_write, kind, kind=kind, number=number.hex())
    right = wire.record_key(wire.Kind.CARD, number)
    for case, name in {
        "a card": right,
        "addresses": wire.record_key(wire.Kind.ADDRESSES, number),
        "another kind": right.replace(b"card", b"pk"),
        "without the first word": right.removeprefix(b"/mepassa/"),
        "another first word": right.replace(b"mepassa", b"ipns"),
        "a number of 31 bytes": wire.record_key(wire.Kind.CARD, number[:31]),
        "a number of 33 bytes": wire.record_key(wire.Kind.CARD, number + b"\0"),
        "padded base64": right + b"=",
        "bits left over": right[:-1] + (b"9" if right[-1:] != b"9" else b"8"),
        "one more slash": right + b"/",
        "no ASCII": right + "é".encode(),
        "nothing": b"",
    }.items():
        book.add(ours.name_read, case, name=name.hex())


def _write(book: Book, case: str, kind: str, private: bytes, secret: bytes, found: bytes) -> tuple[str, str]:
    said = book.add(
        ours.record_write, case, kind=kind, private=private.hex(), secret=secret.hex(), content=found.hex(),
        version=NOW, nonce=NONCE.hex(),
    )  # fmt: skip
    return said.get("name", ""), said.get("record", "")


def _written(book: Book) -> tuple[str, str]:
    written = _write(book, "addresses", "addresses", ADDRESSES, SECRET, FOUND.SerializeToString())
    _write(book, "a card", "card", CARD.private, CARD.prekeys_key(), FULL.SerializeToString())
    _write(book, "nothing to tell", "addresses", ADDRESSES, SECRET, b"")
    for case, size in {"1,023 bytes": 1023, "1,024 bytes": 1024, "4,095 bytes": 4095, "4,096 bytes": 4096}.items():
        _write(book, case, "addresses", ADDRESSES, SECRET, _sized(size))
    return written


def _sized(size: int) -> bytes:
    """A content of so many bytes."""
    filled, length = Whereabouts(nodes=[NodeHint(addresses=[""])]), size
    while filled.ByteSize() != size:
        length -= 1
        filled.nodes[0].addresses[0] = "a" * length
    return filled.SerializeToString()


def _checked(book: Book, name: str, record: str) -> None:
    raw = bytes.fromhex(record)

    def check(case: str, value: bytes = raw, of: str = name, now: int = NOW) -> None:
        book.add(ours.record_check, case, name=of, record=value.hex(), now=now)

    check("as it was written")
    for case, now in {"a day ahead": NOW - DAY, "7 days old": NOW + 7 * DAY}.items():
        check(case, now=now)
        check(f"more than {case}", now=now + (1 if now > NOW else -1))
    check("altered", raw[:500] + bytes([raw[500] ^ 1]) + raw[501:])
    check("another version than was signed", raw[:39] + bytes([raw[39] ^ 1]) + raw[40:])
    check("a signature that is altered", raw[:-1] + bytes([raw[-1] ^ 1]))
    check("one byte short", raw[1:])
    check("one byte more", raw + b"\0")
    check("nothing", b"")
    check("under another name", of=wire.record_key(wire.Kind.ADDRESSES, bytes(32)).decode())
    check("addresses as a card", of=name.replace("addresses", "card"))
    weak = IDENTITY + raw[32:-64] + WEAK
    check("under a number of low order, signed by nobody", weak, wire.record_key(wire.Kind.CARD, IDENTITY).decode())


def _read(book: Book, name: str, record: str) -> None:
    def read(case: str, secret: bytes = SECRET, value: str = record) -> None:
        book.add(ours.record_read, case, name=name, record=value, secret=secret.hex(), now=NOW)

    read("as it was written")
    read("with another key", bytes(32))
    for case, padded in {"not padded": b"\0" * 1024, "no protobuf": b"\xff\x80".ljust(1024, b"\0")}.items():
        read(case, value=_inside(padded).hex())
    read("altered, so that the signature does not hold", value="00" + record[2:])


def _inside(padded: bytes) -> bytes:
    """A record around any padded bytes."""
    owner = Ed25519PrivateKey.from_private_bytes(ADDRESSES)
    head = wire._HEAD.pack(owner.public_key().public_bytes_raw(), NOW)
    cipher = wire._cipher(wire.Kind.ADDRESSES, SECRET)
    body = head + NONCE + cipher.encrypt(NONCE, padded, wire.SEALED_LABEL + head)
    return body + owner.sign(wire.ADDRESSES_LABEL + body)
