"""The Double Ratchet (Signal's specification, revision 4) with AES-256-GCM-SIV: bytes and state in and out.

Only the sending half of a DH turn needs randomness, and it waits for the next `encrypt`: receiving stays cheap, and
the wire is the same. docs/protocol/ratchet.md is exact to the byte.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Mapping
from itertools import islice

import msgspec

from mepassad.api import AlreadyOpened, CryptoError, DecryptFailed, GapTooLarge
from mepassad.api.crypto import Decrypted, Encrypted
from mepassad.builtin.crypto_signal import labels
from mepassad.builtin.crypto_signal.keys import KEY_SIZE, TAG_SIZE, Random, exchange, hkdf, seal, unseal, x25519_public

MAX_GAP = 1000  # messages that may be missing before one, in each of the two chains it touches
MAX_SKIPPED = 2000  # keys of missing messages kept for a session; the oldest go first
MAX_HANDSHAKE = 4096  # bytes
MAX_COUNTER = 2**32 - 2  # of a message in its chain: its successor still fits a header

MESSAGE = 1  # first byte of a message
FIRST_MESSAGE = 2  # first byte of a handshake and a message

_STATE_VERSION = 1
_STATE = struct.Struct(">B32s32s32s32s32s32s32sIQI")
_HEADER = struct.Struct(">B32sII")
_HANDSHAKE = struct.Struct(">BH")
_NONE = bytes(KEY_SIZE)  # stands for a key that is not there yet


class State(msgspec.Struct):
    """One side of a session, unpacked. `front` goes before each message until the peer has answered."""

    front: bytes
    ad: bytes
    root: bytes
    own_private: bytes
    own_public: bytes
    remote: bytes
    sending: bytes
    receiving: bytes
    sent: int
    received: int
    previous: int

    def __repr__(self) -> str:
        return f"State(sent={self.sent}, received={self.received})"

    def pack(self) -> bytes:
        """The bytes to keep: 241, and while unanswered the handshake."""
        fixed = _STATE.pack(
            _STATE_VERSION, self.ad, self.root, self.own_private, self.own_public, self.remote, self.sending,
            self.receiving, self.sent, self.received, self.previous,
        )  # fmt: skip
        return fixed + self.front

    @classmethod
    def unpack(cls, state: bytes) -> State:
        """The reverse of `pack`. Raises `CryptoError` when the stored bytes are damaged."""
        if len(state) < _STATE.size or state[0] != _STATE_VERSION:
            raise CryptoError("The stored session state is damaged or of another version.")
        return cls(state[_STATE.size :], *_STATE.unpack_from(state)[1:])


def begin_sending(root: bytes, remote: bytes, ad: bytes, handshake: bytes) -> bytes:
    """The initiator's first state. `remote` is the peer's signed prekey, `ad` the transcript hash (32 bytes each)."""
    return State(frame(handshake), ad, root, _NONE, _NONE, remote, _NONE, _NONE, 0, 0, 0).pack()


def begin_receiving(root: bytes, own_private: bytes, own_public: bytes, ad: bytes) -> bytes:
    """The responder's first state; the signed prekey that was used is its first ratchet key."""
    return State(b"", ad, root, own_private, own_public, _NONE, _NONE, _NONE, 0, 0, 0).pack()


def frame(handshake: bytes) -> bytes:
    """What goes in front of a message until the peer has answered."""
    return _HANDSHAKE.pack(FIRST_MESSAGE, len(handshake)) + handshake


def split(message: bytes) -> tuple[bytes, int]:
    """The handshake in front of a message, or nothing, and where its header begins. Raises `DecryptFailed`."""
    handshake, start = b"", 0
    if message[:1] == bytes([FIRST_MESSAGE]) and len(message) >= _HANDSHAKE.size:
        start = _HANDSHAKE.size + _HANDSHAKE.unpack_from(message)[1]
        handshake = message[_HANDSHAKE.size : start]
    if len(message) < start + _HEADER.size + TAG_SIZE or len(handshake) > MAX_HANDSHAKE:
        raise DecryptFailed("The message was cut short.")
    if message[start] != MESSAGE:
        raise DecryptFailed("The message is malformed, or needs a newer version of mepassad.")
    return handshake, start


def encrypt(state: bytes, plaintext: bytes, random: Random) -> Encrypted:
    """Encrypt one message; `random` is drawn from (32 bytes) only when it begins a new sending chain."""
    own = State.unpack(state)
    if own.sending == _NONE:
        _begin_chain(own, random(KEY_SIZE))
    if own.sent > MAX_COUNTER:
        raise CryptoError("This session has sent as many messages in a row as it can; begin a new one.")
    own.sending, message_key = step(own.sending)
    header = own.front + _HEADER.pack(MESSAGE, own.own_public, own.previous, own.sent)
    own.sent += 1
    return Encrypted(own.pack(), header + seal(message_key, plaintext, own.ad + header))


def decrypt(state: bytes, skipped: Mapping[bytes, bytes], message: bytes) -> Decrypted:
    """Open one message. `skipped` maps references (ratchet key ‖ counter) to message keys and iterates oldest first.

    Raises `DecryptFailed`, `AlreadyOpened` and `GapTooLarge`.
    """
    own = State.unpack(state)
    start = split(message)[1]
    end = start + _HEADER.size
    header, ciphertext = message[:end], message[end:]
    _, remote, previous, counter = _HEADER.unpack_from(message, start)
    reference = _reference(remote, counter)
    if message_key := skipped.get(reference):
        return Decrypted(state, unseal(message_key, ciphertext, own.ad + header), used=(reference,))
    turns = remote != own.remote or own.receiving == _NONE
    missing = _turn(own, remote, previous, counter) if turns else []
    if counter < own.received:
        raise AlreadyOpened
    missing += _skip(own, counter)
    own.receiving, message_key = step(own.receiving)
    own.received, own.front = counter + 1, b""
    plaintext = unseal(message_key, ciphertext, own.ad + header)
    return Decrypted(own.pack(), plaintext, tuple(missing), _surplus(skipped, len(missing)))


def step(chain: bytes) -> tuple[bytes, bytes]:
    """One step of a chain: the next chain key and a message key (Double Ratchet, 7.2: HMAC over a constant byte)."""
    return hmac.digest(chain, b"\x02", "sha256"), hmac.digest(chain, b"\x01", "sha256")


def _turn(own: State, remote: bytes, previous: int, counter: int) -> list[tuple[bytes, bytes]]:
    """Begin the peer's next receiving chain; what is missing of the last one, which had `previous` messages. No step is
    taken for a gap before `counter` in the new one."""
    if own.sending == _NONE and own.remote != _NONE:
        raise DecryptFailed("The peer changed its ratchet key before it heard ours.")
    if counter > MAX_GAP:
        raise GapTooLarge
    missing = _skip(own, previous) if own.receiving != _NONE else []
    own.remote, own.received = remote, 0
    own.root, own.receiving = _next_root(own)
    own.previous, own.sent, own.sending = own.sent, 0, _NONE
    return missing


def _begin_chain(own: State, private: bytes) -> None:
    """The sending half of a DH turn, with a fresh ratchet key."""
    own.own_private, own.own_public = private, x25519_public(private)
    own.root, own.sending = _next_root(own)


def _next_root(own: State) -> tuple[bytes, bytes]:
    """The next root key and a chain key, from both ratchet keys. Raises `DecryptFailed` on a low-order key."""
    try:
        secret = exchange(own.own_private, own.remote)
    except ValueError:
        raise DecryptFailed("The message carries an invalid key.") from None
    derived = hkdf(secret, own.root, labels.DH_TURN, 2 * KEY_SIZE)
    return derived[:KEY_SIZE], derived[KEY_SIZE:]


def _skip(own: State, until: int) -> list[tuple[bytes, bytes]]:
    """Advance the receiving chain to message `until`; the references and keys passed. Raises `GapTooLarge`."""
    if until - own.received > MAX_GAP:
        raise GapTooLarge
    missing = []
    for counter in range(own.received, until):
        own.receiving, message_key = step(own.receiving)
        missing.append((_reference(own.remote, counter), message_key))
    return missing


def _reference(remote: bytes, counter: int) -> bytes:
    return remote + counter.to_bytes(4, "big")


def _surplus(skipped: Mapping[bytes, bytes], added: int) -> tuple[bytes, ...]:
    """The oldest references, as many as are too many once `added` have come."""
    if not added:
        return ()
    return tuple(islice(skipped, max(0, len(skipped) + added - MAX_SKIPPED)))
