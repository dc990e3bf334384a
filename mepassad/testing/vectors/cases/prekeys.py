"""Prekeys: bundles, what is signed in them, and what is refused."""

from __future__ import annotations

from mepassad.builtin.crypto_signal import labels, prekeys
from mepassad.builtin.crypto_signal.handshake import MAX_BUNDLE
from mepassad.builtin.crypto_signal.signal_pb2 import Bundle, SignedPrekey
from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import prekeys as ours
from mepassad.testing.vectors.people import BIA, DAY, EVE, NOW
from mepassad.testing.vectors.scene import HELD, LAST_RESORT, ONE_TIME_PQ, SIGNED, bundle
from mepassad.wire import blobs
from mepassad.wire.messages_pb2 import PrekeyReply
from mepassad.wire.padding import pad

TEXT = "prekeys.md"


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    seed, older = BIA.device.seed().hex(), SIGNED | {"id": 7, "created_at": NOW - 8 * DAY}
    for case, held, one_time in [
        ("keys of every kind", HELD, True),
        ("no one-time keys were asked for", HELD, False),
        ("the X25519 one-time keys ran out", [SIGNED, LAST_RESORT, ONE_TIME_PQ], True),
        ("all one-time keys ran out", [SIGNED, LAST_RESORT], True),
        ("the newest signed prekey is given", [older, SIGNED, LAST_RESORT], True),
    ]:
        book.add(ours.bundle_write, case, device_seed=seed, held=held, now=NOW, one_time=one_time)
    _dates(book)
    _forged(book)
    _blobs(book)


def _read(book: Book, case: str, encoded: bytes, now: int = NOW, device: bytes = BIA.device.public) -> None:
    book.add(ours.bundle_read, case, bundle=encoded.hex(), device=device.hex(), now=now)


def _dates(book: Book) -> None:
    good, made = bundle(HELD), NOW - 3600
    _read(book, "keys of every kind", good)
    _read(book, "without one-time keys", bundle([SIGNED, LAST_RESORT]))
    _read(book, "30 days old", good, made + 30 * DAY)
    _read(book, "more than 30 days old", good, made + 30 * DAY + 1)
    _read(book, "a day ahead", good, made - DAY)
    _read(book, "more than a day ahead", good, made - DAY - 1)
    _read(book, "of another device", good, device=EVE.device.public)
    _read(book, "of a key of 31 bytes", good, device=BIA.device.public[:31])
    _read(book, "cut off", good[:-1])
    _read(book, "nothing", b"")
    for case, size in {"8192 bytes, most of them unknown": MAX_BUNDLE, "8193 bytes": MAX_BUNDLE + 1}.items():
        room = size - len(good) - 4
        _read(book, case, good + b"\xfa\x01" + bytes([room & 0x7F | 0x80, room >> 7]) + bytes(room))


def _forged(book: Book) -> None:
    def read(case: str, signed: dict[str, int | bytes] | None = None, pq: dict[str, int | bytes] | None = None) -> None:
        forged = Bundle.FromString(bundle(HELD))
        for prekey, changes in ((forged.signed_prekey, signed), (forged.pq_prekey, pq)):
            for field, value in (changes or {}).items():
                setattr(prekey, field, value)
        _read(book, case, forged.SerializeToString())

    whole = Bundle.FromString(bundle(HELD))
    read("another id than was signed", signed={"id": 7})
    read("another date than was signed", pq={"created_at": NOW})
    read("another key than was signed", signed={"public": bytes(range(32))})
    read("a signature of 63 bytes", pq={"signature": whole.pq_prekey.signature[:63]})
    read("signed as the other kind of key", pq={"signature": _sign(labels.SIGNED_PREKEY, whole.pq_prekey)})
    stale = whole.pq_prekey
    stale.created_at = NOW - 30 * DAY - 1
    read(
        "a PQ prekey that is too old beside a signed prekey that is not",
        pq={"created_at": stale.created_at, "signature": _sign(labels.PQ_PREKEY, stale)},
    )
    negative = SignedPrekey(id=-1, created_at=NOW, public=whole.signed_prekey.public)
    read(
        "a negative id is signed as two's complement",
        signed={"id": -1, "created_at": NOW, "signature": _sign(labels.SIGNED_PREKEY, negative)},
    )
    for field in ("signed_prekey", "pq_prekey"):
        without = Bundle.FromString(bundle(HELD))
        without.ClearField(field)
        _read(book, f"without a {field}", without.SerializeToString())


def _sign(label: bytes, prekey: SignedPrekey) -> bytes:
    return BIA.device.private.sign(prekeys.signed_part(label, BIA.device.public, prekey))


def _blobs(book: Book) -> None:
    private, secret = draw("number, private", 32), draw("invite, secret", 16)
    number = draw("invite, number", 32)
    book.add(ours.number_key, "of a private key", private=private.hex())
    book.add(ours.invite_key, "of an invite", secret=secret.hex(), number=number.hex())
    key, nonce = blobs.invite_key(secret, number), draw("blob, nonce", 12)

    def read(case: str, blob: bytes, number: bytes = number, key: bytes = key) -> None:
        book.add(ours.blob_read, case, blob=blob.hex(), number=number.hex(), key=key.hex())

    good = blobs._sealed(pad(PrekeyReply(refusal=6).SerializeToString(), blobs.SIZES), number, key, nonce)
    read("a reply", good)
    read("a reply of another size class", blobs._sealed(pad(b"", (512,)), number, key, nonce))
    read("not padded", blobs._sealed(bytes(4096), number, key, nonce))
    read("no reply", blobs._sealed(pad(b"bom dia", blobs.SIZES), number, key, nonce))
    read("under another number", good, number=number[::-1])
    read("with another key", good, key=key[::-1])
    read("with a key of 31 bytes", good, key=key[1:])
    read("altered", good[:-1] + bytes([good[-1] ^ 1]))
    read("of another version", b"\2" + good[1:])
    read("29 bytes", good[: blobs.OVERHEAD])
    read("more than 65,565 bytes", blobs._sealed(pad(b"", (blobs.SIZES[-1] + 1,)), number, key, nonce))
