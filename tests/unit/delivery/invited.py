"""Makes and redeems invites and codes between nodes of tests, and tells where that led."""

from __future__ import annotations

from mepassad.testing.nodes import RunningNode, eventually
from mepassad.wire.content import VERIFICATION
from mepassad.wire.messages_pb2 import Content

HOUR = 3600


async def link(node: RunningNode, expires_in: int = HOUR) -> str:
    return (await node.node.invites.create(node.account, 1, expires_in))[0]


async def code(node: RunningNode) -> str:
    return (await node.node.invites.create(node.account, 1, None, True))[0]


async def accept(node: RunningNode, uri: str) -> None:
    await node.node.invites.accept(node.account, uri)


async def scan(node: RunningNode, uri: str) -> None:
    await node.node.verifications.scan(node.account, uri, None)


def state(node: RunningNode, other: RunningNode) -> str:
    found = node.node.contacts.find(node.account, other.account)
    return found.state if found else "unknown"


def nobody_is_verified(*nodes: RunningNode) -> bool:
    return not any(row.verified for node in nodes for row in node.node.contacts.everybody())


def says(sender: RunningNode, receiver: RunningNode, number: bytes, proof: bytes) -> Content:
    """The content by which somebody says that they saw a code, or that theirs was seen."""
    content = sender.core.outbox.empty(sender.contact(receiver), VERIFICATION)
    content.verification.invite, content.verification.proof = number, proof
    return content


async def took_it(sender: RunningNode, receiver: RunningNode) -> None:
    """Wait until all that was said before has been read, and what it led to is done."""
    count = len(receiver.texts())
    await sender.say(receiver, "after it")
    await eventually(lambda: len(receiver.texts()) > count)
    await receiver.say(sender, "after that")
    await eventually(lambda: sender.texts()[-1:] == ["after that"])
