"""Our handshake, over JSON: every value on its way."""

from __future__ import annotations

from typing import Any

from mepassad.api.crypto import DeviceKey
from mepassad.builtin.crypto_signal import handshake, keys, ratchet
from mepassad.testing.vectors.book import Fields
from mepassad.testing.vectors.ours.prekeys import row


def identity_private(seed: str) -> Fields:
    """A device's Ed25519 seed as an X25519 private key, and the public key of that."""
    private = keys.identity_private(bytes.fromhex(seed))
    return {"private": private.hex(), "public": keys.x25519_public(private).hex()}


def identity_public(key: str) -> Fields:
    """A device's Ed25519 public key as an X25519 public key."""
    return {"public": keys.identity_public(bytes.fromhex(key)).hex()}


def initiate(
    device_seed: str, peer: str, bundle: str, now: int, ephemeral: str, ciphertext: str, shared_secret: str
) -> Fields:
    """The initiator's side: from a peer's bundle, the ephemeral private key, and an encapsulation for the PQ prekey."""
    device, key, encoded = DeviceKey(bytes.fromhex(device_seed)), bytes.fromhex(peer), bytes.fromhex(bundle)
    private = bytes.fromhex(ephemeral)

    def encapsulate(public: bytes) -> tuple[bytes, bytes]:
        keys.kem_encapsulate(public)  # as it would be refused there
        return bytes.fromhex(shared_secret), bytes.fromhex(ciphertext)

    begun = handshake.initiate(device, key, encoded, now, private, encapsulate)
    state = ratchet.State.unpack(begun.state)
    opened = handshake.open_bundle(key, encoded, now)
    agreed = [
        keys.exchange(keys.identity_private(device.seed()), opened.signed_prekey.public),
        keys.exchange(private, keys.identity_public(key)),
        keys.exchange(private, opened.signed_prekey.public),
    ]
    if opened.HasField("one_time_prekey"):
        agreed.append(keys.exchange(private, opened.one_time_prekey.public))
    return _secrets(agreed) | {
        "front": state.front.hex(),
        "transcript": begun.transcript.hex(),
        "root_key": state.root.hex(),
        "session": begun.session.hex(),
        "state": begun.state.hex(),
    }


def accept(device_seed: str, peer: str, held: list[Fields], message: str) -> Fields:
    """The responder's side: from the private prekeys that are held, a peer's first message opened. `used` are ids to
    delete, `remembered` what a last-resort prekey remembers afterwards, null if nothing changed; `state` is that after
    the message, `missing` the references and keys of messages that it shows to be missing."""
    device, rows = DeviceKey(bytes.fromhex(device_seed)), {key["id"]: row(**key) for key in held}
    begun = handshake.accept(device, bytes.fromhex(peer), bytes.fromhex(message), rows.get)
    return {
        "transcript": begun.transcript.hex(),
        "session": begun.session.hex(),
        "plaintext": begun.plaintext.hex(),
        "state": begun.state.hex(),
        "missing": [[reference.hex(), key.hex()] for reference, key in begun.skipped],
        "used": sorted(begun.used),
        "remembered": _remembered(begun.changed[0].secret) if begun.changed else None,
    } | _agreed(device, bytes.fromhex(peer), bytes.fromhex(message), rows, begun.transcript)


def _secrets(agreed: list[bytes]) -> Fields:
    return {f"dh{number}": secret.hex() for number, secret in enumerate(agreed, 1)}


def _remembered(secret: bytes) -> list[str]:
    kept = secret[keys.KEM_SEED_SIZE :]
    size = handshake.SESSION_ID_SIZE
    return [kept[at : at + size].hex() for at in range(0, len(kept), size)]


def _agreed(device: DeviceKey, peer: bytes, message: bytes, rows: dict[int, Any], transcript: bytes) -> Fields:
    """What `accept` computes and does not return."""
    parsed = handshake._parse(ratchet.split(message)[0])
    secrets = handshake._secrets(device, peer, parsed, handshake._find(parsed, rows.get))
    root_key = handshake._root_key(secrets, transcript)
    return _secrets(secrets[:-1]) | {"shared_secret": secrets[-1].hex(), "root_key": root_key.hex()}
