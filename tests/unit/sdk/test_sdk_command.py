"""The command `mepassa`: what it prints, how it ends, and that it never obeys what peers write."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner
from commanding import HOSTILE, SHOWN, contact, run, with_contacts
from hypothesis import given
from hypothesis import strategies as st
from mepassa.cli import main
from mepassa.cli.text import as_json, visible
from wire_node import ANA, Refusal, Wire, WireNode


async def test_status_shows_version_account_and_addresses(node: WireNode) -> None:
    async def hello(wire: Wire, client: str, api: int) -> dict[str, Any]:
        return {"version": "9.9", "api": api}

    node.methods["system.hello"] = hello
    result = await run(node, "status")
    assert result.exit_code == 0
    for fact in ("9.9", "mp1me", "Bia", "/ip4/127.0.0.1/tcp/1/p2p/x", str(node.path)):
        assert fact in result.output


async def test_invite_in_a_pipe_prints_the_link_alone(node: WireNode) -> None:
    async def create(wire: Wire, **asked: Any) -> dict[str, Any]:
        return {"uri": "mepassa:i/1/abc", "expires_at": "2030-01-01T00:00:00Z"}

    node.methods["invites.create"] = create
    result = await run(node, "invite", "--uses", "3", "--expires", "2h")
    assert result.stdout == "mepassa:i/1/abc\n"
    assert node.calls[0] == ("invites.create", {"uses": 3, "expires_in": 7200})
    assert result.stderr == ""


async def test_invite_on_a_terminal_shows_a_qr_code(node: WireNode) -> None:
    async def create(wire: Wire) -> dict[str, Any]:
        return {"uri": "mepassa:i/1/abc", "expires_at": "2030-01-01T00:00:00Z"}

    node.methods["invites.create"] = create
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from mepassa.cli import main; main()", "--socket", str(node.path), "invite"]
    done = await anyio.run_process(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert shown.startswith("mepassa:i/1/abc")
    assert "▄" in shown
    assert b"good until 2030" in done.stderr


@pytest.mark.parametrize(("span", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("7d", 604800)])
async def test_spans_are_read_as_people_write_them(node: WireNode, span: str, seconds: int) -> None:
    async def create(wire: Wire, expires_in: int) -> dict[str, Any]:
        return {"uri": str(expires_in), "expires_at": ""}

    node.methods["invites.create"] = create
    assert (await run(node, "invite", "--expires", span)).stdout == f"{seconds}\n"


async def test_accept_redeems_the_link_and_says_where_it_stands(node: WireNode) -> None:
    async def accept(wire: Wire, uri: str) -> dict[str, Any]:
        return {"contact": ANA, "conversation": "c1", "state": "pending"}

    node.methods["invites.accept"] = accept
    assert (await run(node, "accept", " mepassa:i/1/abc\n")).stdout == "mp1ana\tpending\n"
    assert node.calls[0] == ("invites.accept", {"uri": "mepassa:i/1/abc"})


async def test_accept_takes_a_code_only_from_who_says_that_it_was_shown_in_person(node: WireNode) -> None:
    async def accept(wire: Wire, uri: str) -> dict[str, Any]:
        return {"contact": ANA, "conversation": "c1", "state": "pending"}

    node.methods["invites.accept"] = accept
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
        (["invite"], {"libp2p": {}}, "This node listens on no address, so nobody can reach it."),
        (["accept", "mepassa:i/1/abc"], {"libp2p": {}}, ""),
    ],
)
async def test_a_node_without_addresses_is_told_what_it_cannot_do(
    node: WireNode, arguments: list[str], transports: dict[str, Any], said: str
) -> None:
    async def local(wire: Wire) -> dict[str, Any]:
        return {"account": ANA, "name": "Ana", "addresses": []}

    async def link(wire: Wire, **asked: Any) -> dict[str, Any]:
        return {"uri": "mepassa:i/1/abc", "expires_at": "", "contact": ANA, "state": "pending"}

    async def stats(wire: Wire) -> dict[str, Any]:
        return {"transports": transports}

    answers = {"identity.show": local, "invites.create": link, "invites.accept": link, "system.stats": stats}
    node.methods.update(answers)
    result = await run(node, *arguments)
    assert result.exit_code == 0
    assert result.stderr.startswith(said)
    assert bool(result.stderr) == bool(said)
    assert "This node" not in result.stdout


async def test_contacts_are_listed_over_all_pages_and_names_cannot_move_the_cursor(node: WireNode) -> None:
    with_contacts(node, contact("mp1a", HOSTILE), contact("mp1b", "Bo", petname="Boss"), contact("mp1c"))
    result = await run(node, "contacts")
    assert result.stdout == f"mp1a\taccepted\t{SHOWN}\nmp1b\taccepted\tBoss\nmp1c\taccepted\t\n"


async def test_contacts_who_are_verified_are_marked(node: WireNode) -> None:
    with_contacts(node, contact("mp1a", "Ana", verified=True), contact("mp1b", "Ana"))
    assert (await run(node, "contacts")).stdout == "mp1a\taccepted\tAna\tverified\nmp1b\taccepted\tAna\n"


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


async def _progress(node: WireNode, *steps: tuple[str, str | None]) -> None:
    await node.called("messages.send")
    node.publish("message.sent", message_id="of another message", route="direct")
    for topic, route in steps:
        node.publish(topic, message_id="out-anonymous-0", route=route)


async def test_send_and_wait_shows_each_state_with_route_and_time(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_progress, node, ("message.sent", "direct"), ("message.delivered", "direct"))
        result = await run(node, "send", "--wait", "Ana", "hi")
    assert result.exit_code == 0
    first, *states = result.stdout.splitlines()
    assert first == "out-anonymous-0"
    assert [line.split()[:2] for line in states] == [["queued", "-"], ["sent", "direct"], ["delivered", "direct"]]
    assert all(line.endswith(" ms") for line in states)


async def test_send_and_wait_ends_with_the_reason_when_a_message_fails(node: WireNode) -> None:
    async def get(wire: Wire, message_id: str) -> dict[str, Any]:
        return {"message_id": message_id, "state": "expired", "reason": f"nobody came {HOSTILE}"}

    node.methods["messages.get"] = get
    with_contacts(node, contact(ANA, "Ana"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_progress, node, ("message.failed", None))
        result = await run(node, "send", "--wait", "Ana", "hi")
    assert result.exit_code == 1
    assert f"not delivered: nobody came {SHOWN}" in result.stderr


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


async def test_the_chosen_account_goes_with_every_call(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    await run(node, "--account", "mp1bot", "send", "Ana", "hi")
    assert {params["account"] for _, params in node.calls} == {"mp1bot"}


async def test_a_refusal_is_a_sentence_its_name_and_exit_code_1(node: WireNode) -> None:
    async def accept(wire: Wire, uri: str) -> dict[str, Any]:
        raise Refusal(1111, "InviteExpired", "This invite has expired; ask for a new one.")

    node.methods["invites.accept"] = accept
    result = await run(node, "accept", "mepassa:i/1/abc")
    assert result.exit_code == 1
    assert result.stderr == "Error: This invite has expired; ask for a new one. (InviteExpired)\n"


@pytest.mark.parametrize("arguments", [["status"], ["tail"], ["invite"], ["rpc", "system.hello"]])
def test_without_a_node_every_command_says_so_and_exits_with_3(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["--socket", str(tmp_path / "none"), *arguments])
    assert result.exit_code == 3
    assert "No mepassad answers" in result.stderr
    assert result.stdout == ""


async def test_a_node_that_dies_in_the_middle_is_exit_code_3(node: WireNode) -> None:
    node.lives = [10]
    assert (await run(node, "rpc", "identity.show")).exit_code == 3


async def test_a_text_too_long_for_a_line_is_wrong_usage(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    result = await run(node, "send", "Ana", "x" * (1 << 20))
    assert result.exit_code == 2
    assert "a line may have 1048576" in result.stderr


async def test_what_is_not_utf8_is_wrong_usage(node: WireNode) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    result = await run(node, "send", "Ana", "\udcff")
    assert result.exit_code == 2
    assert "not valid UTF-8" in result.stderr


def test_exit_codes_are_in_the_help() -> None:
    shown = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert "0 done, 1 refused, 2 wrong usage, 3 no node answers, 130 interrupted with Ctrl-C" in shown


@pytest.mark.parametrize("arguments", [[], *([name] for name in main.commands)])
def test_every_command_knows_h(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, [*arguments, "-h"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_the_list_of_commands_fits_80_columns() -> None:
    assert "..." not in CliRunner().invoke(main, ["-h"], terminal_width=80).output.partition("Commands:")[2]


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
