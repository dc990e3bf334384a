"""Nodes with mailboxes: mailbox nodes of their own, and accounts here and there that are away."""

from __future__ import annotations

from mepassad.api.store import Due
from mepassad.testing.nodes import Nodes, RunningNode


async def mailbox_node(nodes: Nodes, name: str = "box") -> RunningNode:
    """A node that is a mailbox for others."""
    running = await nodes.start(name, roles="[mailbox]")
    await running.node.supervisor.until_up("mailbox")
    return running


async def with_mailboxes(nodes: Nodes, name: str, *boxes: RunningNode) -> RunningNode:
    """A node that has mailboxes, once it knows that nothing waits there."""
    addresses = ", ".join(address for box in boxes for address in box.node.addresses())
    running = await nodes.start(name, mailboxes=f"[{addresses}]")
    await settled(nodes, running)
    return running


async def settled(nodes: Nodes, running: RunningNode) -> None:
    """Wait until a node has drained its mailboxes, its boxes are open, and prekeys are in them."""
    await nodes.in_time(running.core.mailboxes.drained, 0.5)


async def away(nodes: Nodes, name: str) -> None:
    """Stop a node, to be started again."""
    await nodes.up.pop(name).stop()


async def deposited(nodes: Nodes, sender: RunningNode, to: RunningNode, *boxes: RunningNode) -> None:
    """Wait until all that a node owes to another lies in these mailboxes."""

    async def all_there() -> bool:
        store, now = sender.node.store, int(nodes.clock.now())
        if not all(row.packet for row in await store.outgoing(sender.account, to.account, 0, 100)):
            return False
        for box in boxes:
            due = Due(now + 10, 0)
            if await store.undeposited(sender.account, to.account, box.node_id, due, 0, 1):
                return False
        return True

    await nodes.in_time(all_there, 0.5)


async def acquaint(nodes: Nodes, inviter: RunningNode, guest: RunningNode) -> None:
    """Make contacts of two nodes, who know each other's mailboxes then, and have nothing more to say."""
    uri, _ = await inviter.node.invites.create(inviter.account, 1, 3600)
    await guest.node.invites.accept(guest.account, uri)

    async def acquainted() -> bool:
        known = inviter.node.contacts.find(inviter.account, guest.account)
        made = known is not None and guest.contact(inviter).state == "accepted"
        return made and not await inviter.owes(guest) and not await guest.owes(inviter)

    await nodes.in_time(acquainted, 0.5)
    for running in (inviter, guest):
        await settled(nodes, running)


async def accept_while_away(nodes: Nodes, inviter: RunningNode, name: str, guest: RunningNode) -> None:
    """Have a guest accept an invite of somebody, the node of this name, who is away by then."""
    uri, _ = await inviter.node.invites.create(inviter.account, 1)
    await nodes.pass_by(1, times=2)
    await away(nodes, name)
    await guest.node.invites.accept(guest.account, uri)


async def leave_waiting(
    nodes: Nodes, sender: RunningNode, to: RunningNode, name: str, text: str, box: RunningNode
) -> None:
    """Make contacts of two, and have a text to one, the node of this name, wait in a mailbox while it is away."""
    await acquaint(nodes, sender, to)
    await away(nodes, name)
    await sender.say(to, text)
    await deposited(nodes, sender, to, box)
