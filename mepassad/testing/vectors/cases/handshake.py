"""Handshake: both sides of it with every value on the way, and what is refused."""

from __future__ import annotations

from mepassad.builtin.crypto_signal import handshake, labels, prekeys, ratchet
from mepassad.builtin.crypto_signal.signal_pb2 import Bundle, Handshake, SignedPrekey
from mepassad.testing.vectors.book import Book, Fields
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import handshake as ours
from mepassad.testing.vectors.people import ANA, BIA, EVE, IDENTITY, WEAK
from mepassad.testing.vectors.scene import (
    HANDSHAKES,
    HELD,
    LAST_RESORT,
    ONE_TIME,
    ONE_TIME_PQ,
    SIGNED,
    initiated,
    initiation,
)

TEXT = "handshake.md"
FIRST = "with both one-time keys"
LAST = "with the last resort alone"
NO_SQUARE = b"\2" + bytes(31)  # y = 2 is of no point of the curve


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    _identities(book)
    for case in HANDSHAKES:
        book.add(ours.initiate, case, **initiation(book.drawn, case))
    _bad_bundles(book)
    _accepted(book)
    _bad_keys(book)
    _bad_messages(book)


def _identities(book: Book) -> None:
    for person in (ANA, BIA):
        book.add(ours.identity_private, person.name, seed=person.device.seed().hex())
        book.add(ours.identity_public, person.name, key=person.device.public.hex())
    one, field = b"\1" + bytes(31), (2**255 - 19).to_bytes(32, "little")
    for case, key in {
        "the sign of x is not looked at": ANA.device.public[:31] + bytes([ANA.device.public[31] ^ 0x80]),
        "y is of no point": NO_SQUARE,
        "y is 0": bytes(32),
        "y is 1": one,
        "y is 1, and x negative": one[:31] + b"\x80",
        "y is 2^255 - 19": field,
        "y is one less": bytes([field[0] - 1]) + field[1:],
        "31 bytes": ANA.device.public[:31],
        "33 bytes": ANA.device.public + b"\0",
    }.items():
        book.add(ours.identity_public, case, key=key.hex())


def _bad_bundles(book: Book) -> None:
    inputs = initiation(book.drawn, FIRST)

    def refuse(case: str, encoded: bytes, **others: str) -> None:
        book.add(ours.initiate, case, **inputs | {"bundle": encoded.hex()} | others)

    def bundle(signed: bytes | None = None, pq: bytes | None = None, one_time: bytes | None = None) -> bytes:
        made = Bundle.FromString(bytes.fromhex(inputs["bundle"]))
        made.signed_prekey.public = made.signed_prekey.public if signed is None else signed
        made.pq_prekey.public = made.pq_prekey.public if pq is None else pq
        made.one_time_prekey.public = made.one_time_prekey.public if one_time is None else one_time
        for label, prekey in ((labels.SIGNED_PREKEY, made.signed_prekey), (labels.PQ_PREKEY, made.pq_prekey)):
            prekey.signature = _sign(label, prekey)
        return made.SerializeToString()

    refuse("a signed prekey of low order", bundle(signed=bytes(32)))
    refuse("a signed prekey of 31 bytes", bundle(signed=bytes(range(31))))
    refuse("a one-time prekey of low order", bundle(one_time=b"\1" + bytes(31)))
    refuse("a one-time prekey of 33 bytes", bundle(one_time=bytes(range(33))))
    refuse("a one-time prekey that is there, without a key", bundle(one_time=b""))
    refuse("a PQ prekey of 1183 bytes", bundle(pq=bytes(1183)))
    refuse("a PQ prekey whose coefficients are too large", bundle(pq=b"\xff" * 1184))
    weak = Bundle.FromString(bytes.fromhex(inputs["bundle"]))
    weak.signed_prekey.signature = weak.pq_prekey.signature = WEAK
    refuse("signed by nobody, under a device key of low order", weak.SerializeToString(), peer=IDENTITY.hex())
    refuse("a bundle of another device", bytes.fromhex(inputs["bundle"]), peer=EVE.device.public.hex())


def _sign(label: bytes, prekey: SignedPrekey) -> bytes:
    return BIA.device.private.sign(prekeys.signed_part(label, BIA.device.public, prekey))


def _messages(book: Book, case: str, *texts: bytes) -> list[bytes]:
    """Ana's first messages in a session."""
    state, messages = initiated(book.drawn, case), []
    for text in texts:
        state, message = ratchet.encrypt(state, text, lambda size: draw(f"Ana, first ratchet key {case}", size))
        messages.append(message)
    return messages


def _accept(
    book: Book, case: str, message: bytes, held: list[Fields] = HELD, peer: bytes = ANA.device.public
) -> Fields:
    seed = BIA.device.seed().hex()
    return book.add(ours.accept, case, device_seed=seed, peer=peer.hex(), held=held, message=message.hex())


def _accepted(book: Book) -> None:
    for case, (held, _) in HANDSHAKES.items():
        _accept(book, case, _messages(book, case, b"bom dia")[0], held)
    _accept(book, "the second message comes first", _messages(book, FIRST, b"bom dia", b"Bia")[1])
    _accept(book, "an empty text", _messages(book, FIRST, b"")[0])
    _accept(book, "a handshake of 4096 bytes, most of them unknown", _sized(book, ratchet.MAX_HANDSHAKE))
    _accept(book, "a handshake of 4097 bytes, most of them unknown", _sized(book, ratchet.MAX_HANDSHAKE + 1))
    message = _messages(book, LAST, b"bom dia")[0]
    begun = _accept(book, "a last resort that began others", message, _remembering([draw("session", 16).hex()]))
    _accept(book, "a session that the last resort remembers", message, _remembering(begun["remembered"]))


def _sized(book: Book, size: int) -> bytes:
    """A first message of Ana's whose handshake has unknown fields, so that it has that size."""
    inputs = initiation(book.drawn, FIRST)
    bundle, begun = Bundle.FromString(bytes.fromhex(inputs["bundle"])), ours.initiate(**inputs)
    encoded = bytes.fromhex(begun["front"])[3:]
    room = size - len(encoded) - 4
    encoded += b"\xfa\x01" + bytes([room & 0x7F | 0x80, room >> 7]) + bytes(room)
    keys = [bundle.signed_prekey, bundle.pq_prekey]
    transcript = handshake._transcript(
        ANA.device.public, BIA.device.public, keys, bundle.one_time_prekey.public, encoded
    )
    secrets = [bytes.fromhex(begun[f"dh{number}"]) for number in range(1, 5)] + [bytes.fromhex(inputs["shared_secret"])]
    root = handshake._root_key(secrets, transcript)
    state = ratchet.begin_sending(root, bundle.signed_prekey.public, transcript, encoded)
    return ratchet.encrypt(state, b"bom dia", lambda size: draw("Ana, first ratchet key", size)).message


def _remembering(sessions: list[str]) -> list[Fields]:
    return [SIGNED, LAST_RESORT | {"remembered": sessions}]


def _bad_keys(book: Book) -> None:
    message = _messages(book, FIRST, b"bom dia")[0]
    for case, held in {
        "the signed prekey is gone": [ONE_TIME, ONE_TIME_PQ],
        "the one-time key is gone": [SIGNED, ONE_TIME_PQ],
        "the one-time PQ key is gone": [SIGNED, ONE_TIME, LAST_RESORT],
        "the id is that of a key of another kind": [SIGNED | {"kind": "one-time-prekey"}, ONE_TIME, ONE_TIME_PQ],
        "another key has that id": [SIGNED | {"secret": draw("another key", 32).hex()}, ONE_TIME, ONE_TIME_PQ],
        "the key has another date": [SIGNED | {"created_at": 0}, ONE_TIME, ONE_TIME_PQ],
    }.items():
        _accept(book, case, message, held)
    _accept(book, "from another device", message, peer=EVE.device.public)
    _accept(book, "from a device key whose y is 1", message, peer=b"\1" + bytes(31))


def _bad_messages(book: Book) -> None:
    message = _messages(book, FIRST, b"bom dia")[0]
    encoded, start = ratchet.split(message)

    def refuse(case: str, wrong: bytes) -> None:
        _accept(book, case, ratchet.frame(wrong) + message[start:])

    def changed(**fields: bytes | int) -> bytes:
        wrong = Handshake.FromString(encoded)
        for field, value in fields.items():
            setattr(wrong, field, value)
        return wrong.SerializeToString()

    _accept(book, "without a front", message[start:])
    refuse("an empty handshake", b"")
    refuse("a handshake that is no protobuf", b"\xff")
    refuse("a handshake of 4096 bytes that is no protobuf", b"\xff" * 4096)
    refuse("an unknown field", encoded + b"\xf8\x01\x07")
    refuse("an ephemeral key of low order", changed(ephemeral=bytes(32)))
    refuse("an ephemeral key of 31 bytes", changed(ephemeral=bytes(range(31))))
    refuse("a ciphertext of 1087 bytes", changed(ciphertext=bytes(1087)))
    refuse("an altered ciphertext gives another secret", changed(ciphertext=bytes(1088)))
    refuse("an id of no key", changed(signed_prekey=-1))
    refuse("the last resort in place of the one-time PQ key", changed(pq_prekey=LAST_RESORT["id"]))
    left_out = Handshake.FromString(encoded)
    left_out.ClearField("one_time_prekey")
    refuse("the one-time key is left out", left_out.SerializeToString())
    refuse("the one-time key is 0", changed(one_time_prekey=0))
    _accept(book, "altered text", message[:-1] + bytes([message[-1] ^ 1]))
    _accept(book, "cut off", message[: start + 56])
    _accept(book, "cut off in the handshake", message[:100])
    _accept(book, "a front and nothing else", message[:start])
    _accept(book, "two bytes", message[:2])
    _accept(book, "a header of another version", message[:start] + b"\3" + message[start + 1 :])
    _accept(book, "a front of another version", b"\3" + message[1:])
