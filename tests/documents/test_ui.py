"""docs/ui.md: its programs, each run as a file beside a real node that has a contact."""

from __future__ import annotations

import grp
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import anyio
import pytest
import yaml

from tests.daemon import PATIENCE, Fleet, eventually
from tests.documents.blocks import ROOT
from tests.documents.shell import environment, mapped, terminal
from tests.flows.test_accounts_of_one_node import meet

UI = "docs/ui.md"
CHAT = (ROOT / "examples" / "ui" / "chat.py").read_text()


class Until(Protocol):
    """Waits until a program has printed something."""

    def __call__(self, pattern: str, meanwhile: Callable[[], None] = ...) -> str:
        """All that it printed, once a pattern is in it; `meanwhile` is done again and again."""


class Place:
    """A node with Ana and her contact Bia, and a folder where Ana has her programs."""

    def __init__(self, fleet: Fleet, **rpc: str) -> None:
        """Start the node; `rpc` goes into its configuration."""
        (self.node,) = fleet.start("node", plugins=[], rpc=rpc)
        self.folder = fleet.folder
        self.environ = environment(self.folder, MEPASSAD_SOCKET=str(self.node.socket), PYTHONUNBUFFERED="1")
        self.ana = self.call("identity.show")["account"]
        self.bia = self.call("accounts.create", name="Bia")["account"]

        async def become_contacts() -> None:
            async with self.node.session() as rpc:
                await meet(rpc, self.ana, self.bia)

        anyio.run(become_contacts)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the node."""

        async def ask() -> dict[str, Any]:
            async with self.node.session() as rpc:
                return await rpc.call(method, **params)

        return anyio.run(ask)

    def bia_writes(self, text: str) -> None:
        """A message comes in."""
        self.call("messages.send", account=self.bia, contact=self.ana, text=text)

    def bia_has(self, text: str) -> int:
        """How often a text came to her."""
        items = self.call("messages.search", account=self.bia, query=text)["items"]
        return [item["text"] for item in items if item["incoming"]].count(text)

    def run(self, program: str) -> str:
        """Run a program to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=self.folder, env=self.environ, capture_output=True, text=True,
            timeout=PATIENCE,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    @contextmanager
    def running(self, program: str) -> Iterator[Until]:
        """A program while it runs."""
        shown = self.folder / "shown"
        with shown.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", program], cwd=self.folder, env=self.environ, stdout=out, stderr=out
            )

        def until(pattern: str, meanwhile: Callable[[], None] = lambda: None) -> str:
            async def look() -> str:
                await anyio.to_thread.run_sync(meanwhile)
                assert process.poll() is None, shown.read_text()
                return shown.read_text()

            return anyio.run(eventually, look, lambda text: re.search(pattern, text, re.MULTILINE) is not None)

        try:
            yield until
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.fixture
def at(place: Path) -> Iterator[Place]:
    """A node with a contact."""
    with Fleet(place) as fleet:
        yield Place(fleet)


@pytest.mark.runs(UI, "Writing a user interface", "sh")
def test_the_chat_runs_as_the_page_says(at: Place, texts: list[str]) -> None:
    with terminal(texts[0], ROOT, at.environ) as chat:
        chat.until("Bia")
        chat.press("\x1b")
        assert chat.exit_code() == 0


@pytest.mark.runs(UI, "The socket", "python")
def test_lines_over_the_socket_are_answered_and_events_follow(at: Place, texts: list[str]) -> None:
    with at.running(texts[0]) as until:
        until(r"^answer 1 .*'name': 'Bia'")
        until(r"^answer 2 .*'seq': \d+")
        at.bia_writes("bom dia")
        until(r"^event \d+ message\.received .*'text': 'bom dia'")
    with at.running(texts[0].replace("contacts.list", "contacts.get")) as until:
        until(r"^refused 1 The parameters of contacts\.get are wrong")


@pytest.mark.runs(UI, "The client", "python")
def test_both_clients_list_who_is_there(at: Place, texts: list[str]) -> None:
    with_async, without = texts
    assert re.fullmatch(r"\d Bia (online|offline)\n", at.run(with_async))
    assert at.run(without) == "Bia accepted\n"


@pytest.mark.runs(UI, "What to show", "python")
def test_hostile_text_becomes_what_the_page_says(at: Place, texts: list[str]) -> None:
    assert at.run(texts[0]) == ""


@pytest.mark.runs(UI, "Pages", "python")
def test_pages_go_back_from_the_newest(at: Place, texts: list[str]) -> None:
    assert at.run(texts[0]) == "['três', 'dois']\n['um']\n"


@pytest.mark.runs(UI, "Events", "python")
def test_a_program_goes_on_where_it_was_and_another_sees_the_node_go_and_come(at: Place, texts: list[str]) -> None:
    copy, watch = texts
    at.bia_writes("um")
    with at.running(copy) as until:
        until(r"^\d+ um$")
        at.bia_writes("dois")
        until(r"^\d+ dois$")
    at.bia_writes("três")
    with at.running(copy) as until:
        assert re.fullmatch(r"\d+ três\n", until(r"três\n"))
    with at.running(watch) as until:
        hears = r"^message\.received$"
        until(hears, meanwhile=lambda: at.bia_writes("quatro"))  # it hears nothing before it has subscribed
        at.node.restart()
        until(r"^the node is away$")
        until(r"^the node is back$")
        until(rf"back\n(.+\n)*{hears}", meanwhile=lambda: at.bia_writes("cinco"))


@pytest.mark.runs(UI, "Writing, reading, typing", "python")
def test_a_message_is_sent_once(at: Place, texts: list[str]) -> None:
    assert at.run(texts[0]).strip() in ("queued", "sent", "delivered")
    assert at.bia_has("uma vez só") == 1


@pytest.mark.runs(UI, "As another user")
def test_a_token_opens_the_other_socket(place: Path, texts: list[str]) -> None:
    config, create, show = texts
    told = yaml.safe_load(config)["rpc"]
    assert told.keys() == {"bots_socket", "bots_group"}
    socket = place / "bots" / "s"
    with Fleet(place) as fleet:
        at = Place(fleet, bots_socket=str(socket), bots_group=grp.getgrgid(os.getgid()).gr_name)
        made = subprocess.run(["sh", "-ec", create], cwd=place, env=at.environ, capture_output=True, timeout=PATIENCE)
        assert made.returncode == 0, made.stderr
        show = mapped(show, {told["bots_socket"]: socket})
        assert at.run(show) == "node ['write']\n"
        (token,) = at.call("tokens.list")["items"]
        at.call("tokens.revoke", token_id=token["token_id"])
        with pytest.raises(AssertionError, match="TokenRefused"):
            at.run(show)


@pytest.mark.runs(UI, "A walk through chat.py", "python")
def test_the_page_walks_through_the_chat_as_it_is(texts: list[str]) -> None:
    for text in texts:
        assert textwrap.indent(text, " " * 8) in CHAT
    walked = (ROOT / UI).read_text().partition("## A walk through chat.py")[2]
    named = set(re.findall(r"`(\w+)`", walked)) - {"request_id"}
    assert {name for name in named if f"{name}(" not in CHAT and f".{name}" not in CHAT} == set()
