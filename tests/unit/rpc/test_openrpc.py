"""The documents made from the code."""

from __future__ import annotations

import jsonschema
import pytest

from mepassad.api.events import TOPICS
from mepassad.api.methods import AccountParams, Done, Params, method
from mepassad.errors import PluginClash
from mepassad.rpc import generate, openrpc
from mepassad.rpc.events import DATA
from mepassad.rpc.methods import ALL
from mepassad.rpc.node import Node
from mepassad.rpc.registry import Registry
from mepassad.testing import rpc_client

NAMES = {
    "system.hello", "system.stats", "system.stop", "identity.show", "accounts.list", "accounts.create",
    "invites.create", "invites.accept", "contacts.list", "contacts.get", "contacts.rename", "contacts.block",
    "contacts.remove", "conversations.list", "conversations.get", "messages.send", "messages.get", "messages.list",
    "messages.search", "messages.mark_read", "conversations.typing", "events.subscribe", "events.unsubscribe",
}  # fmt: skip


@pytest.mark.parametrize("name", ["openrpc.json", "rpc.md"])
def test_generated_documents_are_current(name: str) -> None:
    current = (generate.DOCS / name).read_text(encoding="utf-8")
    assert current == generate.files()[name], "run: python -m mepassad.rpc.generate"


NODE_WIDE = ("events.unsubscribe", "bots.register")


def test_the_promised_methods_are_there() -> None:
    assert {one.name for one in ALL} >= NAMES


def test_every_method_is_documented_and_acts_for_an_account_but_those_of_the_node() -> None:
    for one in ALL:
        assert one.doc.endswith("."), one.name
        node_wide = one.name.partition(".")[0] in ("system", "accounts", "tokens") or one.name in NODE_WIDE
        assert issubclass(one.params, AccountParams) != node_wide, one.name


def test_every_schema_is_json_schema_and_its_references_lead_somewhere() -> None:
    document = openrpc.document(Registry(ALL))
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    names = document["components"]["schemas"].keys()
    assert {ref.rpartition("/")[2] for ref in _references(document)} <= names


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        found = [value["$ref"]] if "$ref" in value else []
        return found + [ref for inner in value.values() for ref in _references(inner)]
    return [ref for inner in value for ref in _references(inner)] if isinstance(value, list) else []


def test_what_clients_keep_out_of_their_logs_is_marked() -> None:
    document = openrpc.document(Registry(ALL))
    fields = [item for schema in document["components"]["schemas"].values() for item in schema["properties"].items()]
    fields += [(param["name"], param["schema"]) for method in document["methods"] for param in method["params"]]
    secret = [one for name, one in fields if name in {"text", "token", "words"}]
    assert len(secret) >= 7
    for schema in secret:
        assert any(part.get("x-secret") for part in (schema, *schema.get("anyOf", ())))


def test_every_topic_has_a_shape() -> None:
    assert DATA.keys() == TOPICS.keys()


def test_two_methods_of_one_name_are_refused() -> None:
    @method("system.stop", scope="admin")
    async def another(node: Node) -> Done:
        """Stop."""
        return Done()

    with pytest.raises(PluginClash, match=r"system\.stop"):
        Registry([*ALL, another])


def test_a_function_that_is_no_method_is_refused_when_it_is_declared() -> None:
    async def asks_too_much(node: Node, password: str) -> Done:
        return Done()

    async def wrong_params(account: object, params: Params) -> Done:
        return Done()

    for function, reason in ((asks_too_much, "password"), (wrong_params, "AccountParams")):
        with pytest.raises(TypeError, match=reason):
            method("x.y", scope="read")(function)


def test_the_test_client_notices_what_is_not_documented() -> None:
    result = {"jsonrpc": "2.0", "id": 1, "result": {"message_id": "m"}}
    rpc_client.check_reply("messages.send", result)
    error = {"code": 1100, "message": "", "data": {"name": "UnknownContact"}}
    rpc_client.check_reply("messages.send", {"jsonrpc": "2.0", "id": 1, "error": error})
    for method_name, change in (
        ("messages.send", {"result": {}}),
        ("messages.send", {"result": {"message_id": 1}}),
        ("messages.send", {"result": {"message_id": "m", "more": 1}}),
        ("messages.send", {"more": 1}),
    ):
        with pytest.raises(AssertionError):
            rpc_client.check_reply(method_name, {**result, **change})
    with pytest.raises(AssertionError, match="does not declare"):
        rpc_client.check_reply("system.hello", {"jsonrpc": "2.0", "id": 1, "error": error})
    typing = {"account": "a", "contact": "b", "conversation": "c", "active": True}
    params = {"subscription": "s", "seq": None, "topic": "typing", "data": typing}
    rpc_client.check_event({"jsonrpc": "2.0", "method": "events.event", "params": params})
    with pytest.raises(AssertionError):
        rpc_client.check_event(
            {"jsonrpc": "2.0", "method": "events.event", "params": {**params, "data": {"active": 1}}}
        )
