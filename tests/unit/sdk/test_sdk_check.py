"""A call that the node would refuse for its parameters is refused before it is sent."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mepassa import AnswerItem, Client, InvalidCall
from mepassa.check import checked
from mepassa.generated.params import PARAMS
from wire_node import WireNode

from mepassad.errors import InvalidParams
from mepassad.rpc.methods import ALL
from mepassad.rpc.registry import Registry
from tests.examples import examples

REGISTRY = Registry(ALL)
ANSWER = {"bot": "b", "conversation": "c", "after": 0, "seq": 1, "place": 1}


@pytest.mark.parametrize(
    ("method", "params", "sentence"),
    [
        ("invites.accept", {}, "invites.accept needs the parameter `uri`."),
        ("invites.accept", {"uri": None}, "invites.accept needs the parameter `uri`."),
        (
            "invites.accept",
            {"url": "x", "uri": "y"},
            "invites.accept has no parameter `url`. It takes `uri`, `account`.",
        ),
        ("accounts.list", {"account": "x"}, "accounts.list has no parameter `account`."),
        ("messages.send", {"text": 1}, "The parameter `text` of messages.send is wrong: expected `str`, got `int`."),
        (
            "invites.create",
            {"expires_in": 0},
            "The parameter `expires_in` of invites.create is wrong: expected `int` >= 1.",
        ),
        (
            "invites.create",
            {"expires_in": "1h"},
            "The parameter `expires_in` of invites.create is wrong: expected `int | None`, got `str`.",
        ),
        (
            "accounts.create",
            {"name": "x", "kind": "cat"},
            "The parameter `kind` of accounts.create is wrong: invalid enum value 'cat'.",
        ),
        (
            "events.subscribe",
            {"topics": "typing"},
            "The parameter `topics` of events.subscribe is wrong: expected `list | None`, got `str`.",
        ),
        (
            "events.subscribe",
            {"topics": ["typing", 1]},
            "The parameter `topics[1]` of events.subscribe is wrong: expected `str`, got `int`.",
        ),
        (
            "bots.answer",
            {**ANSWER, "answers": [{"text": "x"}]},
            "bots.answer needs the parameter `answers[0].request_id`.",
        ),
        (
            "bots.answer",
            {**ANSWER, "answers": [{"text": "x", "request_id": "r", "to": "y"}]},
            "bots.answer has no parameter `answers[0].to`.",
        ),
        (
            "bots.answer",
            {**ANSWER, "answers": [AnswerItem(text="x", request_id="")]},
            "The parameter `answers[0].request_id` of bots.answer is wrong: expected `str` of length >= 1.",
        ),
        (
            "bots.answer",
            {**ANSWER, "state": {1: 2}},
            "The parameter `state` of bots.answer is wrong: expected `str`, got `int`.",
        ),
    ],
)
async def test_a_wrong_parameter_is_named_and_nothing_is_sent(
    node: WireNode, method: str, params: dict[str, Any], sentence: str
) -> None:
    async with Client(node.path) as client:
        with pytest.raises(InvalidCall) as caught:
            await client.call(method, **params)
    assert str(caught.value) == sentence
    assert node.calls == []
    assert node.connections == 0


async def test_the_typed_methods_are_checked_too(node: WireNode) -> None:
    async with Client(node.path) as client:
        with pytest.raises(InvalidCall, match=r"`text` of messages\.send"):
            await client.messages.send(contact="mp1ana", text=7)  # type: ignore[arg-type]
        with pytest.raises(InvalidCall, match=r"`limit` of contacts\.list"):
            await client.contacts.list(limit=501)
        with pytest.raises(InvalidCall, match=r"`topics` of events\.subscribe"):
            client.events(topics=[])
        with pytest.raises(InvalidCall, match=r"`after` of events\.subscribe"):
            client.follow(after=-1)
    assert node.connections == 0


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("\ud800", "The parameter `text` of messages.send is wrong: it is not valid UTF-8."),
        (type("Text", (str,), {})("x"), "The parameter `text` of messages.send is wrong: it is not of what JSON has."),
    ],
)
async def test_what_has_no_form_on_the_wire_is_refused_and_not_quoted(
    node: WireNode, value: str, sentence: str
) -> None:
    async with Client(node.path) as client:
        with pytest.raises(InvalidCall) as caught:
            await client.call("messages.send", contact="mp1ana", text=value)
        assert str(caught.value) == sentence
        assert caught.value.__context__ is None
        with pytest.raises(InvalidCall, match=r"`value` of plugin\.method is wrong: it is not of what JSON has"):
            await client.call("plugin.method", fine=1, value=object())
    assert node.calls == []


async def test_the_parameters_of_a_method_that_is_not_known_here_are_the_nodes_to_check(node: WireNode) -> None:
    async def anything(wire: object, **params: Any) -> dict[str, Any]:
        return params

    node.methods["plugin.method"] = anything
    async with Client(node.path) as client:
        assert await client.call("plugin.method", a=[1, {"b": None}], c=None) == {"a": [1, {"b": None}]}


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "b", "x" * 128, "x" * 129, "person", "typing", "é\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "request_id"]), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("method", sorted(PARAMS))
@settings(max_examples=examples(25))
@given(data=st.data())
def test_the_client_refuses_what_the_node_would_refuse_and_no_more(method: str, data: st.DataObject) -> None:
    names = st.sampled_from([*PARAMS[method].__struct_fields__, "x"])
    params = {name: value for name, value in data.draw(st.dictionaries(names, _values)).items() if value is not None}
    try:
        sent = msgspec.json.encode(checked(method, params))
    except InvalidCall:
        with pytest.raises(InvalidParams):
            REGISTRY.find(method).parse(msgspec.Raw(msgspec.json.encode(params)))
    else:
        parse = REGISTRY.find(method).parse
        assert parse(msgspec.Raw(sent)) == parse(msgspec.Raw(msgspec.json.encode(params)))
