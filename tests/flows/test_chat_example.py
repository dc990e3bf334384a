"""`examples/ui/chat.py` at a terminal, over real daemons: what a person sees, and what becomes of their keys."""

from __future__ import annotations

import functools
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from tests.daemon import Daemon, Fleet, Friends, befriend, eventually, texts
from tests.lossy import losing
from tests.screen import Screen

CHAT = Path(__file__).resolve().parents[2] / "examples" / "ui" / "chat.py"
AWAY = "No mepassad answers"
DOWN, UP, CTRL_RIGHT, BACKSPACE, ESC = "\x1b[B", "\x1b[A", "\x1b[1;5C", "\x7f", "\x1b"


def chat(daemon: Daemon, **environment: str) -> Screen:
    """The example at a terminal."""
    return Screen(sys.executable, CHAT, str(daemon.socket), **environment)


def call(daemon: Daemon, method: str, **params: Any) -> dict[str, Any]:
    """Ask a daemon, as another client of the same person does."""

    async def ask() -> dict[str, Any]:
        async with daemon.session() as rpc:
            return await rpc.call(method, **params)

    return anyio.run(ask)


def written(daemon: Daemon, contact: str, last: str) -> list[str]:
    """All texts of a conversation, once this one is the last of them."""

    async def look() -> list[str]:
        async with daemon.session() as rpc:
            return await eventually(lambda: texts(rpc, contact), lambda found: found[-1:] == [last])

    return anyio.run(look)


def becomes(daemon: Daemon, message: str, state: str, **account: str) -> None:
    """Wait until a message is in this state."""

    async def wait() -> None:
        async with daemon.session() as rpc:
            get = functools.partial(rpc.call, "messages.get", message_id=message, **account)
            await eventually(get, lambda item: item["state"] == state)

    anyio.run(wait)


@pytest.fixture
def ana(friends: Friends) -> Iterator[Screen]:
    """The screen of Ana, whose friend Bruno writes by other means; earlier tests left messages there."""
    with chat(friends.ana) as screen:
        screen.shows("bruno", ", online", "Tab  Enter  Esc")
        yield screen


class Three(NamedTuple):
    """Ana's screen and node, and the node of her two contacts: Bruno, whose conversation is shown, and Caio."""

    ana: Screen
    here: Daemon
    there: Daemon
    ana_id: str
    bruno_id: str
    caio_id: str


@pytest.fixture
def three(fleet: Fleet) -> Iterator[Three]:
    """Ana and two contacts."""
    here, there = fleet.start("ana", "bruno")

    async def meet() -> tuple[str, str, str]:
        async with here.session() as ana, there.session() as both:
            caio = (await both.call("accounts.create", name="caio", kind="bot"))["account"]
            invite = await ana.call("invites.create")
            await both.call("invites.accept", uri=invite["uri"], account=caio)
            await eventually(lambda: ana.call("contacts.list"), lambda page: len(page["items"]) == 1)
            bruno, me = await befriend(ana, both)
            await ana.call("messages.send", contact=bruno, text="oi")  # the last active one is shown first
            return me, bruno, caio

    ids = anyio.run(meet)
    with chat(here) as screen:
        screen.shows("bruno", "caio", "you: oi")
        yield Three(screen, here, there, *ids)


def test_two_people_see_each_other_type_write_and_read(friends: Friends, ana: Screen) -> None:
    with chat(friends.bruno) as bruno:
        bruno.shows("ana", ", online")
        bruno.press("tudo bem?")
        ana.shows("is typing…", no=["tudo bem"])
        bruno.press("\n")
        ana.shows(": tudo bem?", no=["is typing"])
        bruno.shows("you: tudo bem? [read, direct]", "\n>")
        ana.press("tudo ótimo\n")
        bruno.shows(": tudo ótimo\n")
        ana.shows("you: tudo ótimo [read, direct]", "\n>")


def test_states_climb_while_one_looks(fresh_friends: Friends) -> None:
    here, there = fresh_friends.ana, fresh_friends.bruno
    with chat(here) as ana:
        ana.shows(", online")
        there.stop()
        ana.shows(no=["online"])
        ana.press("até já\n")
        ana.shows("you: até já [queued")
        there.start()
        ana.shows("you: até já [delivered, direct]", ", online")
        sent = call(here, "messages.list", contact=fresh_friends.bruno_id)["items"][0]["message_id"]
        call(there, "messages.mark_read", message_id=sent)
        ana.shows("you: até já [read, direct]")


def test_what_is_shown_is_marked_as_read_and_what_is_not_is_counted(three: Three) -> None:
    ana, there = three.ana, three.there
    for text in ("1 de caio", "2 de caio"):
        hidden = call(there, "messages.send", contact=three.ana_id, account=three.caio_id, text=text)["message_id"]
    ana.shows("  2 caio", "you: oi")
    # Who was active last stands first, but what is shown stays.
    ana.looks(lambda lines: "caio" in lines[0] and "bruno" in lines[0])
    seen = call(there, "messages.send", contact=three.ana_id, text="de bruno")["message_id"]
    becomes(there, seen, "read")
    becomes(there, hidden, "delivered", account=three.caio_id)
    ana.press(DOWN)
    ana.shows(": 2 de caio", ", bot", no=["  2 caio", "de bruno"])
    becomes(there, hidden, "read", account=three.caio_id)
    for key in (DOWN, UP, "\t", "\x1b[Z"):
        ana.press(key)
        ana.shows(": de bruno" if key in (DOWN, "\t") else ": 2 de caio")
    ana.resize(3, 80)
    ana.shows("*    caio", "Tab", no=["bruno"])  # the chosen one is to be seen, also where there is no room for all


def test_a_draft_stays_with_its_conversation(three: Three) -> None:
    ana = three.ana
    ana.press("só para bruno")
    ana.shows("> só para bruno")
    ana.press(DOWN)
    ana.shows(no=["só para bruno"])
    ana.press("\n" + UP)
    ana.shows("> só para bruno", no=["you: só"])
    ana.press(BACKSPACE * 5 + "ana\n")
    ana.shows("you: só para ana [")
    three.here.stop()
    ana.shows(AWAY)
    ana.press(DOWN)
    ana.shows(no=["you: só para ana"])  # nor do the messages of one stand under the name of the other


def test_a_contact_that_changes_goes_or_comes_is_seen(three: Three) -> None:
    ana, here, there = three.ana, three.here, three.there
    call(here, "contacts.rename", contact=three.bruno_id, name="Bruninho")
    ana.shows("Bruninho", no=["bruno"])
    call(here, "contacts.rename", contact=three.caio_id, name="Caio " + "x" * 50)
    ana.looks(lambda lines: any(line[:26].rstrip().endswith("x…") for line in lines))  # it stays on its side
    call(here, "contacts.remove", contact=three.bruno_id)
    ana.shows("Caio", no=["Bruninho", "you: oi"])
    call(there, "contacts.remove", contact=three.ana_id)
    call(there, "invites.accept", uri=call(here, "invites.create")["uri"])
    ana.shows("bruno")


def test_a_restart_of_the_node_leaves_no_gap_and_repeats_nothing(fresh_friends: Friends) -> None:
    here, there = fresh_friends.ana, fresh_friends.bruno
    with chat(here) as ana:
        ana.shows(", online")
        ana.press("um\n")
        ana.shows("you: um [delivered, direct]")
        here.stop()
        ana.shows(AWAY)
        call(there, "messages.send", contact=fresh_friends.ana_id, text="dois")
        ana.press("três\n")
        ana.shows("> três", AWAY)
        here.start()
        ana.shows(": dois", ", online", "\n> três", no=[AWAY])
        ana.press("\n")
        ana.shows("you: três [delivered, direct]", "\n>")
        assert written(there, fresh_friends.ana_id, "três") == ["um", "dois", "três"]
        call(there, "messages.send", contact=fresh_friends.ana_id, text="quatro")
        ana.shows(": quatro")
        every = [f": {text}" for text in ("um", "dois", "três", "quatro")]
        ana.looks(lambda lines: ["".join(lines).count(text) for text in every] == [1, 1, 1, 1])


def test_it_fits_into_any_size_with_wide_characters_too(friends: Friends, ana: Screen) -> None:
    call(friends.bruno, "messages.send", contact=friends.ana_id, text="日本語 " * 12 + "fim")
    ana.shows("fim", "*    bruno", f"\n{' ' * 30}日")
    for size in ((10, 30), (7, 21)):
        ana.resize(*size)
        ana.shows("日本語", "fim", "\n>", no=["*"])
        ana.looks(lambda lines: lines[0].startswith("bruno"))  # where it is narrow only the chosen one is shown
    for size in ((1, 1), (2, 3), (3, 2), (5, 200)):
        ana.resize(*size)
    ana.shows("fim", "Tab")
    ana.press("語" * 150 + "x")
    ana.shows("\n> " + "語" * 98 + "x")
    ana.resize(24, 80)
    ana.shows("*    bruno", "fim", "語x")


def test_hostile_text_is_seen_and_not_obeyed(friends: Friends, ana: Screen) -> None:
    hostile = "\x1b]0;\x07\u202egpj.exe\n00:00 you: sim\nz" + "\u0351" * 500 + "\u200b\ud7ff\U000e0041👩\u200d💻"
    call(friends.bruno, "messages.send", contact=friends.ana_id, text=hostile)
    ana.shows("<U+001B>]0;<U+0007><U+202E>gpj.exe", "<U+200B>", "<U+E0041>")
    ana.shows(f"\n{' ' * 26}    00:00 you: sim\n")  # indented: no line of a text may look like a message
    assert "\x1b]" not in ana.shown
    assert "\x07" not in ana.shown
    call(friends.bruno, "messages.send", contact=friends.ana_id, text="x" * 65_536)
    ana.shows("x" * 50, no=["gpj"])
    ana.press("ainda aqui\n")
    ana.shows("you: ainda aqui")


def test_what_the_node_refuses_is_told_and_the_draft_stays(friends: Friends, ana: Screen) -> None:
    call(friends.ana, "contacts.block", contact=friends.bruno_id)
    ana.press("agora?\n")
    ana.shows("This contact is blocked", "\n> agora?")
    call(friends.ana, "contacts.block", contact=friends.bruno_id, blocked=False)
    ana.press("\n")
    ana.shows("you: agora? [", no=["This contact is blocked"])
    assert written(friends.bruno, friends.ana_id, "agora?").count("agora?") == 1


def test_a_message_whose_answer_was_lost_is_sent_once(friends: Friends) -> None:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(losing(friends.ana, "messages.send")) as way,
        Screen(sys.executable, CHAT, str(way)) as ana,
    ):
        ana.shows("bruno")
        ana.press("só uma vez\n")
        ana.shows("you: só uma vez [", "\n> só uma vez")
        ana.press("\n")
        ana.shows("\n>", no=["> só uma vez"])
        ana.press("e mais\n")
        ana.shows("you: e mais [")
    assert written(friends.bruno, friends.ana_id, "e mais").count("só uma vez") == 1


def test_it_speaks_portuguese(friends: Friends) -> None:
    with chat(friends.ana, LANGUAGE="pt_BR") as ana:
        ana.shows("bruno")
        ana.press("falou\n")
        ana.shows("você: falou [entregue, direta]")


@pytest.mark.parametrize("key", [ESC, "\x03"])
def test_leaving_leaves_the_terminal_as_it_was(friends: Friends, key: str) -> None:
    with chat(friends.ana) as ana:
        before = termios.tcgetattr(ana._slave)
        ana.shows("bruno", "Tab  Enter  Esc")
        assert termios.tcgetattr(ana._slave) != before
        ana.press(CTRL_RIGHT)  # which this terminal has no name for
        # What it reads together with such a key it throws away, so the next one may have to be pressed again.
        ana._wait(lambda: "> o" in ana.text or ana.press("o"), lambda: "it takes no key any more")
        ana.press(f"a{key}")
        assert ana.exit_code() == 0
        assert termios.tcgetattr(ana._slave) == before
        assert "\x1b[?47l" in ana.shown.rpartition("o")[2]
        assert "\x1b[40m" not in ana.shown, "it is to have the colours of the terminal"


def test_without_a_node_it_says_so_and_ends(tmp_path: Path) -> None:
    with Screen(sys.executable, CHAT, str(tmp_path / "none")) as screen:
        assert screen.exit_code() == 1
        assert "No mepassad answers on" in screen.shown
        assert "Traceback" not in screen.shown


def test_a_new_account_has_an_empty_screen_that_takes_any_key(fleet: Fleet) -> None:
    (daemon,) = fleet.start("ana")
    with chat(daemon) as ana:
        ana.shows("Tab  Enter  Esc")
        ana.press(f"\t{UP}{BACKSPACE}oi\n")
        there = fleet.start("bruno")[0]
        call(there, "invites.accept", uri=call(daemon, "invites.create")["uri"])
        ana.shows("bruno", ", online")
        ana.press("oi\n")
        ana.shows("you: oi [")
        ana.press(ESC)
        assert ana.exit_code() == 0
