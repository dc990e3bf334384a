"""The client's calls: many at once, refusals, limits, and sockets that die."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mepassa import CallTooLarge, Client, ConnectionLost, NodeNotRunning, NodeSilent, ProtocolError, RpcError
from mepassa.connection import default_socket
from mepassa.wire import LINE_LIMIT, decode_line, encode_call
from wire_node import Refusal, Wire, WireNode

from tests.examples import examples

REPLY = len(b'{"jsonrpc": "2.0", "id": 1, "result": {"text": "abc"}}\n')


async def test_a_call_returns_the_nodes_result(node: WireNode) -> None:
    async with Client(node.path) as client:
        assert (await client.call("identity.show"))["name"] == "Bia"


async def test_parameters_that_are_none_are_left_out(node: WireNode) -> None:
    async with Client(node.path) as client:
        await client.call("identity.show", account=None)
    assert node.calls == [("identity.show", {})]


async def test_calls_at_once_get_their_own_answers_in_any_order(node: WireNode) -> None:
    released = {text: anyio.Event() for text in "abc"}

    async def wait(wire: Wire, text: str) -> dict[str, Any]:
        await released[text].wait()
        return {"text": text}

    node.methods["wait"] = wait
    answers: list[str] = []
    async with Client(node.path) as client, anyio.create_task_group() as tasks:

        async def ask(text: str) -> None:
            answers.append((await client.call("wait", text=text))["text"])

        for text in "abc":
            tasks.start_soon(ask, text)
        for text in "cab":
            released[text].set()
            with anyio.fail_after(30):
                while text not in answers:
                    await anyio.wait_all_tasks_blocked()
    assert answers == list("cab")
    assert node.connections == 1


async def test_a_refusal_carries_code_name_sentence_and_facts(node: WireNode) -> None:
    async def refuse(wire: Wire) -> dict[str, Any]:
        raise Refusal(1202, "MessageTooLarge", "Too long.", limit=65536)

    node.methods["refuse"] = refuse
    async with Client(node.path) as client:
        with pytest.raises(RpcError, match="Too long") as caught:
            await client.call("refuse")
        assert (caught.value.code, caught.value.name, caught.value.data) == (1202, "MessageTooLarge", {"limit": 65536})


async def test_without_a_node_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    async with Client(tmp_path / "none") as client:
        with pytest.raises(NodeNotRunning, match="mepassad --config"):
            await client.call("identity.show")


async def test_a_node_that_says_nothing_is_told_from_one_that_is_slow_to_carry_out_a_call(
    node: WireNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mepassa.connection.FIRST_WORD", 0.05)
    node.deaf = 1
    node.methods["slow"] = never
    async with Client(node.path) as client:
        with anyio.fail_after(30), pytest.raises(NodeSilent, match="doctor` says why"):
            await client.call("identity.show")
        monkeypatch.setattr("mepassa.connection.FIRST_WORD", 10)
        await client.call("identity.show")
        monkeypatch.setattr("mepassa.connection.FIRST_WORD", 0)
        with pytest.raises(TimeoutError), anyio.fail_after(0.05):
            await client.call("slow")


async def test_a_file_that_is_no_socket_is_a_node_that_is_not_running(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / ("long" * 60)):
        async with Client(path) as client:
            with pytest.raises(NodeNotRunning):
                await client.call("identity.show")


async def never(wire: Wire) -> dict[str, Any]:
    await anyio.sleep_forever()
    return {}


async def test_an_answer_to_a_call_that_was_never_made_is_not_the_protocol(node: WireNode) -> None:
    async def answer_another(wire: Wire) -> dict[str, Any]:
        await wire.write({"jsonrpc": "2.0", "id": 2, "result": {}})
        await anyio.sleep_forever()
        return {}

    node.methods["odd"] = answer_another
    async with Client(node.path) as client:
        with pytest.raises(ProtocolError), anyio.fail_after(30):
            await client.call("odd")


async def test_an_answer_that_comes_twice_counts_once(node: WireNode) -> None:
    async def twice(wire: Wire) -> dict[str, Any]:
        for text in ("first", "second"):
            await wire.write({"jsonrpc": "2.0", "id": 1, "result": {"text": text}})
        await anyio.sleep_forever()
        return {}

    node.methods["twice"] = twice
    async with Client(node.path) as client:
        assert await client.call("twice") == {"text": "first"}
        assert (await client.identity.show()).name == "Bia"
    assert node.connections == 1


async def test_an_answer_of_another_shape_fails_its_call_alone_and_names_it(node: WireNode) -> None:
    async def older(wire: Wire, **_: Any) -> dict[str, Any]:
        return {"account": "mp1me"}

    node.methods["identity.show"] = older
    async with Client(node.path) as client:
        with pytest.raises(ProtocolError, match=r"answer to identity\.show"):
            await client.identity.show()
        assert await client.call("identity.show") == {"account": "mp1me"}
    assert node.connections == 1


async def test_a_cancelled_call_leaves_the_others_alone(node: WireNode) -> None:
    node.methods["never"] = never
    async with Client(node.path) as client:
        with anyio.move_on_after(0.05):
            await client.call("never")
        assert (await client.call("identity.show"))["name"] == "Bia"
    assert node.connections == 1


async def test_a_call_cancelled_in_the_middle_of_its_line_leaves_no_half_line_to_the_next(node: WireNode) -> None:
    node.deaf = 1
    async with Client(node.path) as client:
        with anyio.move_on_after(0.05):
            await client.call("echo", text="x" * 1_000_000)
        with anyio.fail_after(30):
            assert (await client.call("identity.show"))["name"] == "Bia"


async def test_a_lost_connection_is_made_again_by_the_next_call(node: WireNode) -> None:
    node.lives = [0]
    async with Client(node.path) as client:
        with pytest.raises(ConnectionLost):
            await client.call("identity.show")
        assert (await client.call("identity.show"))["name"] == "Bia"


async def echo(wire: Wire, text: str) -> dict[str, Any]:
    return {"text": text}


@settings(max_examples=examples(40))
@given(st.lists(st.integers(0, 3 * REPLY), min_size=1, max_size=4))
async def test_a_socket_that_dies_at_any_byte_fails_the_pending_calls_and_no_other(lives: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with WireNode(Path(folder, "s")).serving() as node, Client(node.path) as client:
            node.methods["echo"] = echo
            node.lives = list(lives)
            with anyio.fail_after(30):
                while node.lives or node.connections <= len(lives):
                    try:
                        assert await client.call("echo", text="abc") == {"text": "abc"}
                    except ConnectionLost:
                        continue


async def test_all_pending_calls_fail_when_the_connection_ends(node: WireNode) -> None:
    waiting = 0

    async def die_with_the_third(wire: Wire) -> dict[str, Any]:
        nonlocal waiting
        waiting += 1
        if waiting == 3:
            await wire.close()
        await anyio.sleep_forever()
        return {}

    node.methods["die"] = die_with_the_third
    lost = 0
    async with Client(node.path) as client, anyio.create_task_group() as tasks:

        async def ask() -> None:
            nonlocal lost
            with pytest.raises(ConnectionLost):
                await client.call("die")
            lost += 1

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(ask)
    assert lost == 3


async def test_a_refusal_without_an_id_fails_the_pending_call(node: WireNode) -> None:
    async def refuse_the_line(wire: Wire) -> dict[str, Any]:
        error = {"code": -32600, "message": "Too deep.", "data": {"name": "InvalidRequest"}}
        await wire.write({"jsonrpc": "2.0", "id": None, "error": error})
        await anyio.sleep_forever()
        return {}

    node.methods["deep"] = refuse_the_line
    async with Client(node.path) as client:
        with pytest.raises(RpcError, match="Too deep"), anyio.fail_after(30):
            await client.call("deep")


@pytest.mark.parametrize("junk", [b"hello\n", b"[]\n", b"{}\n", b"\xff\n", b"x" * (LINE_LIMIT + 1)])
async def test_a_node_that_speaks_something_else_is_a_lost_connection(node: WireNode, junk: bytes) -> None:
    async def answer_junk(wire: Wire) -> dict[str, Any]:
        await wire.write_bytes(junk)
        await anyio.sleep_forever()
        return {}

    node.methods["junk"] = answer_junk
    async with Client(node.path) as client:
        with pytest.raises(ConnectionLost, match="protocol"), anyio.fail_after(30):
            await client.call("junk")


@pytest.mark.parametrize(("over", "outcome"), [(0, "taken"), (1, "lost")])
async def test_an_answer_may_fill_a_line_but_not_more(node: WireNode, over: int, outcome: str) -> None:
    frame = len(b'{"jsonrpc": "2.0", "id": 1, "result": {"text": ""}}')

    async def long(wire: Wire) -> dict[str, Any]:
        return {"text": "x" * (LINE_LIMIT - frame + over)}

    node.methods["long"] = long
    async with Client(node.path) as client:
        with anyio.fail_after(30):
            if outcome == "taken":
                assert len((await client.call("long"))["text"]) == LINE_LIMIT - frame
            else:
                with pytest.raises(ConnectionLost):
                    await client.call("long")


async def test_a_call_above_the_line_limit_is_refused_before_anything_is_sent(node: WireNode) -> None:
    frame = len(encode_call(1, "echo", {"text": ""})) - 1
    node.methods["echo"] = echo
    async with Client(node.path) as client:
        with pytest.raises(CallTooLarge, match="1048577 bytes"):
            await client.call("echo", text="x" * (LINE_LIMIT - frame + 1))
    assert node.calls == []
    assert len(encode_call(1, "echo", {"text": "x" * (LINE_LIMIT - frame)})) == LINE_LIMIT + 1


@given(st.binary(max_size=200) | st.builds(lambda depth: b'{"a":' * depth, st.integers(1, 100_000)))
def test_any_line_decodes_or_is_malformed(line: bytes) -> None:
    try:
        decode_line(line)
    except ProtocolError:
        return


def test_the_socket_is_found_by_environment_then_data_folder_then_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("MEPASSAD_SOCKET", raising=False)
    assert default_socket() == Path("/home/ana/.local/share/mepassad/run/mepassad.sock")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_socket() == Path("/data/mepassad/run/mepassad.sock")
    monkeypatch.setenv("MEPASSAD_SOCKET", "/run/m.sock")
    assert default_socket() == Path("/run/m.sock")
