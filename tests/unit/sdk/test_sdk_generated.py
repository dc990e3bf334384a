"""The typed client is what the node's interface is, and stands what a newer node says."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import mepassa
import msgspec
import pytest
from mepassa import (
    AnswerItem,
    ContactItem,
    CreatedAccount,
    CreatedToken,
    MepassaError,
    MessageReceived,
    RpcError,
    UnknownContact,
    generated,
)
from mepassa.client import Client
from mepassa.generated import errors
from mepassa.generated.params import PARAMS
from mepassa.generated.topics import TOPICS
from mepassa.generated.values import Value
from mepassa.sync import Client as SyncClient
from mepassa.wire import ErrorObject

from scripts.client import __main__ as generator

DOCUMENT = json.loads(generator.DOCUMENT.read_text(encoding="utf-8"))
METHODS = {one["name"]: one for one in DOCUMENT["methods"]}
SHOWN = sorted(METHODS.keys() - {"events.subscribe", "events.unsubscribe"})  # these are `client.events`
CONTACT = {
    "contact": "mp1ana", "conversation": "c1", "name": "Ana", "petname": None, "chosen_name": "Ana", "key_suffix": "x",
    "kind": "person", "state": "accepted", "reason": None, "blocked": False, "verified": True, "online": False,
    "created_at": "2030-01-02T03:04:05.678Z",
}  # fmt: skip


def method_of(client: object, name: str) -> Any:
    noun, _, verb = name.partition(".")
    return getattr(getattr(client, noun), verb)


@pytest.mark.parametrize("name", sorted(path.name for path in generator.PLACE.glob("*.py")))
def test_a_generated_module_is_current(name: str, made: dict[str, str]) -> None:
    assert (generator.PLACE / name).read_text(encoding="utf-8") == made[name], "stale, run `make gen`"


def test_no_generated_module_is_missing(made: dict[str, str]) -> None:
    assert {path.name for path in generator.PLACE.glob("*.py")} == made.keys()


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return generator.files()


@pytest.mark.parametrize("client", [Client, SyncClient])
@pytest.mark.parametrize("name", SHOWN)
def test_a_method_takes_the_parameters_of_the_interface_by_name(client: Any, name: str) -> None:
    taken = inspect.signature(method_of(client("s"), name)).parameters
    listed = {one["name"]: one for one in METHODS[name]["params"]}
    assert taken.keys() == listed.keys() == set(PARAMS[name].__struct_fields__)
    for one, parameter in taken.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert (parameter.default is inspect.Parameter.empty) == listed[one]["required"]
        if not listed[one]["required"]:
            assert parameter.default == (listed[one]["schema"]["default"] or parameter.default)


@pytest.mark.parametrize("client", [Client, SyncClient])
@pytest.mark.parametrize("name", SHOWN)
def test_a_method_says_what_it_does_and_what_it_raises(client: Any, name: str) -> None:
    method = method_of(client("s"), name)
    assert METHODS[name]["summary"] in " ".join((inspect.getdoc(method) or "").split())
    for error in METHODS[name]["errors"]:
        assert f"`{error['data']['name']}`" in method.__doc__


def test_every_topic_has_a_shape() -> None:
    assert TOPICS.keys() == {event["topic"] for event in DOCUMENT["x-events"]}


def test_every_refusal_has_an_exception_with_its_sentence() -> None:
    refused = {error["code"]: error for one in DOCUMENT["methods"] for error in one["errors"]}
    assert refused.keys() <= errors.REFUSALS.keys()
    for code, error in refused.items():
        exception = errors.REFUSALS[code]
        assert exception.__name__ == error["data"]["name"]
        assert " ".join((exception.__doc__ or "").split()) == error["message"]
        assert getattr(mepassa, exception.__name__) is exception


def test_all_that_the_package_exports_is_there() -> None:
    assert set(generated.__all__) < set(mepassa.__all__)
    for name in mepassa.__all__:
        assert getattr(mepassa, name)
    with pytest.raises(AttributeError, match="nothing"):
        _ = mepassa.nothing


def test_a_refusal_is_met_by_its_class_also_with_facts_of_a_newer_node() -> None:
    error = ErrorObject(1100, "There is no such contact.", {"name": "UnknownContact", "new": 1}).exception()
    assert type(error) is UnknownContact
    assert (error.code, error.name, error.data, str(error)) == (
        1100, "UnknownContact", {"new": 1}, "There is no such contact.",
    )  # fmt: skip


@pytest.mark.parametrize("data", [{"name": "Newer"}, {"name": 7}, {}])
def test_a_refusal_that_is_not_known_here_is_a_plain_one(data: dict[str, Any]) -> None:
    error = ErrorObject(999_999, "Not now.", data).exception()
    assert type(error) is RpcError
    assert isinstance(error, MepassaError)
    assert error.name == ("Newer" if data.get("name") == "Newer" else "RpcError")


def test_words_and_keys_of_a_newer_node_pass() -> None:
    newer = {**CONTACT, "state": "on holiday", "mood": {"a": [1]}}
    contact = msgspec.json.decode(msgspec.json.encode(newer), type=ContactItem)
    assert contact.state == "on holiday"  # type: ignore[comparison-overlap]
    assert contact.created_at == datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def test_a_value_shows_no_secret_in_its_repr() -> None:
    message = MessageReceived(account="mp1me", message_id="m1", text="canary")
    assert repr(message).startswith("MessageReceived(account='mp1me', message_id='m1', ")
    secrets: list[Value] = [
        message,
        CreatedAccount(account="mp1me", words="canary"),
        AnswerItem(text="canary", request_id="r"),
        CreatedToken(
            token="canary",
            token_id="t",
            name="n",
            scopes=[],
            account=None,
            expires_at=None,
            created_at=datetime.now(UTC),
        ),
    ]
    for value in secrets:
        assert "canary" not in repr(value)
        assert "canary" not in f"{value!s} {[value]}"
        assert "…" in repr(value)
    assert "text=None" in repr(MessageReceived(account="mp1me", message_id="m1"))


def test_a_client_is_imported_without_what_only_bots_and_the_command_need() -> None:
    heavy = ["mepassa.bot", "mepassa.cli", "mepassa.sync", "mepassa.testing", "click", "argparse", "asyncio", "trio"]
    code = f"import sys; from mepassa import Client; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
