"""Key files: sealed and bound to their name, replaced and erased so that nothing of them is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from mepassad.api.types import Secret
from mepassad.errors import StoreBroken, UnsafePath, VaultBroken, VaultMissing
from mepassad.people.keyfiles import KeyFiles, erase, replace_private, write_key, write_private
from mepassad.vault.vault import Vault
from tests.unit.vault.filled import SECRET


def files(folder: Path) -> KeyFiles:
    return KeyFiles(folder, Vault(Secret(bytes(32))))


def test_a_sealed_key_file_is_bound_to_its_name_and_needs_its_vault(tmp_path: Path) -> None:
    keys = files(tmp_path)
    keys.write("a.key", b"s" * 32)
    assert keys.read("a.key") == b"s" * 32
    assert b"s" * 8 not in (tmp_path / "a.key").read_bytes()
    (tmp_path / "b.key").touch(0o600)
    (tmp_path / "b.key").write_bytes((tmp_path / "a.key").read_bytes())
    with pytest.raises(VaultBroken):
        keys.read("b.key")
    with pytest.raises(VaultMissing):
        KeyFiles(tmp_path, None).read("a.key")
    with pytest.raises(FileExistsError):
        keys.write("a.key", b"t" * 32)
    (tmp_path / "a.key").chmod(0o640)
    with pytest.raises(UnsafePath):
        keys.read("a.key")


def test_junk_at_any_byte_of_a_key_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    keys, path = files(tmp_path), tmp_path / "a.key"
    keys.write("a.key", b"s" * 32)
    whole = path.read_bytes()
    for junk in [whole[:at] + bytes([whole[at] ^ 9]) + whole[at + 1 :] for at in range(61)] + [b"", whole[:-1]]:
        path.write_bytes(junk)
        with pytest.raises((VaultBroken, StoreBroken), match="restore"):
            keys.read("a.key")


def test_plain_key_files_are_found_and_sealed_and_leftovers_erased(tmp_path: Path) -> None:
    keys = files(tmp_path)
    write_key(tmp_path / "b.key", b"b" * 32)
    keys.write("a.key", b"a" * 32)
    write_key(tmp_path / "a.key.new", b"a" * 32)
    assert keys.plain() == ["b.key"]
    keys.tidy()
    keys.seal(keys.plain())
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.key", "b.key"]
    assert (keys.plain(), keys.read("b.key")) == ([], b"b" * 32)


def test_what_is_replaced_or_erased_is_overwritten_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_private(path, SECRET * 200_000)
    with path.open("rb") as replaced:
        replace_private(path, b"new")
        assert replaced.read() == bytes(len(SECRET) * 200_000)
    with path.open("rb") as erased:
        erase(path)
        assert erased.read() == bytes(3)
    assert list(tmp_path.iterdir()) == []


def test_of_a_symbolic_link_that_is_erased_only_the_link_goes(tmp_path: Path) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "node.db.v1.backup"
    elsewhere.write_bytes(b"not of this folder")
    link.symlink_to(elsewhere)
    erase(link)
    assert not link.is_symlink()
    assert elsewhere.read_bytes() == b"not of this folder"
