"""The seal: seal keys, envelopes and what opens them, and what is refused."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import seal as ours
from mepassad.testing.vectors.people import ANA, BIA, DAY, EVE, IDENTITY, NOW, WEAK
from mepassad.wire import seal as wire
from mepassad.wire.messages_pb2 import SealKey
from mepassad.wire.packets import pack_packet
from mepassad.wire.padding import MAX_PADDED, pad

TEXT = "seal.md"
PRIVATE, OLDER = draw("Bia, seal key", 32), draw("Bia, older seal key", 32)
PUBLIC = ours.private_key(PRIVATE).public
PACKET = pack_packet(ANA.device.public, BIA.device.public, draw("session", 16), draw("message", 300))


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    _keys(book)
    envelope = _envelope(book, "a packet", pad(PACKET, wire.SIZES))
    _opened(book, envelope)
    _inside(book)
    _sealing(book, envelope)


def _keys(book: Book) -> None:
    seed, device = BIA.device.seed().hex(), BIA.device.public
    written = book.add(
        ours.seal_key_write, "a seal key", device_seed=seed, private=PRIVATE.hex(), id=2**63 - 1, created_at=NOW
    )["seal_key"]

    def read(case: str, key: str, now: int = NOW, of: bytes = device) -> None:
        book.add(ours.seal_key_read, case, seal_key=key, device=of.hex(), now=now)

    for case, now in {"a seal key": NOW, "30 days old": NOW + 30 * DAY, "a day ahead": NOW - DAY}.items():
        read(case, written, now)
    read("more than 30 days old", written, NOW + 30 * DAY + 1)
    read("more than a day ahead", written, NOW - DAY - 1)
    read("asked of another device", written, of=EVE.device.public)
    negative = wire.sign_seal_key(BIA.device, -1, NOW, PUBLIC).SerializeToString().hex()
    read("a negative id is signed as two's complement", negative)
    read("an id of 0", wire.sign_seal_key(BIA.device, 0, NOW, PUBLIC).SerializeToString().hex())
    read("a date of 0", wire.sign_seal_key(BIA.device, 1, 0, PUBLIC).SerializeToString().hex(), 0)
    short = wire.sign_seal_key(BIA.device, 1, NOW, PUBLIC[:31]).SerializeToString().hex()
    read("a public key of 31 bytes", short)
    key = SealKey.FromString(bytes.fromhex(written))
    read(
        "another id than was signed",
        SealKey(id=7, created_at=NOW, public=PUBLIC, signature=key.signature).SerializeToString().hex(),
    )
    read("without a signature", SealKey(id=key.id, created_at=NOW, public=PUBLIC).SerializeToString().hex())
    weak = SealKey(id=1, created_at=NOW, public=PUBLIC, signature=WEAK)
    read("signed by nobody, under a device key of low order", weak.SerializeToString().hex(), of=IDENTITY)
    read("nothing", "")


def _envelope(book: Book, name: str, padded: bytes, device: bytes = BIA.device.public) -> bytes:
    """An envelope around any padded bytes, kept as long as it opens to them."""
    info = wire._info(device, PUBLIC)

    def seal() -> bytes:
        return bytes([wire.VERSION]) + wire._SUITE.encrypt(padded, X25519PublicKey.from_public_bytes(PUBLIC), info)

    def unseal(envelope: bytes) -> bytes:
        return wire._open(envelope[1:], device, [ours.private_key(PRIVATE)])

    return book.drawn.envelope(f"envelope: {name}", padded, seal, unseal)


def _open(
    book: Book, case: str, envelope: bytes, device: bytes = BIA.device.public, keys: tuple[bytes, ...] = (PRIVATE,)
) -> None:
    book.add(ours.unseal, case, envelope=envelope.hex(), device=device.hex(), keys=[key.hex() for key in keys])


def _opened(book: Book, envelope: bytes) -> None:
    _open(book, "a packet", envelope)
    _open(book, "with the second of two keys", envelope, keys=(OLDER, PRIVATE))
    _open(book, "with another key", envelope, keys=(OLDER,))
    _open(book, "without a key", envelope, keys=())
    _open(book, "by another device", envelope, device=EVE.device.public)
    _open(book, "of another version", b"\2" + envelope[1:])
    _open(book, "altered", envelope[:-1] + bytes([envelope[-1] ^ 1]))
    _open(book, "an encapsulated key of low order", envelope[:1] + bytes(32) + envelope[33:])
    _open(book, "cut short", envelope[:-1])
    _open(book, "49 bytes", envelope[:49])
    _open(book, "50 bytes", envelope[:50])
    _open(book, "nothing", b"")


def _inside(book: Book) -> None:
    elsewhere = pack_packet(ANA.device.public, EVE.device.public, draw("session", 16), b"x")
    for case, padded in {
        "padded to no class": PACKET + b"\x80",
        "a packet to another device": pad(elsewhere, wire.SIZES),
        "not padded": PACKET,
        "no packet": pad(b"bom dia", wire.SIZES),
        "nothing inside but padding": pad(b"", wire.SIZES),
    }.items():
        _open(book, case, _envelope(book, case, padded))


def _sealing(book: Book, envelope: bytes) -> None:
    def refuse(case: str, public: bytes, zeros: int = 0) -> None:
        device = BIA.device.public.hex()
        book.add(ours.seal_refused, case, packet=PACKET.hex(), zeros=zeros, device=device, public=public.hex())

    refuse("a seal key of low order", bytes(32))
    refuse("another seal key of low order", bytes([1]) + bytes(31))
    refuse("a packet of 1,048,576 bytes", PUBLIC, MAX_PADDED - len(PACKET))
    identifier = wire.envelope_id(envelope)
    book.add(ours.check, "its own id", envelope=envelope.hex(), id=identifier.hex())
    book.add(ours.check, "another id", envelope=envelope.hex(), id=identifier[::-1].hex())
    book.add(ours.check, "a shorter id", envelope=envelope.hex(), id=identifier[:31].hex())
