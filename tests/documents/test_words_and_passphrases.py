"""What asks at a terminal: README, "If the machine is lost", and docs/at-rest.md, "Give it a passphrase"."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT
from tests.documents.shell import Shell, environment, terminal

LISTEN = '["/ip4/127.0.0.1/tcp/0"]'
PASSPHRASE, ANOTHER = "três macacos sábios", "quatro macacos sábios"


@pytest.mark.runs("README.md", "If the machine is lost")
def test_the_words_bring_the_account_back_and_the_node_runs(texts: list[str], place: Path) -> None:
    (block,) = texts
    lost, new = place / "lost", place / "new"
    with Shell("sh", cwd=place, environ=environment(lost)) as shell:
        (account,) = re.findall(r"^Account: (mp1\w+)$", shell.run("mepassad init"), re.MULTILINE)
    (words,) = lost.rglob("recovery-words-*.txt")
    with terminal(block, ROOT, environment(new, MEPASSAD__TRANSPORT_LIBP2P__LISTEN=LISTEN)) as shown:
        shown.answer("The 24 words (nothing is shown while you type): ", words.read_text().replace("\n", " "))
        shown.until(f"Account: {account}")
        shown.until("Invite, for one person: mepassa:")
        shown.press("\x03")
        assert shown.exit_code() == 0
    assert words.read_text() not in shown.shown


@pytest.mark.runs("docs/at-rest.md", "Give it a passphrase")
def test_a_passphrase_is_set_changed_and_removed(texts: list[str], place: Path) -> None:
    (block,) = texts
    with terminal(block, place, environment(place, MEPASSAD__KEYS__MEMORY_MB="64")) as shown:
        for new in (PASSPHRASE, ANOTHER):
            if new is ANOTHER:
                shown.answer("Passphrase: ", PASSPHRASE)
            shown.answer("New passphrase: ", new)
            shown.answer("once more: ", new)
        shown.answer("Passphrase: ", ANOTHER)
        shown.until("There is no passphrase any more.")
        assert shown.exit_code() == 0
