"""Accounts: made from 24 words, restored from them, their keys in files that only their user can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic
from msgspec.structs import replace

from mepassad.api.store import Commit
from mepassad.api.types import AccountId
from mepassad.api.writes import AddSkipped, PutContact, SetSetting
from mepassad.errors import (
    AccountExists,
    InvalidName,
    StoreBroken,
    UnknownAccount,
    UnsafePath,
    WrongWords,
)
from mepassad.people import keyfiles
from mepassad.people.accounts import new_words, seed_of
from mepassad.testing.nodes import Nodes, eventually
from mepassad.wire.identity import verify_devices
from mepassad.wire.ids import account_key

# BIP-39's own vectors for 256 bits: English words of all zeros and all ones.
ZEROS = "abandon " * 23 + "art"
ONES = "zoo " * 23 + "vote"


def test_the_vectors_of_bip_39_give_their_seed() -> None:
    assert seed_of(ZEROS) == bytes(32)
    assert seed_of(ONES) == b"\xff" * 32


@pytest.mark.parametrize("language", ["english", "portuguese"])
def test_words_are_24_and_give_the_same_seed_however_they_are_typed(language: str) -> None:
    words = new_words(language)
    assert len(words.split()) == 24
    seed = seed_of(words)
    assert seed_of(f"  {words.upper()}\n") == seed_of("\t".join(words.split())) == seed
    assert len(seed) == 32


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "abandon",
        "abandon " * 24,
        ZEROS.replace("art", "arts"),
        " ".join(ZEROS.split()[1:]),
        f"{ZEROS} art",
        "abandon " * 11 + "about",
        ZEROS.replace("abandon", "abacate", 1),
    ],
)
def test_words_that_are_misspelt_missing_short_or_of_two_languages_are_wrong(wrong: str) -> None:
    with pytest.raises(WrongWords) as caught:
        seed_of(wrong)
    assert not wrong.strip() or wrong.strip() not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("zoo " * 11, "An account has 24 recovery words; these are 11."),
        (ZEROS.replace("abandon", "abandn", 1), "number 1, no list"),
        (" ".join([*ZEROS.split()[:11], "x", "y", *ZEROS.split()[13:]]), "number 12, 13, no list"),
        ("abacate " * 23 + "x", "number 24, no list"),
        ("zoo " * 24, "do not fit together"),
    ],
)
def test_wrong_words_say_where_to_look(wrong: str, sentence: str) -> None:
    with pytest.raises(WrongWords, match=sentence):
        seed_of(wrong)


def test_two_words_in_another_order_are_wrong() -> None:
    words = str(Mnemonic("english").to_mnemonic(bytes(range(32)))).split()
    words[0], words[1] = words[1], words[0]
    with pytest.raises(WrongWords):
        seed_of(" ".join(words))


@given(st.text())
def test_any_text_is_words_or_wrong(text: str) -> None:
    with pytest.raises(WrongWords):
        seed_of(text)


async def test_an_account_has_a_signed_list_with_its_device_and_prekeys(nodes: Nodes) -> None:
    node = await nodes.start("ana")
    account, words = await node.core.accounts.create("Second", "bot")
    devices = verify_devices(account.device_list, account_key(account.id), int(nodes.clock.now()))
    assert devices.names == {account.device: "Second"}
    assert len(await node.node.store.keys(account.id)) > 100
    assert (account.name, account.kind) == ("Second", "bot")
    assert len(words.split()) == 24
    assert [row.id for row in node.core.accounts.all()] == [node.account, account.id]


async def test_words_restore_the_account_on_another_node_as_another_device(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    account, words = await ana.core.accounts.create("Traveller", "person")
    restored = await bob.core.accounts.restore(words, "Traveller", "person")
    assert restored.id == account.id
    assert restored.device != account.device
    with pytest.raises(AccountExists):
        await bob.core.accounts.restore(words, "Again", "person")


@pytest.mark.parametrize(("name", "kind"), [("", "person"), ("\u200b", "person"), ("x" * 65, "person"), ("x", "god")])
async def test_a_name_or_kind_out_of_bounds_is_refused(nodes: Nodes, name: str, kind: str) -> None:
    node = await nodes.start("ana")
    with pytest.raises(InvalidName):
        await node.core.accounts.create(name, kind)
    assert len(node.core.accounts.all()) == 1


async def test_an_account_is_meant_by_its_id_or_as_the_first(nodes: Nodes) -> None:
    node = await nodes.start("ana")
    second, _ = await node.core.accounts.create("Second", "person")
    resolve = node.core.accounts.resolve
    assert resolve(None).id == resolve(node.account).id == node.account
    assert resolve(second.id) == second
    for unknown in ("", "mp1", "nobody", node.account.upper()):
        with pytest.raises(UnknownAccount):
            resolve(unknown)
    with pytest.raises(UnknownAccount):
        node.core.accounts.me(AccountId("nobody"))
    node = await nodes.restart("ana")
    assert [row.name for row in node.core.accounts.all()] == ["ana", "Second"]


async def test_keys_words_and_their_folders_are_readable_by_their_user_only(nodes: Nodes) -> None:
    node = await nodes.start("ana")
    folder = nodes.folder("ana")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"node.key", f"{node.account}.key"}
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in (folder, folder / "keys", folder / "run"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path


async def test_no_secret_shows_in_a_repr(nodes: Nodes) -> None:
    node = await nodes.start("ana")
    me = node.core.accounts.me(node.account)
    for seed in (me.device.seed(), *(key.secret for key in await node.node.store.keys(node.account))):
        for shown in (repr(me), repr(me.device), *(repr(key) for key in await node.node.store.keys(node.account))):
            assert seed.hex() not in shown
            assert repr(seed) not in shown


async def test_no_secret_shows_in_the_repr_of_a_row_or_of_a_write(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await eventually(lambda: len(bob.contact(ana).directory) == 64)
    known = replace(bob.contact(ana), invite="mepassa:i/1/secret")
    assert repr(known) == f"Contact({ana.account}, accepted)"
    shown = repr(
        Commit((PutContact(known), SetSetting("", "number/1", b"secret"), AddSkipped("", b"", ((b"", b"secret"),))))
    )
    assert "secret" not in shown
    assert repr(known.directory[32:]) not in shown


# -- key files


def test_a_key_file_gives_back_its_seed_and_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    keyfiles.write_key(path, b"s" * 32)
    assert keyfiles.read_key(path) == b"s" * 32
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    with pytest.raises(FileExistsError):
        keyfiles.write_key(path, b"t" * 32)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o777])
def test_a_key_file_that_others_can_reach_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    keyfiles.write_key(path, b"s" * 32)
    path.chmod(mode)
    with pytest.raises(UnsafePath, match="chmod 600"):
        keyfiles.read_key(path)


def test_somebody_elses_file_or_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.key"
    keyfiles.write_key(path, b"s" * 32)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UnsafePath, match="another user"):
        keyfiles.read_key(path)
    with pytest.raises(UnsafePath, match="another user"):
        keyfiles.private_folder(tmp_path)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o702, 0o720])
def test_a_folder_that_others_may_write_to_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(UnsafePath, match="chmod 700"):
        keyfiles.private_folder(tmp_path)
    tmp_path.chmod(0o700)


def test_a_folder_is_made_for_its_user_only(tmp_path: Path) -> None:
    path = keyfiles.private_folder(tmp_path / "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_holds_no_key_is_broken_and_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.key"
    keyfiles.write_private(path, content)
    with pytest.raises(StoreBroken, match=r"a\.key"):
        keyfiles.read_key(path)


def test_a_key_of_another_kind_is_broken(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    path = tmp_path / "a.key"
    pem = X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keyfiles.write_private(path, pem)
    with pytest.raises(StoreBroken, match="no Ed25519 key"):
        keyfiles.read_key(path)


def test_a_link_in_the_place_of_a_new_key_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"."):
        keyfiles.write_key(tmp_path / "a.key", b"s" * 32)
    assert not (tmp_path / "elsewhere").exists()


async def test_a_node_whose_key_file_is_gone_says_which(nodes: Nodes) -> None:
    node = await nodes.start("ana")
    path = nodes.folder("ana") / "keys" / f"{node.account}.key"
    await nodes.up.pop("ana").stop()
    path.unlink()
    with pytest.raises(StoreBroken, match=path.name):
        await nodes.start("ana")


async def test_a_new_account_can_be_invited_at_once(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    second, _ = await ana.core.accounts.create("Second", "person")
    uri, _ = await ana.core.invites.create(second.id, 1, 3600)
    await bob.node.invites.accept(bob.account, uri)
    await nodes.in_time(lambda: len(bob.facts("contact.added")) == 1)
    await eventually(lambda: ana.core.contacts.find(second.id, bob.account) is not None)
    assert ana.core.contacts.find(ana.account, bob.account) is None
