"""Many accounts on one node: they are strangers to each other until one invites another, also without a network."""

from __future__ import annotations

import pytest

from mepassad.rpc.methods import ALL
from mepassad.rpc.openrpc import document
from mepassad.rpc.registry import Registry
from mepassad.testing.rpc_client import RpcClient, RpcError
from tests.daemon import Daemon, Fleet, eventually


async def meet(rpc: RpcClient, host: str, guest: str) -> None:
    """Make contacts of two accounts of one node."""
    uri = (await rpc.call("invites.create", account=host))["uri"]
    assert (await rpc.call("invites.accept", account=guest, uri=uri))["contact"] == host
    for account, contact in ((host, guest), (guest, host)):

        async def state(account: str = account, contact: str = contact) -> str | None:
            listed = (await rpc.call("contacts.list", account=account))["items"]
            return next((item["state"] for item in listed if item["contact"] == contact), None)

        await eventually(state, lambda found: found == "accepted")


async def chat(rpc: RpcClient, one: str, other: str) -> None:
    """Each writes to the other, and each reads it."""
    for sender, reader in ((one, other), (other, one)):
        sent = await rpc.call("messages.send", account=sender, contact=reader, text=f"de {sender[-4:]}")
        message = {"message_id": sent["message_id"]}

        async def state(sender: str = sender, message: dict[str, str] = message) -> str:
            return str((await rpc.call("messages.get", account=sender, **message))["state"])

        await eventually(state, lambda found: found == "delivered")
        assert (await rpc.call("messages.get", account=reader, **message))["incoming"]
        await rpc.call("messages.mark_read", account=reader, **message)
        await eventually(state, lambda found: found == "read")


@pytest.fixture(params=[["transport_libp2p"], []], ids=["libp2p", "local only"])
def node(fleet: Fleet, request: pytest.FixtureRequest) -> Daemon:
    """A daemon with and without a transport."""
    return fleet.start("node", plugins=request.param)[0]


async def test_two_accounts_of_one_node_become_contacts_and_chat(node: Daemon) -> None:
    async with node.client(after=0) as rpc:
        first = (await rpc.call("identity.show"))["account"]
        made = await rpc.call("accounts.create", name="Robô", kind="bot")
        assert len(made["words"].split()) == 24
        second = made["account"]
        listed = (await rpc.call("accounts.list"))["items"]
        assert [(item["account"], item["kind"]) for item in listed] == [(first, "person"), (second, "bot")]
        await meet(rpc, first, second)
        await chat(rpc, first, second)
        contact = (await rpc.call("contacts.list"))["items"][0]
        assert (contact["name"], contact["kind"]) == ("Robô", "bot")
        await rpc.until(lambda: {e["data"]["account"] for e in rpc.events if e["seq"]} == {first, second})
    node.restart()
    async with node.client() as rpc:
        await chat(rpc, first, second)


async def test_what_one_account_has_is_hidden_from_the_other(node: Daemon) -> None:
    async with node.client() as rpc:
        first = (await rpc.call("identity.show"))["account"]
        second, third = [(await rpc.call("accounts.create", name=name))["account"] for name in ("dois", "três")]
        await meet(rpc, first, second)
        sent = (await rpc.call("messages.send", contact=second, text="segredo"))["message_id"]
        for method, params in (
            ("contacts.list", {}),
            ("conversations.list", {}),
            ("messages.search", {"query": "segredo"}),
        ):
            assert (await rpc.call(method, account=third, **params))["items"] == []
        for method, params, error in (
            ("messages.get", {"message_id": sent}, "UnknownMessage"),
            ("messages.mark_read", {"message_id": sent}, "UnknownMessage"),
            ("messages.list", {"contact": second}, "UnknownContact"),
            ("messages.send", {"contact": second, "text": "x"}, "UnknownContact"),
            ("conversations.get", {"contact": second}, "UnknownContact"),
            ("contacts.get", {"contact": second}, "UnknownContact"),
            ("contacts.rename", {"contact": second, "name": "x"}, "UnknownContact"),
            ("contacts.block", {"contact": second}, "UnknownContact"),
            ("contacts.remove", {"contact": second}, "UnknownContact"),
        ):
            with pytest.raises(RpcError, match=error):
                await rpc.call(method, account=third, **params)
        async with node.session() as only_third:
            await only_third.call("events.subscribe", after=0, account=third)
            await meet(rpc, first, third)
            await only_third.until(lambda: bool(only_third.events))
            assert {event["data"]["account"] for event in only_third.events} == {third}


async def test_an_account_that_does_not_live_here_is_refused_by_every_method(node: Daemon) -> None:
    some = {"string": "x", "boolean": True, "integer": 1, "array": ["read"]}
    refused = 0
    async with node.session() as rpc:
        for method in document(Registry(ALL))["methods"]:
            if "account" not in {param["name"] for param in method["params"]}:
                continue
            needed = {
                param["name"]: some[param["schema"]["type"]] for param in method["params"] if param.get("required")
            }
            for account in ("mp1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq", "x", "mp1\x00"):
                with pytest.raises(RpcError, match="UnknownAccount"):
                    await rpc.call(method["name"], account=account, **needed)
                refused += 1
    assert refused >= 3 * 16


async def test_a_second_account_chats_with_an_account_of_another_node(fleet: Fleet) -> None:
    here, there = fleet.start("here", "there")
    async with here.client() as rpc, there.client() as other:
        second = (await rpc.call("accounts.create", name="segunda"))["account"]
        uri = (await rpc.call("invites.create", account=second))["uri"]
        assert (await other.call("invites.accept", uri=uri))["contact"] == second
        guest = (await other.event("contact.added"))["data"]["account"]
        sent = await other.call("messages.send", contact=second, text="à segunda")
        came = (await rpc.event("message.received"))["data"]
        assert (came["account"], came["contact"], came["message_id"]) == (second, guest, sent["message_id"])
        assert (await rpc.call("contacts.list"))["items"] == []
        assert (await rpc.call("conversations.get", contact=guest, account=second))["unread"] == 1


async def test_a_local_only_node_says_so_and_keeps_what_is_meant_for_others(fleet: Fleet) -> None:
    alone, connected = fleet.start("alone", plugins=[]) + fleet.start("connected")
    assert "local only" in alone.log()
    async with alone.session() as rpc, connected.session() as other:
        assert (await rpc.call("identity.show"))["addresses"] == []
        uri = (await other.call("invites.create"))["uri"]
        contact = (await rpc.call("invites.accept", uri=uri))["contact"]
        sent = (await rpc.call("messages.send", contact=contact, text="mais tarde"))["message_id"]
        assert (await rpc.call("messages.get", message_id=sent))["state"] == "queued"
    alone.configure(plugins=["transport_libp2p"], transport_libp2p={"listen": []})
    alone.restart()
    async with alone.session() as rpc:

        async def state() -> str:
            return str((await rpc.call("messages.get", message_id=sent))["state"])

        await eventually(state, lambda found: found == "delivered")
