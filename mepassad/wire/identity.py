"""Signed statements of who is who: an account's device list, a device's card. docs/protocol/identity.md."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature as _Forged
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf.message import DecodeError, Message

from mepassad.api.crypto import DeviceKey
from mepassad.errors import InvalidSignature, MalformedContent
from mepassad.wire.messages_pb2 import Card, Device, DeviceList, ListStamp, SignedCard, SignedDeviceList
from mepassad.wire.names import clean_name

LIST_LABEL = b"mepassa/1 device list"
AGREEMENT_LABEL = b"mepassa/1 device agreement"
CARD_LABEL = b"mepassa/1 card"
KINDS = ("person", "bot", "ai-agent", "node")
MAX_DEVICES = 32
MAX_REVOKED = 256
FUTURE = 86_400  # seconds that a version or date may lie ahead of our clock

_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826  # y of a point of order 8
_FIELD = 2**255 - 19
_LOW_ORDER = frozenset({0, 1, _FIELD - 1, _FIELD, _FIELD + 1, _ORDER_8, _FIELD - _ORDER_8})  # as y, reduced or not
_Y = 2**255 - 1  # the bits of an Ed25519 key that are y

M = TypeVar("M", bound=Message)


class Devices(msgspec.Struct, frozen=True):
    """A verified device list: the account's key, version, device key → name, and the signed bytes it came as.

    `revoked` are device keys that no later list may name.
    """

    account: bytes
    version: int
    names: Mapping[bytes, str]
    stamp: bytes
    signed: bytes
    revoked: frozenset[bytes] = frozenset()

    def check_follows(self, seen: Devices | None) -> None:
        """Raise `MalformedContent` unless this list is the one `seen` before of the account, or supersedes it."""
        if seen is None or hmac.compare_digest(self.stamp, seen.stamp):
            return
        if self.version <= seen.version:
            raise MalformedContent("a device list is older than the one seen before, or another of its version")
        if seen.revoked & self.names.keys():
            raise MalformedContent("a device list names a device that was revoked before")


def parse(kind: type[M], raw: bytes) -> M:
    """A protobuf message of `kind`. Raises `MalformedContent`."""
    try:
        return kind.FromString(raw)
    except (DecodeError, ValueError) as error:
        raise MalformedContent from error


def verify(key: bytes, signature: bytes, label: bytes, *parts: bytes) -> None:
    """Check an Ed25519 signature over a label and parts. Raises `InvalidSignature`, also on a key of low order, for
    which anybody can sign."""
    if int.from_bytes(key, "little") & _Y in _LOW_ORDER:
        raise InvalidSignature
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, label + b"".join(parts))
    except (_Forged, ValueError) as error:
        raise InvalidSignature from error


def agree(device: DeviceKey, account: bytes, name: str, now: int) -> Device:
    """A device's entry for the list of the account with this public key, with the device's own agreement."""
    agreement = device.private.sign(AGREEMENT_LABEL + account + device.public)
    return Device(key=device.public, name=name, added_at=now, agreement=agreement)


def sign_devices(
    account: Ed25519PrivateKey, devices: Sequence[Device], previous: int, now: int, revoked: Sequence[bytes] = ()
) -> bytes:
    """A new signed device list; its version is above `previous` and at least `now` (Unix seconds)."""
    body = DeviceList(
        account=account.public_key().public_bytes_raw(),
        version=max(previous + 1, now),
        devices=devices,
        revoked=revoked,
    ).SerializeToString(deterministic=True)
    return SignedDeviceList(list=body, signature=account.sign(LIST_LABEL + body)).SerializeToString()


def verify_devices(signed: bytes, account: bytes, now: int | None) -> Devices:
    """The device list that `account` signed. Raises `InvalidSignature`, `MalformedContent` (wrong shape, another
    account's, or more than a day from the future; `now` None = a list that passed when it was kept)."""
    outer = parse(SignedDeviceList, signed)
    verify(account, outer.signature, LIST_LABEL, outer.list)
    body = parse(DeviceList, outer.list)
    if body.account != account or not _well_formed(body):
        raise MalformedContent("a device list is not well-formed")
    for device in body.devices:
        verify(device.key, device.agreement, AGREEMENT_LABEL, account, device.key)
    if now is not None and body.version > now + FUTURE:
        raise MalformedContent("a device list is from the future")
    names = {device.key: clean_name(device.name) for device in body.devices}
    stamp = hashlib.sha256(outer.list).digest()[:16]
    return Devices(account, body.version, names, stamp, signed, frozenset(body.revoked))


def _well_formed(body: DeviceList) -> bool:
    keys = [*(device.key for device in body.devices), *body.revoked]
    counts = 0 < len(body.devices) <= MAX_DEVICES and len(body.revoked) <= MAX_REVOKED
    return counts and len(set(keys)) == len(keys) and all(len(key) == 32 for key in keys)


def stamp_of(devices: Devices) -> ListStamp:
    """How contents name a device list: version and hash."""
    return ListStamp(version=devices.version, hash=devices.stamp)


def sign_card(device: DeviceKey, name: str, kind: str, devices: bytes, now: int) -> SignedCard:
    """A card of an account, signed by one of its devices. `devices` is the signed device list."""
    signed_list = SignedDeviceList.FromString(devices)
    card = Card(name=name, kind=kind, devices=signed_list, made_at=now).SerializeToString(deterministic=True)
    return SignedCard(card=card, device=device.public, signature=device.private.sign(CARD_LABEL + card))


class VerifiedCard(msgspec.Struct, frozen=True):
    """A card whose signatures hold: a safe name, a known kind, the devices."""

    name: str
    kind: str
    devices: Devices


def verify_card(signed: SignedCard, now: int) -> VerifiedCard:
    """Check a card: signed by a device on a list that its account signed. Raises `InvalidSignature`,
    `MalformedContent`."""
    card = parse(Card, signed.card)
    account = parse(DeviceList, card.devices.list).account
    if len(account) != 32:
        raise MalformedContent("a card names no account")
    devices = verify_devices(card.devices.SerializeToString(), account, now)
    if signed.device not in devices.names:
        raise InvalidSignature("a card is signed by a device that is not on its list")
    verify(signed.device, signed.signature, CARD_LABEL, signed.card)
    kind = card.kind if card.kind in KINDS else "person"
    return VerifiedCard(clean_name(card.name), kind, devices)
