"""The contract of a crypto plugin: sessions between two devices, pure, synchronous, bytes in and bytes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.types import AccountId, PrivateKey


class DeviceKey:
    """This device's Ed25519 key: signs content, cards and prekeys, and is the identity of its sessions."""

    __slots__ = ("private", "public")

    def __init__(self, seed: bytes) -> None:
        """`seed`: 32 bytes (RFC 8032). Raises ValueError on another length."""
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> DeviceKey:
        """A fresh random key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    def seed(self) -> bytes:
        """The 32 secret bytes, for the key file only."""
        return self.private.private_bytes_raw()

    def __repr__(self) -> str:
        return f"DeviceKey({self.public.hex()[:8]}…)"


class Initiated(NamedTuple):
    """A session begun from a bundle: its 16-byte id, state, and the handshake transcript hash (32 bytes)."""

    session: bytes
    state: bytes
    transcript: bytes

    def __repr__(self) -> str:
        return f"Initiated({self.session.hex()})"


class Accepted(NamedTuple):
    """A session begun by a peer's first message, with that message opened.

    `used` are the ids of private keys to delete, `changed` rows to write instead of their old ones, both in the
    commit that keeps the session.
    """

    session: bytes
    state: bytes
    transcript: bytes
    plaintext: bytes
    used: tuple[int, ...] = ()
    changed: tuple[PrivateKey, ...] = ()
    skipped: tuple[tuple[bytes, bytes], ...] = ()

    def __repr__(self) -> str:
        return f"Accepted({self.session.hex()})"


class Encrypted(NamedTuple):
    """The next state and the message for the wire."""

    state: bytes
    message: bytes

    def __repr__(self) -> str:
        return f"Encrypted({len(self.message)} bytes)"


class Decrypted(NamedTuple):
    """The next state, the plaintext, and the changes to the session's table of skipped message keys."""

    state: bytes
    plaintext: bytes
    skipped: tuple[tuple[bytes, bytes], ...] = ()  # (reference, key) to add
    used: tuple[bytes, ...] = ()  # references to drop

    def __repr__(self) -> str:
        return f"Decrypted({len(self.plaintext)} bytes)"


class Replenished(NamedTuple):
    """Prekeys to add, rows to write anew (retired ones), and ids to delete for good."""

    added: tuple[PrivateKey, ...] = ()
    changed: tuple[PrivateKey, ...] = ()
    dropped: tuple[int, ...] = ()


class Bundle(NamedTuple):
    """What a peer needs to begin a session, and the ids of the one-time keys that it gives away."""

    public: bytes
    given: tuple[int, ...] = ()


class Crypto(Protocol):
    """Sessions between two devices.

    Every method is pure and synchronous: it computes from its arguments (and fresh randomness) and returns what to
    keep; it touches no file, clock or socket, and a method that raises has changed nothing. The core keeps what is
    returned in one commit before anything leaves the node, so a state is never used twice.

    Errors: `CryptoError` and its subclasses, nothing else, whatever the bytes. No error or repr holds a key or
    plaintext. `capabilities` name what an implementation can do: `pq` (post-quantum handshake), `signed-prekey`,
    `seeded-identity` (the session identity is the device key), `last-resort` (works when one-time keys ran out),
    `transcript` (the handshake hash is bound to all keys).
    """

    name: str
    capabilities: frozenset[str]

    def replenish(self, account: AccountId, device: DeviceKey, held: Sequence[PrivateKey], now: int) -> Replenished:
        """Top up and rotate prekeys. `held`: all rows kept; `now`: Unix seconds. Idempotent right after itself."""
        ...

    def bundle(self, device: DeviceKey, held: Sequence[PrivateKey], now: int, one_time: bool = True) -> Bundle:
        """A bundle for one peer: current signed keys and, while there are any, one-time keys not yet given.

        Without `one_time` none of those: a peer asks for that when one that it was given was missing.
        """
        ...

    def initiate(self, device: DeviceKey, peer: bytes, bundle: bytes, now: int) -> Initiated:
        """Begin a session with the device `peer` (its 32-byte public key). Raises `BadBundle`."""
        ...

    def accept(
        self, device: DeviceKey, peer: bytes, message: bytes, key: Callable[[int], PrivateKey | None], now: int
    ) -> Accepted:
        """Open a first message. `key` looks a private key up by id. Raises `NoSession` when the message is not a
        first one, `KeyMissing`, `DecryptFailed`."""
        ...

    def encrypt(self, state: bytes, plaintext: bytes) -> Encrypted:
        """Encrypt one message; until the peer has answered, it carries the handshake too."""
        ...

    def decrypt(self, state: bytes, skipped: Mapping[bytes, bytes], message: bytes) -> Decrypted:
        """Open one message, in any order, with or without the handshake in front.

        `skipped`: the session's table of skipped message keys, reference to key, iterating oldest first. Raises
        `DecryptFailed`, `AlreadyOpened` (the message's key was used or dropped), `GapTooLarge`.
        """
        ...
