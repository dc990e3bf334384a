"""Our contents, over JSON."""

from __future__ import annotations

from typing import cast

from mepassad.api.crypto import DeviceKey
from mepassad.api.node_id import key_from_node_id
from mepassad.api.types import AccountId, Contact, ConversationId
from mepassad.delivery.introductions import Introductions
from mepassad.errors import MalformedContent
from mepassad.testing.vectors.book import Fields
from mepassad.testing.vectors.ours.protobuf import plain
from mepassad.wire.content import open_content, seal_content
from mepassad.wire.identity import parse, verify_card
from mepassad.wire.messages_pb2 import Content, Introduction
from mepassad.wire.padding import unpad


def write(device_seed: str, recipient: str, content: str) -> Fields:
    """The plaintext for a session, from the seed of the sending device, the recipient's account key and a content."""
    device, key = DeviceKey(bytes.fromhex(device_seed)), bytes.fromhex(recipient)
    plaintext = seal_content(parse(Content, bytes.fromhex(content)), device, key)
    return {"signature": unpad(plaintext)[:64].hex(), "plaintext": plaintext.hex()}


def read(plaintext: str, sender: str, recipient: str) -> Fields:
    """What a plaintext says, if it is to be believed of this device, to this account."""
    return plain(open_content(*(bytes.fromhex(part) for part in (plaintext, sender, recipient))))


def introduction(introduction: str, device: str, now: int) -> Fields:
    """What an introduction says, if it is to be believed at this time, of the device that signed its content: the
    account, and what a new contact would be known by."""
    told = parse(Introduction, bytes.fromhex(introduction))
    card = verify_card(told.card, now)
    if bytes.fromhex(device) not in card.devices.names:
        raise MalformedContent
    no_id, no_conversation = AccountId(""), ConversationId("")
    nobody = Contact(account=no_id, id=no_id, conversation=no_conversation, state="pending", created_at=0)
    known = Introductions._learnt(cast(Introductions, None), nobody, card, told)
    return {
        "account": card.devices.account.hex(),
        "name": known.name,
        "kind": known.kind,
        "number": known.their_number.hex(),
        "nodes": [{"key": key_from_node_id(node).hex(), "addresses": list(known.nodes[node])} for node in known.nodes],
        "directory_number": known.directory[:32].hex(),
        "reunion_key": known.directory[32:].hex(),
    }
