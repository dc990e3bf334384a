"""README, "Your own bot in five commands": what a newcomer types, in a clean copy of this repository."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.daemon import free_address
from tests.documents.checkout import PACKAGES, copy
from tests.documents.shell import Shell, environment, mapped, terminal
from tests.terminal import Terminal


@pytest.mark.timeout(240)  # on cores that others use as well; alone it takes 20 seconds
@pytest.mark.runs("README.md", "Your own bot in five commands", "sh")
def test_a_newcomer_comes_to_a_bot_that_answers_in_five_commands(texts: list[str], place: Path) -> None:
    setup, run, new, run_bot, chat = "".join(texts).splitlines()
    checkout, environ = copy(place / "mepassad"), environment(place, PYTHONPATH=str(PACKAGES))
    with Shell("sh", cwd=checkout, environ=environ) as shell:
        shell.run(setup)
    listen = {"MEPASSAD__TRANSPORT_LIBP2P__LISTEN": f'["{free_address()}"]'}  # instead of port 4001 of this machine
    with terminal(run, checkout, {**environ, **listen}) as node:
        node.until("`.venv/bin/mepassa bot new NAME` begins a bot.")
        with terminal(f"{new}\n{run_bot}", checkout, environ) as bot:
            assert told(bot, "Run it: ") == shlex.split(run_bot)
            shown = told(bot, "Talk to it: ")
            assert shown == shlex.split(mapped(chat, {"mepassa:i/1/…": shown[-1]}))
            with terminal(shlex.join(shown), checkout, environ) as talk:
                talk.until("/help shows what can be done")
                talk.press("bom dia\n")
                talk.until("you: bom dia")
                talk.until(": bom dia")  # the bot, by its name or, until the node has heard that, by the end of its id
                talk.press("\x04")
                assert talk.exit_code() == 0
            bot.press("\x03")
            assert bot.exit_code() == 0
        node.press("\x03")
        node.until("INFO node: stopping")
        assert node.exit_code() == 130  # make's; it is interrupted as well
        assert "Traceback" not in node.shown


def told(terminal: Terminal, sentence: str) -> list[str]:
    """The words of the command that a terminal shows after a sentence."""
    terminal.until(sentence)
    terminal.until("\n")
    return shlex.split(terminal.shown.rpartition(sentence)[2].partition("\n")[0])
