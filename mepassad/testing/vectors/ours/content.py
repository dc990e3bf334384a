"""Our contents, over JSON."""

from __future__ import annotations

from mepassad.api.crypto import DeviceKey
from mepassad.testing.vectors.book import Fields
from mepassad.testing.vectors.ours.protobuf import plain
from mepassad.wire.content import open_content, seal_content
from mepassad.wire.identity import parse
from mepassad.wire.messages_pb2 import Content
from mepassad.wire.padding import unpad


def write(device_seed: str, recipient: str, content: str) -> Fields:
    """The plaintext for a session, from the seed of the sending device, the recipient's account key and a content."""
    device, key = DeviceKey(bytes.fromhex(device_seed)), bytes.fromhex(recipient)
    plaintext = seal_content(parse(Content, bytes.fromhex(content)), device, key)
    return {"signature": unpad(plaintext)[:64].hex(), "plaintext": plaintext.hex()}


def read(plaintext: str, sender: str, recipient: str) -> Fields:
    """What a plaintext says, if it is to be believed of this device, to this account."""
    return plain(open_content(*(bytes.fromhex(part) for part in (plaintext, sender, recipient))))
