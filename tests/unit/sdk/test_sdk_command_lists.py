"""What `mepassa` lists and makes: status, accounts, invites, contacts, tokens, messages; for people and programs."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from commanding import HELLO, HOSTILE, SHOWN, TIME, answering, contact, message, run, with_contacts
from wire_node import ANA, ME, Refusal, Wire, WireNode

SINCE = "2027-03-01T12:00:00Z"
LOCAL = datetime(2027, 3, 1, 12, tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M %Z")
WORDS = " ".join(f"word{n}" for n in range(1, 25))


async def at_terminal(node: WireNode, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Exit code of the command at a terminal, and what it shows there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from mepassa.cli import main; main()", "--socket", str(node.path), *arguments]
    os.write(ours, typed.encode())
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = await anyio.to_thread.run_sync(_all, ours)
        code = await anyio.to_thread.run_sync(process.wait)
    os.close(ours)
    return code, shown.replace("\r\n", "\n")


def _all(terminal: int) -> str:
    shown = b""
    try:
        while data := os.read(terminal, 65_536):
            shown += data
    except OSError:  # the other end is closed
        pass
    return shown.decode()


STANDING = {"kind": "private", "nat": "cone", "observed": ["/ip4/198.51.100.1/tcp/14001"]}


@pytest.fixture
def busy(node: WireNode) -> WireNode:
    """A node with an account, contacts and messages."""
    with_contacts(node, contact("mp1a", HOSTILE), contact("mp1b", "Bo", petname="Boss", verified=True), contact("mp1c"))
    node.methods["system.hello"] = answering(**HELLO)
    node.methods["system.stats"] = answering(
        links=2,
        uptime_seconds=1.5,
        transports={"x": {"relay_places": 1, "relay_places_needed": 2}},
        reachability={"x": STANDING},
    )
    unread = {"conversation": "c1", "contact": "mp1a", "unread": 3, "last_time": None, "last_message": None}
    node.methods["conversations.list"] = answering(items=[unread, {**unread, "unread": 1}], next=None)
    return node


async def test_status_shows_who_the_node_is_and_how_much_there_is(busy: WireNode) -> None:
    result = await run(busy, "status")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "version\t9.9", "name\tBia", f"account\t{ME}", f"socket\t{busy.path}", "address\t/ip4/127.0.0.1/tcp/1/p2p/x",
        "reachable\tover relays; directly once a hole is punched", "relays\tplaces: 1 of 2",
        "contacts\t3", "unread\t4", "contacts connected\t2",
    ]  # fmt: skip
    _code, shown = await at_terminal(busy, "status")
    assert "version             9.9\n" in shown
    assert "contacts connected  2\n" in shown


async def test_status_as_json_has_the_same_and_more(busy: WireNode) -> None:
    result = await run(busy, "status", "--json")
    assert json.loads(result.stdout) == {
        "version": "9.9", "name": "Bia", "account": ME, "kind": "person", "socket": str(busy.path),
        "addresses": ["/ip4/127.0.0.1/tcp/1/p2p/x"], "contacts": 3, "pending": 0, "unread": 4, "connections": 2,
        "uptime_seconds": 1.5, "reachability": {"x": STANDING}, "node": None, "mailboxes": {}, "serves": {},
        "relays": {"places": 1, "needed": 2},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("standing", "places", "words"),
    [
        ({"kind": "public", "nat": "none"}, 0, "from outside"),
        ({"kind": "private", "nat": "symmetric"}, 1, "over relays; its router lets no holes be punched"),
        ({"kind": "private", "nat": "unknown"}, 2, "over relays, or by a hole that is punched"),
        ({"kind": "private", "nat": "cone"}, 0, "not from outside, and no relay lends a place"),
        ({"kind": "unknown", "nat": "unknown"}, 0, "not known yet"),
    ],
)
async def test_status_says_whether_others_reach_the_node(
    busy: WireNode, standing: dict[str, str], places: int, words: str
) -> None:
    transports = {"x": {"relay_places": places}}
    busy.methods["system.stats"] = answering(
        links=2, node="12D3KooWx", reachability={"x": standing}, transports=transports
    )
    shown = (await run(busy, "status")).stdout.splitlines()
    assert {f"reachable\t{words}", "node\t12D3KooWx"} <= set(shown)


async def test_status_of_a_server_is_about_what_it_serves_others_with(busy: WireNode) -> None:
    busy.methods["system.stats"] = answering(
        links=0,
        serves=["bootstrap", "relay", "mailbox"],
        relays={"x": {"places": 2, "circuits": 1, "refused": 7}},
        roles={"mailbox": {"boxes": 3, "envelopes": 4, "records": 5, "streams": 6}},
        transports={"x": {"relay_places": 0, "relay_places_needed": 2}},
        reachability={"x": {"kind": "unknown", "nat": "unknown"}},
    )
    shown = (await run(busy, "status")).stdout.splitlines()
    assert [line for line in shown if line.startswith(("reachable", "relays", "serves", "contacts connected"))] == [
        "serves\tbootstrap",
        "serves\trelay (places lent: 2, circuits: 1)",
        "serves\tmailbox (boxes: 3, envelopes waiting: 4, records: 5)",
        "contacts connected\t0",
    ]
    found = json.loads((await run(busy, "status", "--json")).stdout)
    assert found["serves"]["relay"] == {"places": 2, "circuits": 1}


async def test_status_says_how_mailboxes_and_relays_do(busy: WireNode) -> None:
    well = {"connected": True, "since": SINCE, "reason": "", "boxes": 3, "waiting": 0, "drained": True}
    boxes = {
        "12D3KooWa": well,
        "12D3KooWb": {**well, "waiting": 2, "reason": "The mailbox is full."},
        "12D3KooWc": {**well, "connected": False, "reason": "It does not take the pass."},
        "12D3KooWd": {**well, "connected": False},
    }
    counted = {"x": {"relay_places": 1, "relay_places_needed": 2}, "y": {"connections": 1}}
    busy.methods["system.stats"] = answering(links=2, transports=counted, mailboxes={"junk": 0, "nodes": boxes})
    assert {
        f"mailbox\t12D3KooWa: connected since {LOCAL}, boxes: 3, empty",
        f"mailbox\t12D3KooWb: connected since {LOCAL}, boxes: 3, not empty: 2; The mailbox is full.",
        f"mailbox\t12D3KooWc: not connected since {LOCAL}: It does not take the pass.",
        f"mailbox\t12D3KooWd: not connected since {LOCAL}",
        "relays\tplaces: 1 of 2",
    } <= set((await run(busy, "status")).stdout.splitlines())
    found = json.loads((await run(busy, "status", "--json")).stdout)
    assert (found["mailboxes"], found["relays"]) == (boxes, {"places": 1, "needed": 2})
    busy.methods["system.stats"] = answering(
        links=2, transports={"x": {"relay_places": 0, "relay_places_needed": 0}}, reachability={"x": {"kind": "public"}}
    )
    assert "relays\tnone needed" in (await run(busy, "status")).stdout.splitlines()


async def test_status_shows_the_promise_of_routes_beside_what_happened(busy: WireNode) -> None:
    busy.methods["system.stats"] = answering(routes={"direct": 150, "mailbox": 50, "": 3})
    result = await run(busy, "status", "--routes")
    assert result.stdout.splitlines() == [
        "route\tpromised\thappened\tmessages", "direct\t80 %\t75.0 %\t150", "relayed\t15 %\t0.0 %\t0",
        "mailbox\t5 %\t25.0 %\t50",
    ]  # fmt: skip
    found = json.loads((await run(busy, "status", "--routes", "--json")).stdout)
    assert found["mailbox"] == {"promised": 5, "happened": 25.0, "messages": 50}
    busy.methods["system.stats"] = answering()
    assert "direct\t80 %\t-\t0" in (await run(busy, "status", "--routes")).stdout


# -- contacts


async def test_contacts_are_listed_over_all_pages_and_names_cannot_move_the_cursor(busy: WireNode) -> None:
    result = await run(busy, "contacts")
    assert result.stdout == f"mp1a\taccepted\t{SHOWN}\nmp1b\taccepted\tBoss\tverified\nmp1c\taccepted\n"
    code, shown = await at_terminal(busy, "contacts")
    assert code == 0
    assert shown.splitlines()[1:] == [f"mp1b  accepted  Boss{' ' * (len(SHOWN) - 4)}  verified", "mp1c  accepted"]


async def test_contacts_as_json_are_what_the_node_says_without_invisible_characters(busy: WireNode) -> None:
    result = await run(busy, "contacts", "--json")
    assert [one["name"] for one in json.loads(result.stdout)] == [HOSTILE, "Boss", ""]
    assert result.stdout.removesuffix("\n").isprintable()


@pytest.mark.parametrize(
    ("arguments", "method", "params"),
    [
        (["rename", "Boss", "chefe"], "contacts.rename", {"contact": "mp1b", "name": "chefe"}),
        (["rename", "Boss", ""], "contacts.rename", {"contact": "mp1b", "name": ""}),
        (["block", "Boss"], "contacts.block", {"contact": "mp1b"}),
        (["unblock", "Boss"], "contacts.block", {"contact": "mp1b", "blocked": False}),
        (["unverify", "Boss"], "contacts.unverify", {"contact": "mp1b"}),
    ],
)
async def test_a_contact_is_changed_and_shown(
    busy: WireNode, arguments: list[str], method: str, params: dict[str, Any]
) -> None:
    busy.methods[method] = answering(**contact("mp1b", "Bo", verified=True, blocked=True))
    result = await run(busy, "contacts", *arguments)
    assert result.stdout == "mp1b\taccepted\tBo\tverified, blocked\n"
    assert busy.calls[-1] == (method, params)


@pytest.mark.parametrize(
    ("typed", "removed"), [("y\n", True), ("maybe\nYES\n", True), ("n\n", False), ("\n\nno\n", False)]
)
async def test_a_contact_is_removed_after_a_question(busy: WireNode, typed: str, removed: bool) -> None:
    busy.methods["contacts.remove"] = answering()
    code, shown = await at_terminal(busy, "contacts", "remove", "Boss", typed=typed)
    assert "Remove Boss and all your messages with them? [yes/no]" in shown
    assert (code, ("contacts.remove", {"contact": "mp1b"}) in busy.calls) == ((0, True) if removed else (1, False))


async def test_without_a_terminal_a_contact_is_removed_with_yes_only(busy: WireNode) -> None:
    busy.methods["contacts.remove"] = answering()
    refused = await run(busy, "contacts", "remove", "Boss")
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    result = await run(busy, "contacts", "remove", "--yes", "Boss")
    assert result.stdout == "mp1b\tremoved\tBoss\n"


# -- accounts


async def test_accounts_are_listed(node: WireNode) -> None:
    accounts = [
        {"account": ME, "name": HOSTILE, "kind": "person", "created_at": TIME},
        {"account": "mp1bot", "name": "eco", "kind": "ai-agent", "created_at": TIME},
    ]
    node.methods["accounts.list"] = answering(items=accounts, next=None)
    assert (await run(node, "accounts")).stdout == f"{ME}\tperson\t{SHOWN}\nmp1bot\tAI agent\teco\n"
    listed = json.loads((await run(node, "accounts", "--json")).stdout)
    assert [one["name"] for one in listed] == [HOSTILE, "eco"]


async def test_a_new_accounts_words_are_shown_once_on_a_terminal(node: WireNode) -> None:
    node.methods["accounts.create"] = answering(account="mp1new", words=WORDS)
    code, shown = await at_terminal(node, "accounts", "create", "Bot da Bia", "--kind", "bot")
    assert code == 0
    assert node.calls == [("accounts.create", {"name": "Bot da Bia", "kind": "bot"})]
    assert shown.startswith("Account: mp1new\nThese 24 words restore this account.")
    assert " 1 word1        2 word2        3 word3        4 word4\n" in shown


async def test_without_a_terminal_words_go_into_a_private_file_or_no_account_is_made(
    node: WireNode, tmp_path: Path
) -> None:
    node.methods["accounts.create"] = answering(account="mp1new", words=WORDS)
    refused = await run(node, "accounts", "create", "x")
    assert refused.exit_code == 2
    assert "--words-file" in refused.stderr
    assert node.calls == []
    file = tmp_path / "words"
    result = await run(node, "accounts", "create", "x", "--words-file", str(file))
    assert result.exit_code == 0
    assert "word1" not in result.output
    assert str(file) in result.stdout
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (f"{WORDS}\n", 0o600)


async def test_no_account_is_made_whose_words_could_not_be_kept_and_no_file_stays_without_one(
    node: WireNode, tmp_path: Path
) -> None:
    async def refuse(wire: Wire, **asked: Any) -> dict[str, Any]:
        raise Refusal(1003, "InvalidName", "A name needs 1 to 64 visible characters.")

    file = tmp_path / "words"
    file.write_text("kept")
    for path in (file, tmp_path / "no" / "folder"):
        assert (await run(node, "accounts", "create", "x", "--words-file", str(path))).exit_code == 2
    assert node.calls == []
    assert file.read_text() == "kept"
    node.methods["accounts.create"] = refuse
    new = tmp_path / "new"
    assert (await run(node, "accounts", "create", "", "--words-file", str(new))).exit_code == 1
    assert not new.exists()


# -- invites


async def test_invite_in_a_pipe_prints_the_link_alone(node: WireNode) -> None:
    node.methods["invites.create"] = answering(uri="mepassa:i/1/abc", expires_at=TIME)
    result = await run(node, "invite", "--uses", "3", "--expires", "2h")
    assert result.stdout == "mepassa:i/1/abc\n"
    assert node.calls[0] == ("invites.create", {"uses": 3, "expires_in": 7200})
    assert result.stderr == ""


async def test_invite_on_a_terminal_shows_a_qr_code_and_until_when_it_is_good_here(node: WireNode) -> None:
    node.methods["invites.create"] = answering(uri="mepassa:i/1/abc", expires_at=TIME)
    _code, shown = await at_terminal(node, "invite")
    assert shown.startswith("mepassa:i/1/abc\n")
    assert "▄" in shown
    assert f"good until {LOCAL}\n" in shown


async def test_invites_are_written_as_pictures_for_their_owner_alone(node: WireNode, tmp_path: Path) -> None:
    node.methods["invites.create"] = answering(uri="mepassa:i/1/abc", expires_at=TIME)
    png, svg = tmp_path / "i.png", tmp_path / "i.svg"
    result = await run(node, "invite", "--png", str(png), "--svg", str(svg))
    assert result.stdout == "mepassa:i/1/abc\n"
    assert png.read_bytes().startswith(b"\x89PNG\r\n")
    assert b"<svg" in svg.read_bytes()
    assert {stat.S_IMODE(file.stat().st_mode) for file in (png, svg)} == {0o600}
    again = await run(node, "invite", "--svg", str(tmp_path / "new"), "--png", str(png))
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert not (tmp_path / "new").exists()
    assert len([method for method, _ in node.calls if method == "invites.create"]) == 1


@pytest.mark.parametrize(("span", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("7d", 604800)])
async def test_spans_are_read_as_people_write_them(node: WireNode, span: str, seconds: int) -> None:
    node.methods["invites.create"] = answering(uri="mepassa:i/1/abc", expires_at=TIME)
    await run(node, "invite", "--expires", span)
    assert node.calls[0][1]["expires_in"] == seconds


@pytest.mark.parametrize("span", ["", "7w", "-1", "1.5h", "9999999999", "١"])
async def test_what_is_no_span_is_wrong_usage(node: WireNode, span: str) -> None:
    result = await run(node, "invite", "--expires", span)
    assert result.exit_code == 2
    assert "is not a time span" in result.stderr


# -- tokens


def token(**more: Any) -> dict[str, Any]:
    return {
        "token_id": "t1", "name": "loja", "scopes": ["read", "messages.send"], "account": None, "created_at": TIME,
        "expires_at": None, **more,
    }  # fmt: skip


async def test_a_token_is_all_that_goes_into_a_pipe(node: WireNode) -> None:
    node.methods["tokens.create"] = answering(**token(token="mpt1secret"))
    arguments = ["create", "loja", "--scope", "read", "--scope", "messages.send", "--expires", "7d"]
    result = await run(node, "--account", "mp1bot", "tokens", *arguments)
    assert (result.stdout, result.stderr) == ("mpt1secret\n", "")
    scopes = ["read", "messages.send"]
    asked = {"name": "loja", "scopes": scopes, "account": "mp1bot", "expires_in": 604800}
    assert node.calls == [("tokens.create", asked)]
    _code, shown = await at_terminal(node, "tokens", *arguments)
    assert shown == "mpt1secret\nThis token is shown only now. Its id is t1.\n"


async def test_a_token_is_written_into_a_private_file(node: WireNode, tmp_path: Path) -> None:
    node.methods["tokens.create"] = answering(**token(token="mpt1secret"))
    file = tmp_path / "token"
    result = await run(node, "tokens", "create", "loja", "--scope", "read", "--file", str(file))
    assert result.output == "t1\n"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("mpt1secret\n", 0o600)


async def test_a_token_needs_a_scope(node: WireNode) -> None:
    assert (await run(node, "tokens", "create", "loja")).exit_code == 2


async def test_tokens_are_listed_and_revoked(node: WireNode) -> None:
    items = [token(), token(token_id="t2", name=HOSTILE, account="mp1bot", expires_at=TIME)]
    node.methods["tokens.list"] = answering(items=items, next=None)
    listed = (await run(node, "tokens", "list")).stdout
    assert listed == f"t1\tloja\tread messages.send\nt2\t{SHOWN}\tread messages.send\tmp1bot\t{LOCAL}\n"
    assert [one["name"] for one in json.loads((await run(node, "tokens", "list", "--json")).stdout)] == [
        "loja",
        HOSTILE,
    ]
    node.methods["tokens.revoke"] = answering()
    assert (await run(node, "tokens", "revoke", "t1")).output == ""
    assert node.calls[-1] == ("tokens.revoke", {"token_id": "t1"})


# -- messages


@pytest.mark.parametrize(
    ("arguments", "method"), [(["search", "bom", "dia"], "messages.search"), (["history", "Ana"], "messages.list")]
)
async def test_messages_are_shown_oldest_first_with_local_times(
    node: WireNode, arguments: list[str], method: str
) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    ours = message("m2", "oi", incoming=False, state="delivered")
    found = [ours, message("m1", HOSTILE), message("m0", "x", contact="mp1goneaway")]
    node.methods[method] = answering(items=found, next=None)
    result = await run(node, *arguments)
    assert result.stdout == f"{LOCAL}  …goneaway: x\n{LOCAL}  Ana: {SHOWN}\n{LOCAL}  you → Ana (delivered): oi\n"
    _code, shown = await at_terminal(node, *arguments)
    assert len(shown.splitlines()) == 3
    listed = json.loads((await run(node, *arguments, "--json")).stdout)
    assert [one["message_id"] for one in listed] == ["m0", "m1", "m2"]
    assert listed[1]["text"] == HOSTILE


@pytest.mark.parametrize(
    ("state", "route", "word"),
    [
        ("queued", None, "waiting"),
        ("sent", "direct", "sent"),
        ("sent", "mailbox", "deposited"),
        ("read", "mailbox", "read"),
        ("expired", None, "expired"),
        ("failed", None, "failed"),
    ],
)
async def test_what_became_of_ones_own_messages_is_a_word(
    node: WireNode, state: str, route: str | None, word: str
) -> None:
    with_contacts(node, contact(ANA, "Ana"))
    items = [message("m1", "oi", incoming=False, state=state, route=route)]
    node.methods["messages.list"] = answering(items=items, next=None)
    assert (await run(node, "history", "Ana")).stdout == f"{LOCAL}  you → Ana ({word}): oi\n"


async def test_so_many_messages_are_shown_however_they_are_paged(node: WireNode) -> None:
    async def pages(wire: Wire, before: str = "9", **asked: Any) -> dict[str, Any]:
        number = int(before) - 1
        return {"items": [message(f"m{number}", "x")], "next": str(number) if number else None}

    node.methods["messages.search"] = pages
    for limit, count in (("3", 3), ("99", 9)):
        listed = json.loads((await run(node, "search", "x", "--limit", limit, "--json")).stdout)
        assert [one["message_id"] for one in listed] == [f"m{n}" for n in range(9 - count, 9)]
    assert (await run(node, "search", "x", "--limit", "0")).exit_code == 2
    assert (await run(node, "search")).exit_code == 2
