"""`mepassa chat` between two daemons: on terminals, where both see all that happens, and in pipes."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from tests.daemon import MEPASSA, Daemon, Friends, eventually, reaches, run, texts
from tests.terminal import Terminal

LEFT, UP = "\x1b[D", "\x1b[A"


def chat(daemon: Daemon, contact: str, *options: str) -> Terminal:
    """The command at a terminal."""
    return Terminal(MEPASSA, "--socket", str(daemon.socket), "chat", contact, *options)


@pytest.fixture
def pair(fresh_friends: Friends) -> Iterator[tuple[Terminal, Terminal]]:
    """Ana and Bruno, each at a terminal, who talk to each other."""
    with chat(fresh_friends.ana, "bruno") as ana, chat(fresh_friends.bruno, "ana") as bruno:
        ana.until("bruno> ")
        bruno.until("ana> ")
        yield ana, bruno


def test_a_line_each_way_is_shown_with_what_becomes_of_it(pair: tuple[Terminal, Terminal]) -> None:
    ana, bruno = pair
    ana.press("bom dia\n")
    bruno.until("ana: bom dia")
    ana.until("you: bom dia")
    ana.until("[1] read, direct")
    bruno.press("tudo bem?\n")
    ana.until("bruno: tudo bem?")
    bruno.until("[2] read, direct")
    ana.press("/reply 2 tudo\n")
    bruno.until("ana (to 2): tudo")
    ana.until("you (to 2): tudo")
    ana.until("[3] read, direct")


def test_what_comes_in_leaves_the_line_being_typed_as_it_is(pair: tuple[Terminal, Terminal]) -> None:
    ana, bruno = pair
    ana.press(f"bom ida{LEFT}{LEFT}{LEFT}")
    bruno.until("ana is typing… > ")
    bruno.press("oi\n")
    ana.until("bruno: oi")
    ana.until("bruno> bom \x1b7ida\x1b8")
    ana.press("\x0bdia\n")
    bruno.until("ana> ")
    bruno.until("ana: bom dia")


def test_commands_show_and_find_what_was_said(fresh_friends: Friends) -> None:
    async def speak() -> None:
        async with fresh_friends.ana.client() as ana, fresh_friends.bruno.client() as bruno:
            for text in ("um pão", "dois pães", "\x1b[2Jtrês\n[9] 00:00 you: sim"):
                await bruno.call("messages.send", contact=fresh_friends.ana_id, text=text)
            await eventually(lambda: texts(ana, fresh_friends.bruno_id), lambda found: len(found) == 3)
            sent = await ana.call("messages.send", contact=fresh_friends.bruno_id, text="quatro")
            await reaches(ana, sent["message_id"], "delivered")

    anyio.run(speak)
    with chat(fresh_friends.ana, "bruno", "--history", "3") as ana:
        ana.until("[1] ")
        ana.until("bruno: dois pães")
        ana.until("bruno: <U+001B>[2Jtrês")
        ana.until("\n    [9] 00:00 you: sim")
        ana.until("you: quatro (delivered, direct)")
        ana.until("bruno> ")
        ana.press("/history 4\n")
        ana.until("[4] ")
        ana.until("bruno: um pão")
        ana.until("[1] ")
        ana.press("/search pao\n")
        ana.until("[4] ")
        ana.until("bruno: um pão")
        ana.press("/search maçã\n")
        ana.until("* Nothing was found.")
        for typed, told in [
            ("/help", "/search WORDS"), ("/reply", "Write /reply"), ("/reply 99 oi", "There is no message 99 here."),
            ("/history 0", "at most 1000"), ("/search", "Write /search"), ("/sair", "There is no /sair"),
            ("//", "you: /"),
        ]:  # fmt: skip
            ana.press(f"{typed}\n")
            ana.until(told)
        ana.press(f"{UP}{UP}\n")
        ana.until("There is no /sair")
        assert "\x1b[2J" not in ana.shown
        ana.press("/quit\n")
        assert ana.exit_code() == 0


def test_what_was_shown_is_marked_as_read(fresh_friends: Friends) -> None:
    async def told() -> None:
        async with fresh_friends.ana.client() as ana:
            sent = await ana.call("messages.send", contact=fresh_friends.bruno_id, text="oi")
            await reaches(ana, sent["message_id"], "delivered")
            with chat(fresh_friends.bruno, "ana") as bruno:
                await anyio.to_thread.run_sync(bruno.until, "ana: oi")
                await reaches(ana, sent["message_id"], "read")

    anyio.run(told)


def test_a_conversation_outlives_a_restart_of_the_node_and_says_so(fresh_friends: Friends) -> None:
    here, there = fresh_friends.ana, fresh_friends.bruno
    with chat(here, "bruno") as ana, chat(there, "ana") as bruno:
        ana.until("bruno> ")
        bruno.until("ana> ")
        here.stop()
        ana.until("* The node does not answer; waiting until it does.")
        ana.press("escrito sem o nó\n")
        ana.press("e ainda")
        ana.until("bruno> e ainda")
        here.start()
        ana.until("* The node answers again.")
        ana.until("you: escrito sem o nó")
        ana.until("bruno> e ainda")
        bruno.until("ana: escrito sem o nó")
        ana.until("[1] read, direct")
        bruno.press("aqui\n")
        ana.until("bruno: aqui")
    assert ana.shown.count("does not answer") == ana.shown.count("answers again") == 1
    assert bruno.shown.count("ana: escrito sem o nó") == 1


def test_ctrl_d_ends_it_well_and_ctrl_c_with_130_and_the_terminal_is_as_before(
    pair: tuple[Terminal, Terminal],
) -> None:
    ana, bruno = pair
    assert not ana.echoes()
    ana.press("tchau\n\x04")
    assert ana.exit_code() == 0
    assert ana.echoes()
    bruno.until("ana: tchau")
    bruno.press("não enviado\x03")
    assert bruno.exit_code() == 130
    assert bruno.echoes()
    assert "Traceback" not in ana.shown + bruno.shown


def test_lines_of_a_pipe_are_sent_as_they_are_and_it_ends_when_they_are_kept(friends: Friends) -> None:
    typed = "/quit\n\n  recuado\noi \u202e olá\nsem fim de linha"
    done = run(MEPASSA, "--socket", friends.ana.socket, "chat", "bruno", "--history", "0", stdin=typed.encode())
    assert (done.returncode, done.stderr) == (0, "")
    assert "you: oi <U+202E> olá\n" in done.stdout
    assert "\x1b" not in done.stdout

    async def arrived() -> list[str]:
        async with friends.bruno.client() as bruno:
            return await eventually(lambda: texts(bruno, friends.ana_id), lambda found: len(found) == 4)

    assert anyio.run(arrived) == ["/quit", "  recuado", "oi \u202e olá", "sem fim de linha"]


@pytest.mark.parametrize(("stdin", "code"), [(b"\xff\n", 2), (b"x" * (1 << 20) + b"x", 2), (b"x" * 70_000 + b"\n", 1)])
def test_what_cannot_be_sent_from_a_pipe_is_told(friends: Friends, stdin: bytes, code: int) -> None:
    done = run(MEPASSA, "--socket", friends.ana.socket, "chat", "bruno", "--history", "0", stdin=stdin)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
