"""Each method over a real socket; the client checks every reply against the OpenRPC document."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from fake_node import ANA, BOB, NUMBER, WITH_BOB, FakeNode, Serve
from hypothesis import given
from hypothesis import strategies as st

from mepassad.errors import ApiVersion, InvalidParams, NumbersDiffer, StoreFull
from mepassad.rpc.methods import ALL
from mepassad.rpc.registry import Registry
from mepassad.testing.rpc_client import RpcClient, RpcError, connect
from mepassad.wire.ids import account_id


async def refused(client: RpcClient, method: str, **params: Any) -> str:
    with pytest.raises(RpcError) as caught:
        await client.call(method, **params)
    return caught.value.name


async def test_hello_tells_versions_methods_and_topics(client: RpcClient) -> None:
    hello = await client.call("system.hello", client="test 1", api=1)
    assert (hello["version"], hello["api"]) == ("0.0.0", 1)
    assert "messages.send" in hello["methods"]
    assert "message.received" in hello["topics"]


async def test_hello_refuses_an_interface_it_does_not_speak(client: RpcClient) -> None:
    assert await refused(client, "system.hello", api=2) == ApiVersion.__name__


async def test_stats_are_the_nodes_counters(client: RpcClient) -> None:
    assert await client.call("system.stats") == {"commits": 3}


async def test_stop_answers_before_the_node_stops(client: RpcClient, node: FakeNode) -> None:
    assert await client.call("system.stop") == {}
    assert node.stopped.is_set()


async def test_identity_shows_account_and_addresses(client: RpcClient) -> None:
    shown = await client.call("identity.show")
    assert (shown["account"], shown["name"]) == (ANA, "Ana")
    assert all("/p2p/" in address for address in shown["addresses"])


async def test_a_created_account_is_listed_and_its_words_are_only_in_the_reply(client: RpcClient) -> None:
    created = await client.call("accounts.create", name="Bot", kind="bot")
    assert len(created["words"].split()) == 24
    listed = await client.call("accounts.list")
    assert [item["kind"] for item in listed["items"]] == ["person", "bot"]
    assert "abandon" not in json.dumps(listed)
    assert (await client.call("identity.show", account=created["account"]))["name"] == "Bot"


async def test_an_account_that_is_not_here_is_unknown(client: RpcClient, node: FakeNode) -> None:
    assert await refused(client, "identity.show", account="mp1none") == "UnknownAccount"
    assert await refused(client, "events.subscribe", account="mp1none") == "UnknownAccount"
    node.accounts.rows.clear()
    assert await refused(client, "identity.show") == "NoAccount"


async def test_invites_are_made_and_accepted(client: RpcClient) -> None:
    invite = await client.call("invites.create", uses=2, expires_in=60)
    assert invite == {"uri": "mepassa:i/1/AAAA", "expires_at": "2023-11-14T22:14:20.000Z"}
    assert (await client.call("invites.create"))["expires_at"] == "2023-11-15T22:13:20.000Z"  # as the node has it
    assert (await client.call("invites.create", in_person=True))["uri"] == "mepassa:v/1/AAAA"
    assert await refused(client, "invites.create", expires_in=0) == "InvalidParams"
    accepted = await client.call("invites.accept", uri=invite["uri"])
    assert (accepted["contact"], accepted["state"]) == (BOB, "pending")


async def test_typing_is_told_to_the_contact_of_a_conversation(client: RpcClient, node: FakeNode) -> None:
    assert await client.call("conversations.typing", contact=BOB, active=True) == {}
    await client.call("conversations.typing", conversation=WITH_BOB, active=False)
    assert node.outbox.typed == [(BOB, True), (BOB, False)]
    assert await refused(client, "conversations.typing", contact="mp1none", active=True) == "UnknownContact"
    assert await refused(client, "conversations.typing", contact=BOB) == "InvalidParams"
    assert await refused(client, "conversations.typing", active=True) == "InvalidParams"
    assert len(node.outbox.typed) == 2


async def test_contacts_are_renamed_blocked_and_removed(client: RpcClient) -> None:
    assert [item["name"] for item in (await client.call("contacts.list"))["items"]] == ["Bob"]
    renamed = await client.call("contacts.rename", contact=BOB, name="Roberto")
    assert (renamed["name"], renamed["petname"], renamed["chosen_name"]) == ("Roberto", "Roberto", "Bob")
    assert (await client.call("contacts.block", contact=BOB))["blocked"] is True
    assert (await client.call("contacts.block", contact=BOB, blocked=False))["blocked"] is False
    assert (await client.call("contacts.get", contact=BOB))["online"] is False
    assert await client.call("contacts.remove", contact=BOB) == {}
    assert await refused(client, "contacts.get", contact=BOB) == "UnknownContact"


async def test_a_contact_is_verified_by_the_safety_number_that_both_see(client: RpcClient) -> None:
    shown = await client.call("contacts.safety_number", contact=BOB)
    assert shown["number"] == NUMBER == "".join(shown["groups"])
    assert [len(group) for group in shown["groups"]] == [5] * 12
    assert await refused(client, "contacts.verify", contact=BOB, number="0" * 60) == NumbersDiffer.__name__
    assert (await client.call("contacts.get", contact=BOB))["verified"] is False
    assert (await client.call("contacts.verify", contact=BOB, number=NUMBER))["verified"] is True
    assert (await client.call("contacts.unverify", contact=BOB))["verified"] is False
    for method in ("contacts.safety_number", "contacts.unverify"):
        assert await refused(client, method, contact="mp1none") == "UnknownContact"


async def test_a_contact_is_verified_by_a_code_or_a_number_and_not_by_both(client: RpcClient, node: FakeNode) -> None:
    await client.call("contacts.verify", contact=BOB, code="mepassa:v/1/AAAA")
    await client.call("contacts.verify", code="mepassa:v/1/BBBB")
    assert node.verifications.scanned == [("mepassa:v/1/AAAA", BOB), ("mepassa:v/1/BBBB", None)]
    for params in ({}, {"contact": BOB}, {"number": NUMBER}, {"contact": BOB, "number": NUMBER, "code": "x"}):
        assert await refused(client, "contacts.verify", **params) == "InvalidParams"


async def test_contacts_who_chose_the_same_name_are_told_apart_by_the_end_of_their_id(
    client: RpcClient, node: FakeNode
) -> None:
    other = account_id(b"another bob".ljust(32))
    node.contacts.rows[other] = msgspec.structs.replace(node.contacts.rows[BOB], id=other)
    items = (await client.call("contacts.list"))["items"]
    assert [(item["name"], item["key_suffix"]) for item in items] == [("Bob", BOB[-8:]), ("Bob", other[-8:])]


async def test_conversations_are_found_by_themselves_or_by_their_contact(client: RpcClient) -> None:
    listed = (await client.call("conversations.list"))["items"]
    assert [(item["conversation"], item["unread"]) for item in listed] == [(WITH_BOB, 1)]
    assert await client.call("conversations.get", contact=BOB) == listed[0]
    assert await client.call("conversations.get", conversation=WITH_BOB) == listed[0]
    assert await refused(client, "conversations.get", conversation="none") == "UnknownConversation"


@pytest.mark.parametrize("where", [{"contact": BOB}, {"conversation": WITH_BOB}])
async def test_a_sent_message_can_be_got_and_listed(client: RpcClient, where: dict[str, str]) -> None:
    sent = await client.call("messages.send", text="olá", reply_to="m9", request_id="r", **where)
    message = await client.call("messages.get", **sent)
    assert message == {
        "message_id": "m0", "contact": BOB, "conversation": WITH_BOB, "incoming": False, "text": "olá",
        "time": "2023-11-14T22:13:20.000Z", "state": "queued", "route": None, "reply_to": "m9", "reason": None,
        "tries": 0, "latency_ms": None,
    }  # fmt: skip
    assert await client.call("messages.list", **where) == {"items": [message], "next": None}
    assert (await client.call("messages.search", query="ola"))["items"] == [message]
    assert await client.call("messages.mark_read", message_id="m0") == {}


async def test_a_message_needs_exactly_one_place(client: RpcClient) -> None:
    assert await refused(client, "messages.send", text="x") == "InvalidParams"
    assert await refused(client, "messages.send", text="x", contact=BOB, conversation=WITH_BOB) == "InvalidParams"
    assert await refused(client, "messages.list") == "InvalidParams"
    assert await refused(client, "messages.send", text="x", contact="mp1none") == "UnknownContact"


async def test_a_message_that_is_not_there_is_unknown(client: RpcClient) -> None:
    assert await refused(client, "messages.get", message_id="none") == "UnknownMessage"
    assert await refused(client, "messages.mark_read", message_id="none") == "UnknownMessage"


async def test_an_error_of_the_node_reaches_the_client_by_name(client: RpcClient, node: FakeNode) -> None:
    node.outbox.failure = StoreFull()
    assert await refused(client, "messages.send", contact=BOB, text="x") == "StoreFull"


async def test_pages_lead_through_a_whole_conversation_newest_first(client: RpcClient, node: FakeNode) -> None:
    for number in range(300):
        node.store.add(str(number))
    texts, before = [], None
    while True:
        page = await client.call("messages.list", contact=BOB, limit=130, **({"before": before} if before else {}))
        texts += [item["text"] for item in page["items"]]
        before = page["next"]
        if before is None:
            break
    assert texts == [str(number) for number in reversed(range(300))]


async def test_a_page_ends_early_where_the_line_ends_and_loses_nothing(served: Serve, node: FakeNode) -> None:
    for number in range(12):
        node.store.add("\x01" * number * 60)  # six bytes a character on the line
    async with served(max_line=8192) as path, connect(path) as client:
        texts, before = [], None
        while True:
            page = await client.call("messages.list", contact=BOB, limit=500, **({"before": before} if before else {}))
            assert len(json.dumps(page)) < 8192 + 500
            texts += [len(item["text"]) // 60 for item in page["items"]]
            before = page["next"]
            if before is None:
                break
    assert texts == [*reversed(range(12))]


@pytest.mark.parametrize(
    ("method", "params", "reason"),
    [
        ("invites.create", {"expires_in": 0}, "Expected `int` >= 1, in `expires_in`."),
        ("messages.send", {"text": 1}, "Expected `str`, got `int`, in `text`."),
        ("messages.send", {}, "Object missing required field `text`."),
        ("messages.send", {"text": "x", "to": "y"}, "Object contains unknown field `to`."),
        ("events.subscribe", {"topics": ["typing", 1]}, "Expected `str`, got `int`, in `topics[1]`."),
    ],
)
async def test_a_refusal_names_the_method_and_the_parameter(
    client: RpcClient, method: str, params: dict[str, Any], reason: str
) -> None:
    id = await client.begin(method, **params)
    await client.until(lambda: id in client._replies)
    assert client._replies[id]["error"]["message"] == f"The parameters of {method} are wrong: {reason}"


async def test_hello_without_a_version_takes_any_interface(client: RpcClient) -> None:
    assert (await client.call("system.hello", client="test"))["api"] == 1


async def test_a_cursor_that_is_none_is_refused(client: RpcClient) -> None:
    assert await refused(client, "messages.list", contact=BOB, before="junk") == "InvalidParams"
    assert await refused(client, "messages.search", query="x", before="junk") == "InvalidParams"
    assert await refused(client, "contacts.list", after="junk") == "InvalidParams"


@pytest.mark.parametrize("limit", [0, 501, "1", None])
async def test_a_page_has_between_1_and_500_items(client: RpcClient, limit: object) -> None:
    assert await refused(client, "messages.list", contact=BOB, limit=limit) == "InvalidParams"


async def test_contacts_come_in_pages(client: RpcClient, node: FakeNode) -> None:
    bob = node.contacts.rows[BOB]
    node.contacts.rows = {f"c{n}": msgspec.structs.replace(bob, id=f"c{n}") for n in range(5)}  # type: ignore[misc]
    first = await client.call("contacts.list", limit=3)
    rest = await client.call("contacts.list", after=first["next"])
    assert [item["contact"] for item in first["items"] + rest["items"]] == [f"c{n}" for n in range(5)]
    assert rest["next"] is None


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("method", Registry(ALL).all(), ids=lambda method: method.name)
@given(data=st.data())
def test_junk_params_are_params_or_invalid(method: Any, data: st.DataObject) -> None:
    names = st.sampled_from([*method.params.__struct_fields__, "x"])
    params = data.draw(st.dictionaries(names, _values, max_size=4) | _values)
    try:
        method.parse(json.dumps(params).encode())
    except InvalidParams as error:
        sentence = error.sentence
    else:
        sentence = ""
    assert len(sentence) < 300
