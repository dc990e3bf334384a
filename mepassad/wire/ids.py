"""Ids and their text: account ids (bech32m), message and conversation ids (base64url), content ids (UUIDv7)."""

from __future__ import annotations

import base64
import hashlib
import os
from functools import lru_cache

from mepassad.api.types import AccountId, ConversationId, MessageId

PREFIX = "mp"
_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_SUFFIX = 8
_BECH32M = 0x2BC830A3
_MESSAGE_LABEL = b"mepassa/1 message id"
_CONVERSATION_LABEL = b"mepassa/1 direct conversation"


def b64(raw: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of base64url text without padding. Raises ValueError on anything that `b64` would not have made."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if b64(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check


def _expand(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def bech32m_encode(prefix: str, raw: bytes) -> str:
    """Bytes in bech32m (BIP-350) under a prefix."""
    bits = int.from_bytes(raw, "big") << (-len(raw) * 8 % 5)
    count = -(-len(raw) * 8 // 5)
    data = [bits >> 5 * (count - 1 - i) & 31 for i in range(count)]
    check = _polymod(_expand(prefix) + data + [0] * 6) ^ _BECH32M
    data += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(_CHARSET[d] for d in data)


def bech32m_decode(prefix: str, text: str) -> bytes:
    """The bytes of bech32m text. Raises ValueError on a wrong prefix, character, checksum, mixed case or padding."""
    if not text.isascii() or (text != text.lower() and text != text.upper()):
        raise ValueError("not ASCII, or mixed case")
    head, _, tail = text.lower().rpartition("1")
    if head != prefix or len(tail) < 6 or len(text) > 90 or any(c not in _CHARSET for c in tail):
        raise ValueError("not bech32m of this kind")
    data = [_CHARSET.index(c) for c in tail]
    if _polymod(_expand(prefix) + data) != _BECH32M:
        raise ValueError("checksum")
    bits = 0
    for value in data[:-6]:
        bits = bits << 5 | value
    spare = (len(data) - 6) * 5 % 8
    if spare > 4 or bits & ((1 << spare) - 1):
        raise ValueError("padding")
    return (bits >> spare).to_bytes((len(data) - 6) * 5 // 8, "big")


def account_id(key: bytes) -> AccountId:
    """The account id of an account's Ed25519 public key (32 bytes)."""
    return AccountId(bech32m_encode(PREFIX, key))


@lru_cache(maxsize=4096)
def account_key(account: str) -> bytes:
    """The 32-byte public key of an account id. Raises ValueError."""
    key = bech32m_decode(PREFIX, account)
    if len(key) != 32:
        raise ValueError("an account id holds 32 bytes")
    return key


def suffix(account: str) -> str:
    """The end of an account id, which tells apart those who chose the same name."""
    return account[-_SUFFIX:]


def new_content_id(now_ms: int) -> bytes:
    """A fresh UUIDv7 (RFC 9562 §5.7), 16 bytes, for `now_ms` Unix milliseconds."""
    raw = bytearray((now_ms & (1 << 48) - 1).to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return bytes(raw)


def message_id(sender: bytes, content_id: bytes) -> MessageId:
    """The id of a message on every device: who sent it and the content id that they gave it.

    Bound to the sender's account key, so nobody can take the id of somebody else's message: 10 bytes of hash behind
    the content id's 6 bytes of time, which keep the ids of one day side by side in an index.
    """
    return MessageId(b64(content_id[:6] + hashlib.sha256(_MESSAGE_LABEL + sender + content_id).digest()[:10]))


def made_ms(message: MessageId) -> int:
    """When a message was made by its sender's clock, Unix milliseconds, as its id tells."""
    return int.from_bytes(unb64(message)[:6], "big")


def direct_conversation(one: bytes, other: bytes) -> ConversationId:
    """The id of the conversation between two account keys, the same on both sides."""
    return ConversationId(b64(hashlib.sha256(_CONVERSATION_LABEL + b"".join(sorted((one, other)))).digest()[:16]))
