"""The longest line and the longest text fit each other."""

from __future__ import annotations

import pytest

from mepassad.config.load import LINE_AROUND_TEXT, TEXT_GROWTH, load
from mepassad.errors import ConfigError
from mepassad.plugins import discover
from mepassad.testing.nodes import Nodes
from mepassad.testing.rpc_client import RpcError, connect

TEXT = 256
LINE = TEXT_GROWTH * TEXT + LINE_AROUND_TEXT


def refusal(**variables: int) -> str | None:
    """What `load` says of these keys."""
    environ = {f"MEPASSAD__{key.upper()}": str(value) for key, value in variables.items()}
    try:
        load(None, {"HOME": "/home/ana", **environ}, discover())
    except ConfigError as error:
        return error.sentence
    return None


def test_a_line_that_just_holds_the_longest_text_is_allowed_and_one_byte_less_is_not() -> None:
    assert refusal(messages__max_text=TEXT, rpc__max_line=LINE) is None
    assert refusal(messages__max_text=TEXT, rpc__max_line=LINE - 1) == (
        f"MEPASSAD__RPC__MAX_LINE: rpc.max_line: {LINE - 1} bytes cannot hold a text of "
        f"messages.max_text, {TEXT} bytes, of which JSON may make 6 times as many; set it to {LINE} or more, or "
        "messages.max_text lower"
    )


def test_a_text_too_long_for_the_default_line_is_told_where_it_was_set() -> None:
    most = ((1 << 20) - LINE_AROUND_TEXT) // TEXT_GROWTH
    assert refusal(messages__max_text=most) is None
    assert (refusal(messages__max_text=most + 1) or "").startswith("MEPASSAD__MESSAGES__MAX_TEXT")


@pytest.mark.parametrize("letter", ["\x01", "é", "🙂", '"'])
async def test_the_longest_text_passes_the_shortest_line_that_is_allowed(nodes: Nodes, letter: str) -> None:
    ana, bob = await nodes.pair(messages__max_text=TEXT, rpc__max_line=LINE)
    text = letter * (TEXT // len(letter.encode()))
    here, there = ana.node.config.rpc.socket, bob.node.config.rpc.socket
    async with connect(here) as sender, connect(there) as reader:
        await reader.call("events.subscribe")
        request = "é" * 128  # all that may be long beside the text
        sent = await sender.call("messages.send", contact=bob.account, text=text, request_id=request)
        assert (await reader.event("message.received"))["data"]["text"] == text
        for client in (sender, reader):
            assert (await client.call("messages.get", **sent))["text"] == text
        page = await reader.call("messages.list", contact=ana.account)
        assert [item["text"] for item in page["items"]] == [text]
        with pytest.raises(RpcError, match="MessageTooLarge"):
            await sender.call("messages.send", contact=bob.account, text=text + letter)
