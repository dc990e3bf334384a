"""Our identity layer, over JSON: words, ids, device lists, cards and names."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api import node_id
from mepassad.api.crypto import DeviceKey
from mepassad.delivery.stamps import difference
from mepassad.people.accounts import seed_of
from mepassad.testing.vectors.book import Fields
from mepassad.wire import directory, ids
from mepassad.wire.identity import Devices, agree, parse, sign_card, sign_devices, verify_card, verify_devices
from mepassad.wire.messages_pb2 import DeviceList, ListStamp, SignedCard, SignedDeviceList
from mepassad.wire.names import clean_name


def words(words: str) -> Fields:
    """The account that 24 recovery words stand for: its seed, public key and id; and the directory number, with its
    private key, and the reunion secret, that are made of the seed."""
    seed = seed_of(words)
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    told = directory.Directory.of(seed)
    return {
        "seed": seed.hex(),
        "account_key": key.hex(),
        "account_id": ids.account_id(key),
        "directory_private": told.private.hex(),
        "directory_number": told.number().hex(),
        "reunion_secret": told.secret.hex(),
    }


def reunion_proof(reunion_secret: str, contact: str, transcript: str) -> Fields:
    """The reunion key that a contact (an account key) was told, and what takes them back to the restored account,
    inside the handshake with this transcript."""
    key = directory.Directory(bytes(32), bytes.fromhex(reunion_secret)).reunion_key(bytes.fromhex(contact))
    return {"key": key.hex(), "proof": directory.reunion_proof(key, bytes.fromhex(transcript)).hex()}


def account_id_write(key: str) -> Fields:
    """An account key as its id."""
    return {"text": ids.account_id(bytes.fromhex(key))}


def account_id_read(text: str) -> Fields:
    """An account id as its key."""
    return {"key": ids.account_key(text).hex()}


def node_id_write(key: str) -> Fields:
    """A node's key as its id."""
    return {"text": node_id.node_id_from_key(bytes.fromhex(key))}


def node_id_read(text: str) -> Fields:
    """A node id as its key."""
    return {"key": node_id.key_from_node_id(text).hex()}


def base64url_read(text: str) -> Fields:
    """Base64url as its bytes."""
    return {"bytes": ids.unb64(text).hex()}


def message_id(sender: str, content_id: str) -> Fields:
    """The id of a message from its sender's account key and the content id, as bytes and as text."""
    text = ids.message_id(bytes.fromhex(sender), bytes.fromhex(content_id))
    return {"bytes": ids.unb64(text).hex(), "text": text}


def conversation_id(one: str, other: str) -> Fields:
    """The id of the conversation of two account keys, as bytes and as text."""
    text = ids.direct_conversation(bytes.fromhex(one), bytes.fromhex(other))
    return {"bytes": ids.unb64(text).hex(), "text": text}


def device_list_write(
    account_seed: str, devices: list[dict[str, Any]], revoked: list[str], previous: int, now: int
) -> Fields:
    """A signed device list, from the account's seed, devices with their seeds, and the version before."""
    account = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(account_seed))
    key = account.public_key().public_bytes_raw()
    entries = [agree(DeviceKey(bytes.fromhex(one["seed"])), key, one["name"], one["added_at"]) for one in devices]
    signed = sign_devices(account, entries, previous, now, [bytes.fromhex(gone) for gone in revoked])
    outer = SignedDeviceList.FromString(signed)
    return {
        "version": DeviceList.FromString(outer.list).version,
        "agreements": [entry.agreement.hex() for entry in entries],
        "list": outer.list.hex(),
        "signature": outer.signature.hex(),
        "signed": signed.hex(),
    }


def device_list_read(signed: str, account: str, now: int, seen: str | None) -> Fields:
    """What a signed device list says, if it is to be believed of this account at this time, `seen` being the list that
    was seen before (signed, null for none)."""
    key = bytes.fromhex(account)
    devices = verify_devices(bytes.fromhex(signed), key, now)
    devices.check_follows(verify_devices(bytes.fromhex(seen), key, None) if seen else None)
    return _listed(devices)


def stamp_compare(stamp: str, signed: str, account: str) -> Fields:
    """What a stamp names, seen from the list that is known: the `same`, an `older` or `newer` one, or an `other` of its
    version."""
    known = verify_devices(bytes.fromhex(signed), bytes.fromhex(account), None)
    return {"named": difference(parse(ListStamp, bytes.fromhex(stamp)), known)}


def _listed(devices: Devices) -> Fields:
    return {
        "account": devices.account.hex(),
        "version": devices.version,
        "stamp": devices.stamp.hex(),
        "devices": [{"key": key.hex(), "name": name} for key, name in devices.names.items()],
        "revoked": sorted(key.hex() for key in devices.revoked),
    }


def card_write(device_seed: str, name: str, kind: str, devices: str, made_at: int) -> Fields:
    """A signed card, from the seed of the device that signs and a signed device list."""
    card = sign_card(DeviceKey(bytes.fromhex(device_seed)), name, kind, bytes.fromhex(devices), made_at)
    return {"card": card.card.hex(), "signature": card.signature.hex(), "signed": card.SerializeToString().hex()}


def card_read(signed: str, now: int) -> Fields:
    """What a signed card says, if it is to be believed at this time."""
    card = verify_card(parse(SignedCard, bytes.fromhex(signed)), now)
    return {"name": card.name, "kind": card.kind, "devices": _listed(card.devices)}


def name(text: str) -> Fields:
    """A name as it is shown."""
    return {"shown": clean_name(text)}
