"""The command `mepassa`: what it prints, how it ends, and that it never obeys what peers write."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import click
import pytest
from click.testing import CliRunner
from commanding import HELLO, HOSTILE, SHOWN, TIME, answering, contact, run, with_contacts
from hypothesis import given
from hypothesis import strategies as st
from mepassa.cli import main
from mepassa.text import as_json, visible
from wire_node import ANA, ME, Refusal, Wire, WireNode


async def test_accept_redeems_the_link_and_says_where_it_stands(node: WireNode) -> None:
    node.methods["invites.accept"] = answering(contact=ANA, conversation="c1", state="pending")
    assert (await run(node, "accept", " mepassa:i/1/abc\n")).stdout == "mp1ana\tpending\n"
    assert node.calls[0] == ("invites.accept", {"uri": "mepassa:i/1/abc"})


async def test_accept_takes_a_code_only_from_who_says_that_it_was_shown_in_person(node: WireNode) -> None:
    node.methods["invites.accept"] = answering(contact=ANA, conversation="c1", state="pending")
    refused = await run(node, "accept", " mepassa:v/1/abc")
    assert refused.exit_code == 2
    assert "--in-person" in refused.stderr
    assert node.calls == []
    assert (await run(node, "accept", "--in-person", "mepassa:v/1/abc")).stdout == "mp1ana\tpending\n"


@pytest.mark.parametrize(
    ("arguments", "transports", "said"),
    [
        (["invite"], {}, "This node is local-only: "),
        (["accept", "mepassa:i/1/abc"], {}, "This node is local-only: "),
        (["invite"], {"libp2p": {}}, "This node listens on no address, has no mailbox, and no relay lends it a place,"),
        (["accept", "mepassa:i/1/abc"], {"libp2p": {}}, ""),
    ],
)
async def test_a_node_without_addresses_is_told_what_it_cannot_do(
    node: WireNode, arguments: list[str], transports: dict[str, Any], said: str
) -> None:
    node.methods["identity.show"] = answering(account=ANA, name="Ana", kind="person", addresses=[])
    node.methods["invites.create"] = answering(uri="mepassa:i/1/abc", expires_at=TIME)
    node.methods["invites.accept"] = answering(contact=ANA, conversation="c1", state="pending")
    node.methods["system.stats"] = answering(transports=transports)
    result = await run(node, *arguments)
    assert result.exit_code == 0
    assert result.stderr.startswith(said)
    assert bool(result.stderr) == bool(said)
    assert "This node" not in result.stdout


@pytest.mark.parametrize(("connected", "said"), [(True, ""), (False, "None of this node's mailboxes serves it now")])
async def test_an_invite_of_a_node_whose_mailbox_is_away_is_told_so(node: WireNode, connected: bool, said: str) -> None:
    node.methods["identity.show"] = answering(account=ANA, name="Ana", kind="person", addresses=[])
    node.methods["invites.create"] = answering(uri="mepassa:i/1/abc", expires_at=TIME)
    nodes = {"12D3KooWa": {"connected": connected}, "12D3KooWb": {"connected": False}}
    node.methods["system.stats"] = answering(transports={"libp2p": {}}, mailboxes={"nodes": nodes})
    result = await run(node, "invite")
    assert (result.exit_code, result.stderr.startswith(said), bool(result.stderr)) == (0, True, bool(said))


@pytest.mark.parametrize("wanted", ["mp1ana", "Ana", "chefe", "mp1an", "che", "CHE"])
async def test_send_finds_the_contact_by_id_name_petname_or_beginning(node: WireNode, wanted: str) -> None:
    with_contacts(node, contact("mp1bob", "Anatol"), contact("mp1ana", "Ana", petname="chefe"))
    result = await run(node, "send", wanted, "bom", "dia")
    assert result.exit_code == 0
    assert result.stdout == "out-anonymous-0\n"
    assert node.calls[-1] == ("messages.send", {"contact": "mp1ana", "text": "bom dia"})


@pytest.mark.parametrize(("wanted", "sentence"), [("mp1", "may be any of"), ("Z\x1b", "Nobody"), ("", "Nobody")])
async def test_send_to_nobody_or_to_several_is_refused_with_a_sentence(
    node: WireNode, wanted: str, sentence: str
) -> None:
    with_contacts(node, contact("mp1bob", HOSTILE), contact("mp1ana", "Ana"))
    result = await run(node, "send", wanted, "hi")
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Usage" not in result.stderr
    assert "\x1b" not in result.stderr
    assert node.sent == {}


async def test_who_has_not_answered_yet_has_no_name_and_that_is_said(node: WireNode) -> None:
    with_contacts(node, contact("mp1ana", ""))
    assert "use the id" in (await run(node, "send", "Ana", "hi")).stderr


async def _progress(node: WireNode, steps: dict[str, str | None], reason: str | None = None) -> None:
    await node.called("messages.send")
    node.publish("message.sent", account=ME, message_id="of another message", route="direct")
    for topic, route in steps.items():
        node.publish(topic, account=ME, message_id="out-anonymous-0", route=route, reason=reason)


async def test_send_and_wait_shows_each_state_with_route_and_time(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_progress, node, {"message.sent": "direct", "message.delivered": "direct"})
        result = await run(node, "send", "--wait", "Ana", "hi")
    assert result.exit_code == 0
    first, *states = result.stdout.splitlines()
    assert first == "out-anonymous-0"
    assert [line.split()[:2] for line in states] == [["queued", "-"], ["sent", "direct"], ["delivered", "direct"]]
    assert all(line.endswith(" ms") for line in states)


async def test_send_and_wait_ends_with_the_reason_when_a_message_fails(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_progress, node, {"message.failed": None}, f"Nobody came {HOSTILE}.")
        result = await run(node, "send", "--wait", "Ana", "hi")
    assert result.exit_code == 1
    assert f"not delivered. Nobody came {SHOWN}." in result.stderr


async def test_rpc_calls_any_method_and_prints_one_line_of_json(node: WireNode) -> None:
    async def odd(wire: Wire, **params: Any) -> dict[str, Any]:
        return {"got": params, "name": HOSTILE}

    node.methods["odd.method"] = odd
    result = await run(node, "rpc", "odd.method", '{"method": 1, "self": [2]}')
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout) == {"got": {"method": 1, "self": [2]}, "name": HOSTILE}


@pytest.mark.parametrize("params", ["[1]", "{", "1", '{"a": 1} 2', "[" * 10_000])
async def test_rpc_takes_one_json_object_only(node: WireNode, params: str) -> None:
    result = await run(node, "rpc", "odd.method", params)
    assert result.exit_code == 2
    assert "one JSON object" in result.stderr


@pytest.mark.parametrize(("typed", "text"), [(b"oi\n", "oi"), (b"um\ndois\n\n", "um\ndois\n"), ("olá".encode(), "olá")])
@pytest.mark.parametrize("dash", [[], ["-"]])
async def test_send_takes_standard_input_where_no_text_is_given(
    node: WireNode, dash: list[str], typed: bytes, text: str
) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    result = await run(node, "send", "--reply-to", "m7", "Ana", *dash, stdin=typed)
    assert result.exit_code == 0, result.output
    assert node.calls[-1] == ("messages.send", {"contact": ANA, "text": text, "reply_to": "m7"})


@pytest.mark.parametrize(("typed", "sentence"), [(b"\xff", "not valid UTF-8"), (b"x" * (1 << 20) + b"x", "too long")])
async def test_standard_input_that_cannot_be_sent_is_wrong_usage(node: WireNode, typed: bytes, sentence: str) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    result = await run(node, "send", "Ana", stdin=typed)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert node.sent == {}


async def test_a_code_of_a_contact_is_led_to_verify(node: WireNode) -> None:
    async def accept(wire: Wire, uri: str) -> dict[str, Any]:
        raise Refusal(1115, "AlreadyContact", "You already have this contact.")

    node.methods["invites.accept"] = accept
    result = await run(node, "accept", "--in-person", "mepassa:v/1/abc")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "`mepassa verify --code`" in result.stderr
    assert "You already have this contact. (AlreadyContact)" in (await run(node, "accept", "mepassa:i/1/abc")).stderr


async def test_the_chosen_account_goes_with_every_call(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    await run(node, "--account", "mp1bot", "send", "Ana", "hi")
    assert {params["account"] for _, params in node.calls} == {"mp1bot"}


async def test_a_refusal_is_a_sentence_its_name_and_exit_code_1(node: WireNode) -> None:
    async def accept(wire: Wire, uri: str) -> dict[str, Any]:
        raise Refusal(1111, "InviteExpired", "This invite or code has expired; ask for a new one.")

    node.methods["invites.accept"] = accept
    result = await run(node, "accept", "mepassa:i/1/abc")
    assert result.exit_code == 1
    assert result.stderr == "Error: This invite or code has expired; ask for a new one. (InviteExpired)\n"


@pytest.mark.parametrize("arguments", [["status"], ["tail"], ["invite"], ["rpc", "system.hello"]])
def test_without_a_node_every_command_says_so_and_exits_with_3(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["--socket", str(tmp_path / "none"), *arguments])
    assert result.exit_code == 3
    assert "No mepassad answers" in result.stderr
    assert result.stdout == ""


async def test_a_node_that_does_not_answer_is_exit_code_3_after_a_while(
    node: WireNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mepassa.connection.FIRST_WORD", 0.05)
    node.deaf = 1
    result = await run(node, "status")
    assert (result.exit_code, "runs and does not answer" in result.stderr) == (3, True)


async def test_a_node_that_dies_in_the_middle_is_exit_code_3(node: WireNode) -> None:
    node.lives = [10]
    assert (await run(node, "rpc", "identity.show")).exit_code == 3


async def test_a_text_too_long_for_a_line_is_wrong_usage(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    result = await run(node, "send", "Ana", "x" * (1 << 20))
    assert result.exit_code == 2
    assert "a line to the node may have 1048576 bytes" in result.stderr


async def test_what_is_not_utf8_is_wrong_usage(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    result = await run(node, "send", "Ana", "\udcff")
    assert result.exit_code == 2
    assert "not valid UTF-8" in result.stderr


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o602])
async def test_a_token_that_others_may_read_is_not_shown(node: WireNode, tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text("mpt1secret\n")
    file.chmod(mode)
    result = await run(node, "--token-file", str(file), "contacts")
    assert result.exit_code == 2
    assert f"{file} can be read by others; run: chmod 600 {file}" in " ".join(result.stderr.split())
    assert "mpt1secret" not in result.output
    assert node.connections == 0


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "cannot be read"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff", "cannot be")]
)
async def test_a_token_file_with_no_token_in_it_is_wrong_usage(
    node: WireNode, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.touch(0o600)
        file.write_bytes(content)
    result = await run(node, "--token-file", str(file), "contacts")
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize("by_variable", [False, True])
async def test_the_token_of_a_file_is_shown_before_anything_else(
    node: WireNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    node.methods["system.hello"] = answering(**HELLO)
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text("mpt1secret\n")
    if by_variable:
        monkeypatch.setenv("MEPASSA_TOKEN_FILE", str(file))
    result = await run(node, *([] if by_variable else ["--token-file", str(file)]), "contacts")
    assert result.exit_code == 0, result.output
    first, params = node.calls[0]
    assert (first, params["token"]) == ("system.hello", "mpt1secret")


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("UnknownTopic", {"topic": "\x1bx", "topics": ["a", "b"]}, "There is no topic '\\x1bx'; there are a, b."),
        ("NotPermitted", {"method": "x.y", "scope": "admin"}, "may not call x.y: that needs the scope admin."),
        ("NotPermitted", {}, "Said by the node<U+001B>."),
        ("Unheard", {}, "Said by the node<U+001B>."),
    ],
)
async def test_a_refusal_is_told_with_its_facts(node: WireNode, name: str, data: dict[str, Any], told: str) -> None:
    async def refuse(wire: Wire) -> dict[str, Any]:
        raise Refusal(1, name, "Said by the node\x1b.", **data)

    node.methods["odd.method"] = refuse
    result = await run(node, "rpc", "odd.method")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{told} ({name})\n" in result.stderr


def test_exit_codes_are_in_the_help() -> None:
    shown = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert "0 done, 1 refused, 2 wrong usage, 3 no node answers, 130 interrupted with Ctrl-C" in shown


def commands(group: click.Group, *path: str) -> Iterator[list[str]]:
    """The words of every command and sub-command."""
    yield [*path]
    for name, inner in group.commands.items():
        yield from commands(inner, *path, name) if isinstance(inner, click.Group) else [[*path, name]]


@pytest.mark.parametrize("arguments", [*commands(main)], ids=" ".join)
def test_every_command_knows_h(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, [*arguments, "-h"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_the_list_of_commands_fits_80_columns() -> None:
    assert "..." not in CliRunner().invoke(main, ["-h"], terminal_width=80).output.partition("Commands:")[2]


def test_signs_that_nobody_sees_are_shown() -> None:
    assert visible("Ana\u3164\u115f\u2800") == "Ana<U+3164><U+115F><U+2800>"
    assert as_json("Ana\u3164") == '"Ana\\u3164"'


def test_joined_emoji_and_accents_stay_as_they_are() -> None:
    assert visible("João 👩\u200d🚀") == "João 👩\u200d🚀"


@given(st.text())
def test_no_text_keeps_a_character_that_a_terminal_obeys_or_hides(text: str) -> None:
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not [c for c in visible(text) if unicodedata.category(c) in hidden and c not in "\u200c\u200d"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda children: st.lists(children)))
def test_json_output_is_the_same_value_without_invisible_characters(value: Any) -> None:
    line = as_json(value)
    assert json.loads(line) == value
    assert not set(line) & {"\x1b", "\n", "\r", "\x9b", "\u202e", "\u2066", "\u2028"}
