"""A mailbox that records everything, and is given all invites and cards of a test, finds nothing of them."""

from __future__ import annotations

from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.identity import sign_card
from mepassad.wire.ids import account_key
from mepassad.wire.invites import parse_invite
from mepassad.wire.mailbox import MAILBOX_PROTOCOL
from tests.unit.delivery.mailboxed import away, deposited, mailbox_node, with_mailboxes

WINDOW = 12  # bytes; two that are equal by chance would be a wonder


def told(nodes: Nodes, running: RunningNode) -> list[bytes]:
    """What an account is known by: keys, lists, signatures, cards, seal keys, text ids."""
    me = running.core.accounts.me(running.account)
    card = sign_card(me.device, me.row.name, me.row.kind, me.row.device_list, int(nodes.clock.now()))
    seal_key = running.core.seals.public(running.account)
    device = me.device.public
    return [
        account_key(running.account), running.account.encode(), device, device.hex().encode(), me.row.device_list,
        card.card, card.signature, seal_key.public, seal_key.signature,
    ]  # fmt: skip


async def test_a_recording_mailbox_finds_nothing_of_cards_and_invites_in_what_it_saw(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    uri, _ = await ana.node.invites.create(ana.account, 1)
    await nodes.pass_by(1, times=2)
    known = [*told(nodes, ana), *told(nodes, bob), parse_invite(uri).secret, b"never seen in plain"]
    await away(nodes, "ana")
    await bob.node.invites.accept(bob.account, uri)
    await bob.say(ana, "never seen in plain")
    await deposited(nodes, bob, ana, box)
    ana = await nodes.start("ana")
    await nodes.in_time(lambda: len(bob.facts("message.delivered")) == 1)
    assert ana.texts() == ["never seen in plain"]
    known += [key.public for running in (ana, bob) for key in await running.node.store.keys(running.account)]
    seen = b"|".join(passed.frame for passed in nodes.tap.passed if passed.protocol == MAILBOX_PROTOCOL)
    assert len(seen) > 20_000
    numbers = {ana.contact(bob).number, bob.contact(ana).number, parse_invite(uri).number}
    assert all(number in seen for number in numbers), "it is the mailbox that was recorded"
    found = [part for part in known for at in range(len(part) - WINDOW + 1) if part[at : at + WINDOW] in seen]
    assert not found
