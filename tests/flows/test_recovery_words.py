"""The 24 words: shown once to whoever sits at a terminal, else in a file; and what they bring back."""

from __future__ import annotations

import os
import pty
import re
import select
import stat
import subprocess
import time
from pathlib import Path

from mepassad.people.accounts import seed_of
from mepassad.welcome import numbered
from tests.daemon import MEPASSAD, PATIENCE, Daemon, Fleet, answers, clean_environment, run

ROW = re.compile(r"^[ \d]\d [a-z]+ .*$", re.MULTILINE)


def words_in(text: str) -> str:
    """The numbered words of a terminal, checked."""
    found = " ".join(word for row in ROW.findall(text) for word in row.split() if not word.isdigit())
    seed_of(found)
    return found


def at_a_terminal(*command: str | Path, until: str) -> str:
    """What a command prints on a terminal until the pattern `until` comes; then it is ended."""
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=clean_environment())
    os.close(slave)
    shown, deadline = b"", time.monotonic() + PATIENCE
    try:
        while not re.search(until, shown.decode("utf-8", "replace")) and time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    shown += os.read(master, 65_536)
                except OSError:  # the process ended
                    break
    finally:
        process.terminate()
        process.wait(PATIENCE)
        os.close(master)
    return shown.decode()


def words_file(daemon: Daemon) -> Path:
    (found,) = daemon.data.glob("recovery-words-*.txt")
    return found


def test_a_first_run_without_a_terminal_writes_the_words_to_a_file_and_names_only_its_path(fleet: Fleet) -> None:
    (daemon,) = fleet.start("one")
    path = words_file(daemon)
    words = path.read_text().strip()
    seed_of(words)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in daemon.out()
    assert words not in daemon.out() + daemon.log()
    assert not any(" ".join(words.split()[at : at + 3]) in daemon.out() + daemon.log() for at in range(22))
    inode = path.stat().st_ino
    daemon.restart()
    assert words_file(daemon).stat().st_ino == inode
    assert daemon.out().count(str(path)) == 1


def test_a_first_run_at_a_terminal_shows_the_words_once_and_keeps_no_file(fleet: Fleet) -> None:
    daemon = fleet.daemon("one")
    first = at_a_terminal(MEPASSAD, "--config", daemon.config_file, until=r"24 [a-z]+\s*\n")
    words = words_in(first)
    assert len(words.split()) == 24
    assert not list(daemon.data.glob("recovery-words-*"))
    again = at_a_terminal(MEPASSAD, "--config", daemon.config_file, until="Socket:")
    assert not ROW.findall(again)
    for path in daemon.data.rglob("*"):
        assert not path.is_file() or words.encode() not in path.read_bytes()


def test_init_at_a_terminal_shows_the_words_and_without_one_writes_the_file(fleet: Fleet) -> None:
    daemon, other = fleet.daemon("one"), fleet.daemon("two")
    shown = at_a_terminal(MEPASSAD, "--config", daemon.config_file, "init", until=r"24 [a-z]+\s*\n")
    assert len(words_in(shown).split()) == 24
    done = run(MEPASSAD, "--config", other.config_file, "init")
    assert done.returncode == 0
    assert str(words_file(other)) in done.stdout
    assert run(MEPASSAD, "--config", other.config_file, "init").returncode == 1  # there is an account already


async def test_the_words_bring_the_account_back_on_a_new_device(fleet: Fleet) -> None:
    (lost,) = fleet.start("lost")
    words = words_file(lost).read_text()
    async with lost.session() as rpc:
        account = (await rpc.call("identity.show"))["account"]
    lost.kill()
    found = fleet.daemon("found")
    done = run(MEPASSAD, "--config", found.config_file, "init", "--restore", stdin=words.encode())
    assert done.returncode == 0, done.stderr
    assert account in done.stdout
    assert words.strip() not in done.stdout + done.stderr
    found.start()
    async with found.session() as rpc:
        assert (await rpc.call("identity.show"))["account"] == account
    devices = {daemon.ask("SELECT device FROM account")[0] for daemon in (lost, found)}
    assert len(devices) == 2
    assert (lost.data / "keys" / "node.key").read_bytes() != (found.data / "keys" / "node.key").read_bytes()


def test_words_are_read_as_they_are_shown_and_a_folder_with_another_account_says_so(fleet: Fleet) -> None:
    (lost,) = fleet.start("lost")
    words = words_file(lost).read_text()
    lost.stop()
    found = fleet.daemon("found")
    first = run(MEPASSAD, "--config", found.config_file, "init").stdout.split()[1]
    done = run(MEPASSAD, "--config", found.config_file, "init", "--restore", stdin=numbered(words).encode())
    assert done.returncode == 0, done.stderr
    assert f"had an account before, which clients use unless they name one: {first}" in done.stdout


def test_words_that_are_not_right_are_refused_in_a_sentence(fleet: Fleet) -> None:
    daemon = fleet.daemon("one")
    right = run(MEPASSAD, "--config", daemon.config_file, "init")
    assert right.returncode == 0
    words = words_file(daemon).read_text().split()
    other = fleet.daemon("two")
    wrongs = (words[:23], [*words[:23], "zzz"], words[1:] + words[:1], [], ["\x00\xff"] * 24, ["abandon"] * 5000)
    for wrong in wrongs:
        done = run(MEPASSAD, "--config", other.config_file, "init", "--restore", stdin=" ".join(wrong).encode())
        assert done.returncode == 1, done
        assert "recovery words" in done.stderr
        assert not wrong or " ".join(wrong[:3]) not in done.stderr
    assert not (other.data / "keys").exists() or {path.name for path in (other.data / "keys").iterdir()} <= {"node.key"}
    again = run(MEPASSAD, "--config", other.config_file, "init", "--restore", stdin=" ".join(words).upper().encode())
    assert again.returncode == 0
    other.start()
    assert answers(other.socket)
