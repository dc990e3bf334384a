"""What a start shows: the words once, an invite only where it is asked for or somebody sits at a terminal."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mepassad import welcome
from mepassad.people.accounts import new_words
from mepassad.testing.nodes import Nodes
from mepassad.wire.invites import parse_invite


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")


def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)


async def test_at_a_terminal_the_words_are_shown_once_and_below_all_else(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await nodes.start("ana")
    capsys.readouterr()
    at_terminal(monkeypatch)
    words, folder = new_words(), tmp_path / "new"
    folder.mkdir()
    first = welcome.FirstWords(folder)
    first.take(words, node.node.accounts.resolve(None))
    assert capsys.readouterr().out == ""
    first.show()
    assert set(words.split()) <= set(capsys.readouterr().out.split())
    first.show()
    assert capsys.readouterr().out == ""
    assert list(folder.iterdir()) == []


async def test_a_mailbox_node_shows_the_line_that_others_put_into_their_configuration(
    nodes: Nodes, capsys: pytest.CaptureFixture[str]
) -> None:
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    capsys.readouterr()
    await welcome.show(server.node, invite=False)
    (address,) = server.node.addresses()
    assert f"\nmailboxes: [{address}]\n" in capsys.readouterr().out
    await welcome.show(ana.node, invite=False)
    assert "mailboxes:" not in capsys.readouterr().out


@pytest.mark.parametrize(("admit", "reminded"), [("pass", True), ("open", False)])
async def test_a_node_that_asks_for_a_pass_reminds_of_its_file_and_does_not_show_it(
    nodes: Nodes, tmp_path: Path, capsys: pytest.CaptureFixture[str], admit: str, reminded: bool
) -> None:
    file = tmp_path / "its pass"
    file.touch(0o600)
    file.write_text("correct horse battery")
    server = await nodes.start("server", roles="[mailbox]", mailbox__admit=admit, mailbox__pass_file=file)
    capsys.readouterr()
    await welcome.show(server.node, invite=False)
    shown = capsys.readouterr().out
    assert ("and beside it `pass_file:`" in shown) is reminded
    assert "correct horse" not in shown
    assert str(file) not in shown


async def test_without_a_terminal_the_words_go_to_a_private_file_and_only_its_path_is_shown(
    nodes: Nodes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await nodes.start("ana")
    capsys.readouterr()
    words, folder = new_words(), tmp_path / "new"
    folder.mkdir()
    first = welcome.FirstWords(folder)
    first.take(words, node.node.accounts.resolve(None))
    first.show()
    (path,) = folder.iterdir()
    assert path.read_text() == f"{words}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = capsys.readouterr().out
    assert str(path) in shown
    assert words not in shown


@pytest.mark.parametrize(("terminal", "asked"), [(True, False), (False, True), (False, False)])
async def test_an_invite_is_shown_at_a_terminal_or_where_it_is_asked_for(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, asked: bool
) -> None:
    node = await nodes.start("ana")
    capsys.readouterr()
    if terminal:
        at_terminal(monkeypatch)
    await welcome.show(node.node, asked)
    shown = capsys.readouterr().out
    assert node.account in shown
    assert str(node.node.config.rpc.socket) in shown
    assert node.node.addresses()[0] in shown
    links = [word for word in shown.split() if word.startswith("mepassa:")]
    assert len(links) == int(terminal or asked)
    for link in links:
        assert parse_invite(link).account == node.core.accounts.me(node.account).key


async def test_at_a_terminal_a_start_says_what_to_do_next(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await nodes.start("ana")
    await welcome.show(node.node, False)
    assert "Next" not in capsys.readouterr().out
    at_terminal(monkeypatch)
    await welcome.show(node.node, False)
    *_, first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Next, in another terminal: ")
    assert f"--socket {node.node.config.rpc.socket} chat INVITE`" in first
    assert second.endswith("bot new NAME` begins a bot. Ctrl-C here ends the node.")


@pytest.mark.parametrize(
    ("installed", "on_path", "socket", "command"),
    [
        ("mepassa", True, "data/mepassad/run/mepassad.sock", "mepassa"),
        ("mepassa", False, "data/mepassad/run/mepassad.sock", "bin/mepassa"),
        ("mepassa", False, "my data/s", "bin/mepassa --socket 'my data/s'"),
        ("something else", False, "data/mepassad/run/mepassad.sock", "mepassa"),
    ],
)
def test_the_client_is_named_so_that_it_finds_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: str, on_path: bool, socket: str, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bin").mkdir()
    Path("bin", installed).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin") if on_path else str(tmp_path))
    assert welcome.client_command("bin/mepassad", Path(socket), {"XDG_DATA_HOME": "data"}) == command


def test_words_are_numbered_in_columns() -> None:
    words = [f"word{n}" for n in range(24)]
    lines = welcome.numbered(" ".join(words)).splitlines()
    assert len(lines) == 6
    assert lines[0].split() == ["1", "word0", "2", "word1", "3", "word2", "4", "word3"]


def test_a_qr_code_is_drawn_with_half_blocks() -> None:
    drawn = welcome.qr("mepassa:i/1/AAAA")
    assert len(drawn.splitlines()) > 10
    assert set(drawn) <= set("\n █▀▄") | set("\x1b[0123456789;m")
