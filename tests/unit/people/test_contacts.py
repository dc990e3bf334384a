"""Contacts: renamed, blocked, removed; and memory never ahead of what is kept."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest
from msgspec.structs import replace

from mepassad.api import StoreFull
from mepassad.api.store import Commit, Committed
from mepassad.api.types import AccountId, ConversationId
from mepassad.api.writes import PutAccount, PutContact
from mepassad.errors import InvalidName, UnknownContact, UnknownConversation
from mepassad.testing.nodes import Nodes, RunningNode, eventually


async def kept(node: RunningNode) -> list[object]:
    return list(await node.node.store.contacts(node.account))


def full(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    store = node.node.store
    commit = store.commit

    def instead(change: Commit) -> Awaitable[Committed]:
        if any(isinstance(write, PutContact) for write in change.writes):
            return _full()
        return commit(change)

    monkeypatch.setattr(store, "commit", instead)


async def _full() -> Committed:
    raise StoreFull


async def test_a_petname_is_shown_before_the_name_they_chose(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    contacts = ana.node.contacts
    assert ana.contact(bob).name == "bob"
    row = await contacts.rename(ana.account, bob.account, "  Bobby\u202e ")
    assert row.petname == "Bobby"
    assert ana.facts("contact.changed")[-1]["name"] == "Bobby"
    assert (await contacts.rename(ana.account, bob.account, "")).petname == ""
    assert ana.facts("contact.changed")[-1]["name"] == "bob"
    for wrong in ("\u200b", " ", "x" * 65):
        with pytest.raises(InvalidName):
            await contacts.rename(ana.account, bob.account, wrong)


async def test_a_change_that_finds_the_disk_full_is_undone(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bob = await nodes.pair()
    full(ana, monkeypatch)
    before, facts = ana.contact(bob), len(ana.facts("contact.changed"))
    with pytest.raises(StoreFull):
        await ana.node.contacts.rename(ana.account, bob.account, "Bobby")
    with pytest.raises(StoreFull):
        await ana.node.contacts.block(ana.account, bob.account, True)
    assert ana.contact(bob) == before
    assert len(ana.facts("contact.changed")) == facts
    await bob.say(ana, "still contacts")
    await eventually(lambda: ana.texts() == ["still contacts"])


async def test_a_contact_that_was_blocked_is_blocked_after_a_restart(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.node.contacts.block(ana.account, bob.account, True)
    ana = await nodes.restart("ana")
    assert ana.contact(bob).blocked
    assert await kept(ana) == [ana.contact(bob)]


async def test_a_contact_that_was_removed_is_gone_with_messages_and_sessions(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.say(bob, "hi")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    conversation = ana.contact(bob).conversation
    await ana.node.contacts.remove(ana.account, bob.account)
    assert ana.facts("contact.changed")[-1] == {
        "account": ana.account,
        "contact": bob.account,
        "state": "removed",
    }
    assert ana.node.contacts.all(ana.account) == await kept(ana) == []
    assert await ana.node.store.sessions(ana.account) == []
    assert (await ana.node.store.messages(ana.account, conversation, 10, None)).items == ()
    assert await ana.node.store.receipts() == []
    with pytest.raises(UnknownContact):
        ana.contact(bob)
    with pytest.raises(UnknownContact):
        await ana.node.contacts.remove(ana.account, bob.account)
    with pytest.raises(UnknownConversation):
        ana.node.contacts.of_conversation(ana.account, conversation)


async def test_who_was_removed_comes_back_by_a_new_invite(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.node.contacts.remove(ana.account, bob.account)
    uri, _ = await bob.node.invites.create(bob.account, 1, 3600)
    await ana.node.invites.accept(ana.account, uri)
    await nodes.in_time(lambda: ana.contact(bob).state == "accepted")
    await ana.say(bob, "back again")
    await bob.say(ana, "welcome")
    await nodes.in_time(lambda: (ana.texts(), bob.texts()) == (["welcome"], ["back again"]))


async def test_two_accounts_have_contacts_of_their_own(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    second, _ = await ana.core.accounts.create("Second", "person")
    assert ana.node.contacts.all(second.id) == []
    with pytest.raises(UnknownContact):
        ana.node.contacts.get(second.id, bob.account)
    with pytest.raises(UnknownConversation):
        ana.node.contacts.of_conversation(second.id, ana.contact(bob).conversation)


async def test_unknown_contacts_and_conversations_are_told_by_name(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    with pytest.raises(UnknownContact):
        await ana.node.contacts.rename(ana.account, AccountId("mp1nobody"), "x")
    with pytest.raises(UnknownConversation):
        ana.node.contacts.of_conversation(ana.account, ConversationId("nothing"))
    assert ana.node.contacts.find(ana.account, AccountId("mp1nobody")) is None


async def test_a_new_name_of_a_contact_is_learnt_when_they_are_back(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    row = replace(bob.node.accounts.resolve(None), name="Robert")
    await bob.node.store.commit(Commit((PutAccount(row),)))
    bob = await nodes.restart("bob")
    await nodes.in_time(lambda: [fact["name"] for fact in ana.facts("contact.changed")] == ["Robert"])
    assert ana.contact(bob).name == "Robert"
