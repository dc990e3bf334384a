"""The part of the store's contract about people: accounts, contacts, invites; and settings and plugin state."""

from __future__ import annotations

import pytest

from mepassad.api import Conflict
from mepassad.api.store import Store
from mepassad.api.writes import (
    AddMessage,
    AddOutgoing,
    AddSkipped,
    DropContact,
    OweReceipt,
    PutAccount,
    PutContact,
    PutInvite,
    PutSession,
    SetPluginState,
    SetSetting,
)
from mepassad.testing.store_rows import (
    ANA,
    EVA,
    RUI,
    a_contact,
    a_message,
    a_receipt,
    a_session,
    an_account,
    an_invite,
    an_outgoing,
    commit,
    conversation_with,
    message_id,
)


class PeopleContract:
    """Rows that are put, replaced and dropped."""

    async def test_accounts_come_oldest_first_and_are_replaced_by_id(self, store: Store) -> None:
        await commit(store, PutAccount(an_account(EVA, created_at=2_000)), PutAccount(an_account(ANA)))
        await commit(store, PutAccount(an_account(EVA, created_at=2_000, name="Eva", device_list=b"newer")))
        assert await store.accounts() == [
            an_account(),
            an_account(EVA, created_at=2_000, name="Eva", device_list=b"newer"),
        ]

    async def test_a_contact_keeps_every_field(self, store: Store) -> None:
        row = a_contact(
            name="Rui", petname="Rui da padaria", kind="bot", blocked=True, verified=True, device_list=b"l",
            number=b"n", their_number=b"t", nodes={"node": ["/ip4/1.2.3.4", "é"]}, invite="mepassa:i/1/x", reason="r",
        )  # fmt: skip
        await commit(store, PutContact(row))
        assert await store.contacts(ANA) == [row]

    async def test_contacts_come_oldest_first_of_their_account(self, store: Store) -> None:
        await commit(store, PutContact(a_contact(EVA, created_at=5)), PutContact(a_contact(RUI, created_at=4)))
        await commit(store, PutContact(a_contact(RUI, account=EVA)))
        await commit(store, PutContact(a_contact(EVA, created_at=5, petname="E")))
        assert [(row.id, row.petname) for row in await store.contacts(ANA)] == [(RUI, ""), (EVA, "E")]

    async def test_a_contact_is_a_conversation(self, store: Store) -> None:
        await commit(store, PutContact(a_contact()))
        (conversation,) = await store.conversations(ANA)
        assert (conversation.id, conversation.contact) == (conversation_with(RUI), RUI)
        assert (conversation.unread, conversation.last_message) == (0, "")

    async def test_a_dropped_contact_takes_all_of_theirs_along_and_nothing_else(self, store: Store) -> None:
        for account, contact in ((ANA, RUI), (ANA, EVA), (EVA, RUI)):
            key = f"{account} {contact}".encode()
            message = message_id(1 if contact is RUI else 2)
            await commit(
                store,
                PutContact(a_contact(contact, account=account)),
                AddMessage(a_message(1, account=account, contact=contact, id=message)),
                AddOutgoing(an_outgoing(1, account=account, contact=contact, id=key)),
                PutSession(a_session(1, account=account, contact=contact, id=key)),
                AddSkipped(account, key, ((b"1", b"key"),)),
                OweReceipt(a_receipt(1, account=account, contact=contact)),
            )
        await commit(store, DropContact(ANA, RUI))
        assert [row.id for row in await store.contacts(ANA)] == [EVA]
        assert [row.contact for row in await store.conversations(ANA)] == [EVA]
        assert await store.message(ANA, message_id(1)) is None
        assert await store.message(ANA, message_id(2)) is not None
        assert await store.message(EVA, message_id(1)) is not None
        assert set(await store.outgoing_contacts()) == {(ANA, EVA), (EVA, RUI)}
        assert [row.contact for row in await store.sessions(ANA)] == [EVA]
        assert await store.skipped(ANA, f"{ANA} {RUI}".encode()) == {}
        assert await store.skipped(ANA, f"{ANA} {EVA}".encode()) == {b"1": b"key"}
        assert {(row.account, row.contact) for row in await store.receipts()} == {(ANA, EVA), (EVA, RUI)}

    async def test_invites_are_found_by_number_and_replaced(self, store: Store) -> None:
        await commit(store, PutInvite(an_invite()), PutInvite(an_invite(account=EVA)))
        await commit(store, PutInvite(an_invite(uses_left=0)))
        assert await store.invite(ANA, b"number") == an_invite(uses_left=0)
        assert await store.invite(ANA, b"other") is None
        assert len(await store.invites()) == 2

    async def test_settings_are_kept_replaced_and_dropped(self, store: Store) -> None:
        await commit(store, SetSetting("", "key", b"node"), SetSetting(ANA, "key", b"old"))
        await commit(store, SetSetting(ANA, "key", b"new"))
        assert (await store.setting("", "key"), await store.setting(ANA, "key")) == (b"node", b"new")
        await commit(store, SetSetting(ANA, "key", None), SetSetting(ANA, "other", None))
        assert (await store.setting("", "key"), await store.setting(ANA, "key")) == (b"node", None)

    async def test_all_settings_of_the_node_or_an_account_can_be_listed(self, store: Store) -> None:
        assert await store.settings("") == {}
        await commit(store, SetSetting("", "key", b"node"), SetSetting(ANA, "number/1", b"a"))
        await commit(store, SetSetting(ANA, "key", b""), SetSetting(EVA, "key", b"eva"))
        assert await store.settings("") == {"key": b"node"}
        assert await store.settings(ANA) == {"number/1": b"a", "key": b""}

    async def test_plugin_state_is_kept_replaced_and_dropped(self, store: Store) -> None:
        await commit(store, SetPluginState("bot", "key", b"old"), SetPluginState("other", "key", b""))
        await commit(store, SetPluginState("bot", "key", b"new"))
        assert (await store.plugin_state("bot", "key"), await store.plugin_state("other", "key")) == (b"new", b"")
        await commit(store, SetPluginState("bot", "key", None))
        assert await store.plugin_state("bot", "key") is None

    async def test_plugin_state_moves_on_only_from_the_value_that_was_named(self, store: Store) -> None:
        await commit(store, SetPluginState("bot", "mark", b"1", None))
        one, two = SetPluginState("bot", "mark", b"2", b"1"), SetPluginState("bot", "mark", b"3", b"2")
        await commit(store, one, two)
        for late in (one, SetPluginState("bot", "mark", b"1", None), SetPluginState("bot", "other", b"1", b"0")):
            with pytest.raises(Conflict):
                await commit(store, late, SetPluginState("bot", "beside", b"lost"))
        assert await store.plugin_state("bot", "mark") == b"3"
        assert await store.plugin_state("bot", "beside") is None
