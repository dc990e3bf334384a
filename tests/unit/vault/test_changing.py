"""A folder gets a passphrase, another one, none; and its node in between."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import anyio
import pytest

from mepassad import lock
from mepassad.config.load import load
from mepassad.errors import (
    AlreadyRunning,
    NoPassphrase,
    PassphraseExists,
    StoreBroken,
    UnsafePath,
    VaultBroken,
    VaultMissing,
    WrongPassphrase,
)
from mepassad.plugins import discover
from mepassad.testing.nodes import Nodes
from mepassad.vault import change
from mepassad.vault.file import Cost
from mepassad.vault.store import SealedStore
from tests.unit.vault.filled import SECRET
from tests.unit.vault.folder import NEW, OLD, Folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """One that has no passphrase; guesses at one are cheap."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(change, "_cost", lambda config: Cost(memory=8, passes=1, lanes=1))
    place = Folder(tmp_path)
    place.know(OLD)
    return place


# -- set, change, remove


def test_all_secrets_of_a_folder_are_sealed_opened_by_the_passphrase_and_in_plain_again(folder: Folder) -> None:
    folder.fill()
    before = folder.everything()
    assert folder.bytes().count(b"PRIVATE KEY") == 4
    assert folder.set() == []
    assert folder.everything() == before
    assert SECRET not in folder.bytes()
    assert b"PRIVATE KEY" not in folder.bytes()
    folder.remove()
    assert folder.everything() == before
    assert folder.bytes().count(b"PRIVATE KEY") == 4
    assert sorted(path.name for path in folder.keys.iterdir()) == ["mp1ana.key", "node.key"]


def test_a_folder_that_gets_its_passphrase_before_its_first_start_never_has_anything_in_plain(folder: Folder) -> None:
    folder.set()
    seed = folder.start(lambda held: held.keys.read("node.key"))
    assert isinstance(seed, bytes)
    folder.fill()
    assert SECRET not in folder.bytes()
    assert seed not in folder.bytes()
    assert b"PRIVATE KEY" not in folder.bytes()


def test_a_change_keeps_what_is_sealed_and_only_the_new_passphrase_opens_it(folder: Folder) -> None:
    folder.fill()
    folder.set()
    before, sealed = folder.everything(), (folder.keys / "mp1ana.key").read_bytes()
    folder.change()
    assert (folder.keys / "mp1ana.key").read_bytes() == sealed
    with pytest.raises(WrongPassphrase):
        folder.start()
    with pytest.raises(WrongPassphrase):
        folder.change()
    folder.know(NEW)
    assert folder.everything() == before


def test_what_does_not_fit_the_folder_is_refused_and_changes_nothing(folder: Folder) -> None:
    for act in (folder.change, folder.remove):
        with pytest.raises(NoPassphrase):
            act()
    folder.fill()
    folder.set()
    before = folder.everything()
    for passphrase in (OLD, NEW):
        with pytest.raises(PassphraseExists):
            folder.set(passphrase)
    folder.know(NEW)
    with pytest.raises(WrongPassphrase):
        folder.remove()
    folder.know(OLD)
    assert folder.everything() == before


def test_beside_a_running_node_nothing_is_changed(folder: Folder) -> None:
    folder.fill()
    with lock.hold(folder.data):
        for act in (folder.set, folder.change, folder.remove):
            with pytest.raises(AlreadyRunning):
                act()
    assert not (folder.keys / "vault").exists()


def test_backups_made_before_are_erased_and_named(folder: Folder) -> None:
    folder.fill()
    backups = [folder.data / "node.db.v1.backup", folder.data / "node.db.v1.backup.unfinished"]
    for path in backups:
        path.write_bytes(SECRET)
    assert folder.set() == backups
    assert SECRET not in folder.bytes()


def test_rows_of_a_backup_from_before_are_sealed_by_the_next_start(folder: Folder) -> None:
    folder.fill()
    before, old = folder.everything(), (folder.data / "node.db").read_bytes()
    folder.set()
    (folder.data / "node.db").write_bytes(old)
    assert folder.everything() == before
    assert SECRET not in folder.bytes()


# -- the vault file


def test_files_of_a_sealed_folder_are_for_its_user_only(folder: Folder) -> None:
    folder.fill()
    folder.set()
    folder.change()
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.keys.iterdir()} == {0o600}
    (folder.keys / "vault").chmod(0o644)
    with pytest.raises(UnsafePath, match="chmod 600"):
        folder.start()


def test_junk_at_any_byte_of_the_vault_is_one_error_and_nothing_is_lost(folder: Folder) -> None:
    folder.fill()
    folder.set()
    before, path = folder.everything(), folder.keys / "vault"
    whole = path.read_bytes()
    others = {file: file.read_bytes() for file in folder.data.rglob("*") if file.is_file() and file.name != "lock"}
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        for act in (folder.set, folder.change, folder.remove) if at % 17 == 0 else (folder.start,):
            with pytest.raises(VaultBroken, match="restore it from a backup"):
                act()
    path.write_bytes(whole)
    assert {file: file.read_bytes() for file in others} == others
    assert folder.everything() == before


def test_a_sealed_folder_without_its_vault_says_what_is_missing(folder: Folder) -> None:
    folder.fill()
    folder.set()
    path = folder.keys / "vault"
    vault = path.read_bytes()
    path.unlink()
    with pytest.raises(VaultMissing):
        folder.start()
    # Also where the key file was in plain, as after a sealing that was interrupted.
    node_key = (folder.keys / "node.key").read_bytes()
    (folder.keys / "node.key").unlink()
    with pytest.raises(VaultMissing):
        folder.start()
    path.touch(0o600)
    path.write_bytes(vault)
    (folder.keys / "node.key").write_bytes(node_key)
    folder.start()


def test_the_vault_of_another_folder_is_not_taken_for_this_ones(folder: Folder, tmp_path: Path) -> None:
    folder.fill()
    folder.set()
    other = Folder(tmp_path / "other")
    other.place.mkdir()
    other.know(OLD)
    other.set()
    (folder.keys / "vault").write_bytes((other.keys / "vault").read_bytes())
    with pytest.raises(VaultBroken):
        folder.start()
    (folder.keys / "node.key").write_bytes((other.keys / "node.key").read_bytes())
    with pytest.raises(VaultBroken):
        folder.start()


def test_without_a_passphrase_the_store_is_the_plugins_own(folder: Folder) -> None:
    assert folder.start(lambda held: held.store is held.raw and held.keys.vault is None)
    folder.set()
    assert folder.start(lambda held: isinstance(held.store, SealedStore))


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711, 0o701])
def test_a_folder_of_keys_that_others_can_enter_is_refused_with_the_cure(folder: Folder, mode: int) -> None:
    folder.start()
    folder.keys.chmod(mode)
    with pytest.raises(UnsafePath, match="chmod 700"):
        folder.start()


# -- whole nodes


async def test_sealed_nodes_meet_chat_and_start_again(
    nodes: Nodes, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"keys__passphrase_file": str(folder.place / "passphrase")}
    for name in ("ana", "bob"):
        await anyio.to_thread.run_sync(_set_for, nodes.folder(name))
    ana, bob = await nodes.pair(**settings)
    await ana.say(bob, "one")
    await nodes.in_time(lambda: bob.texts() == ["one"])
    bob = await nodes.restart("bob")
    await bob.say(ana, "two")
    await nodes.in_time(lambda: ana.texts() == ["two"])
    await nodes.up.pop("ana").stop()
    folder.know(NEW)
    with pytest.raises(WrongPassphrase, match="is not that of"):
        await nodes.start("ana", **settings)


def _set_for(data: Path) -> None:
    environ = {"HOME": str(data.parent), "MEPASSAD__NODE__DATA_DIR": str(data)}
    change.set_passphrase(*load(None, environ, discover()), lambda: OLD)


@pytest.mark.parametrize("name", ["vault", "node.key", "another.key"])
def test_a_folder_or_a_pipe_in_the_place_of_a_file_of_keys_is_an_error_that_names_it(folder: Folder, name: str) -> None:
    folder.fill()
    folder.set()
    path = folder.keys / name
    for make in (lambda: path.mkdir(0o700), lambda: os.mkfifo(path, 0o600)):
        path.unlink(missing_ok=True)
        make()
        with pytest.raises(StoreBroken, match=name):
            folder.start()
        if path.is_dir():
            path.rmdir()
