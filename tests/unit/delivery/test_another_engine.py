"""The engine of a node is a plugin: two nodes talk by Olm as they do by Signal, and an Olm and a Signal do not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mepassad.api.crypto import Crypto
from mepassad.api.types import PrivateKey
from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.delivery.seals import SEAL_KEY
from mepassad.errors import BadBundle, ContactRefused
from mepassad.testing.crypto_party import Party
from mepassad.testing.nodes import Nodes, eventually
from tests.fixtures import crypto_olm

OLM = {"crypto__plugin": "olm"}


@pytest.fixture(autouse=True)
def installed(nodes: Nodes) -> None:
    nodes.plugins["olm"] = crypto_olm


def kinds(keys: Sequence[PrivateKey]) -> set[str]:
    return {key.kind for key in keys}


async def test_two_nodes_with_another_engine_chat_restart_and_answer(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(**OLM)
    assert kinds(await ana.node.store.keys(ana.account)) == {*crypto_olm.POOLS, SEAL_KEY}
    await ana.say(bob, "olá")
    await eventually(lambda: bob.texts() == ["olá"])
    await bob.say(ana, "oi")
    await nodes.in_time(lambda: len(bob.facts("message.delivered")) == 1)
    ana, bob = await nodes.restart("ana"), await nodes.restart("bob")
    await bob.say(ana, "still here?")
    await nodes.in_time(lambda: ana.texts() == ["still here?"])
    await ana.say(bob, "in the same session")
    await nodes.in_time(lambda: bob.texts() == ["in the same session"])
    assert len(await ana.node.store.sessions(ana.account)) == 1


@pytest.mark.parametrize(("mine", "theirs"), [(Signal(), crypto_olm.Olm()), (crypto_olm.Olm(), Signal())])
async def test_the_prekeys_of_one_engine_are_refused_by_another_with_a_sentence(mine: Crypto, theirs: Crypto) -> None:
    with pytest.raises(BadBundle, match="prekeys are not acceptable"):
        Party(mine).begin(Party(theirs))


@pytest.mark.parametrize("engine_of_the_inviter", ["signal", "olm"])
async def test_nodes_with_different_engines_do_not_become_contacts_and_say_why(
    nodes: Nodes, engine_of_the_inviter: str
) -> None:
    engines = {"signal", "olm"}
    inviter = await nodes.start("inviter", crypto__plugin=engine_of_the_inviter)
    guest = await nodes.start("guest", crypto__plugin=(engines - {engine_of_the_inviter}).pop())
    uri, _ = await inviter.node.invites.create(inviter.account, 1, 3600)
    await guest.node.invites.accept(guest.account, uri)
    await eventually(lambda: guest.contact(inviter).state == "refused")
    assert guest.contact(inviter).reason == BadBundle().sentence
    assert not inviter.node.contacts.all(inviter.account)
    with pytest.raises(ContactRefused, match="prekeys are not acceptable"):
        await guest.say(inviter, "hello?")
    for node in (inviter, guest):
        assert not await node.node.store.sessions(node.account)
