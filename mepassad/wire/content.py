"""What one person says to another, inside the encryption: signed, padded, bound to sender and recipient."""

from __future__ import annotations

import hashlib

from mepassad.api.crypto import DeviceKey
from mepassad.errors import MalformedContent
from mepassad.wire.identity import parse, verify
from mepassad.wire.messages_pb2 import Content
from mepassad.wire.padding import pad, unpad

CONTENT_LABEL = b"mepassa/1 content"
_SIGNATURE = 64

TEXT = 1
# From 64 on a content is invisible: it is no message, and gets no visible receipt.
INVISIBLE = 64
HELLO = 64
RECEIPT = 65
TYPING = 66
VERIFICATION = 67


def seal_content(content: Content, device: DeviceKey, recipient: bytes) -> bytes:
    """Sign and pad a content for an account (its 32-byte key): the plaintext for each of its devices.

    Layout before padding: Ed25519 signature (64 bytes) ‖ Content bytes. Signed are label, sender device, recipient
    account and SHA-256 of the exact content bytes, so a content cannot be cut out and shown to somebody else.
    """
    raw = content.SerializeToString()
    return pad(device.private.sign(_signed(device.public, recipient, raw)) + raw)


def open_content(plaintext: bytes, sender: bytes, recipient: bytes) -> Content:
    """The content of a plaintext from device `sender` to account `recipient`. Raises `MalformedContent`,
    `InvalidSignature`."""
    body = unpad(plaintext)
    if len(body) <= _SIGNATURE:
        raise MalformedContent
    raw = body[_SIGNATURE:]
    verify(sender, body[:_SIGNATURE], _signed(sender, recipient, raw))
    content = parse(Content, raw)
    if len(content.id) != 16 or len(content.conversation) != 16 or len(content.reply_to) not in (0, 16):
        raise MalformedContent
    return content


def _signed(sender: bytes, recipient: bytes, raw: bytes) -> bytes:
    return CONTENT_LABEL + sender + recipient + hashlib.sha256(raw).digest()
