"""Where the passphrase of daemons comes from whose keys are sealed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon import MEPASSAD, Daemon, Fleet, answers, run
from tests.sealed import ALONE, CHEAP, PASSPHRASE, command, passphrase_file, seal
from tests.terminal import Terminal


def credentials(daemon: Daemon, monkeypatch: pytest.MonkeyPatch, passphrase: str = PASSPHRASE) -> None:
    """What systemd's LoadCredential= does."""
    folder = daemon.folder / "credentials"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "mepassad.passphrase").write_text(passphrase)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))


def forget_file(daemon: Daemon) -> None:
    daemon.configure(keys={"passphrase_file": None})


@pytest.mark.parametrize("source", ["credential", "file"])
def test_a_sealed_node_starts_with_its_passphrase_and_shows_it_nowhere(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    daemon = fleet.daemon("one", **ALONE, log={"level": "debug"})
    assert "sealed" in seal(daemon)
    if source == "credential":
        forget_file(daemon)
        credentials(daemon, monkeypatch)
    daemon.start("env")  # the command itself, as its command line is looked at
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
