"""Identity: words, ids, device lists, cards and names."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from mnemonic import Mnemonic

from mepassad.api.crypto import DeviceKey
from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.cases.names import names
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import identity as ours
from mepassad.testing.vectors.people import ANA, BIA, DAY, EVE, NOW, WEAK
from mepassad.wire.directory import Directory
from mepassad.wire.identity import (
    AGREEMENT_LABEL,
    CARD_LABEL,
    LIST_LABEL,
    MAX_DEVICES,
    MAX_REVOKED,
    agree,
    stamp_of,
    verify_devices,
)
from mepassad.wire.ids import bech32m_encode
from mepassad.wire.messages_pb2 import Card, Device, DeviceList, ListStamp, SignedCard, SignedDeviceList

TEXT = "identity.md"
UNKNOWN = b"\xf8\x01\x07"  # field 31, a varint


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    _words(book)
    _ids(book)
    _lists(book)
    _forged_lists(book)
    _weak_lists(book)
    _following_lists(book)
    _stamps(book)
    _cards(book)
    names(book)


def _words(book: Book) -> None:
    english = Mnemonic("english").to_mnemonic(ANA.seed)
    portuguese = Mnemonic("portuguese").to_mnemonic(BIA.seed)
    book.add(ours.words, "English", words=english)
    book.add(ours.words, "Portuguese", words=portuguese)
    book.add(
        ours.words, "upper case, and white space of other kinds", words="\n " + english.upper().replace(" ", " \t")
    )
    book.add(ours.words, "twelve words", words=Mnemonic("english").to_mnemonic(ANA.seed[:16]))
    first, second, *rest = english.split()
    book.add(ours.words, "two words exchanged: the checksum is wrong", words=" ".join([second, first, *rest]))
    book.add(ours.words, "a word of neither list", words=" ".join(["mepassa", second, *rest]))
    mixed = " ".join(english.split()[:12] + portuguese.split()[12:])
    book.add(ours.words, "words of both languages", words=mixed)
    told = {"reunion_secret": Directory.of(ANA.seed).secret.hex(), "transcript": draw("transcript", 32).hex()}
    book.add(ours.reunion_proof, "Bia comes back to Ana", contact=BIA.key.hex(), **told)


def _ids(book: Book) -> None:
    text = book.add(ours.account_id_write, "an account", key=ANA.key.hex())["text"]
    book.add(ours.account_id_read, "an account", text=text)
    book.add(ours.account_id_read, "upper case", text=text.upper())
    book.add(ours.account_id_read, "mixed case", text="M" + text[1:])
    for case, wrong in {
        "a character changed": text[:9] + ("q" if text[9] != "q" else "p") + text[10:],
        "a character lost": text[:-1],
        "another prefix": "bc" + text[2:],
        "20 bytes": bech32m_encode("mp", bytes(20)),
        "white space": text + " ",
    }.items():
        book.add(ours.account_id_read, case, text=wrong)
    node = book.add(ours.node_id_write, "a node", key=draw("Ana, node", 32).hex())["text"]
    book.add(ours.node_id_write, "31 bytes", key=draw("Ana, node", 31).hex())
    for case, written in {
        "a node": node,
        "a character changed early, so that the prefix is another": node[:2] + "E" + node[3:],
        "a character that base58 does not have": node[:-1] + "l",
        "a character lost": node[:-1],
    }.items():
        book.add(ours.node_id_read, case, text=written)
    for case, written in {
        "bytes": "AP-_",
        "none": "",
        "spare bits": "QR",
        "padding": "QQ==",
        "another alphabet": "AP+/",
    }.items():
        book.add(ours.base64url_read, case, text=written)
    content = draw("content id", 16).hex()
    book.add(ours.message_id, "from Ana", sender=ANA.key.hex(), content_id=content)
    book.add(ours.message_id, "from Bia, the same content id", sender=BIA.key.hex(), content_id=content)
    book.add(ours.conversation_id, "of two", one=ANA.key.hex(), other=BIA.key.hex())
    book.add(ours.conversation_id, "the other way round", one=BIA.key.hex(), other=ANA.key.hex())


def _entry(seed: str, name: str, added_at: int = NOW) -> dict[str, Any]:
    return {"seed": draw(seed, 32).hex(), "name": name, "added_at": added_at}


def _lists(book: Book) -> None:
    account = {"account_seed": ANA.seed.hex()}
    phone, laptop = _entry("Ana, device", "Ana"), _entry("Ana, laptop", "Notebook da Ana", NOW + 60)
    one = book.add(ours.device_list_write, "one device", **account, devices=[phone], revoked=[], previous=0, now=NOW)
    gone = [draw("Ana, lost", 32).hex()]
    two = book.add(
        ours.device_list_write, "two devices and a revoked one; the time is behind the version before", **account,
        devices=[phone, laptop], revoked=gone, previous=NOW + 5, now=NOW,
    )  # fmt: skip
    for case, signed in {"one device": one["signed"], "two devices and a revoked one": two["signed"]}.items():
        _read(book, case, signed)
    _read(book, "of another account", BIA.devices.hex())
    _read(book, "asked for another account", one["signed"], account=BIA.key)
    _read(book, "a day ahead", one["signed"], now=NOW - DAY)
    _read(book, "more than a day ahead", one["signed"], now=NOW - DAY - 1)
    _read(book, "of the past: a list does not grow old", one["signed"], now=NOW + 4000 * DAY)
    _read(book, "cut off", one["signed"][:-2])
    _read(book, "nothing", "")


def _read(
    book: Book, case: str, signed: str, account: bytes = ANA.key, now: int = NOW, seen: str | None = None
) -> None:
    book.add(ours.device_list_read, case, signed=signed, account=account.hex(), now=now, seen=seen)


def _sign(body: bytes) -> str:
    return SignedDeviceList(list=body, signature=ANA.account.sign(LIST_LABEL + body)).SerializeToString().hex()


def _body(count: int = 1, **others: Any) -> DeviceList:
    """A well-formed list of Ana's with so many devices."""
    seeds = [draw(f"Ana, device {number}", 32) for number in range(count)]
    devices = [_agreed(seed) for seed in seeds]
    fields: dict[str, Any] = {"account": ANA.key, "version": NOW, "devices": devices}
    return DeviceList(**fields | others)


def _not_utf8(device: Device) -> bytes:
    entry = device.SerializeToString() + b"\x12\x01\xff"
    return _body(0).SerializeToString() + b"\x1a" + bytes([len(entry)]) + entry


def _agreed(seed: bytes, account: bytes = ANA.key) -> Device:
    return agree(DeviceKey(seed), account, "", 0)


def _forged_lists(book: Book) -> None:
    good = _body().SerializeToString()
    keys = [draw(f"revoked {number}", 32) for number in range(MAX_REVOKED + 1)]
    device = _agreed(draw("Ana, device 0", 32))
    stranger = Device(key=device.key, agreement=_agreed(draw("Ana, device 0", 32), BIA.key).agreement)
    unagreed = Device(key=device.key, agreement=BIA.device.private.sign(AGREEMENT_LABEL + ANA.key + device.key))
    bodies: dict[str, DeviceList | bytes] = {
        "fields out of order and one that is unknown: the bytes are signed as they are": UNKNOWN + good,
        "a name that is cleaned": _body(
            devices=[Device(key=device.key, name=" A\u200bna\n", agreement=device.agreement)]
        ),
        "a version of 0": _body(version=0),
        "32 devices": _body(MAX_DEVICES),
        "33 devices": _body(MAX_DEVICES + 1),
        "no device": _body(0),
        "a device twice": _body(devices=[device, device]),
        "a device that agreed to another account": _body(devices=[stranger]),
        "a device that somebody else agreed for": _body(devices=[unagreed]),
        "a device without an agreement": _body(devices=[Device(key=device.key)]),
        "a device key of 31 bytes": _body(devices=[Device(key=device.key[:31], agreement=device.agreement)]),
        "256 revoked keys": _body(revoked=keys[:MAX_REVOKED]),
        "257 revoked keys": _body(revoked=keys),
        "a revoked key twice": _body(revoked=[keys[0], keys[0]]),
        "a revoked key that is listed": _body(revoked=[device.key]),
        "a revoked key of 33 bytes": _body(revoked=[keys[0] + b"\0"]),
        "signed by this account, about another": _body(account=BIA.key),
        "no protobuf": b"\xff",
        "a name that is not UTF-8": _not_utf8(device),
    }
    for case, body in bodies.items():
        _read(book, case, _sign(body if isinstance(body, bytes) else body.SerializeToString()))
    forged = SignedDeviceList(list=good, signature=BIA.account.sign(LIST_LABEL + good))
    _read(book, "signed by another account", forged.SerializeToString().hex())
    unlabelled = SignedDeviceList(list=good, signature=ANA.account.sign(good))
    _read(book, "signed without the label", unlabelled.SerializeToString().hex())
    unsigned = SignedDeviceList(list=good, signature=b"\0" * 63)
    _read(book, "a signature of 63 bytes", unsigned.SerializeToString().hex())


def _weak_lists(book: Book) -> None:
    for case, text in {
        "1": "01" + "00" * 31,
        "1, the sign set": "01" + "00" * 30 + "80",
        "1, not reduced": "ee" + "ff" * 30 + "7f",
        "-1": "ec" + "ff" * 30 + "7f",
        "0": "00" * 32,
        "0, not reduced": "ed" + "ff" * 30 + "7f",
        "that of a point of order 8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "that of another": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    }.items():
        key = bytes.fromhex(text)
        _read(book, f"signed by nobody, under an account key of low order: y is {case}", _weak(key), account=key)


def _weak(account: bytes) -> str:
    """A list of an account whose key has low order, under a signature that holds by the arithmetic."""
    device = _agreed(draw("Ana, device 0", 32), account)
    for version in itertools.count(NOW):
        body = DeviceList(account=account, version=version, devices=[device]).SerializeToString()
        with contextlib.suppress(InvalidSignature):  # it holds for one hash in eight at least
            Ed25519PublicKey.from_public_bytes(account).verify(WEAK, LIST_LABEL + body)
            return SignedDeviceList(list=body, signature=WEAK).SerializeToString().hex()
    raise AssertionError


def _following_lists(book: Book) -> None:
    seen = _sign(_body(2).SerializeToString())
    revoking = _body(1, version=NOW + 1, revoked=[_agreed(draw("Ana, device 1", 32)).key])
    revoked = _sign(revoking.SerializeToString())
    for case, before, body in [
        ("the same list again", seen, _body(2)),
        ("a higher version", seen, _body(1, version=NOW + 1)),
        ("a lower version", seen, _body(1, version=NOW - 1)),
        ("another list of the same version", seen, _body(1)),
        ("a list that revokes a device", seen, revoking),
        ("a list that names a device again that was revoked", revoked, _body(2, version=NOW + 2)),
        ("a list that no longer says what was revoked", revoked, _body(1, version=NOW + 2)),
    ]:
        _read(book, case, _sign(body.SerializeToString()), seen=before)


def _cards(book: Book) -> None:
    seed, devices = ANA.device.seed().hex(), ANA.devices.hex()
    signed = book.add(
        ours.card_write, "a person", device_seed=seed, name="Ana", kind="person", devices=devices, made_at=NOW
    )["signed"]
    book.add(ours.card_read, "a person", signed=signed, now=NOW)
    book.add(ours.card_read, "its list more than a day ahead", signed=signed, now=NOW - DAY - 1)
    book.add(ours.card_read, "cut off", signed=signed[:-2], now=NOW)
    listed = SignedDeviceList.FromString(ANA.devices)
    mine = {"device": ANA.device.public}
    theirs = SignedDeviceList.FromString(EVE.devices)
    for case, card, signer in [
        ("a bot", Card(name="Ana", kind="bot", devices=listed), mine),
        ("a kind that is unknown", Card(name="Ana", kind="toaster", devices=listed), mine),
        ("a name that is cleaned", Card(name="\u202eanA", devices=listed, made_at=2**64 - 1), mine),
        ("by a device that is not on the list", Card(name="Ana", devices=listed), {"device": EVE.device.public}),
        ("with the list of another account", Card(name="Ana", devices=theirs), mine),
        ("without a list", Card(name="Ana"), mine),
    ]:
        _card(book, case, card.SerializeToString(), signer["device"])
    _card(book, "an unknown field", UNKNOWN + Card(name="Ana", devices=listed).SerializeToString(), ANA.device.public)
    _card(book, "no protobuf", b"\xff", ANA.device.public)
    forged = Card(name="Eva", devices=listed).SerializeToString()
    signature = EVE.device.private.sign(CARD_LABEL + forged)
    signed = SignedCard(card=forged, device=ANA.device.public, signature=signature).SerializeToString().hex()
    book.add(ours.card_read, "signed by another device than it names", signed=signed, now=NOW)


def _card(book: Book, case: str, card: bytes, device: bytes) -> None:
    signer = next(person.device for person in (ANA, EVE) if person.device.public == device)
    signed = SignedCard(card=card, device=device, signature=signer.private.sign(CARD_LABEL + card))
    book.add(ours.card_read, case, signed=signed.SerializeToString().hex(), now=NOW)


def _stamps(book: Book) -> None:
    known = stamp_of(verify_devices(ANA.devices, ANA.key, None))
    for case, named in {
        "the same": known,
        "another of the same version": ListStamp(version=known.version, hash=bytes(16)),
        "older": ListStamp(version=known.version - 1, hash=known.hash),
        "newer": ListStamp(version=known.version + 1, hash=known.hash),
        "a hash of 15 bytes, which is that of another list": ListStamp(version=known.version, hash=known.hash[:15]),
        "nothing is named: version 0": ListStamp(),
        "far in the future": ListStamp(version=2**64 - 1, hash=bytes(16)),
    }.items():
        raw = named.SerializeToString().hex()
        book.add(ours.stamp_compare, case, stamp=raw, signed=ANA.devices.hex(), account=ANA.key.hex())
