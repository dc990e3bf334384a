"""ratchet.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from second.primitives import hkdf, hmac, sha256, x25519, x25519_public
from second.refused import Refused, need

Fields = dict[str, Any]
Keys = dict[bytes, bytes]  # of missing messages, by reference, oldest first
NONE = bytes(32)


@dataclass
class State:
    transcript: bytes
    root: bytes
    own: bytes = NONE
    remote: bytes = NONE
    sending: bytes = NONE
    receiving: bytes = NONE
    sent: int = 0
    received: int = 0
    previous: int = 0
    front: bytes = b""

    def pack(self) -> bytes:
        public = x25519_public(self.own) if self.own != NONE else NONE
        keys = (self.transcript, self.root, self.own, public, self.remote, self.sending, self.receiving)
        numbers = self.sent.to_bytes(4, "big") + self.received.to_bytes(8, "big") + self.previous.to_bytes(4, "big")
        return b"\x01" + b"".join(keys) + numbers + self.front


def unpack(raw: bytes) -> State:
    transcript, root, own, _, remote, sending, receiving = (raw[at : at + 32] for at in range(1, 225, 32))
    sent, received, previous = (int.from_bytes(raw[a:b], "big") for a, b in ((225, 229), (229, 237), (237, 241)))
    return State(transcript, root, own, remote, sending, receiving, sent, received, previous, raw[241:])


def next_root(root: bytes, private: bytes, public: bytes) -> tuple[bytes, bytes]:
    out = hkdf(x25519(private, public, "DecryptFailed"), root, b"mepassa/1/ratchet-turn", 64)
    return out[:32], out[32:]


def stepped(chain: bytes) -> tuple[bytes, bytes]:
    return hmac(chain, b"\x02"), hmac(chain, b"\x01")


def aead(message_key: bytes) -> tuple[bytes, bytes]:
    out = hkdf(message_key, bytes(32), b"mepassa/1/ratchet-message", 44)
    return out[:32], out[32:]


def turn(root_key: str, private: str, public: str) -> Fields:
    root, chain = next_root(*(bytes.fromhex(part) for part in (root_key, private, public)))
    return {"root_key": root.hex(), "chain_key": chain.hex()}


def step(chain_key: str) -> Fields:
    chain, message_key = stepped(bytes.fromhex(chain_key))
    return {"chain_key": chain.hex(), "message_key": message_key.hex()}


def cipher(message_key: str, plaintext: str, ad: str) -> Fields:
    key, nonce = aead(bytes.fromhex(message_key))
    ciphertext = AESGCMSIV(key).encrypt(nonce, bytes.fromhex(plaintext), bytes.fromhex(ad))
    return {"key": key.hex(), "nonce": nonce.hex(), "ciphertext": ciphertext.hex()}


def encrypt(state: str, plaintext: str, private: str | None) -> Fields:
    own = unpack(bytes.fromhex(state))
    if own.sending == NONE:
        own.own = bytes.fromhex(private or "")
        own.root, own.sending = next_root(own.root, own.own, own.remote)
    need(own.sent <= 4_294_967_294, "CryptoError")
    own.sending, message_key = stepped(own.sending)
    header = b"\x01" + x25519_public(own.own) + own.previous.to_bytes(4, "big") + own.sent.to_bytes(4, "big")
    own.sent += 1
    key, nonce = aead(message_key)
    ad = own.transcript + own.front + header
    ciphertext = AESGCMSIV(key).encrypt(nonce, bytes.fromhex(plaintext), ad)
    return {
        "message_key": message_key.hex(),
        "front": own.front.hex(),
        "header": header.hex(),
        "ciphertext": ciphertext.hex(),
        "message": (own.front + header + ciphertext).hex(),
        "state": own.pack().hex(),
    }


def cut(message: bytes) -> tuple[bytes, bytes, bytes]:
    """Front, header, ciphertext."""
    start = 0
    if message[:1] == b"\x02" and len(message) >= 3:
        start = 3 + int.from_bytes(message[1:3], "big")
        need(start - 3 <= 4096, "DecryptFailed")
    need(len(message) - start >= 57 and message[start] == 1, "DecryptFailed")
    return message[:start], message[start : start + 41], message[start + 41 :]


def opened(own: State, kept: Keys, message: bytes) -> tuple[bytes, list[tuple[bytes, bytes]], list[bytes]]:
    """The plaintext, what is missing, and what to drop; `own` moves on, and is of no use after a refusal."""
    front, header, ciphertext = cut(message)
    ratchet_key, previous, counter = header[1:33], *(int.from_bytes(header[a : a + 4], "big") for a in (33, 37))
    ad = own.transcript + front + header
    reference = ratchet_key + header[37:]
    if reference in kept:
        return unlocked(kept[reference], ciphertext, ad), [], [reference]
    missing: list[tuple[bytes, bytes]] = []
    if ratchet_key != own.remote or own.receiving == NONE:
        need(own.remote == NONE or own.sending != NONE, "DecryptFailed")
        if own.receiving != NONE:
            missing += skip(own, previous)
        own.root, own.receiving = next_root(own.root, own.own, ratchet_key)
        own.remote, own.received = ratchet_key, 0
        own.previous, own.sent, own.sending = own.sent, 0, NONE
    need(own.received <= counter, "AlreadyOpened")
    missing += skip(own, counter)
    own.receiving, message_key = stepped(own.receiving)
    own.received, own.front = counter + 1, b""
    surplus = max(0, len(kept) + len(missing) - 2000) if missing else 0
    return unlocked(message_key, ciphertext, ad), missing, list(kept)[:surplus]


def skip(own: State, until: int) -> list[tuple[bytes, bytes]]:
    need(until - own.received <= 1000, "GapTooLarge")
    missing = []
    while own.received < until:
        own.receiving, key = stepped(own.receiving)
        missing.append((own.remote + own.received.to_bytes(4, "big"), key))
        own.received += 1
    return missing


def unlocked(message_key: bytes, ciphertext: bytes, ad: bytes) -> bytes:
    key, nonce = aead(message_key)
    try:
        return AESGCMSIV(key).decrypt(nonce, ciphertext, ad)
    except InvalidTag as error:
        raise Refused("DecryptFailed") from error


def decrypt(state: str, kept: list[list[str]], message: str) -> Fields:
    own, table = unpack(bytes.fromhex(state)), {bytes.fromhex(one): bytes.fromhex(key) for one, key in kept}
    plaintext, missing, dropped = opened(own, table, bytes.fromhex(message))
    return {
        "plaintext": plaintext.hex(),
        "missing": [[reference.hex(), key.hex()] for reference, key in missing],
        "dropped": [reference.hex() for reference in dropped],
        "state": own.pack().hex(),
    }


def decrypt_after_many(state: str, kept: int, message: str) -> Fields:
    table = [[(bytes(32) + number.to_bytes(4, "big")).hex(), bytes(32).hex()] for number in range(kept)]
    out = decrypt(state, table, message)
    digest = sha256(*(bytes.fromhex(reference + key) for reference, key in out["missing"]))
    return out | {"missing": len(out["missing"]), "missing_sha256": digest.hex()}
