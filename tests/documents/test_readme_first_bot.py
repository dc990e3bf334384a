"""README, "Your own bot in five commands": what a newcomer types, in a clean copy of this repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.daemon import free_address
from tests.documents.checkout import PACKAGES, copy
from tests.documents.shell import Shell, environment, mapped, terminal


@pytest.mark.runs("README.md", "Your own bot in five commands", "sh")
def test_a_newcomer_comes_to_a_bot_that_answers_in_five_commands(texts: list[str], place: Path) -> None:
    first, bot, talk = texts
    setup, run = first.splitlines()
    assert len("".join(texts).splitlines()) == 5
    checkout = copy(place / "mepassad")
    environ = environment(place, PYTHONPATH=str(PACKAGES))
    listen = {"MEPASSAD__TRANSPORT_LIBP2P__LISTEN": f'["{free_address()}"]'}  # instead of port 4001 of this machine
    with Shell("sh", cwd=checkout, environ=environ) as shell:
        shell.run(setup)
    with terminal(run, checkout, {**environ, **listen}) as running:
        running.until("Socket: ")
        with terminal(bot, checkout, environ) as answering:
            answering.until("mepassa chat ")
            link = re.findall(r"mepassa:i/1/\S+", answering.shown)[-1]
            with terminal(mapped(talk, {"mepassa:i/1/…": link}), checkout, environ) as talking:
                talking.until("> ")
                talking.press("bom dia\n")
                talking.until("bom dia")
