"""Other users of the machine reach nothing of the data folder; and a node that is not root's refuses what others can.

Root can read whatever its mode says, so what is shown here is tried by a process that became another user.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mepassad.builtin.store_sqlite.migrate import back_up, backup_path
from tests import unprivileged
from tests.daemon import MEPASSAD, PATIENCE, Daemon, Fleet, clean_environment, run
from tests.unprivileged import NOBODY, reach

PASSPHRASE = "três macacos sábios"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that all users can look into, unlike that of other tests."""
    if os.geteuid():
        pytest.skip("only root can become the other user whom these tests are about")
    folder = Path(tempfile.mkdtemp(prefix="mepassad-"))
    folder.chmod(0o755)
    (folder / "for all").write_text("anything")
    (folder / "for all").chmod(0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def everybodys(place: Path) -> Iterator[Fleet]:
    """Daemons in that folder."""
    with Fleet(place) as fleet:
        yield fleet


def solo(fleet: Fleet) -> Daemon:
    """A daemon without a network, its own folder open to all users."""
    daemon = fleet.daemon("one", plugins=[], keys={"memory_mb": 64})
    daemon.folder.chmod(0o755)
    return daemon


def seal(daemon: Daemon) -> None:
    path = daemon.folder / "passphrase"
    path.touch(0o600)
    path.write_text(PASSPHRASE)
    done = run(MEPASSAD, "--config", daemon.config_file, "passphrase", "set", "--from-file", path)
    assert done.returncode == 0, done.stderr
    daemon.configure(keys={"passphrase_file": str(path)})


def backed_up(daemon: Daemon) -> None:
    """A backup as it is made before a migration."""
    database = daemon.data / "node.db"
    with closing(sqlite3.connect(database)) as connection:
        back_up(connection, backup_path(database, 1))


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_another_user_reaches_nothing_of_the_data_folder_of_a_running_node(everybodys: Fleet, sealed: bool) -> None:
    daemon = solo(everybodys)
    if sealed:
        seal(daemon)
    daemon.start()
    backed_up(daemon)
    paths = [daemon.data, *sorted(daemon.data.rglob("*")), daemon.socket.parent, daemon.socket]
    names = {path.name for path in paths}
    expected = {"keys", "node.key", "node.db", "node.db-wal", "node.db-shm", "node.db.v1.backup", "lock", "s"}
    assert names >= expected | ({"vault"} if sealed else set())
    assert any(name.startswith("recovery-words-") for name in names)
    assert reach(*paths, daemon.folder / "passphrase") == {}
    open_to_all = everybodys.folder / "for all"
    assert reach(everybodys.folder, open_to_all) == {
        str(everybodys.folder): ["enter", "list", "read"],
        str(open_to_all): ["read"],
    }


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_every_file_refuses_others_by_itself_where_a_folder_would_let_them_in(everybodys: Fleet, sealed: bool) -> None:
    daemon = solo(everybodys)
    if sealed:
        seal(daemon)
    daemon.start()
    backed_up(daemon)
    copy = everybodys.folder / "copy"
    shutil.copytree(daemon.data, copy, ignore=lambda folder, names: [one for one in names if one == "run"])
    folders = [copy, copy / "keys"]
    for folder in folders:
        folder.chmod(0o755)
    found = reach(copy, *sorted(copy.rglob("*")))
    assert found == {str(folder): ["enter", "list", "read"] for folder in folders}


# -- a node that is not root's


@pytest.fixture
def others(place: Path) -> Daemon:
    """The folder, configuration and data of a node that runs as the other user; it has an account."""
    daemon = Daemon(place / "theirs", {"plugins": [], "keys": {"memory_mb": 64}})
    os.chown(daemon.folder, NOBODY, NOBODY)
    daemon.config_file.chmod(0o644)
    made = as_other(daemon, "init")
    assert made.returncode == 0, made.stderr
    assert daemon.data.stat().st_uid == NOBODY
    return daemon


def as_other(daemon: Daemon, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `mepassad` as the other user, to its end."""
    return subprocess.run(
        unprivileged.command("mepassad", "--config", daemon.config_file, *words),
        cwd=unprivileged.ROOT, env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip


def refused(daemon: Daemon) -> str:
    """The one sentence with which the other user's node does not start."""
    done = as_other(daemon)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_the_other_users_node_runs_on_a_folder_of_its_own(others: Daemon) -> None:
    for path in (others.data, *others.data.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    with others.log_file.open("wb") as log:
        others.process = subprocess.Popen(
            unprivileged.command("mepassad", "--config", others.config_file),
            cwd=unprivileged.ROOT, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE
        while "Socket: " not in others.log():
            assert time.monotonic() < deadline, others.log()
            time.sleep(0.02)
        status = Path(f"/proc/{others.pid}/status").read_text()
        assert f"Uid:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}" in status
        assert reach(others.socket) == {str(others.socket): ["connect"]}
    finally:
        assert others.stop() == 0


@pytest.mark.parametrize("file", ["data/keys/node.key", "data/keys/mp1*.key", "data/keys/vault", "passphrase"])
def test_it_refuses_a_key_vault_or_passphrase_that_others_can_read(others: Daemon, file: str) -> None:
    passphrase = others.folder / "passphrase"
    if file in ("data/keys/vault", "passphrase"):
        passphrase.touch(0o600)
        passphrase.write_text(PASSPHRASE)
        os.chown(passphrase, NOBODY, NOBODY)
        done = as_other(others, "passphrase", "set", "--from-file", passphrase)
        assert done.returncode == 0, done.stderr
        others.configure(keys={"passphrase_file": str(passphrase)})
    (path,) = others.folder.glob(file)
    for mode in (0o644, 0o640):
        path.chmod(mode)
        assert refused(others) == f"{path} can be read by others; run: chmod 600 {path}\n"


def test_it_refuses_folders_that_others_can_enter_or_write_to(others: Daemon) -> None:
    keys = others.data / "keys"
    for mode in (0o755, 0o711):
        keys.chmod(mode)
        assert refused(others) == f"{keys} can be entered by others; run: chmod 700 {keys}\n"
    keys.chmod(0o700)
    for mode in (0o777, 0o770):
        others.data.chmod(mode)
        assert refused(others) == f"{others.data} can be written by others; run: chmod 700 {others.data}\n"
    others.data.chmod(0o755)
    assert as_other(others, "init").returncode == 1  # there is an account already; the store was opened before
    assert stat.S_IMODE(others.data.stat().st_mode) == 0o700


def test_it_refuses_what_belongs_to_somebody_else(others: Daemon) -> None:
    key = others.data / "keys" / "node.key"
    os.chown(key, 12_345, 12_345)
    assert refused(others) == f"{key} belongs to another user; it must be yours.\n"
    os.chown(others.data, 12_345, 12_345)
    others.data.chmod(0o711)
    assert refused(others) == f"{others.data} belongs to another user; it must be yours.\n"
