"""Daemons whose keys are sealed: where the passphrase comes from, what lies on the disk, and what they can do."""

from __future__ import annotations

import base64
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mepassad.people.keyfiles import read_key
from tests.daemon import MEPASSAD, Daemon, Fleet, answers, befriend, reaches, run, texts
from tests.terminal import Terminal

PASSPHRASE = "três macacos sábios"
CHEAP = {"memory_mb": 64}  # MiB: below what a daemon of the tests may use
ALONE: dict[str, Any] = {"plugins": [], "keys": CHEAP}


def passphrase_file(daemon: Daemon, passphrase: str = PASSPHRASE) -> Path:
    """A file 0600 with a passphrase."""
    path = daemon.folder / "passphrase"
    path.touch(0o600)
    path.write_text(passphrase + "\n")
    return path


def command(daemon: Daemon, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return run(MEPASSAD, "--config", daemon.config_file, "passphrase", *words)


def seal(daemon: Daemon) -> str:
    """Give a folder the passphrase; what the command says. Its node finds the passphrase in a file from now on."""
    daemon.configure(keys={**CHEAP, "passphrase_file": str(passphrase_file(daemon))})
    done = command(daemon, "set", "--from-file", passphrase_file(daemon))
    assert done.returncode == 0, done.stderr
    return done.stdout


def credentials(daemon: Daemon, monkeypatch: pytest.MonkeyPatch, passphrase: str = PASSPHRASE) -> None:
    """What systemd's LoadCredential= does."""
    folder = daemon.folder / "credentials"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "mepassad.passphrase").write_text(passphrase)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))


def forget_file(daemon: Daemon) -> None:
    daemon.configure(keys={"passphrase_file": None})


def all_bytes(data: Path) -> bytes:
    """What a thief of the data folder has, the file of words aside."""
    files = [path for path in sorted(data.rglob("*")) if path.is_file() and "recovery-words" not in path.name]
    return b"\0".join(path.read_bytes() for path in files)


QUERIES = {
    "sessions": "SELECT state FROM session",
    "skipped": "SELECT key FROM skipped",
    "prekeys": "SELECT secret FROM private_key",
    "invites": "SELECT secret FROM invite",
    "settings": "SELECT value FROM setting WHERE length(value) >= 32",  # all that long are secret, here
    "links": "SELECT CAST(invite AS BLOB) FROM contact WHERE invite <> ''",
    "directories": "SELECT directory FROM contact WHERE directory <> x''",
}


def secrets_of(data: Path) -> dict[str, list[bytes]]:
    """All secrets of a folder that has no passphrase, by where they are."""
    with closing(sqlite3.connect(data / "node.db")) as database:
        found = {name: [row[0] for row in database.execute(sql)] for name, sql in QUERIES.items()}
    seeds = [read_key(path) for path in (data / "keys").glob("*.key")]
    found["seeds"] = [form for seed in seeds for form in (seed, base64.b64encode(seed[2:]))]  # raw, in PEM
    return found


def shown(secrets: dict[str, list[bytes]], data: bytes) -> dict[str, int]:
    """How many secrets of each kind some bytes show."""
    return {name: sum(one in data for one in ones) for name, ones in secrets.items() if ones}


# -- where the passphrase comes from


@pytest.mark.parametrize("source", ["credential", "file"])
def test_a_sealed_node_starts_with_its_passphrase_and_shows_it_nowhere(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    daemon = fleet.daemon("one", **ALONE, log={"level": "debug"})
    assert "sealed" in seal(daemon)
    if source == "credential":
        forget_file(daemon)
        credentials(daemon, monkeypatch)
    daemon.start()
    process = Path(f"/proc/{daemon.pid}")
    for text in (daemon.log(), daemon.out(), *((process / part).read_text() for part in ("cmdline", "environ"))):
        assert PASSPHRASE not in text
        assert PASSPHRASE.encode().hex() not in text
    daemon.restart()
    assert command(daemon, "set", "--from-file", passphrase_file(daemon)).returncode == 1  # beside a running one
    assert daemon.stop() == 0


def test_without_a_passphrase_it_ends_with_1_and_names_the_three_ways(fleet: Fleet) -> None:
    daemon = fleet.daemon("one", **ALONE)
    seal(daemon)
    forget_file(daemon)
    for words in ([], ["init"], ["passphrase", "change", "--from-file", "x"], ["passphrase", "remove"]):
        done = run(MEPASSAD, "--config", daemon.config_file, *words)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        for way in ("systemd credential mepassad.passphrase (LoadCredential=)", "file 0600", "terminal"):
            assert way in done.stderr
    assert not daemon.socket.exists()


def test_a_wrong_passphrase_ends_it_with_1_and_says_where_it_was(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = fleet.daemon("one", **ALONE)
    seal(daemon)
    credentials(daemon, monkeypatch, "something else")
    done = run(MEPASSAD, "--config", daemon.config_file)
    assert (done.returncode, done.stdout) == (1, "")
    expected = f"The passphrase in the credential mepassad.passphrase is not that of {daemon.data}.\n"
    assert done.stderr == expected


def test_at_a_terminal_it_is_asked_for_three_times_and_not_echoed(fleet: Fleet) -> None:
    daemon = fleet.daemon("one", **ALONE)
    seal(daemon)
    forget_file(daemon)
    with Terminal(MEPASSAD, "--config", daemon.config_file) as terminal:
        terminal.answer("Passphrase: ", "nonsense")
        terminal.answer("That is not it.\r\nPassphrase: ", PASSPHRASE)
        terminal.until("Socket: ")
        assert answers(daemon.socket)
        assert PASSPHRASE not in terminal.shown
        assert "nonsense" not in terminal.shown
        terminal.press("\x03")
        assert terminal.exit_code() == 0
    with Terminal(MEPASSAD, "--config", daemon.config_file) as terminal:
        for _ in range(3):
            terminal.answer("Passphrase: ", "nonsense")
        terminal.until("That is not the passphrase of this data folder")
        assert terminal.exit_code() == 1


def test_ctrl_c_at_the_question_ends_it_at_once_and_the_terminal_echoes_again(fleet: Fleet) -> None:
    daemon = fleet.daemon("one", **ALONE)
    seal(daemon)
    forget_file(daemon)
    with Terminal(MEPASSAD, "--config", daemon.config_file) as terminal:
        terminal.until("Passphrase: ")
        terminal.press("\x03")
        assert terminal.exit_code() == 130
        assert "Interrupted." in terminal.shown
        assert terminal.echoes()


def test_a_new_passphrase_can_be_typed_and_changed_and_taken_away(fleet: Fleet) -> None:
    daemon = fleet.daemon("one", **ALONE)
    with Terminal(MEPASSAD, "--config", daemon.config_file, "passphrase", "set") as terminal:
        terminal.answer("New passphrase: ", PASSPHRASE)
        terminal.answer("once more: ", PASSPHRASE)
        terminal.until(f"The keys in {daemon.data} are sealed.")
        assert terminal.exit_code() == 0
    with Terminal(MEPASSAD, "--config", daemon.config_file, "passphrase", "change") as terminal:
        terminal.answer("Passphrase: ", PASSPHRASE)
        terminal.answer("New passphrase: ", "another one")
        terminal.answer("once more: ", "another one")
        terminal.until("The passphrase is changed.")
    daemon.configure(keys={"passphrase_file": str(passphrase_file(daemon, "another one"))})
    daemon.start().stop()
    assert command(daemon, "remove").returncode == 0
    forget_file(daemon)
    daemon.start()
    assert b"PRIVATE KEY" in (daemon.data / "keys" / "node.key").read_bytes()


# -- the keyring

BACKEND = '''
import json, os
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    """Keeps passwords in a file, for tests."""
    priority = 1
    path = os.environ["TEST_KEYRING"]

    def _kept(self):
        return json.load(open(self.path)) if os.path.exists(self.path) else {}

    def get_password(self, service, user):
        return self._kept().get(f"{service} {user}")

    def set_password(self, service, user, password):
        json.dump({**self._kept(), f"{service} {user}": password}, open(self.path, "w"))

    def delete_password(self, service, user):
        json.dump({key: one for key, one in self._kept().items() if key != f"{service} {user}"}, open(self.path, "w"))
'''


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keyring for the daemons of a test: the library is the real one, its backend keeps a file."""
    (tmp_path / "keyring_of_a_test.py").write_text(BACKEND)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring_of_a_test.Keyring")
    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_a_keyring_keeps_the_passphrase_and_gives_it_at_the_start(fleet: Fleet, keyring: Path) -> None:
    daemon = fleet.daemon("one", plugins=[], keys={**CHEAP, "keyring": True})
    done = command(daemon, "set", "--keyring", "--from-file", passphrase_file(daemon))
    assert done.returncode == 0, done.stderr
    assert f"mepassad {daemon.data}" in keyring.read_text()
    assert daemon.start().stop() == 0
    done = command(daemon, "change", "--keyring", "--from-file", passphrase_file(daemon, "another one"))
    assert done.returncode == 0, done.stderr
    daemon.start().stop()
    assert command(daemon, "remove").returncode == 0
    assert keyring.read_text() == "{}"


@pytest.mark.parametrize("backend", ["keyring.backends.fail.Keyring", "keyring.backends.null.Keyring", "no.such.Thing"])
def test_where_there_is_no_keyring_that_is_said_before_anything_is_changed(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    daemon = fleet.daemon("one", plugins=[], keys={**CHEAP, "keyring": True})
    seal(daemon)
    forget_file(daemon)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    done = run(MEPASSAD, "--config", daemon.config_file)
    assert done.returncode == 1
    said, ways = done.stderr.splitlines()
    assert "The keyring of the operating system" in said
    assert "LoadCredential=" in ways
    other = fleet.daemon("two", **ALONE)
    if backend.endswith("fail.Keyring"):
        done = command(other, "set", "--keyring", "--from-file", passphrase_file(other))
        assert (done.returncode, done.stdout) == (1, "")
        assert "The keyring of the operating system cannot be used" in done.stderr
        assert not (other.data / "keys" / "vault").exists()


# -- what lies on the disk, and what the nodes can do


async def a_life(here: Daemon, there: Daemon, absent: str, rounds: int) -> None:
    """Chat both ways, hold an invite open, and a link that was accepted but not yet answered."""
    async with here.client() as ana, there.client() as bruno:
        bruno_id = (await bruno.call("identity.show"))["account"]
        ana_id = (await ana.call("identity.show"))["account"]
        for number in range(rounds):
            for rpc, contact in ((ana, bruno_id), (bruno, ana_id)):
                sent = await rpc.call("messages.send", contact=contact, text=f"message {number}")
                await reaches(rpc, sent["message_id"], "delivered")
        await ana.call("invites.create")
        await ana.call("invites.accept", uri=absent)


@pytest.mark.timeout(180)
async def test_no_secret_of_sealed_folders_is_in_any_file_and_their_nodes_chat_and_outlive_kills(fleet: Fleet) -> None:
    ana, bruno, carla = fleet.start("ana", "bruno", "carla")
    async with ana.session() as here, bruno.session() as there:
        await befriend(here, there)
    async with carla.session() as rpc:
        absent = (await rpc.call("invites.create"))["uri"]
    carla.stop()
    await a_life(ana, bruno, absent, 2)
    for daemon in (ana, bruno):
        assert daemon.stop() == 0
        before = secrets_of(daemon.data)
        assert shown(before, all_bytes(daemon.data))["seeds"] >= 2
        said = seal(daemon)
        assert "recovery-words" in said
        assert set(shown(before, all_bytes(daemon.data)).values()) == {0}
        daemon.start()
        assert set(shown(before, all_bytes(daemon.data)).values()) == {0}
    await a_life(ana, bruno, absent, 5)
    ana.kill()
    copy = fleet.daemon("copy", plugins=[], keys={**CHEAP, "passphrase_file": str(ana.folder / "passphrase")})
    shutil.copytree(ana.data, copy.data)
    left = all_bytes(copy.data)
    assert command(copy, "remove").returncode == 0
    after = secrets_of(copy.data)
    assert {name for name in after if after[name]} >= {"sessions", "prekeys", "invites", "settings", "links", "seeds"}
    assert shown(after, left) == dict.fromkeys(shown(after, left), 0)
    plain = shown(after, all_bytes(copy.data))
    assert all(plain[name] for name in after if after[name])  # the look sees what is there
    ana.start()
    bruno.kill()
    bruno.start()
    await a_life(ana, bruno, absent, 3)
    async with bruno.session() as rpc:
        contact = (await rpc.call("contacts.list"))["items"][0]["contact"]
        assert sorted(await texts(rpc, contact)) == sorted(
            f"message {n}" for n in (*range(2), *range(5), *range(3)) * 2
        )


def test_a_damaged_vault_stops_the_start_with_one_sentence_and_nothing_is_lost(fleet: Fleet) -> None:
    daemon = fleet.daemon("one", **ALONE)
    seal(daemon)
    daemon.start().stop()
    vault = daemon.data / "keys" / "vault"
    whole = vault.read_bytes()
    for junk in (b"", b"\xff" * 136, whole[:-1], whole[:50] + b"\x00" + whole[51:]):
        vault.write_bytes(junk)
        done = run(MEPASSAD, "--config", daemon.config_file)
        assert done.returncode == 1
        assert done.stderr == (
            "The file keys/vault is damaged, or was written by a newer mepassad; restore it from a backup.\n"
        )
    vault.write_bytes(whole)
    daemon.start()


async def test_an_account_of_a_sealed_folder_is_made_sealed_and_meets_others(fleet: Fleet) -> None:
    sealed = fleet.daemon("sealed", keys=CHEAP)
    seal(sealed)
    sealed.start()
    (other,) = fleet.start("other")
    async with sealed.client() as here, other.client() as there:
        await here.call("accounts.create", name="second")
        await befriend(here, there)
    keys = list((sealed.data / "keys").glob("*.key"))
    assert len(keys) == 3
    assert b"PRIVATE" not in all_bytes(sealed.data)


def test_the_configuration_tells_where_the_passphrase_comes_from_and_not_what_it_is(fleet: Fleet) -> None:
    daemon = fleet.daemon("one", **ALONE)
    seal(daemon)
    said = run(MEPASSAD, "--config", daemon.config_file, "config", "show").stdout
    assert f'keys.passphrase_file: "{daemon.folder / "passphrase"}"' in said
    assert PASSPHRASE not in said
