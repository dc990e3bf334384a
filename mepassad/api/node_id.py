"""Node ids: libp2p peer ids of Ed25519 keys, as text (libp2p specs, peer-ids)."""

from __future__ import annotations

from mepassad.api.types import NodeId

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
DIGITS = {letter: value for value, letter in enumerate(ALPHABET)}
TEXT_LENGTH = 52

# Identity multihash (0x00) of 36 bytes (0x24): the protobuf PublicKey {Type = Ed25519 (1), Data = 32 bytes}.
PREFIX = bytes.fromhex("002408011220")
KEY_SIZE = 32


def node_id_from_key(public: bytes) -> NodeId:
    """The node id (`12D3Koo…`) of a 32-byte Ed25519 public key. Raises ValueError on another length."""
    if len(public) != KEY_SIZE:
        raise ValueError(f"An Ed25519 public key has {KEY_SIZE} bytes, not {len(public)}.")
    return NodeId(_base58(PREFIX + public))


def key_from_node_id(text: str) -> bytes:
    """The 32-byte Ed25519 public key in a node id. Raises ValueError when it is not one in its only spelling."""
    number = 0
    if len(text) != TEXT_LENGTH:
        raise ValueError(f"A node id has {TEXT_LENGTH} characters, not {len(text)}.")
    for letter in text:
        if letter not in DIGITS:
            raise ValueError("A node id consists of base58 characters only.")
        number = number * 58 + DIGITS[letter]
    raw = number.to_bytes(TEXT_LENGTH, "big")[-len(PREFIX) - KEY_SIZE :]
    key = raw[len(PREFIX) :]
    if _base58(PREFIX + key) != text:
        raise ValueError("This is not the node id of an Ed25519 key.")
    return key


def _base58(data: bytes) -> str:
    """Base58 in Bitcoin's alphabet; each leading zero byte becomes a `1`."""
    number = int.from_bytes(data, "big")
    letters = []
    while number:
        number, digit = divmod(number, 58)
        letters.append(ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return ALPHABET[0] * zeros + "".join(reversed(letters))
