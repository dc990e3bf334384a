"""Our ratchet, over JSON. States are in the layout of ratchet.md."""

from __future__ import annotations

import hashlib

from mepassad.builtin.crypto_signal import keys, labels, ratchet
from mepassad.errors import DecryptFailed
from mepassad.testing.vectors.book import Fields

HEADER = 41  # bytes


def turn(root_key: str, private: str, public: str) -> Fields:
    """A DH turn: the next root key, and a chain key."""
    try:
        secret = keys.exchange(bytes.fromhex(private), bytes.fromhex(public))
    except ValueError as error:
        raise DecryptFailed from error
    derived = keys.hkdf(secret, bytes.fromhex(root_key), labels.DH_TURN, 64)
    return {"root_key": derived[:32].hex(), "chain_key": derived[32:].hex()}


def step(chain_key: str) -> Fields:
    """A step of a chain."""
    following, message_key = ratchet.step(bytes.fromhex(chain_key))
    return {"chain_key": following.hex(), "message_key": message_key.hex()}


def cipher(message_key: str, plaintext: str, ad: str) -> Fields:
    """Encryption under a message key, with the AEAD's key and nonce."""
    key = bytes.fromhex(message_key)
    derived = keys.hkdf(key, None, labels.MESSAGE_KEY, 44)
    sealed = keys.seal(key, bytes.fromhex(plaintext), bytes.fromhex(ad))
    return {"key": derived[:32].hex(), "nonce": derived[32:].hex(), "ciphertext": sealed.hex()}


def encrypt(state: str, plaintext: str, private: str | None) -> Fields:
    """A message, and the state after it. `private` is the fresh ratchet key where a sending chain begins, else null."""
    drawn = bytes.fromhex(private or "")
    done = ratchet.encrypt(bytes.fromhex(state), bytes.fromhex(plaintext), lambda size: drawn)
    own = ratchet.State.unpack(bytes.fromhex(state))
    chain = turn(own.root.hex(), private, own.remote.hex())["chain_key"] if private else own.sending.hex()
    start = len(own.front)
    return {
        "message_key": step(chain)["message_key"],
        "front": done.message[:start].hex(),
        "header": done.message[start : start + HEADER].hex(),
        "ciphertext": done.message[start + HEADER :].hex(),
        "message": done.message.hex(),
        "state": done.state.hex(),
    }


def decrypt(state: str, kept: list[list[str]], message: str) -> Fields:
    """A message opened, and the state after it. `kept` is the table of keys of missing messages, pairs of reference and
    key, oldest first; `missing` is what to add to it, `dropped` what to take out."""
    table = {bytes.fromhex(reference): bytes.fromhex(key) for reference, key in kept}
    done = ratchet.decrypt(bytes.fromhex(state), table, bytes.fromhex(message))
    return {
        "plaintext": done.plaintext.hex(),
        "missing": [[reference.hex(), key.hex()] for reference, key in done.skipped],
        "dropped": [reference.hex() for reference in done.used],
        "state": done.state.hex(),
    }


def decrypt_after_many(state: str, kept: int, message: str) -> Fields:
    """As `decrypt`, where many messages are missing. The table has so many keys: references of 32 zero bytes and a
    counter from 0, each with a key of 32 zero bytes. Of what is missing there is the number, and SHA-256 over all
    references and keys, one after the other."""
    table = [[(bytes(32) + number.to_bytes(4, "big")).hex(), bytes(32).hex()] for number in range(kept)]
    done = decrypt(state, table, message)
    missing = "".join(reference + key for reference, key in done["missing"])
    digest = hashlib.sha256(bytes.fromhex(missing)).hexdigest()
    return done | {"missing": len(done["missing"]), "missing_sha256": digest}
