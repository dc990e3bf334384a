"""Each sub-command of `mepassa` with a real node: in a pipe, where programs read it, and at a terminal."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.daemon import MEPASSA, PATIENCE, Fleet, Friends, clean_environment, run
from tests.terminal import Terminal

ID = "mp1[0-9a-z]+"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d \S+"
COMMANDS = {
    "status": (["status"], rf"version\s+\S+\n.*account\s+{ID}\n.*contacts\s+1\n"),
    "accounts": (["accounts"], rf"{ID}\s+person\s+ana\n"),
    "contacts": (["contacts"], rf"{ID}\s+accepted\s+bruno\n"),
    "rename": (["contacts", "rename", "bruno", "bruno"], rf"{ID}\s+accepted\s+bruno\n"),
    "block": (["contacts", "block", "bruno"], rf"{ID}\s+accepted\s+bruno\s+blocked\n"),
    "unblock": (["contacts", "unblock", "bruno"], rf"{ID}\s+accepted\s+bruno\n"),
    "unverify": (["contacts", "unverify", "bruno"], rf"{ID}\s+accepted\s+bruno\n"),
    "invite": (["invite", "--expires", "1h"], r"mepassa:i/1/\S+\n"),
    "verify --show": (["verify", "--show"], r"mepassa:v/1/\S+\n"),
    "send": (["send", "bruno", "bom", "dia"], r"\S+\n"),
    "send --wait": (["send", "--wait", "bruno", "bom dia"], r"queued\s+-\s+\S+ ms\n.*delivered\s+direct\s+\S+ ms\n"),
    "history": (["history", "bruno"], rf"{TIME}  you → bruno \((delivered|read)\): bom dia\n"),
    "search": (["search", "bóm", "di"], rf"{TIME}  you → bruno \((delivered|read)\): bom dia\n"),
    "rpc": (["rpc", "identity.show"], r'"name": "ana"'),
    "tokens create": (["tokens", "create", "loja", "--scope", "read"], r"mpt1\S+\n"),
    "tokens list": (["tokens", "list"], r"\S+\s+loja\s+read\n"),
    "completion": (["completion", "fish"], "_MEPASSA_COMPLETE=fish_complete"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "shown"), COMMANDS.values(), ids=COMMANDS)
def test_in_a_pipe_it_says_no_more_than_is_asked_for(friends: Friends, arguments: list[str], shown: str) -> None:
    done = run(MEPASSA, "--socket", friends.ana.socket, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(shown, done.stdout, re.DOTALL), done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("arguments", "shown"), COMMANDS.values(), ids=COMMANDS)
def test_at_a_terminal_it_says_the_same(friends: Friends, arguments: list[str], shown: str) -> None:
    with Terminal(MEPASSA, "--socket", friends.ana.socket, *arguments) as terminal:
        assert terminal.exit_code() == 0, terminal.shown
        assert re.search(shown, terminal.shown.replace("\r\n", "\n"), re.DOTALL), terminal.shown


@pytest.mark.parametrize(
    "arguments", [["contacts"], ["status"], ["accounts"], ["invite"], ["tail"], ["tail", "--json"]]
)
def test_a_reader_that_goes_away_ends_it_quietly_with_1(friends: Friends, arguments: list[str]) -> None:
    command = [MEPASSA, "--socket", friends.ana.socket, *arguments]
    with subprocess.Popen(command, stdout=-1, stderr=-1, env=clean_environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        try:
            assert process.wait(PATIENCE) == 1
            assert process.stderr.read() == b""
        finally:
            process.kill()


def test_json_for_programs_is_one_line_and_whole(friends: Friends) -> None:
    def asked(*arguments: str) -> object:
        done = run(MEPASSA, "--socket", friends.ana.socket, *arguments, "--json")
        assert done.stdout.count("\n") == 1
        return json.loads(done.stdout)

    sent = run(MEPASSA, "--socket", friends.ana.socket, "send", "bruno", "para programas").stdout.strip()
    assert [one["message_id"] for one in asked("history", "bruno", "--limit", "1")] == [sent]
    (found,) = asked("search", "programas")
    assert (found["message_id"], found["incoming"], found["text"]) == (sent, False, "para programas")
    assert [one["contact"] for one in asked("contacts")] == [friends.bruno_id]
    assert [one["name"] for one in asked("accounts")] == ["ana"]
    assert asked("status")["contacts"] == 1


# -- accounts, tokens and people of a node of one's own


@pytest.fixture
def ana(fleet: Fleet) -> Path:
    """The socket of a node."""
    return fleet.start("ana")[0].socket


def test_an_account_is_made_named_and_acted_for(ana: Path, tmp_path: Path) -> None:
    with Terminal(MEPASSA, "--socket", ana, "accounts", "create", "Loja", "--kind", "bot") as terminal:
        assert terminal.exit_code() == 0
    account = re.search(rf"Account: ({ID})", terminal.shown)
    assert account is not None
    words = re.findall(r"\d+ ([a-z]+)", terminal.shown.partition("shown only now")[2])
    assert len(words) == 24
    assert f"{account[1]}\tbot\tLoja\n" in run(MEPASSA, "--socket", ana, "accounts").stdout
    named = run(MEPASSA, "--socket", ana, "--account", account[1], "status")
    assert "name\tLoja\n" in named.stdout
    file = tmp_path / "words"
    assert run(MEPASSA, "--socket", ana, "accounts", "create", "x", "--words-file", file).returncode == 0
    assert len(file.read_text().split()) == 24


def test_a_token_allows_what_it_was_made_for_until_it_is_revoked(ana: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    made = run(MEPASSA, "--socket", ana, "tokens", "create", "leitor", "--scope", "read", "--file", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    reader = (MEPASSA, "--socket", ana, "--token-file", file)
    assert run(*reader, "status").returncode == 0
    refused = run(*reader, "invite")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "may not call invites.create: that needs the scope write. (NotPermitted)" in refused.stderr
    assert run(MEPASSA, "--socket", ana, "tokens", "revoke", made.stdout.strip()).returncode == 0
    gone = run(*reader, "status")
    assert gone.returncode == 1
    assert "(TokenRefused)" in gone.stderr
    file.chmod(0o644)
    assert run(*reader, "status").returncode == 2


def test_a_contact_is_removed_after_yes(fresh_friends: Friends) -> None:
    remove = (MEPASSA, "--socket", fresh_friends.ana.socket, "contacts", "remove", "bruno")
    assert run(*remove).returncode == 2
    with Terminal(*remove) as terminal:
        terminal.until("Remove bruno and all your messages with them? [yes/no]")
        terminal.press("n\n")
        assert terminal.exit_code() == 1
    with Terminal(*remove, LANGUAGE="pt_BR") as terminal:
        terminal.until("Remover bruno e todas as mensagens trocadas? [sim/não]")
        terminal.press("s\n")
        assert terminal.exit_code() == 0
    assert run(MEPASSA, "--socket", fresh_friends.ana.socket, "contacts").stdout == ""


def test_an_invite_is_a_picture_and_a_code_ends_at_a_local_time(ana: Path, tmp_path: Path) -> None:
    picture = tmp_path / "convite.png"
    done = run(MEPASSA, "--socket", ana, "invite", "--png", picture)
    assert done.stdout.startswith("mepassa:i/1/")
    assert picture.read_bytes().startswith(b"\x89PNG")
    with Terminal(MEPASSA, "--socket", ana, "verify", "--show", TZ="America/Sao_Paulo") as terminal:
        assert terminal.exit_code() == 0
    assert re.search(r"good until \d{4}-\d\d-\d\d \d\d:\d\d -03\r\n", terminal.shown), terminal.shown
